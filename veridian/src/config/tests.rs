//! No text is read without an answer: a configuration, or lines that say what is wrong.

use super::configuration::{Configuration, lines};
use super::document;
use super::layers;
use super::problem::Source;
use super::sources::Sources;
use control::platform::Unit;
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Pieces that files are made of, whole and broken.
const WORDS: &[&str] = &[
    "[limits]",
    "[units.vfs]",
    "[units.a]",
    "[[units]]",
    "[units.\"\"]",
    "max_clients",
    "needs",
    "limits.memory",
    "capabilities",
    "restart",
    "heartbeat",
    "command",
    " = ",
    "=",
    "\"5s\"",
    "\"64 MiB\"",
    "[\"a\", \"vfs\"]",
    "[\"vfs: read\"]",
    "{ a = 1 }",
    "0x10",
    "-1",
    "1e9",
    "true",
    "\"\"\"",
    "'",
    "\\u0000",
    "#",
    "\n",
    "\r\n",
    "\t",
    ".",
    ",",
    "[",
    "]",
    "{",
    "}",
    "1979-05-27",
    "nan",
    "é",
    "\u{feff}",
    "\u{0}",
];

/// One of them, or any text.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[a-z_.]{1,12}",
    ]
}

/// How many texts are tried; VERIDIAN_CASES says otherwise.
fn cases() -> u32 {
    std::env::var("VERIDIAN_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(5_000)
}

/// What is said of these bytes, as a file: each a line of its own.
fn judged(bytes: &[u8]) -> Vec<String> {
    let source = Source { turn: 1, name: "f".into() };
    let (assignments, mut problems) = document::read(&source, bytes);
    let built_in = vec![Unit::new("vfs"), Unit::new("logger")];
    let (configuration, more) = Configuration::of(built_in, &assignments);
    problems.extend(more);
    drop((configuration.units(), configuration.policy(0)));
    lines(problems)
}

proptest! {
    #![proptest_config(Config::with_cases(cases()))]

    #[test]
    fn any_text_is_answered_in_lines(pieces in proptest::collection::vec(piece(), 0..24)) {
        for line in judged(pieces.concat().as_bytes()) {
            prop_assert!(line.starts_with("f:") && !line.contains(char::is_control), "{}", line);
        }
    }

    #[test]
    fn any_bytes_are_answered_in_lines(bytes: Vec<u8>) {
        for line in judged(&bytes) {
            prop_assert!(line.starts_with("f:") && !line.contains(char::is_control), "{}", line);
        }
    }
}

proptest! {
    #[test]
    fn any_variable_and_setting_is_answered(
        name in "VERIDIAN_(LIMITS|UNITS)_[A-Z_]{0,9}", key in "[a-z._]{0,20}", value: String,
    ) {
        let sources = Sources {
            variables: vec![(name, value.clone())],
            settings: vec![(key, value)],
            ..Sources::default()
        };
        let (assignments, problems) = layers::read(&sources, &[Unit::new("vfs")]);
        let (_, more) = Configuration::of(vec![Unit::new("vfs")], &assignments);
        let told = lines(problems.into_iter().chain(more).collect());
        prop_assert!(told.iter().all(|line| !line.contains(char::is_control)), "{:?}", told);
    }
}
