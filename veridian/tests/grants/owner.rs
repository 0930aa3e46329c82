//! Whoever has the secrets: an honest session.

use crate::spy::Secret;
use control::client::{Session, SessionOptions};
use dataplane::client::Queue;
use dataplane::entry::Handle;
use dataplane::file::{OpenFlags, UnlinkKind};
use veridian::system::Embedded;

/// Bytes of each file.
pub(crate) const FILE_BYTES: u32 = 3 * 4096;

/// An honest client.
pub(crate) struct Owner {
    pub(crate) session: Session,
    pub(crate) queue: Queue,
}

impl Owner {
    pub(crate) fn new(system: &Embedded) -> Self {
        let mut session = system.connection.connect("vfs", SessionOptions::default()).unwrap();
        let queue = session.take_queue().unwrap();
        Self { session, queue }
    }

    /// Opens a file, which is made if it is not there.
    pub(crate) fn open(&mut self, path: &str) -> Handle {
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE;
        self.queue.open(self.session.root(), path.as_bytes(), flags, 0o644).unwrap()
    }

    /// Fills a file, and looks that it is.
    pub(crate) fn fill(&mut self, path: &str, secret: Secret) {
        let file = self.open(path);
        let bytes = secret.to_ne_bytes().repeat(FILE_BYTES as usize / 8);
        assert_eq!(self.queue.write(file, 0, &bytes).unwrap(), bytes.len());
        let mut found = vec![0; bytes.len()];
        self.queue.read(file, 0, &mut found).unwrap();
        assert!(found == bytes);
        self.queue.close(file).unwrap();
    }

    /// Fills many new files, and reads them both ways: memory that was given back is used again,
    /// for contents and for regions.
    pub(crate) fn fill_new(&mut self, name: &str, secret: Secret) {
        for number in 0..64 {
            let path = format!("{name}-{number}");
            self.fill(&path, secret);
            let file = self.open(&path);
            let word = self.queue.read_grant(file, 0, FILE_BYTES, |view| view.word(0)).unwrap();
            assert_eq!(word, Some(secret));
            self.queue.close(file).unwrap();
        }
    }

    pub(crate) fn truncate(&mut self, path: &str, size: u64) {
        let file = self.open(path);
        self.queue.truncate(file, size).unwrap();
        self.queue.close(file).unwrap();
    }

    pub(crate) fn unlink(&mut self, path: &str) {
        let root = self.session.root();
        self.queue.unlink(root, path.as_bytes(), UnlinkKind::File).unwrap();
    }
}
