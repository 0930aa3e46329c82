//! What a process had open when it started.

use rustix::fs::{Dir, Mode, OFlags};

/// The standard descriptors and the control channel.
const EXPECTED: std::ops::RangeInclusive<i32> = 0..=3;

/// Whether a process was started with nothing but what it is documented to be handed.
#[derive(Clone, Copy, Debug)]
pub struct Handed {
    only_expected: Option<bool>,
}

impl Handed {
    /// Looks. To be called before the program opens anything.
    #[must_use]
    pub fn look() -> Self {
        Self { only_expected: only(EXPECTED) }
    }

    /// `None`: it could not be seen.
    pub(super) const fn only_expected(self) -> Option<bool> {
        self.only_expected
    }
}

fn only(expected: std::ops::RangeInclusive<i32>) -> Option<bool> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let numbers = rustix::fs::open("/proc/self/fd", flags, Mode::empty()).ok()?;
    let own = std::os::fd::AsRawFd::as_raw_fd(&numbers);
    for entry in Dir::new(numbers).ok()? {
        let entry = entry.ok()?;
        // `.` and `..` are no numbers.
        let Ok(number) = entry.file_name().to_str().unwrap_or_default().parse::<i32>() else {
            continue;
        };
        if number != own && !expected.contains(&number) {
            return Some(false);
        }
    }
    Some(true)
}
