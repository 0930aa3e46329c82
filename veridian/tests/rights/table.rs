//! The tables in docs/capabilities.md are the ones that the code has. With `VERIDIAN_BLESS=1` they
//! are written anew.

use std::fs;
use std::path::Path;

/// What stands around each of them.
const MARKS: [(&str, &str); 2] = [
    ("<!-- messages of clients: begin -->\n", "<!-- messages of clients: end -->"),
    ("<!-- messages of services: begin -->\n", "<!-- messages of services: end -->"),
];

#[test]
fn the_document_has_the_tables_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/capabilities.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut expected = text.clone();
    for ((begin, end), table) in MARKS.into_iter().zip(control::message::tables()) {
        let start = expected.find(begin).expect("the mark is there") + begin.len();
        let stop = expected.find(end).expect("the mark is there");
        expected.replace_range(start..stop, &format!("\n{table}\n"));
    }
    if std::env::var_os("VERIDIAN_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    for line in expected.lines().filter(|line| !text.contains(line)) {
        println!("+ {line}");
    }
    for line in text.lines().filter(|line| !expected.contains(line)) {
        println!("- {line}");
    }
    assert!(text == expected, "VERIDIAN_BLESS=1 writes the tables into docs/capabilities.md");
}
