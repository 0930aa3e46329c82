//! `include/veridian.h` says what the sources say.
//!
//! `VERIDIAN_WRITE_HEADER=1 cargo test -p capi --test header` makes it again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/veridian.h");
    let made = made(root);
    if std::env::var_os("VERIDIAN_WRITE_HEADER").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (made, kept))) =
        made.lines().zip(kept.lines()).enumerate().find(|(_, (made, kept))| made != kept)
    {
        panic!(
            "line {} of include/veridian.h is\n  {kept}\nand the sources say\n  {made}\n\
             VERIDIAN_WRITE_HEADER=1 cargo test -p capi --test header makes it again",
            number + 1
        );
    }
    assert_eq!(made, kept, "one of them has more lines");
}

fn made(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::generate_with_config(root, config).unwrap();
    let mut text = Vec::new();
    bindings.write(&mut text);
    // The heading of Rust's documentation says nothing to who reads C.
    String::from_utf8(text).unwrap().replace("# Safety", "What the program promises:")
}

/// Every function of the library is in the header: cbindgen drops what it does not understand.
#[test]
fn the_header_is_complete() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = made(root);
    let mut functions = 0;
    for file in fs::read_dir(root.join("src")).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        for part in source.split("extern \"C\" fn veridian_").skip(1) {
            let name = part.split('(').next().unwrap();
            assert!(header.contains(&format!("veridian_{name}(")), "veridian_{name} is missing");
            functions += 1;
        }
    }
    assert!(functions >= 20, "the sources were not found");
}
