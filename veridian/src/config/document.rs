//! A file: text to assignments, each with its place, and everything that is wrong with it. What is
//! no TOML does not hide the rest.

use super::key::{self, Named};
use super::problem::{Place, Problem, Source};
use super::value::Literal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value for a key.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    /// Names a setting.
    pub(super) key: String,
    pub(super) literal: Literal,
    pub(super) place: Place,
}

/// What a file says, as far as it can be understood.
pub(super) fn read(source: &Source, bytes: &[u8]) -> (Vec<Assignment>, Vec<Problem>) {
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let before = String::from_utf8_lossy(valid);
            let place = spot(source, &before, before.len());
            return (Vec::new(), vec![Problem::new(&place, "is not text in UTF-8")]);
        }
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let offset = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    let broken = errors.iter().map(offset).collect();
    let mut reader = Reader { source, text, broken, found: Vec::new(), problems: Vec::new() };
    let line =
        |error: &toml::de::Error| text.get(..offset(error)).map(|it| it.matches('\n').count());
    let mut told = Vec::new();
    for error in &errors {
        // More errors on a line follow from the first.
        if told.contains(&line(error)) {
            continue;
        }
        told.push(line(error));
        reader.problem(offset(error), format!("not TOML: {}", error.message()));
    }
    // The rest is looked at all the same.
    reader.table(table.get_ref(), &mut Vec::new());
    (reader.found, reader.problems)
}

struct Reader<'a> {
    source: &'a Source,
    text: &'a str,
    /// Where it is no TOML, in bytes: what else could be said of there follows from that.
    broken: Vec<usize>,
    found: Vec<Assignment>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, offset: usize, what: String) {
        let place = spot(self.source, self.text, offset);
        self.problems.push(Problem::new(&place, what));
    }

    /// Whether the lines from here to there have something that is no TOML.
    fn is_broken(&self, from: usize, to: usize) -> bool {
        let before = self.text.get(..from).unwrap_or_default();
        let first = before.rfind('\n').map_or(0, |newline| newline + 1);
        let behind = self.text.get(to..).unwrap_or_default();
        let last = behind.find('\n').map_or(self.text.len(), |newline| to + newline);
        self.broken.iter().any(|at| (first..=last).contains(at))
    }

    /// The entries of a table whose key has these parts.
    fn table(&mut self, table: &'a DeTable<'_>, parts: &mut Vec<&'a str>) {
        for (key, value) in table {
            parts.push(key.get_ref());
            self.entry(key.span().start, value, parts);
            parts.pop();
        }
    }

    fn entry(&mut self, at: usize, value: &'a Spanned<DeValue<'_>>, parts: &mut Vec<&'a str>) {
        let name = parts.join(".");
        let is_table = value.get_ref().is_table();
        if !is_table && self.is_broken(at, value.span().end) {
            return;
        }
        match (key::find(parts), value.get_ref()) {
            (Ok(Named::Section), DeValue::Table(table)) => self.table(table, parts),
            (Ok(Named::Section), _) => {
                self.problem(at, format!("{name} is a section; write [{name}]"));
            }
            (Ok(Named::Setting(_)), literal) => self.found.push(Assignment {
                literal: Literal::of(literal),
                place: spot(self.source, self.text, if is_table { at } else { value.span().start }),
                key: name,
            }),
            (Err(what), _) => self.problem(at, what),
        }
    }
}

/// An assignment that is not in a file.
pub(super) fn bare(key: &str, value: &str, place: Place) -> Result<Assignment, Problem> {
    match key::setting(key) {
        Ok(_) => {
            Ok(Assignment { key: key.to_owned(), literal: Literal::Bare(value.into()), place })
        }
        Err(what) => Err(Problem::new(&place, what)),
    }
}

/// Line and column of a byte, from 1, in characters.
fn spot(source: &Source, text: &str, offset: usize) -> Place {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    Place::Spot(source.clone(), line, column)
}
