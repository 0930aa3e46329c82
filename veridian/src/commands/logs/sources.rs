//! `logs --sources`: what has become of each source's records.

use super::OTHER_VERSION;
use crate::output::{Align, Output, Table};
use anyhow::{Context, Result};
use control::client::Connection;
use logger::{Message, SourceCounts, SourcesPage};
use serde_json::json;

pub(super) fn show(connection: &Connection, json: bool, output: &mut Output) -> Result<()> {
    let sources = all(connection)?;
    if json {
        return sources.iter().try_for_each(|it| {
            output.json(&json!({
                "source": it.source,
                "received": it.received,
                "kept": it.kept,
                "dropped": it.dropped,
                "limited": it.limited,
                "evicted": it.evicted,
            }))
        });
    }
    let titles = ["received", "kept", "dropped", "limited", "evicted"];
    let [received, kept, dropped, limited, evicted] = titles.map(|title| (Align::Right, title));
    let source = (Align::Left, "source");
    let mut table = Table::new([source, received, kept, dropped, limited, evicted]);
    for it in sources {
        let numbers = [it.received, it.kept, it.dropped, it.limited, it.evicted];
        let [received, kept, dropped, limited, evicted] = numbers.map(|number| number.to_string());
        table.row([it.source, received, kept, dropped, limited, evicted]);
    }
    output.line(table)
}

/// All sources, page after page.
pub(super) fn all(connection: &Connection) -> Result<Vec<SourceCounts>> {
    let (mut sources, mut cursor) = (Vec::new(), 0);
    loop {
        let ask = Message::Sources { cursor }.encode();
        let answer = connection.tell("logger", &ask).context("asking the logger")?;
        let page = SourcesPage::parse(&answer).context(OTHER_VERSION)?;
        sources.extend(page.sources);
        if page.is_last || page.next <= cursor {
            return Ok(sources);
        }
        cursor = page.next;
    }
}
