//! What a service needs of the host beyond what the runtime around every service does.

use rustix::fd::OwnedFd;

/// What a service does with files of the host.
#[derive(Debug)]
pub enum Files {
    /// Nothing.
    None,
    /// It keeps files in this directory, and knows no other.
    Below(OwnedFd),
    /// It acts on directories that it is handed later, by their descriptors.
    ByDescriptor,
}

/// What a service needs.
#[derive(Debug)]
pub struct Profile {
    /// Files.
    pub files: Files,
    /// Threads of its own, for calls that block.
    pub threads: bool,
    /// Most descriptors; none: as many as there were allowed.
    pub descriptors: Option<u64>,
}

impl Profile {
    /// A service that does everything over its rings and its channel.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Files::None, threads: false, descriptors: None }
    }

    /// The same with files, and the threads on which calls for them are made.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files, threads: true, ..self }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}
