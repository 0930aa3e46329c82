//! Paths as users write them: of the host, or of the system with `vfs:` in front.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// In front of a path of the system.
const SYSTEM: &[u8] = b"vfs:";

/// A path that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceError {
    /// Nothing was written.
    Empty,
    /// It is not `DIR=vfs:/path`.
    NoMounting,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a path cannot be empty"),
            Self::NoMounting => f.write_str("it is not DIR=vfs:/path or DIR=vfs:/path,ro"),
        }
    }
}

impl std::error::Error for PlaceError {}

/// A path of the system; all start at its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SystemPath(Vec<u8>);

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the host.
    Host(PathBuf),
    /// In the system.
    System(SystemPath),
}

impl SystemPath {
    /// With or without `vfs:`, which alone is the root.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, PlaceError> {
        let bytes = text.as_bytes();
        match bytes.strip_prefix(SYSTEM) {
            None if bytes.is_empty() => Err(PlaceError::Empty),
            None => Ok(Self(bytes.to_vec())),
            Some(path) => Ok(Self(path.to_vec())),
        }
    }

    /// Without `vfs:`, as it was written.
    pub(crate) fn written(&self) -> &[u8] {
        &self.0
    }

    /// Relative to the root: never empty, never with a slash in front.
    pub(crate) fn relative(&self) -> &[u8] {
        relative(&self.0)
    }
}

/// A directory of the host, and where it is to be in the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounting {
    /// The directory.
    pub(crate) host: PathBuf,
    /// Where.
    pub(crate) path: SystemPath,
    /// Whether nothing may be changed through it.
    pub(crate) read_only: bool,
}

impl Mounting {
    /// `DIR=vfs:/path`, with `,ro` behind for reading only. What stands behind the last `=vfs:` is
    /// the path.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, PlaceError> {
        let bytes = text.as_bytes();
        let between = [b"=", SYSTEM].concat();
        let at = bytes.windows(between.len()).rposition(|part| part == between);
        let (host, path) = at
            .and_then(|at| Some((bytes.get(..at)?, bytes.get(at + 1..)?)))
            .filter(|(host, _)| !host.is_empty())
            .ok_or(PlaceError::NoMounting)?;
        let without = path.strip_suffix(b",ro");
        Ok(Self {
            host: PathBuf::from(OsStr::from_bytes(host)),
            path: SystemPath::parse(OsStr::from_bytes(without.unwrap_or(path)))?,
            read_only: without.is_some(),
        })
    }
}

impl fmt::Display for SystemPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vfs:/{}", Shown(self.0.trim_ascii_slashes()))
    }
}

impl Place {
    /// Of the system if `vfs:` is in front.
    pub(crate) fn parse(text: &OsStr) -> Result<Self, PlaceError> {
        if text.as_bytes().starts_with(SYSTEM) {
            return SystemPath::parse(text).map(Self::System);
        }
        if text.is_empty() {
            return Err(PlaceError::Empty);
        }
        Ok(Self::Host(PathBuf::from(text)))
    }

    /// The path as its side understands it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Host(path) => path.clone().into_os_string().into_vec(),
            Self::System(path) => path.relative().to_vec(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(path) => write!(f, "{}", Shown(path.as_os_str().as_bytes())),
            Self::System(path) => write!(f, "{path}"),
        }
    }
}

/// A path without the slashes in front; `.` if nothing is left.
fn relative(path: &[u8]) -> &[u8] {
    match path.trim_ascii_slashes() {
        [] => b".",
        rest => rest,
    }
}

trait TrimSlashes {
    fn trim_ascii_slashes(&self) -> &[u8];
}

impl TrimSlashes for [u8] {
    fn trim_ascii_slashes(&self) -> &[u8] {
        let start = self.iter().take_while(|byte| **byte == b'/').count();
        self.get(start..).unwrap_or_default()
    }
}

/// A path cut before its last name. The name is empty if the path ends in `.`, `..` or is the
/// root, which have no name of their own.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let trimmed = path.get(..end).unwrap_or_default();
    let start = trimmed.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, name) = trimmed.split_at_checked(start).unwrap_or_default();
    match name {
        b"" | b"." | b".." => (path, b""),
        name if parent.is_empty() => (b".", name),
        name => (parent, name),
    }
}

/// A name or path as it can be shown on any terminal: control characters and what is not UTF-8
/// are escaped.
pub(crate) struct Shown<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    write!(f, "{character}")?;
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        Place::parse(OsStr::new(text)).unwrap()
    }

    #[test]
    fn the_prefix_tells_the_sides_apart() {
        assert_eq!(place("/etc"), Place::Host("/etc".into()));
        assert_eq!(place("./vfs:/a"), Place::Host("./vfs:/a".into()));
        assert_eq!(place("vfs:/a//b").bytes(), b"a//b");
        assert_eq!(place("vfs:a").bytes(), b"a");
        assert_eq!(place("vfs:").bytes(), b".");
        assert_eq!(place("vfs:///").bytes(), b".");
        assert_eq!(Place::parse(OsStr::new("")), Err(PlaceError::Empty));
    }

    #[test]
    fn the_prefix_is_optional_where_only_the_system_is_meant() {
        for text in ["vfs:/a", "/a", "a", "vfs:a"] {
            assert_eq!(SystemPath::parse(OsStr::new(text)).unwrap().relative(), b"a", "{text}");
        }
        assert_eq!(SystemPath::parse(OsStr::new("")), Err(PlaceError::Empty));
    }

    #[test]
    fn splitting() {
        for (path, parent, name) in [
            ("a", ".", "a"),
            ("a/b", "a/", "b"),
            ("a//b//", "a//", "b"),
            ("/a", "/", "a"),
            ("a/.", "a/.", ""),
            ("..", "..", ""),
            ("/", "/", ""),
            ("...", ".", "..."),
        ] {
            assert_eq!(split(path.as_bytes()), (parent.as_bytes(), name.as_bytes()), "{path}");
        }
    }

    #[test]
    fn mountings_are_two_paths() {
        let parse = |text: &str| Mounting::parse(OsStr::new(text));
        let mounting = |host: &str, path: &str, read_only| {
            let path = SystemPath::parse(OsStr::new(path)).unwrap();
            Ok(Mounting { host: host.into(), path, read_only })
        };
        assert_eq!(parse("/a=vfs:/b"), mounting("/a", "vfs:/b", false));
        assert_eq!(parse("a b=vfs:/c,ro"), mounting("a b", "vfs:/c", true));
        assert_eq!(parse("/a=b=vfs:/c=d"), mounting("/a=b", "vfs:/c=d", false));
        for wrong in ["", "/a", "/a=/b", "=vfs:/b", "/a:vfs:/b"] {
            assert_eq!(parse(wrong), Err(PlaceError::NoMounting), "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_cannot_steer_a_terminal() {
        assert_eq!(Shown("plain ü".as_bytes()).to_string(), "plain ü");
        assert_eq!(Shown(b"a\x1b[2J\nb\xff").to_string(), "a\\u{1b}[2J\\nb\\xff");
    }
}
