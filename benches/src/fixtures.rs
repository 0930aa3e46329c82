//! The files that contenders open and read: a tree of 10,000 files, one file of 64 MiB, and places
//! for system calls.
//!
//! They are made when first asked for and removed with the [`Fixtures`]. Every word of the page
//! file is known, so that a contender's sum can be checked.

use std::cell::OnceCell;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::fs::statfs;
use tempfile::TempDir;
use zerocopy::FromBytes;

use crate::calls::Place;

/// Bytes of a page, the unit of all reads.
pub const PAGE_BYTES: usize = 4096;

/// The same, as lengths are in requests.
pub const PAGE_LEN: u32 = 4096;

/// Pages of the page file: 64 MiB.
pub const PAGES: u64 = 16_384;

const WORDS_PER_PAGE: u64 = PAGE_BYTES as u64 / 8;

/// Entries of each directory of the tree, which is four levels deep.
const FAN_OUT: u32 = 10;

/// Where the kernel's files live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Volume {
    /// On disk; its pages and entries are cached.
    Ext4,
    /// In memory.
    Tmpfs,
}

impl Volume {
    /// The number that names the file system to `statfs`.
    fn magic(self) -> i64 {
        match self {
            Self::Ext4 => 0xef53,
            Self::Tmpfs => 0x0102_1994,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Tmpfs => "tmpfs",
        }
    }

    /// A new directory on such a volume, where one is found among the usual places.
    ///
    /// # Errors
    /// When the machine has no such volume or it cannot be written.
    pub fn directory(self) -> Result<TempDir> {
        let mut places = vec![std::env::temp_dir(), PathBuf::from("/dev/shm")];
        places.extend(std::env::current_exe()?.parent().map(Path::to_path_buf));
        let on_volume =
            |place: &PathBuf| statfs(place).is_ok_and(|volume| volume.f_type == self.magic());
        let place = places.into_iter().find(on_volume);
        let place = place.with_context(|| format!("no {}", self.name()))?;
        Ok(TempDir::with_prefix_in("bench-files-", place)?)
    }
}

/// What is made when first asked for, or why it could not be. Kept as text, since an error cannot
/// be copied and every contender is told.
pub type Once<T> = OnceCell<Result<T, String>>;

/// The files made so far.
#[derive(Debug, Default)]
pub struct Fixtures {
    ext4_tree: Once<TempDir>,
    tmpfs_tree: Once<TempDir>,
    page_file: Once<TempDir>,
    ext4_place: Once<Fixed>,
    tmpfs_place: Once<Fixed>,
}

/// A place on a volume of the kernel's, and the directory that is removed with it.
#[derive(Debug)]
struct Fixed {
    place: Rc<Place>,
    _directory: TempDir,
}

impl Fixtures {
    /// The directory that [`tree_paths`] are relative to.
    ///
    /// # Errors
    /// When the machine has no such volume or it cannot be written.
    pub fn tree(&self, volume: Volume) -> Result<PathBuf> {
        let tree = match volume {
            Volume::Ext4 => &self.ext4_tree,
            Volume::Tmpfs => &self.tmpfs_tree,
        };
        let directory = made(tree, || {
            let directory = volume.directory()?;
            for path in tree_paths() {
                let path = directory.path().join(path);
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                File::create(path)?;
            }
            Ok(directory)
        })?;
        Ok(directory.path().to_path_buf())
    }

    /// The place for system calls.
    ///
    /// # Errors
    /// When the machine has no such volume or it cannot be written.
    pub fn place(&self, volume: Volume) -> Result<Rc<Place>> {
        let place = match volume {
            Volume::Ext4 => &self.ext4_place,
            Volume::Tmpfs => &self.tmpfs_place,
        };
        let fixed = made(place, || {
            let directory = volume.directory()?;
            Ok(Fixed { place: Rc::new(Place::at(directory.path())?), _directory: directory })
        })?;
        Ok(Rc::clone(&fixed.place))
    }

    /// The page file on ext4, cached.
    ///
    /// # Errors
    /// When the machine has no ext4 or it cannot be written.
    pub fn page_file(&self) -> Result<PathBuf> {
        let directory = made(&self.page_file, || {
            let directory = Volume::Ext4.directory()?;
            write_pages(&mut File::create(directory.path().join("pages"))?)?;
            Ok(directory)
        })?;
        Ok(directory.path().join("pages"))
    }
}

/// What `make` makes, the first time.
///
/// # Errors
/// Why it could not be made, each time.
pub fn made<T>(cell: &Once<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    let made = cell.get_or_init(|| make().map_err(|error| format!("{error:#}")));
    made.as_ref().map_err(|error| anyhow!(error.clone()))
}

/// The paths of the tree's 10,000 files, of four components each.
pub fn tree_paths() -> impl Iterator<Item = String> {
    (0..FAN_OUT.pow(4)).map(|number| {
        let digit = |place: u32| number / FAN_OUT.pow(place) % FAN_OUT;
        format!("volume-{}/folder-{}/part-{}/file-{}", digit(3), digit(2), digit(1), digit(0))
    })
}

/// Writes the content of the page file: its words count from 0, little-endian.
///
/// # Errors
/// What the writer says.
pub fn write_pages(to: &mut impl Write) -> std::io::Result<()> {
    let mut to = BufWriter::with_capacity(1 << 20, to);
    for word in 0..PAGES * WORDS_PER_PAGE {
        to.write_all(&word.to_le_bytes())?;
    }
    to.flush()
}

/// The sum of a page's words, little-endian, which touches every byte.
#[must_use]
pub fn sum(page: &[u8; PAGE_BYTES]) -> u64 {
    let words = <[[u8; 8]; PAGE_BYTES / 8]>::ref_from_bytes(page);
    words.map_or(0, |words| {
        words.iter().map(|word| u64::from_le_bytes(*word)).fold(0, u64::wrapping_add)
    })
}

/// The order in which pages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Any page at any time.
    Random,
    /// Random, but every page once before any comes again.
    EachOnce,
}

/// Random pages, and a check that what was read was what was asked for.
#[derive(Debug)]
pub struct PageWalk {
    order: Order,
    random: fastrand::Rng,
    /// For [`Order::EachOnce`]: the pages still to come.
    remaining: Vec<u64>,
    asked: u64,
    read: u64,
}

impl PageWalk {
    /// A walk over the page file.
    #[must_use]
    pub fn new(order: Order, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { order, random, remaining: Vec::new(), asked: 0, read: 0 }
    }

    /// The order that it was given.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Where the next page starts, in bytes.
    pub fn next_offset(&mut self) -> u64 {
        let page = match self.order {
            Order::Random => self.random.u64(0..PAGES),
            Order::EachOnce => self.next_of_pass(),
        };
        self.asked = self.asked.wrapping_add(page_sum(page));
        page * PAGE_BYTES as u64
    }

    /// For [`Order::EachOnce`]: how many pages come before the walk starts again.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.remaining.len()
    }

    /// For [`Order::EachOnce`]: starts again with all pages.
    pub fn start_pass(&mut self) {
        self.remaining.clear();
        self.remaining.extend(0..PAGES);
        self.random.shuffle(&mut self.remaining);
    }

    /// Takes note of the sum of a page that was read, in any order.
    pub fn check(&mut self, sum: u64) {
        self.read = self.read.wrapping_add(sum);
    }

    /// Whether all pages asked for so far were read.
    ///
    /// # Errors
    /// When the sums differ.
    pub fn verify(&self) -> Result<()> {
        ensure!(self.asked == self.read, "the bytes read are not the bytes written");
        Ok(())
    }

    fn next_of_pass(&mut self) -> u64 {
        if self.remaining.is_empty() {
            self.start_pass();
        }
        self.remaining.pop().unwrap_or(0)
    }
}

/// The sum of the words of a page of the page file: `n` numbers from `first`.
fn page_sum(page: u64) -> u64 {
    let first = page * WORDS_PER_PAGE;
    WORDS_PER_PAGE * first + WORDS_PER_PAGE * (WORDS_PER_PAGE - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn sums_are_those_of_the_content() {
        let mut content = Vec::new();
        write_pages(&mut content).unwrap();
        assert_eq!(content.len(), 64 << 20);
        for page in [0, 1, 4097, PAGES - 1] {
            let start = usize::try_from(page).unwrap() * PAGE_BYTES;
            let bytes = content[start..start + PAGE_BYTES].try_into().unwrap();
            assert_eq!(sum(bytes), page_sum(page));
        }
    }

    #[test]
    fn a_wrong_page_is_noticed() {
        let mut walk = PageWalk::new(Order::Random, 1);
        let page = walk.next_offset() / PAGE_BYTES as u64;
        walk.check(page_sum(page) + 1);
        assert!(walk.verify().is_err());
    }

    #[test]
    fn a_pass_visits_every_page_once() {
        let mut walk = PageWalk::new(Order::EachOnce, 1);
        let pass: HashSet<u64> = (0..PAGES).map(|_| walk.next_offset()).collect();
        assert_eq!(pass.len(), usize::try_from(PAGES).unwrap());
        assert_eq!(walk.remaining(), 0);
    }

    #[test]
    fn paths_are_distinct_and_four_components_deep() {
        let paths: HashSet<String> = tree_paths().collect();
        assert_eq!(paths.len(), 10_000);
        assert!(paths.iter().all(|path| path.split('/').count() == 4));
    }
}
