//! What is wrong with a configuration, and where: one line each.

use std::fmt;
use std::sync::Arc;

/// Where a value comes from. Also the order in which problems are told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// The program itself.
    BuiltIn,
    /// A file as a whole.
    Whole(Source),
    /// A spot in a file, counted from 1, in characters.
    Spot(Source, usize, usize),
    /// A variable of the environment.
    Variable(String),
    /// `--set` on the command line.
    CommandLine(String),
    /// A message to the running system.
    Message(String),
}

/// A file: its turn, and how it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) turn: usize,
    pub(super) name: Arc<str>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Whole(source) => f.write_str(&source.name),
            Self::Spot(source, line, column) => write!(f, "{}:{line}:{column}", source.name),
            Self::Variable(name) => f.write_str(name),
            Self::CommandLine(key) => write!(f, "--set {key}"),
            Self::Message(key) => write!(f, "config set {key}"),
        }
    }
}

impl Place {
    /// The layer that it belongs to.
    pub(super) fn layer(&self) -> &'static str {
        match self {
            Self::BuiltIn => "built in",
            Self::Whole(_) | Self::Spot(..) => "file",
            Self::Variable(_) => "variable",
            Self::CommandLine(_) => "command line",
            Self::Message(_) => "message",
        }
    }
}

/// Something wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) what: String,
}

impl Problem {
    /// One line, whatever the text that it quotes.
    pub(super) fn new(place: &Place, what: impl fmt::Display) -> Self {
        Self { place: place.clone(), what: one_line(&what.to_string()) }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.place.to_string()), self.what)
    }
}

/// Without what would start another line, or speak to the terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A text as an error quotes it: short, and with what cannot be seen made visible.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().count() > MOST {
        shown.push('…');
    }
    shown
}
