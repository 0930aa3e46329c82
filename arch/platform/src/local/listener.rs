//! Where threads of this process reach the system: names in a table of the platform's.

use super::channel::LocalChannel;
use super::source::{Kind, Source};
use crate::address::{ConnectError, ListenError};
use control::platform::{Channel, Listener};
use dataplane::Descriptor;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who listens where.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<String, Arc<Backlog>>>>);

/// Connections that were not accepted yet.
#[derive(Debug)]
struct Backlog {
    waiting: Mutex<VecDeque<Arc<LocalChannel>>>,
    source: Arc<Source>,
}

impl Addresses {
    pub(crate) fn listen(&self, address: &str) -> Result<LocalListener, ListenError> {
        let mut table = self.table();
        let Entry::Vacant(entry) = table.entry(address.to_owned()) else {
            return Err(ListenError::InUse);
        };
        let backlog =
            Arc::new(Backlog { waiting: Mutex::default(), source: Source::new(Kind::Arrival) });
        entry.insert(Arc::clone(&backlog));
        Ok(LocalListener { addresses: self.clone(), address: address.to_owned(), backlog })
    }

    pub(crate) fn connect(&self, address: &str) -> Result<Arc<LocalChannel>, ConnectError> {
        let table = self.table();
        let backlog = table.get(address).ok_or(ConnectError::NotListening)?;
        let (ours, theirs) = LocalChannel::pair();
        let mut waiting = backlog.waiting();
        waiting.push_back(theirs);
        backlog.source.raise();
        Ok(ours)
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Arc<Backlog>>> {
        // The table is whole whatever panicked while it was locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backlog {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Arc<LocalChannel>>> {
        // As for the table.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens at one address, until it is dropped.
pub(crate) struct LocalListener {
    addresses: Addresses,
    address: String,
    backlog: Arc<Backlog>,
}

impl Listener for LocalListener {
    fn accept(&self) -> Option<Arc<dyn Channel>> {
        let mut waiting = self.backlog.waiting();
        let channel = waiting.pop_front();
        if waiting.is_empty() {
            self.backlog.source.clear();
        }
        channel.map(|channel| channel as Arc<dyn Channel>)
    }

    fn source(&self) -> Descriptor {
        Arc::clone(&self.backlog.source) as Descriptor
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        self.addresses.table().remove(&self.address);
    }
}
