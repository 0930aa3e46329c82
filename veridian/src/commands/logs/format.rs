//! How a record is shown: for people, as JSON, for the host's journal, for syslog (RFC 5424).

use crate::output::Output;
use anyhow::Result;
use dataplane::log::Level;
use jiff::Timestamp;
use logger::Entry;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// The facility of system daemons (RFC 5424, section 6.2.1), times eight.
const DAEMON: u8 = 3 * 8;
/// The number that identifies structured data as ours: the one for documentation (RFC 5612).
const ENTERPRISE: &str = "veridian@32473";

pub(super) enum Form {
    Text,
    Json,
    Journal,
    Syslog { host: String },
}

impl Form {
    pub(super) fn syslog() -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self::Syslog { host: header_word(&host, 255) }
    }

    pub(super) fn show(&self, entry: &Entry, output: &mut Output) -> Result<()> {
        match self {
            Self::Text => output.line(text(entry)),
            Self::Json => output.json(&plain(entry)),
            Self::Journal => output.json(&journal(entry)),
            Self::Syslog { host } => output.line(syslog(entry, host)),
        }
    }
}

fn time(entry: &Entry) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(entry.record.time.0)).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn text(entry: &Entry) -> String {
    let record = &entry.record;
    let mut line = format!(
        "{:.3} {:<7} {}: {}",
        time(entry),
        record.level,
        entry.source,
        record.message.replace('\n', "\n    ")
    );
    for (name, value) in &record.fields {
        // Cannot fail.
        let _ = write!(line, " {name}={}", value.trim_end().replace('\n', "\n    "));
    }
    line
}

fn plain(entry: &Entry) -> Value {
    let record = &entry.record;
    let fields: Map<String, Value> =
        record.fields.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    json!({
        "time": format!("{:.9}", time(entry)),
        "level": record.level.to_string(),
        "service": entry.source,
        "sequence": record.sequence,
        "message": record.message,
        "fields": fields,
    })
}

/// Names as systemd's journal has them (systemd.journal-fields(7)), in its JSON format.
fn journal(entry: &Entry) -> Value {
    let record = &entry.record;
    let mut object = Map::new();
    let mut put = |name: &str, value: String| object.insert(name.to_owned(), value.into());
    put("__REALTIME_TIMESTAMP", (record.time.0 / 1000).to_string());
    put("MESSAGE", record.message.clone());
    put("PRIORITY", severity(record.level).to_string());
    put("SYSLOG_FACILITY", (DAEMON / 8).to_string());
    put("SYSLOG_IDENTIFIER", format!("veridian-{}", entry.source));
    put("VERIDIAN_SEQUENCE", record.sequence.to_string());
    if record.pid != 0 {
        put("_PID", record.pid.to_string());
    }
    for (name, value) in &record.fields {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        put(&format!("VERIDIAN_{}", name.to_ascii_uppercase()), value.clone());
    }
    object.into()
}

/// RFC 5424, section 6.
fn syslog(entry: &Entry, host: &str) -> String {
    let record = &entry.record;
    let priority = DAEMON + severity(record.level);
    let pid = if record.pid == 0 { "-".to_owned() } else { record.pid.to_string() };
    let mut data = format!("[{ENTERPRISE} sequence=\"{}\"", record.sequence);
    for (name, value) in &record.fields {
        // Section 6.3.3: these three are escaped in values.
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let _ = write!(data, " {}=\"{}\"", header_word(name, 32), value.replace('\n', " "));
    }
    data.push(']');
    let name = header_word(&format!("veridian-{}", entry.source), 48);
    let message = record.message.replace('\n', " ");
    format!("<{priority}>1 {:.6} {host} {name} {pid} - {data} {message}", time(entry))
}

/// A field of the header, or a name: printable US-ASCII, bounded, never empty.
fn header_word(text: &str, most: usize) -> String {
    let is_good = |it: &char| it.is_ascii_graphic() && !matches!(it, '=' | ']' | '"');
    let word: String = text.chars().filter(is_good).take(most).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// RFC 5424, section 6.2.1.
fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warning => 4,
        Level::Information => 6,
        Level::Debug | Level::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dataplane::log::Record;

    fn entry() -> Entry {
        let record = Record {
            level: Level::Warning,
            sequence: 7,
            time: dataplane::platform::Timestamp(1_700_000_000_123_456_789),
            pid: 42,
            message: "it \"burns\"\nbadly".into(),
            fields: vec![("where".into(), "in ]here\\".into())],
        };
        Entry { source: "vfs".into(), record }
    }

    #[test]
    fn syslog_is_one_escaped_line() {
        assert_eq!(
            syslog(&entry(), "host"),
            "<28>1 2023-11-14T22:13:20.123456Z host veridian-vfs 42 - [veridian@32473 \
             sequence=\"7\" where=\"in \\]here\\\\\"] it \"burns\" badly"
        );
    }

    #[test]
    fn the_journal_has_its_own_names() {
        let object = journal(&entry());
        assert_eq!(object["PRIORITY"], "4");
        assert_eq!(object["__REALTIME_TIMESTAMP"], "1700000000123456");
        assert_eq!(object["SYSLOG_IDENTIFIER"], "veridian-vfs");
        assert_eq!(object["MESSAGE"], "it \"burns\"\nbadly");
        assert_eq!(object["VERIDIAN_WHERE"], "in ]here\\");
    }

    #[test]
    fn people_see_every_line_indented() {
        let shown = text(&entry());
        assert!(shown.starts_with("2023-11-14T22:13:20.123Z warning vfs: it"), "{shown}");
        assert!(shown.contains("\n    badly where=in"), "{shown}");
    }
}
