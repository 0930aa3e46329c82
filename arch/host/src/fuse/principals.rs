//! Whom requests act as: the kernel's callers, as principals of the session.
//!
//! A session has fewer principals than there are users and sets of groups. Each is set when it is
//! first needed, and the one that was not needed for longest makes room, unless a request acts as
//! it right now.

use super::requests::Result;
use control::client::Session;
use control::message;
use dataplane::Credentials;
use dataplane::client::ClientError;
use dataplane::entry::Errno;
use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Most supplementary groups of a principal.
const MOST_GROUPS: usize = 32;
/// How long a process's groups are believed to be what they were.
const GROUPS_FOR: Duration = Duration::from_millis(100);
/// Processes whose groups are remembered.
const MOST_PROCESSES: usize = 256;

/// Who asks, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Process or thread; 0 if it has no number where this process is.
    pub(super) pid: u32,
}

/// The principals of a session whose requests may act as anybody.
pub(super) struct Principals {
    table: Mutex<Table>,
    groups: Mutex<HashMap<Caller, (Instant, Vec<u32>)>>,
    session: Mutex<Session>,
}

impl Principals {
    pub(super) fn new(session: Session) -> Self {
        let table = Mutex::new(Table::new(Credentials::MOST - 1));
        Self { table, groups: Mutex::default(), session: Mutex::new(session) }
    }

    /// Has a caller among the principals until what is returned is dropped.
    ///
    /// # Errors
    /// The broker's answer.
    pub(super) fn act_as(&self, caller: Caller) -> Result<Acting<'_>> {
        let groups = self.groups(caller);
        let who = Identity { uid: caller.uid, gid: caller.gid, groups };
        let index = lock(&self.table).take(who, |index, who| self.set(index, who))?;
        Ok(Acting { index, owner: self })
    }

    fn set(&self, index: u16, who: &Identity) -> Result<()> {
        let groups = who.groups.clone().try_into().unwrap_or_default();
        let credentials = message::Credentials { uid: who.uid, gid: who.gid, groups };
        let set = lock(&self.session).set_credential(index, credentials);
        set.map_err(|error| ClientError::Service(error.errno()))
    }

    /// A caller's supplementary groups. None of root's, who needs none.
    fn groups(&self, caller: Caller) -> Vec<u32> {
        if caller.uid == 0 {
            return Vec::new();
        }
        let mut known = lock(&self.groups);
        if let Some((since, groups)) = known.get(&caller)
            && since.elapsed() < GROUPS_FOR
        {
            return groups.clone();
        }
        // Who has ended meanwhile, or is out of sight, has none.
        let status = fs::read_to_string(format!("/proc/{}/status", caller.pid));
        let groups = status.as_deref().map(parse_groups).unwrap_or_default();
        if known.len() >= MOST_PROCESSES {
            known.clear();
        }
        known.insert(caller, (Instant::now(), groups.clone()));
        groups
    }
}

/// A principal that requests act as.
pub(super) struct Acting<'a> {
    /// What requests call it.
    pub(super) index: u16,
    owner: &'a Principals,
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        lock(&self.owner.table).give_back(self.index);
    }
}

/// Of a process's status file. Of more groups than a principal has, the first count.
fn parse_groups(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    let numbers = line.unwrap_or_default().split_ascii_whitespace();
    numbers.filter_map(|number| number.parse().ok()).take(MOST_GROUPS).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

struct Slot {
    /// Nobody if the broker has refused the last one.
    who: Option<Identity>,
    users: u32,
    used: u64,
}

/// Which index stands for whom; the slot at place 0 is index 1.
struct Table {
    slots: Vec<Slot>,
    places: HashMap<Identity, usize>,
    most: usize,
    clock: u64,
}

impl Table {
    fn new(most: usize) -> Self {
        Self { slots: Vec::new(), places: HashMap::new(), most, clock: 0 }
    }

    /// The index of somebody, who keeps it until it is given back as often as it was taken; `set`
    /// tells the broker of a new one.
    fn take(
        &mut self,
        who: Identity,
        set: impl FnOnce(u16, &Identity) -> Result<()>,
    ) -> Result<u16> {
        let full = ClientError::Service(Errno::EAGAIN);
        let place = match self.places.get(&who) {
            Some(place) => *place,
            None => self.place(who, set).ok_or(full)??,
        };
        self.clock += 1;
        let slot = self.slots.get_mut(place).ok_or(full)?;
        (slot.users, slot.used) = (slot.users + 1, self.clock);
        u16::try_from(place + 1).map_err(|_| full)
    }

    /// A place for somebody new; none if requests act as everybody who is there.
    fn place(
        &mut self,
        who: Identity,
        set: impl FnOnce(u16, &Identity) -> Result<()>,
    ) -> Option<Result<usize>> {
        let place = if self.slots.len() < self.most {
            self.slots.len()
        } else {
            let idle = self.slots.iter().enumerate().filter(|(_, slot)| slot.users == 0);
            let (place, _) = idle.min_by_key(|(_, slot)| slot.used)?;
            place
        };
        let index = u16::try_from(place + 1).ok()?;
        if let Some(slot) = self.slots.get_mut(place)
            && let Some(gone) = slot.who.take()
        {
            self.places.remove(&gone);
        }
        if let Err(error) = set(index, &who) {
            return Some(Err(error));
        }
        self.places.insert(who.clone(), place);
        let slot = Slot { who: Some(who), users: 0, used: 0 };
        match self.slots.get_mut(place) {
            Some(old) => *old = slot,
            None => self.slots.push(slot),
        }
        Some(Ok(place))
    }

    fn give_back(&mut self, index: u16) {
        let place = usize::from(index).checked_sub(1);
        if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
            slot.users = slot.users.saturating_sub(1);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(uid: u32) -> Identity {
        Identity { uid, gid: 0, groups: Vec::new() }
    }

    /// Takes, and tells whether the broker was asked.
    fn take(table: &mut Table, uid: u32) -> (Result<u16>, bool) {
        let mut asked = false;
        let taken = table.take(who(uid), |_, _| {
            asked = true;
            Ok(())
        });
        (taken, asked)
    }

    #[test]
    fn who_was_not_needed_for_longest_makes_room() {
        let mut table = Table::new(2);
        assert_eq!(take(&mut table, 1), (Ok(1), true));
        assert_eq!(take(&mut table, 2), (Ok(2), true));
        table.give_back(1);
        table.give_back(2);
        assert_eq!(take(&mut table, 1), (Ok(1), false));
        table.give_back(1);
        assert_eq!(take(&mut table, 3), (Ok(2), true));
        table.give_back(2);
        assert_eq!(take(&mut table, 2), (Ok(1), true), "it had gone");
    }

    #[test]
    fn whom_requests_act_as_stays() {
        let mut table = Table::new(1);
        assert_eq!(take(&mut table, 1).0, Ok(1));
        assert_eq!(take(&mut table, 1), (Ok(1), false));
        table.give_back(1);
        let full = Err(ClientError::Service(Errno::EAGAIN));
        assert_eq!(take(&mut table, 2), (full, false), "one request is left");
        table.give_back(1);
        assert_eq!(take(&mut table, 2), (Ok(1), true));
    }

    #[test]
    fn who_was_refused_is_nobody() {
        let mut table = Table::new(1);
        let refused = Err(ClientError::Service(Errno::EPERM));
        assert_eq!(table.take(who(1), |_, _| refused.map(drop)), refused);
        assert_eq!(take(&mut table, 2), (Ok(1), true));
        table.give_back(1);
        assert_eq!(table.take(who(1), |_, _| refused.map(drop)), refused);
        assert_eq!(take(&mut table, 2), (Ok(1), true), "the broker may have set the other");
    }

    #[test]
    fn groups_are_read() {
        assert_eq!(parse_groups("Uid:\t0\nGroups:\t4 27 1000 \nNgid:\t0\n"), [4, 27, 1000]);
        assert_eq!(parse_groups("Groups:\t\n"), []);
        let many: String = (0..100).map(|group| format!("{group} ")).collect();
        assert_eq!(parse_groups(&format!("Groups:\t{many}")).len(), MOST_GROUPS);
    }
}
