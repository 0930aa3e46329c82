//! A WATCH as a client sees it.

use super::client::Client;
use dataplane::ArenaRange;
use dataplane::entry::{CqeFlags, Errno, Handle};
use dataplane::file::{Request, WatchEvents, WatchRecord};
use dataplane::service::{Answer, Completion, Shot, Shots};
use std::task::{Context, Waker};
use vfs::PinnedPages;
use zerocopy::FromBytes;

/// Where slots are, behind all else that tests put into an arena.
const SLOTS: u32 = 3 << 20;

/// What was reported: inode numbers of the object and the entry, name, events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Report {
    pub(crate) object: u64,
    pub(crate) entry: u64,
    pub(crate) name: String,
    pub(crate) events: u32,
}

pub(crate) struct Watching<'a> {
    client: &'a Client,
    shots: Box<dyn Shots<PinnedPages>>,
    /// How it has ended.
    pub(crate) end: Option<Result<u32, Errno>>,
    /// Reports that were not read yet: their slots.
    unread: Vec<u32>,
}

impl Client {
    /// Watches, with so many slots behind the one at `first`.
    pub(crate) fn watch_with(
        &self,
        handle: Handle,
        events: WatchEvents,
        first: u32,
        slots: u32,
    ) -> Result<Watching<'_>, Errno> {
        let size = u32::try_from(WatchRecord::BYTES).unwrap();
        let slots = ArenaRange { offset: SLOTS + first * size, len: slots * size };
        let request = Request::Watch { handle, events, slots };
        let shots = match self.submit(&request.to_sqe()) {
            Answer::Many(shots) => shots,
            answer => return Err(super::client::finish(answer).status.result().unwrap_err()),
        };
        Ok(Watching { client: self, shots, end: None, unread: vec![] })
    }

    pub(crate) fn watch(&self, handle: Handle, events: WatchEvents) -> Watching<'_> {
        self.watch_with(handle, events, 0, 64).unwrap()
    }
}

impl Watching<'_> {
    /// Completions that there are now; says whether there would be more if there were room.
    pub(crate) fn take_completions(&mut self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match self.shots.next(&mut context) {
                Shot::More(Completion { status, flags, aux, held }) => {
                    assert!(held.is_none() && flags == CqeFlags::NOTIFICATION);
                    let slot = u32::try_from(aux).unwrap();
                    assert!(!self.unread.contains(&slot), "the slot was not free");
                    assert_eq!(self.record(slot).events, status.result().unwrap());
                    self.unread.push(slot);
                }
                Shot::Last(completion) => {
                    self.end = Some(completion.status.result());
                    return false;
                }
                Shot::Waiting => return false,
                Shot::NoRoom => return true,
            }
        }
    }

    fn record(&self, slot: u32) -> WatchRecord {
        let mut bytes = [0; WatchRecord::BYTES];
        self.client.arena.read(slot as usize, &mut bytes).unwrap();
        WatchRecord::read_from_bytes(&bytes).unwrap()
    }

    /// Reads the reports that have come, and frees their slots.
    pub(crate) fn read(&mut self) -> Vec<Report> {
        let slots = std::mem::take(&mut self.unread);
        slots
            .into_iter()
            .map(|slot| {
                let record = self.record(slot);
                assert_eq!(record.full, 1);
                self.client.arena.write(slot as usize, &[0; 8]).unwrap();
                Report {
                    object: record.inode,
                    entry: record.entry,
                    name: String::from_utf8(record.name().to_vec()).unwrap(),
                    events: record.events,
                }
            })
            .collect()
    }

    /// Everything that there is to report.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let mut reports = vec![];
        while self.take_completions() {
            reports.extend(self.read());
        }
        reports.extend(self.read());
        reports
    }
}
