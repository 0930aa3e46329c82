//! A client that writes a file, reads it back, and compares, until its standard input ends. It
//! connects again when the vfs has died, and tells at the end how often that was.

use control::client::{Connection, Session, SessionOptions};
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::OpenFlags;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use veridian::system::{Address, connect};

/// Size of its file.
const FILE_BYTES: usize = 20_000;
/// Longest time without the vfs.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(address: &str, number: u32) {
    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&over);
    std::thread::spawn(move || {
        // Ends with whoever started this process.
        let _ = std::io::stdin().read(&mut [0]);
        told.store(true, Ordering::Relaxed);
    });
    let connection = connect(&Address(address.to_owned())).unwrap();
    let mut files = Files::open(&connection);
    let (mut rounds, mut lost) = (0u64, 0u64);
    while !over.load(Ordering::Relaxed) {
        match files.round(number, rounds) {
            Ok(()) => rounds += 1,
            Err(ClientError::Ended(Errno::ENOTCONN)) => {
                lost += 1;
                files = Files::open(&connection);
            }
            Err(error) => panic!("client {number}, round {rounds}: {error:?}"),
        }
    }
    println!("{rounds} {lost}");
}

struct Files {
    queue: Queue,
    root: Handle,
    _session: Session,
}

impl Files {
    /// By a connection that has outlived the vfs: what it holds is still good.
    fn open(connection: &Connection) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match connection.connect("vfs", SessionOptions::default()) {
                Ok(mut session) => {
                    let (queue, root) = (session.take_queue().unwrap(), session.root());
                    return Self { queue, root, _session: session };
                }
                Err(error) => assert!(
                    error.errno() == Errno::ENOTCONN && Instant::now() < deadline,
                    "no session: {error}"
                ),
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn round(&mut self, number: u32, round: u64) -> Result<(), ClientError> {
        let name = format!("ordeal-{number}");
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::TRUNCATE;
        let file = self.queue.open(self.root, name.as_bytes(), flags, 0o600)?;
        let byte = |at: usize| (at as u64).wrapping_mul(31).wrapping_add(round).to_le_bytes()[0];
        let written: Vec<u8> = (0..FILE_BYTES).map(byte).collect();
        let mut read = vec![0; FILE_BYTES];
        assert_eq!(self.queue.write(file, 0, &written)?, FILE_BYTES);
        assert_eq!(self.queue.read(file, 0, &mut read)?, FILE_BYTES);
        assert!(read == written, "what is read is what was written");
        self.queue.close(file)
    }
}
