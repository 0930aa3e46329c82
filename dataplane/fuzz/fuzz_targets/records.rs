//! Any bytes may be where a client expects records: reading them ends, and what is read can be.
//!
//! `cargo +nightly fuzz run records -- -runs=100000`, in this crate's parent.
#![no_main]

use dataplane::entry::{Cqe, Handle, Status};
use dataplane::file::{DirectoryReader, DirectoryWriter, FileStatus, MAX_NAME};
use dataplane::grant::GrantId;
use rings::State;
use zerocopy::{FromBytes, IntoBytes};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    directory(bytes);
    if let Ok((status, _)) = FileStatus::read_from_prefix(bytes) {
        status.kind();
        assert_eq!(status.as_bytes(), &bytes[..FileStatus::BYTES]);
    }
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).for_each(word);
    for words in words.as_chunks::<4>().0 {
        let words = words.map(u64::from_le_bytes);
        let cqe = Cqe::from_words(words);
        assert_eq!(cqe.to_words(), words);
        match cqe.status().result() {
            Ok(count) => assert_eq!(Status::count(count), cqe.status()),
            Err(errno) => assert!(errno.0 > 0),
        }
    }
});

/// Names are names, and what was read can be written and read again.
fn directory(bytes: &[u8]) {
    let mut writer = DirectoryWriter::new(usize::MAX);
    let mut read = Vec::new();
    for entry in DirectoryReader::new(bytes) {
        assert!((1..=MAX_NAME).contains(&entry.name.len()));
        assert!(!entry.name.iter().any(|byte| matches!(byte, b'/' | 0)));
        assert!(writer.push(&entry));
        read.push(entry);
        // Each record takes at least its header.
        assert!(read.len() <= bytes.len() / 24);
    }
    assert!(DirectoryReader::new(writer.as_bytes()).eq(read));
}

fn word(word: u64) {
    assert_eq!(GrantId::from_word(word).to_word(), word);
    assert_eq!(State::from_word(word).to_word(), word);
    if let Some(handle) = Handle::from_word(word) {
        assert_eq!(handle.to_word(), word);
    }
}
