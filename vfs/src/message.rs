//! What the vfs can be told over the control plane: text, in fields with a byte 0 between.
//!
//! | fields | descriptor | right | meaning |
//! |---|---|---|---|
//! | `usage` | | AUDIT | what is in memory, one `name=value` a line |
//! | `mounts` | | AUDIT | what is mounted where |
//! | `mount`, kind, `rw` or `ro`, path | what to mount | MOUNT | mounts a file system on a directory |
//! | `bind`, `rw` or `ro`, source, path | | MOUNT | shows a directory in place of another one |
//! | `unmount`, path | | MOUNT | takes it away again |
//!
//! Paths are walked from the root of everything, as user 0: who has the right MOUNT decides what is
//! where. `mounts` answers, for each mount behind the root, its kind, `rw` or `ro`, and the path
//! that it was mounted by, with a byte 0 behind each field. Every other answer is empty.

use crate::mounts::Writability;
use capability::Rights;
use dataplane::entry::Errno;

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    /// See the table.
    Usage,
    /// See the table.
    Mounts,
    /// See the table.
    Mount(Mounting<'a>),
    /// See the table.
    Bind {
        /// What is to be seen.
        source: &'a [u8],
        /// Whether it may be changed there.
        writability: Writability,
        /// Where.
        path: &'a [u8],
    },
    /// See the table.
    Unmount {
        /// Where.
        path: &'a [u8],
    },
}

/// What is to be mounted, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mounting<'a> {
    /// Of which kind.
    pub(crate) kind: &'a [u8],
    /// Whether it may be changed.
    pub(crate) writability: Writability,
    /// Where.
    pub(crate) path: &'a [u8],
}

/// How a mount's writability is written.
pub(crate) fn word(writability: Writability) -> &'static [u8] {
    match writability {
        Writability::ReadWrite => b"rw",
        Writability::ReadOnly => b"ro",
    }
}

impl<'a> Message<'a> {
    /// Reads a message, and what of it its sender may not ask for.
    ///
    /// # Errors
    /// EOPNOTSUPP for an unknown one, EINVAL for one that is not well-formed, EPERM without the
    /// right that it needs.
    pub(crate) fn parse(bytes: &'a [u8], rights: Rights) -> Result<Self, Errno> {
        let mut fields = bytes.split(|byte| *byte == 0);
        let name = fields.next().unwrap_or_default();
        let fields = [fields.next(), fields.next(), fields.next(), fields.next()];
        let (message, needed) = match (name, fields) {
            (b"usage", [None, ..]) => (Self::Usage, Rights::AUDIT),
            (b"mounts", [None, ..]) => (Self::Mounts, Rights::AUDIT),
            (b"mount", [Some(kind), Some(how), Some(path), None]) => {
                let writability = writability(how)?;
                (Self::Mount(Mounting { kind, writability, path }), Rights::MOUNT)
            }
            (b"bind", [Some(how), Some(source), Some(path), None]) => {
                let writability = writability(how)?;
                (Self::Bind { source, writability, path }, Rights::MOUNT)
            }
            (b"unmount", [Some(path), None, ..]) => (Self::Unmount { path }, Rights::MOUNT),
            (b"usage" | b"mounts" | b"mount" | b"bind" | b"unmount", _) => {
                return Err(Errno::EINVAL);
            }
            _ => return Err(Errno::EOPNOTSUPP),
        };
        if rights.contains(needed) { Ok(message) } else { Err(Errno::EPERM) }
    }
}

fn writability(word: &[u8]) -> Result<Writability, Errno> {
    match word {
        b"rw" => Ok(Writability::ReadWrite),
        b"ro" => Ok(Writability::ReadOnly),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_or_refused() {
        let all = Rights::all();
        assert_eq!(Message::parse(b"usage", all), Ok(Message::Usage));
        assert_eq!(Message::parse(b"mounts", all), Ok(Message::Mounts));
        let mounting = |writability| Mounting { kind: b"host", writability, path: b"/a b" };
        let rw = Message::Mount(mounting(Writability::ReadWrite));
        assert_eq!(Message::parse(b"mount\0host\0rw\0/a b", all), Ok(rw));
        let ro = Message::Mount(mounting(Writability::ReadOnly));
        assert_eq!(Message::parse(b"mount\0host\0ro\0/a b", all), Ok(ro));
        let [source, path] = [&b"/a"[..], b"/b"];
        let bind = Message::Bind { source, writability: Writability::ReadOnly, path };
        assert_eq!(Message::parse(b"bind\0ro\0/a\0/b", all), Ok(bind));
        let unmount = Message::Unmount { path: b"/a" };
        assert_eq!(Message::parse(b"unmount\0/a", all), Ok(unmount));
        for wrong in [
            &b"usage\0"[..],
            b"mount",
            b"mount\0host\0/a",
            b"mount\0host\0rx\0/a",
            b"mount\0host\0rw\0/a\0",
            b"unmount",
            b"unmount\0/a\0/b",
            b"bind\0rw\0/a",
            b"bind\0/a\0/b\0/c",
        ] {
            assert_eq!(Message::parse(wrong, all), Err(Errno::EINVAL), "{wrong:?}");
        }
        for unknown in [&b""[..], b"usag", b"\0usage", b"Mount\0host\0rw\0/"] {
            assert_eq!(Message::parse(unknown, all), Err(Errno::EOPNOTSUPP), "{unknown:?}");
        }
    }

    #[test]
    fn each_needs_its_right_and_no_other() {
        for (message, right) in [
            (&b"usage"[..], Rights::AUDIT),
            (b"mounts", Rights::AUDIT),
            (b"mount\0host\0rw\0/", Rights::MOUNT),
            (b"bind\0rw\0/a\0/b", Rights::MOUNT),
            (b"unmount\0/", Rights::MOUNT),
        ] {
            assert!(Message::parse(message, right).is_ok());
            let others = Rights::all().difference(right);
            assert_eq!(Message::parse(message, others), Err(Errno::EPERM), "{message:?}");
        }
    }
}
