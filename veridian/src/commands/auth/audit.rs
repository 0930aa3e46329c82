//! `audit`: what has happened, and whether that is what was written.

use super::{ask, unexpected};
use crate::cli::auth::{Audit, Json, Verify};
use crate::output::Output;
use crate::system::{self, Address};
use anyhow::{Result, bail};
use control::client::Connection;
use control::message::{AuditRecord, AuthReply, AuthRequest, ChainFault, ChainReport};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct Row<'a> {
    sequence: u64,
    time: String,
    text: &'a str,
}

pub(crate) fn audit(options: &Audit, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    if let Some(Verify::Verify(options)) = &options.verify {
        return verify(options, &connection, output);
    }
    let mut from = options.from;
    loop {
        let AuthReply::Audit(page) = ask(&connection, &AuthRequest::Audit(from))? else {
            return unexpected();
        };
        let Some(last) = page.records.last() else { return Ok(()) };
        // Numbers that do not ascend would be asked for without end.
        let next = last.sequence.saturating_add(1);
        if next <= from {
            return unexpected();
        }
        page.records.iter().try_for_each(|record| show(record, options.json, output))?;
        from = next;
    }
}

fn show(record: &AuditRecord, json: bool, output: &mut Output) -> Result<()> {
    let time = i64::try_from(record.time / 1_000_000).ok();
    let time = time.and_then(|time| Timestamp::from_millisecond(time).ok());
    let time = time.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let text = String::from_utf8_lossy(&record.text);
    if json {
        return output.json(&Row { sequence: record.sequence, time, text: &text });
    }
    output.line(format_args!("{:>6}  {time}  {text}", record.sequence))
}

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    first: u64,
    last: u64,
    fault: Option<&'static str>,
    at: Option<u64>,
}

fn verify(options: &Json, connection: &Connection, output: &mut Output) -> Result<()> {
    let AuthReply::Verified(report) = ask(connection, &AuthRequest::VerifyAudit)? else {
        return unexpected();
    };
    let ChainReport { first, last, fault, at } = report;
    let what = match fault {
        ChainFault::None => None,
        ChainFault::Changed => Some("was changed"),
        ChainFault::Removed => Some("was removed"),
        ChainFault::Reordered => Some("was moved, or stands there twice"),
        ChainFault::Truncated => Some("and all behind it were cut off"),
        ChainFault::NoHead => Some("stands where the log had lost its head"),
    };
    if options.json {
        let at = what.map(|_| at);
        output.json(&Verdict { ok: what.is_none(), first, last, fault: what, at })?;
    }
    match what {
        Some(what) => bail!("the audit log is not what was written: record {at} {what}"),
        None if options.json => Ok(()),
        None => output.line(format_args!("ok: records {first} to {last} are as they were written")),
    }
}
