//! What a vfs is told, and what it tells about itself.

use core::fmt;

/// How a vfs is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VfsConfig {
    /// Most memory for what clients make it keep: contents, regions, and the inodes and names of
    /// tmpfs.
    pub memory_budget_bytes: u64,
    /// Most entries of the dentry cache; at least 64 are kept.
    pub dentries: u32,
    /// Where hashes start from; random, so that no client can make names collide.
    pub seed: u64,
}

impl VfsConfig {
    /// A vfs with this budget and seed, and room for 65,536 dentries.
    #[must_use]
    pub fn new(memory_budget_bytes: u64, seed: u64) -> Self {
        Self { memory_budget_bytes, dentries: 65_536, seed }
    }
}

/// What a vfs has in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes charged to the budget.
    pub used_bytes: u64,
    /// The budget.
    pub limit_bytes: u64,
    /// Pages of contents.
    pub pages: u64,
    /// Entries of the dentry cache.
    pub dentries: u64,
    /// Inodes.
    pub inodes: u64,
    /// Regions that granted pages are in.
    pub regions: u64,
    /// Grants of sessions on them.
    pub grants: u64,
    /// Pages pinned, each as often as it is.
    pub pinned_pages: u64,
}

impl fmt::Display for Usage {
    /// One `name=value` a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("used_bytes", self.used_bytes),
            ("limit_bytes", self.limit_bytes),
            ("pages", self.pages),
            ("dentries", self.dentries),
            ("inodes", self.inodes),
            ("regions", self.regions),
            ("grants", self.grants),
            ("pinned_pages", self.pinned_pages),
        ];
        lines.iter().try_for_each(|(name, value)| writeln!(f, "{name}={value}"))
    }
}
