//! Any bytes may be where a source is expected to have put a record, in a file after a crash, and in
//! an answer of the logger: reading them ends, and what is read is what would be written.

#![no_main]

use dataplane::log::Record;
use libfuzzer_sys::fuzz_target;
use logger::{FrameReader, Page, frame};

fuzz_target!(|input: &[u8]| {
    if let Some((record, size)) = Record::parse(input) {
        assert_eq!(record.encode(), &input[..size]);
        // A frame of it is found behind anything that is none.
        let mut file = input.to_vec();
        file.extend(frame("source", &record.encode()));
        let found = FrameReader::new(&file).last();
        assert_eq!(found, Some(("source".to_owned(), record)));
    }
    let mut reader = FrameReader::new(input);
    let taken: usize =
        reader.by_ref().map(|(source, record)| frame(&source, &record.encode()).len()).sum();
    assert!(taken + reader.skipped <= input.len());
    if let Some(page) = Page::parse(input) {
        let records = page.entries.iter().map(|entry| entry.record.encode().len());
        assert!(records.sum::<usize>() <= input.len());
    }
});
