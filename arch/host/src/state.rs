//! A directory of the host in which a service keeps a few small files, for its owner alone.
//!
//! A file is replaced by writing another one, making it durable, and giving it the name: whenever the
//! machine stops, there is the old one or the new one. Calls of the host are made on a thread of the
//! platform's; they follow one another.

use control::service::LocalFuture;
use control::store::Store;
use dataplane::entry::Errno;
use dataplane::platform::Offload;
use platform::offload;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, fsync, openat, renameat};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a file is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// A directory that nobody else writes in.
pub struct StateDirectory {
    /// Locked while a call is made, so that they follow one another on however many threads.
    directory: Arc<Mutex<OwnedFd>>,
    offload: Arc<dyn Offload>,
}

impl StateDirectory {
    /// The directory by a descriptor.
    #[must_use]
    pub fn new(directory: OwnedFd, offload: Arc<dyn Offload>) -> Self {
        Self { directory: Arc::new(Mutex::new(directory)), offload }
    }

    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&OwnedFd) -> rustix::io::Result<T> + Send + 'static,
    ) -> LocalFuture<'static, Result<T, Errno>> {
        let directory = Arc::clone(&self.directory);
        let call = offload::call(&*self.offload, move || {
            work(&directory.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Box::pin(async move {
            match call.await {
                Ok(done) => done.map_err(|error| Errno(error.raw_os_error())),
                Err(_) => Err(Errno::EIO),
            }
        })
    }
}

impl Store for StateDirectory {
    fn read(&self, name: &'static str) -> LocalFuture<'static, Result<Option<Vec<u8>>, Errno>> {
        self.call(move |directory| {
            let mut file = match open(directory, name, OFlags::RDONLY) {
                Ok(file) => file,
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error),
            };
            let mut contents = Vec::new();
            file.read_to_end(&mut contents).map_err(number)?;
            Ok(Some(contents))
        })
    }

    fn replace(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        self.call(move |directory| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
            let mut file = open(directory, UNFINISHED, flags)?;
            file.write_all(&contents).map_err(number)?;
            fsync(&file)?;
            renameat(directory, UNFINISHED, directory, name)?;
            fsync(directory)
        })
    }

    fn append(
        &self,
        name: &'static str,
        contents: Vec<u8>,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        self.call(move |directory| {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
            let mut file = open(directory, name, flags)?;
            let is_new = file.metadata().map_err(number)?.len() == 0;
            file.write_all(&contents).map_err(number)?;
            fsync(&file)?;
            if is_new { fsync(directory) } else { Ok(()) }
        })
    }

    fn rename(
        &self,
        from: &'static str,
        to: &'static str,
    ) -> LocalFuture<'static, Result<(), Errno>> {
        self.call(move |directory| {
            renameat(directory, from, directory, to)?;
            fsync(directory)
        })
    }
}

/// For the owner alone, and never through a link.
fn open(directory: &OwnedFd, name: &str, flags: OFlags) -> rustix::io::Result<File> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    openat(directory, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
}

fn number(error: std::io::Error) -> rustix::io::Errno {
    rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO)
}
