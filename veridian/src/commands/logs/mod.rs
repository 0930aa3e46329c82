//! `logs`: the records of services, as they are kept by the logger.

mod format;
mod sources;

use crate::cli::{Export, Logs};
use crate::output::Output;
use crate::system::{self, Address};
use anyhow::{Context, Result};
use control::client::{ConnectError, Connection};
use dataplane::entry::Errno;
use format::Form;
use logger::{Entry, Message, Page};
use std::time::Duration;

/// Time between two looks for new records, and after which a logger that is away is tried again.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);

const OTHER_VERSION: &str = "the logger is of another version than this program";

pub(crate) fn run(options: &Logs, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    if options.sources {
        return sources::show(&connection, options.json, output);
    }
    let form = match options.export {
        Some(Export::Journal) => Form::Journal,
        Some(Export::Syslog) => Form::syslog(),
        None if options.json => Form::Json,
        None => Form::Text,
    };
    let since = options.since.map_or(i64::MIN, |since| since.0.saturating_mul(1_000_000_000));
    let mut reading = Reading { cursor: 0, from: since, latest: since };
    loop {
        let page = match page(&connection, reading.cursor, options) {
            Ok(page) => page,
            Err(error) if options.follow && is_away(&error) => {
                reading.begin_anew();
                std::thread::sleep(FOLLOW_EVERY);
                continue;
            }
            Err(error) => return Err(error),
        };
        if page.next < reading.cursor {
            reading.begin_anew();
            continue;
        }
        for entry in reading.take(page.next, &page.entries) {
            form.show(entry, output)?;
        }
        output.flush()?;
        match (page.is_last, options.follow) {
            (false, _) => {}
            (true, true) => {
                reading.from = since;
                std::thread::sleep(FOLLOW_EVERY);
            }
            (true, false) => return Ok(()),
        }
    }
}

/// How far the log was shown.
struct Reading {
    cursor: u64,
    /// Records of an earlier time are not shown, ns since 1970.
    from: i64,
    /// The latest time of a record that was shown.
    latest: i64,
}

impl Reading {
    /// The logger was started again: its numbers begin anew, and records come again that were shown.
    fn begin_anew(&mut self) {
        (self.cursor, self.from) = (0, self.latest.saturating_add(1));
    }

    /// What of a page is to be shown.
    fn take<'a>(&mut self, next: u64, entries: &'a [Entry]) -> Vec<&'a Entry> {
        self.cursor = next;
        let new = entries.iter().filter(|entry| entry.record.time.0 >= self.from);
        let new: Vec<_> = new.collect();
        let latest = new.iter().map(|entry| entry.record.time.0).max();
        self.latest = self.latest.max(latest.unwrap_or(self.latest));
        new
    }
}

fn page(connection: &Connection, cursor: u64, options: &Logs) -> Result<Page> {
    let ask = Message::Read { cursor, level: options.level, source: options.service.as_deref() };
    let answer = connection.tell("logger", &ask.encode()).context("reading the log")?;
    Page::parse(&answer).context(OTHER_VERSION)
}

fn is_away(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<ConnectError>();
    refused.is_some_and(|error| error.errno() == Errno::ENOTCONN)
}
