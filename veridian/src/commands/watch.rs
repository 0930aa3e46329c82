//! `watch`: changes of files and directories as they happen.

use crate::cli::{self, Event};
use crate::commands::files;
use crate::output::Output;
use crate::place::{Shown, SystemPath};
use crate::system::Address;
use crate::tree::Vfs;
use anyhow::{Context, Result};
use dataplane::client::{Change, ClientError, Watch};
use dataplane::file::{OpenFlags, WatchEvents};
use serde::Serialize;

/// A line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    path: String,
    /// The inode number of what has changed.
    inode: u64,
    events: &'a [&'a str],
}

pub(crate) fn run(options: &cli::Watch, address: &Address, output: &mut Output) -> Result<()> {
    let mut vfs = files::open(address)?;
    let events = events(&options.events);
    let mut watches = Vec::new();
    for path in &options.paths {
        watches.push(begin(&mut vfs, path, events).with_context(|| format!("watching {path}"))?);
    }
    let (mut left, mut watched) = (options.count.unwrap_or(u64::MAX), watches.len());
    while left > 0 && watched > 0 {
        let (index, change) = match vfs.queue.next_change(&mut watches, None) {
            Err(ClientError::Interrupted) => continue,
            next => next.context("waiting for changes")?,
        };
        let Some(path) = options.paths.get(index) else { continue };
        if let Some(change) = change {
            show(path, &change, options.json, output)?;
            left -= 1;
        } else {
            eprintln!("veridian: {path} is gone");
            watched -= 1;
        }
    }
    Ok(())
}

fn events(wanted: &[Event]) -> WatchEvents {
    let events = wanted.iter().map(|event| match event {
        Event::Names => WatchEvents::NAMES,
        Event::Attributes => WatchEvents::ATTRIBUTES,
        Event::Contents => WatchEvents::CONTENTS,
    });
    if wanted.is_empty() { WatchEvents::CHANGES } else { events.collect() }
}

fn begin(vfs: &mut Vfs, path: &SystemPath, events: WatchEvents) -> Result<Watch> {
    let root = vfs.root;
    let handle = vfs.queue.open(root, path.relative(), OpenFlags::empty(), 0)?;
    Ok(vfs.queue.watch(handle, events)?)
}

fn show(path: &SystemPath, change: &Change, json: bool, output: &mut Output) -> Result<()> {
    let is_root = path.relative() == b".";
    let path = match (change.entry, is_root) {
        (0, _) => path.to_string(),
        (_, true) => format!("{path}{}", Shown(&change.name)),
        (_, false) => format!("{path}/{}", Shown(&change.name)),
    };
    let names = [
        (WatchEvents::NAMES, "names"),
        (WatchEvents::ATTRIBUTES, "attributes"),
        (WatchEvents::CONTENTS, "contents"),
        (WatchEvents::LOST, "lost"),
    ];
    let names = names.into_iter().filter(|(event, _)| change.events.contains(*event));
    let events: Vec<_> = names.map(|(_, name)| name).collect();
    if json {
        let inode = if change.entry == 0 { change.inode } else { change.entry };
        return output.json(&Line { path, inode, events: &events });
    }
    output.line(format_args!("{:<10}  {path}", events.join(",")))?;
    output.flush()
}
