//! The logger's files, in a directory of the host: `log-00000001` and so on, of which the newest is
//! appended to, and the oldest goes when there are too many.
//!
//! Calls of the host are made on a thread of the platform's; they follow one another.

use control::log_files::LogFiles;
use control::service::LocalFuture;
use dataplane::entry::Errno;
use dataplane::platform::Offload;
use platform::offload;
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

const PREFIX: &str = "log-";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// A file of this size is not appended to any more, bytes.
    pub file_bytes: u64,
    /// Most files.
    pub files: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self { file_bytes: 8 << 20, files: 8 }
    }
}

/// A directory with the logger's files, and with nothing else that begins like them.
pub struct LogDirectory {
    shared: Arc<Mutex<Shared>>,
    offload: Arc<dyn Offload>,
}

struct Shared {
    directory: OwnedFd,
    rotation: Rotation,
    /// The newest file, its number and its size.
    newest: Option<(File, u64, u64)>,
}

impl LogDirectory {
    /// The directory by a descriptor. An earlier logger's files are gone on with.
    #[must_use]
    pub fn new(directory: OwnedFd, rotation: Rotation, offload: Arc<dyn Offload>) -> Self {
        let shared = Shared { directory, rotation, newest: None };
        Self { shared: Arc::new(Mutex::new(shared)), offload }
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shared) -> rustix::io::Result<T> + Send + 'static,
    ) -> LocalFuture<'static, Result<T, Errno>> {
        let shared = Arc::clone(&self.shared);
        let call = offload::call(&*self.offload, move || {
            // Each piece of work leaves it whole.
            work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Box::pin(async move {
            match call.await {
                Ok(done) => done.map_err(|error| Errno(error.raw_os_error())),
                Err(_) => Err(Errno::EIO),
            }
        })
    }
}

impl LogFiles for LogDirectory {
    fn append(&self, bytes: Vec<u8>) -> LocalFuture<'static, Result<(), Errno>> {
        self.call(move |shared| shared.append(&bytes))
    }

    fn newest(&self, bytes: u64) -> LocalFuture<'static, Result<Vec<u8>, Errno>> {
        self.call(move |shared| shared.read(bytes))
    }

    fn sync(&self) -> LocalFuture<'static, Result<(), Errno>> {
        self.call(|shared| match &shared.newest {
            Some((file, ..)) => rustix::fs::fdatasync(file),
            None => Ok(()),
        })
    }
}

impl Shared {
    fn append(&mut self, bytes: &[u8]) -> rustix::io::Result<()> {
        let full = |(_, _, size): &(File, u64, u64)| *size >= self.rotation.file_bytes;
        if self.newest.is_none() {
            self.newest = self.last()?;
        }
        if self.newest.as_ref().is_none_or(full) {
            self.rotate()?;
        }
        let Some((file, _, size)) = &mut self.newest else { return Ok(()) };
        *size += bytes.len() as u64;
        file.write_all(bytes).map_err(number)
    }

    /// The newest file that an earlier logger has left. What it may end with is no whole frame, which
    /// readers pass over.
    fn last(&self) -> rustix::io::Result<Option<(File, u64, u64)>> {
        let Some(last) = self.numbers()?.pop() else { return Ok(None) };
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::openat(&self.directory, name(last), flags, Mode::empty())?;
        let file = File::from(file);
        let size = file.metadata().map_err(number)?.len();
        Ok(Some((file, last, size)))
    }

    /// Begins a new file, and removes those that are too many.
    fn rotate(&mut self) -> rustix::io::Result<()> {
        if let Some((file, ..)) = self.newest.take() {
            rustix::fs::fdatasync(&file)?;
        }
        let mut numbers = self.numbers()?;
        let next = numbers.last().map_or(1, |last| last + 1);
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.directory, name(next), flags, mode)?;
        self.newest = Some((file.into(), next, 0));
        numbers.push(next);
        let surplus = numbers.len().saturating_sub(self.rotation.files.max(1));
        for old in numbers.into_iter().take(surplus) {
            rustix::fs::unlinkat(&self.directory, name(old), AtFlags::empty())?;
        }
        Ok(())
    }

    /// The numbers of the files, in ascending order.
    fn numbers(&self) -> rustix::io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in Dir::read_from(&self.directory)? {
            let entry = entry?;
            let text = entry.file_name().to_str().unwrap_or_default();
            numbers.extend(text.strip_prefix(PREFIX).and_then(|rest| rest.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The end of what is there, at most so many bytes.
    fn read(&self, most: u64) -> rustix::io::Result<Vec<u8>> {
        let mut parts = Vec::new();
        let mut left = most;
        for old in self.numbers()?.into_iter().rev() {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let file = rustix::fs::openat(&self.directory, name(old), flags, Mode::empty())?;
            let mut file = File::from(file);
            let size = file.metadata().map_err(number)?.len();
            let taken = size.min(left);
            file.seek(SeekFrom::Start(size - taken)).map_err(number)?;
            let mut part = Vec::new();
            file.take(taken).read_to_end(&mut part).map_err(number)?;
            parts.push(part);
            left -= taken;
            if left == 0 {
                break;
            }
        }
        parts.reverse();
        Ok(parts.concat())
    }
}

fn name(number: u64) -> String {
    format!("{PREFIX}{number:08}")
}

fn number(error: std::io::Error) -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)
}
