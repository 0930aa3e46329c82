//! Kinds of values: what may be written for a setting, and what it means.
//!
//! In files a value has a type; in variables, on the command line and in messages it is bare text,
//! read as its kind demands. A list there is written as in a file, or is a single element.

use super::problem::quoted;
use super::quantity::{format_duration, format_size, parse_duration, parse_size};
use super::rights;
use std::fmt::{self, Write};
use toml::de::DeValue;

/// What a setting may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A whole number.
    Count { least: u64, most: u64 },
    /// Bytes.
    Size { least: u64, most: u64 },
    /// Nanoseconds.
    Duration { least: u64, most: u64 },
    /// Yes or no.
    Flag,
    /// `@name`, or the path of a socket.
    Address,
    /// A path from the root.
    Path,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Names of services.
    Names,
    /// A program and its arguments.
    Command,
    /// Services, and rights on them.
    Grants,
    /// One of another kind, or none.
    Optional(&'static Kind),
}

/// What a setting is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    None,
    Count(u64),
    Size(u64),
    Duration(u64),
    Flag(bool),
    Text(String),
    List(Vec<String>),
}

/// A value as it was written.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    /// Not in a file.
    Bare(String),
    Text(String),
    Integer(Option<i128>),
    Boolean(bool),
    List(Vec<Literal>),
    /// A number with a fraction, a date, a table.
    Other(&'static str),
}

impl Literal {
    pub(super) fn of(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.to_string()),
            DeValue::Integer(number) => {
                Self::Integer(i128::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Boolean(flag) => Self::Boolean(*flag),
            DeValue::Array(array) => {
                Self::List(array.iter().map(|each| Self::of(each.get_ref())).collect())
            }
            DeValue::Float(_) => Self::Other("a number with a fraction"),
            DeValue::Datetime(_) => Self::Other("a date"),
            DeValue::Table(_) => Self::Other("a table"),
        }
    }

    /// What bare text means where a list is wanted.
    fn bare_list(text: &str) -> Option<Vec<Self>> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Vec::new());
        }
        if !text.starts_with('[') {
            return Some(vec![Self::Bare(text.to_owned())]);
        }
        match Self::of(DeValue::parse(text).ok()?.get_ref()) {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Bare(text) | Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bare(text) | Self::Text(text) => write!(f, "\"{}\"", quoted(text)),
            Self::Integer(Some(number)) => write!(f, "{number}"),
            Self::Integer(None) => f.write_str("a number that is too large"),
            Self::Boolean(flag) => write!(f, "{flag}"),
            Self::List(_) => f.write_str("a list"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Kind {
    /// What is written means; none if it is not allowed.
    pub(super) fn read(&self, literal: &Literal) -> Result<Value, String> {
        let wrong = |literal: &Literal| format!("is {literal}; allowed: {self}");
        let found = match (self, literal) {
            (Self::Optional(_), literal) if literal.text() == Some("none") => Some(Value::None),
            (Self::Optional(kind), literal) => {
                return kind.read(literal).map_err(|_| wrong(literal));
            }
            (Self::Count { least, most }, literal) => {
                whole(literal).filter(|n| (least..=most).contains(&n)).map(Value::Count)
            }
            (Self::Size { least, most }, literal) => {
                let bytes = whole(literal).or_else(|| parse_size(literal.text()?));
                bytes.filter(|n| (least..=most).contains(&n)).map(Value::Size)
            }
            (Self::Duration { least, most }, literal) => {
                let ns = literal.text().and_then(parse_duration);
                ns.filter(|n| (least..=most).contains(&n)).map(Value::Duration)
            }
            (Self::Flag, Literal::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Self::Flag, Literal::Bare(text)) => text.parse().ok().map(Value::Flag),
            (Self::Flag, _) => None,
            (Self::Address | Self::Path | Self::Choice(_), literal) => {
                let text = literal.text().filter(|text| self.takes_text(text));
                text.map(|text| Value::Text(text.to_owned()))
            }
            (Self::Names | Self::Command | Self::Grants, Literal::Bare(text)) => {
                let Some(list) = Literal::bare_list(text) else { return Err(wrong(literal)) };
                return self.read_list(&list);
            }
            (Self::Names | Self::Command | Self::Grants, Literal::List(list)) => {
                return self.read_list(list);
            }
            (Self::Names | Self::Command | Self::Grants, _) => None,
        };
        found.ok_or_else(|| wrong(literal))
    }

    fn read_list(&self, list: &[Literal]) -> Result<Value, String> {
        let mut read = Vec::new();
        for (at, each) in list.iter().enumerate() {
            let wrong = || format!("has {each} in it; allowed: {self}");
            let text = each.text().ok_or_else(wrong)?;
            match self {
                Self::Names if text.parse::<control::message::Name>().is_err() => {
                    return Err(wrong());
                }
                Self::Command if text.contains('\0') || at == 0 && !text.starts_with('/') => {
                    return Err(wrong());
                }
                Self::Grants => {
                    rights::parse(text).map_err(|what| format!("has {each} in it: {what}"))?;
                }
                _ => {}
            }
            read.push(text.to_owned());
        }
        Ok(Value::List(read))
    }

    fn takes_text(&self, text: &str) -> bool {
        /// Longest path of a Unix socket.
        const MOST: usize = 107;
        match self {
            Self::Address => {
                text.len() <= MOST
                    && !text.contains('\0')
                    && (text.starts_with('/') || text.starts_with('@') && text.len() > 1)
            }
            Self::Path => text.starts_with('/') && !text.contains('\0'),
            Self::Choice(words) => words.contains(&text),
            _ => true,
        }
    }
}

/// A whole number, from a file or from bare text.
fn whole(literal: &Literal) -> Option<u64> {
    match literal {
        Literal::Integer(Some(number)) => u64::try_from(*number).ok(),
        Literal::Bare(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// What is allowed, in words.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Size { least, most } => {
                let (least, most) = (format_size(*least), format_size(*most));
                write!(f, "a size from {least} to {most}, such as \"64 MiB\"")
            }
            Self::Duration { least, most } => {
                let (least, most) = (format_duration(*least), format_duration(*most));
                write!(f, "a duration from {least} to {most}, such as \"5s\"")
            }
            Self::Flag => f.write_str("true or false"),
            Self::Address => f.write_str("\"@name\", or the absolute path of a socket"),
            Self::Path => f.write_str("an absolute path"),
            Self::Choice(words) => {
                f.write_str("one of ")?;
                for (at, word) in words.iter().enumerate() {
                    write!(f, "{}\"{word}\"", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Names => f.write_str("a list of names of services, of a-z, 0-9 and -"),
            Self::Command => {
                f.write_str("a list: the absolute path of a program, then its arguments")
            }
            Self::Grants => f.write_str("a list such as [\"logger: connect, write\"]"),
            Self::Optional(kind) => write!(f, "{kind}, or \"none\""),
        }
    }
}

/// As it can be written in a file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("\"none\""),
            Self::Count(number) => write!(f, "{number}"),
            Self::Size(bytes) => write!(f, "\"{}\"", format_size(*bytes)),
            Self::Duration(ns) => write!(f, "\"{}\"", format_duration(*ns)),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => write_text(f, text),
            Self::List(list) => {
                f.write_char('[')?;
                for (at, each) in list.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { ", " })?;
                    write_text(f, each)?;
                }
                f.write_char(']')
            }
        }
    }
}

/// A text as in a file, on one line.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            control if control.is_control() => write!(f, "\\u{:04x}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

impl Value {
    /// Bare text that is read as this value again.
    pub(super) fn bare(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Size(bytes) => format_size(*bytes),
            Self::Duration(ns) => format_duration(*ns),
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }
}
