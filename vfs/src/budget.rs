//! How much memory the vfs may use for what clients make it keep, and how much it does.
//!
//! Charged: pages of contents, private or in regions (also those that a region holds in reserve),
//! each region's header page, the index of the pages, and, for tmpfs, inodes and names. Not
//! charged, because sessions' quotas or the configuration bound them: handles, dentries, requests.

use alloc::rc::Rc;
use core::cell::Cell;
use dataplane::entry::Errno;

/// The account of one vfs.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: u64,
    used_bytes: Cell<u64>,
    /// Pages of contents in memory.
    pub(crate) pages: Counter,
    /// Regions for grants.
    pub(crate) regions: Counter,
    /// Grants offered to sessions.
    pub(crate) grants: Counter,
    /// Pages pinned by grants, each as often as it is pinned.
    pub(crate) pinned: Counter,
    /// Inodes in memory.
    pub(crate) inodes: Counter,
}

/// A number of things that are.
#[derive(Debug, Default)]
pub(crate) struct Counter(Cell<u64>);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.set(self.0.get().saturating_add(count));
    }

    pub(crate) fn sub(&self, count: u64) {
        self.0.set(self.0.get().saturating_sub(count));
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.get()
    }
}

impl Budget {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            used_bytes: Cell::new(0),
            pages: Counter::default(),
            regions: Counter::default(),
            grants: Counter::default(),
            pinned: Counter::default(),
            inodes: Counter::default(),
        }
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.get()
    }

    /// Takes bytes, or ENOSPC if there are not so many left.
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), Errno> {
        let used = self.used_bytes.get().saturating_add(bytes);
        if used > self.limit_bytes {
            return Err(Errno::ENOSPC);
        }
        self.used_bytes.set(used);
        Ok(())
    }

    /// Takes bytes even beyond the limit, for a copy of something whose original goes soon.
    pub(crate) fn overdraw(&self, bytes: u64) {
        self.used_bytes.set(self.used_bytes.get().saturating_add(bytes));
    }

    /// Gives bytes back.
    pub(crate) fn refund(&self, bytes: u64) {
        self.used_bytes.set(self.used_bytes.get().saturating_sub(bytes));
    }
}

/// What one file system has taken; given back when it goes.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Rc<Budget>,
    charged_bytes: Cell<u64>,
}

impl Account {
    pub(crate) fn new(budget: Rc<Budget>) -> Self {
        Self { budget, charged_bytes: Cell::new(0) }
    }

    /// What there is for all.
    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// As [`Budget::charge`].
    pub(crate) fn charge(&self, bytes: u64) -> Result<(), Errno> {
        self.budget.charge(bytes)?;
        self.charged_bytes.set(self.charged_bytes.get().saturating_add(bytes));
        Ok(())
    }

    /// As [`Budget::refund`].
    pub(crate) fn refund(&self, bytes: u64) {
        self.charged_bytes.set(self.charged_bytes.get().saturating_sub(bytes));
        self.budget.refund(bytes);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.refund(self.charged_bytes.get());
    }
}
