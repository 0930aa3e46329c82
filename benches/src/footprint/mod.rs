//! `million_files`: how much memory a file takes that is empty, and how long it takes to make and to
//! list a million of them.
//!
//! This is no bench of blocks: each contender makes its tree once, in a file system of its own, one
//! after the other. A tenth of the files is in one directory, the others are in directories of a
//! thousand.

mod kernel;
mod ours;

use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::contender::US;
use crate::env::Env;
use crate::names::numbered;

/// What it is called on the command line and in rows.
pub const NAME: &str = "million_files";

/// Shares of the files: of the directory with most of them, and of each other one.
const LARGE_SHARE: u32 = 10;
const SMALL_SHARE: u32 = 1_000;

/// One line of the table and one object of the JSON file; everything for each file.
#[derive(Clone, Debug, Serialize)]
pub struct Footprint {
    /// [`NAME`].
    pub bench: &'static str,
    /// The contender's name.
    pub who: &'static str,
    /// How many files.
    pub files: u32,
    /// What was measured, if anything.
    #[serde(flatten)]
    pub figures: Option<Figures>,
    /// Why nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_observed: Option<String>,
}

/// The figures of a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Making one, ns.
    pub create_ns: f64,
    /// Listing one, ns.
    pub list_ns: f64,
    /// Bytes by the file system's own account, where it keeps one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounted_bytes: Option<f64>,
    /// Bytes by which the memory has grown of who has the files.
    pub resident_bytes: f64,
}

/// What a file system takes, bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    accounted: Option<u64>,
    resident: u64,
}

/// A file system that files are made in.
trait Files {
    /// A directory, open.
    type Directory;

    fn make_directory(&mut self, name: &CStr) -> Result<Self::Directory>;

    fn create(&mut self, directory: &Self::Directory, name: &CStr) -> Result<()>;

    /// How many names a directory has.
    fn list(&mut self, directory: &Self::Directory) -> Result<u32>;

    fn memory(&self) -> Result<Memory>;
}

/// Measures all contenders with so many files.
#[must_use]
pub fn run(env: &Env, files: u32) -> Vec<Footprint> {
    let row = |who, figures: Result<Figures>| {
        let (figures, not_observed) = match figures {
            Ok(figures) => (Some(figures), None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        Footprint { bench: NAME, who, files, figures, not_observed }
    };
    vec![
        row(US, ours::Ours::open(env).and_then(|mut ours| measure(&mut ours, files))),
        row("kernel-tmpfs", kernel::Tmpfs::open().and_then(|mut tmpfs| measure(&mut tmpfs, files))),
    ]
}

fn measure<F: Files>(on: &mut F, files: u32) -> Result<Figures> {
    let large = files / LARGE_SHARE;
    let small = files / SMALL_SHARE;
    let sizes = std::iter::once(large).chain((large..files).step_by(small as usize).map(|_| small));
    let names: Vec<CString> = (0..large).map(|number| numbered("file", number)).collect();
    let before = on.memory()?;
    let start = Instant::now();
    let mut directories = Vec::new();
    for (number, size) in (0..).zip(sizes) {
        let directory = on.make_directory(&numbered("directory", number))?;
        names.iter().take(size as usize).try_for_each(|name| on.create(&directory, name))?;
        directories.push(directory);
    }
    let created = start.elapsed();
    let after = on.memory()?;
    let start = Instant::now();
    let mut listed = 0;
    for directory in &directories {
        listed += on.list(directory)?;
    }
    let list = start.elapsed();
    ensure!(listed == files, "{listed} of {files} files were listed");
    let each = |growth: u64| share(growth, files);
    let accounted = after.accounted.zip(before.accounted);
    Ok(Figures {
        create_ns: each(nanoseconds(created)),
        list_ns: each(nanoseconds(list)),
        accounted_bytes: accounted.map(|(after, before)| each(after.saturating_sub(before))),
        resident_bytes: each(after.resident.saturating_sub(before.resident)),
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn share(total: u64, files: u32) -> f64 {
    total as f64 / f64::from(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Takes 100 bytes a file, of which it accounts for 60.
    #[derive(Default)]
    struct Fake {
        directories: Vec<HashSet<CString>>,
        loses: bool,
    }

    impl Files for Fake {
        type Directory = usize;

        fn make_directory(&mut self, _: &CStr) -> Result<usize> {
            self.directories.push(HashSet::new());
            Ok(self.directories.len() - 1)
        }

        fn create(&mut self, directory: &usize, name: &CStr) -> Result<()> {
            ensure!(self.directories[*directory].insert(name.to_owned()), "a name comes twice");
            Ok(())
        }

        fn list(&mut self, directory: &usize) -> Result<u32> {
            let count = u32::try_from(self.directories[*directory].len())?;
            Ok(count - u32::from(self.loses))
        }

        fn memory(&self) -> Result<Memory> {
            let files = self.directories.iter().map(HashSet::len).sum::<usize>() as u64;
            Ok(Memory { accounted: Some(7 + 60 * files), resident: 9 + 100 * files })
        }
    }

    #[test]
    fn memory_is_for_each_file_and_all_are_listed() {
        let mut fake = Fake::default();
        let figures = measure(&mut fake, 10_000).unwrap();
        assert_eq!((figures.accounted_bytes, figures.resident_bytes), (Some(60.0), 100.0));
        let sizes: Vec<usize> = fake.directories.iter().map(HashSet::len).collect();
        assert_eq!((sizes[0], sizes.iter().sum()), (1_000, 10_000));
        assert!(sizes[1..].iter().all(|size| *size == 10));
        let mut loses = Fake { loses: true, ..Fake::default() };
        assert!(measure(&mut loses, 10_000).is_err());
    }
}
