//! Attributes of files as text.

use dataplane::file::{FileKind, FileTime};
use jiff::Timestamp;

/// A mode as `ls -l` has it.
pub(super) fn mode(mode: u32) -> String {
    let mut text = String::with_capacity(10);
    text.push(match FileKind::from_mode(mode) {
        Some(FileKind::Regular) => '-',
        Some(FileKind::Directory) => 'd',
        Some(FileKind::Symlink) => 'l',
        Some(FileKind::Fifo) => 'p',
        Some(FileKind::Socket) => 's',
        Some(FileKind::CharacterDevice) => 'c',
        Some(FileKind::BlockDevice) => 'b',
        None => '?',
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let class = mode >> shift;
        text.push(if class & 4 != 0 { 'r' } else { '-' });
        text.push(if class & 2 != 0 { 'w' } else { '-' });
        text.push(match (class & 1 != 0, mode & special != 0) {
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// A time in UTC to the second; its number of seconds if no calendar goes that far.
pub(super) fn time(time: FileTime) -> String {
    match Timestamp::from_second(time.seconds) {
        Ok(timestamp) => timestamp.to_string(),
        Err(_) => format!("{} s", time.seconds),
    }
}

/// What a kind of file is called.
pub(super) fn kind(mode: u32) -> &'static str {
    match FileKind::from_mode(mode) {
        Some(FileKind::Regular) => "regular file",
        Some(FileKind::Directory) => "directory",
        Some(FileKind::Symlink) => "symbolic link",
        Some(FileKind::Fifo) => "named pipe",
        Some(FileKind::Socket) => "socket",
        Some(FileKind::CharacterDevice) => "character device",
        Some(FileKind::BlockDevice) => "block device",
        None => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        assert_eq!(mode(0o100_644), "-rw-r--r--");
        assert_eq!(mode(0o041_777), "drwxrwxrwt");
        assert_eq!(mode(0o106_754), "-rwsr-sr--");
        assert_eq!(mode(0o017_000), "p--S--S--T");
        assert_eq!(mode(0), "?---------");
    }

    #[test]
    fn times_of_any_age() {
        let at = |seconds| time(FileTime { seconds, nanoseconds: 0, reserved: 0 });
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(i64::MAX), format!("{} s", i64::MAX));
        assert_eq!(at(i64::MIN), format!("{} s", i64::MIN));
    }
}
