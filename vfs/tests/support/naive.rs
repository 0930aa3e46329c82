//! A vfs as naive as can be: a tree of nodes, rules written down one after the other.

use dataplane::entry::Errno;
use dataplane::file::{AllocateMode, OpenFlags, RenameFlags, UnlinkKind};
use std::collections::BTreeMap;

type Outcome<T> = Result<T, Errno>;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) is_directory: bool,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) links: u32,
    pub(crate) data: Vec<u8>,
    children: BTreeMap<String, usize>,
    parent: usize,
}

/// The tree; node 0 is its root.
#[derive(Clone, Debug)]
pub(crate) struct Naive {
    pub(crate) nodes: Vec<Node>,
}

/// Where a path leads to.
struct Found {
    directory: usize,
    /// `None`: the path ends in `..`.
    name: Option<String>,
    target: Option<usize>,
    slash: bool,
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl Naive {
    pub(crate) fn new() -> Self {
        let mut naive = Self { nodes: vec![] };
        naive.add(true, 0o1777, 0, 0, 0);
        naive
    }

    fn add(&mut self, is_directory: bool, mode: u32, uid: u32, gid: u32, parent: usize) -> usize {
        self.nodes.push(Node {
            is_directory,
            mode,
            uid,
            gid,
            links: if is_directory { 2 } else { 1 },
            data: vec![],
            children: BTreeMap::new(),
            parent,
        });
        self.nodes.len() - 1
    }

    fn allowed(&self, node: usize, uid: u32, want: u32) -> Outcome<()> {
        let node = &self.nodes[node];
        let shift = match uid {
            0 => return Ok(()),
            uid if uid == node.uid => 6,
            // The model's users are each in the group of their number and no other.
            uid if uid == node.gid => 3,
            _ => 0,
        };
        let granted = node.mode >> shift & want == want;
        granted.then_some(()).ok_or(Errno::EACCES)
    }

    fn walk(&self, uid: u32, path: &str) -> Outcome<Found> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let (last, before) = names.split_last().ok_or(Errno::ENOENT)?;
        let mut at = 0;
        for name in before {
            at = self.step(uid, at, name)?.ok_or(Errno::ENOENT)?;
            if !self.nodes[at].is_directory {
                return Err(Errno::ENOTDIR);
            }
        }
        let target = self.step(uid, at, last)?;
        Ok(Found {
            directory: at,
            name: (*last != "..").then(|| (*last).to_owned()),
            target,
            slash: path.ends_with('/'),
        })
    }

    fn step(&self, uid: u32, at: usize, name: &str) -> Outcome<Option<usize>> {
        if name == ".." {
            return Ok(Some(self.nodes[at].parent));
        }
        self.allowed(at, uid, SEARCH)?;
        Ok(self.nodes[at].children.get(name).copied())
    }

    pub(crate) fn find(&self, uid: u32, path: &str) -> Outcome<usize> {
        let found = self.walk(uid, path)?;
        let target = found.target.ok_or(Errno::ENOENT)?;
        if found.slash && !self.nodes[target].is_directory {
            return Err(Errno::ENOTDIR);
        }
        Ok(target)
    }

    fn make(&mut self, uid: u32, found: &Found, is_directory: bool, mode: u32) -> Outcome<usize> {
        let directory = found.directory;
        self.allowed(directory, uid, WRITE | SEARCH)?;
        if self.nodes[directory].links == 0 {
            return Err(Errno::ENOENT);
        }
        let above = &self.nodes[directory];
        let (mut mode, mut gid) = (mode & 0o7777, uid);
        if above.mode & 0o2000 != 0 {
            gid = above.gid;
            if is_directory {
                mode |= 0o2000;
            } else if mode & 0o010 != 0 && uid != 0 && uid != gid {
                mode &= !0o2000;
            }
        }
        let made = self.add(is_directory, mode, uid, gid, directory);
        let above = &mut self.nodes[directory];
        above.links += u32::from(is_directory);
        above.children.insert(found.name.clone().unwrap(), made);
        Ok(made)
    }

    pub(crate) fn open(
        &mut self,
        uid: u32,
        path: &str,
        flags: OpenFlags,
        mode: u32,
    ) -> Outcome<usize> {
        let creates = flags.contains(OpenFlags::CREATE);
        if creates && flags.contains(OpenFlags::DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let found = self.walk(uid, path);
        if creates && path.ends_with('/') && !path.ends_with("../") {
            // Before the last name is looked up, but behind all others.
            let (before, _) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", ""));
            if !before.is_empty() && !self.nodes[self.find(uid, before)?].is_directory {
                return Err(Errno::ENOTDIR);
            }
            return Err(Errno::EISDIR);
        }
        let found = found?;
        let Some(target) = found.target else {
            if !creates {
                return Err(Errno::ENOENT);
            }
            return self.make(uid, &found, false, mode);
        };
        let is_directory = self.nodes[target].is_directory;
        if found.slash && !is_directory {
            return Err(Errno::ENOTDIR);
        }
        if creates && flags.contains(OpenFlags::EXCLUSIVE) {
            return Err(Errno::EEXIST);
        }
        if flags.contains(OpenFlags::DIRECTORY) && !is_directory {
            return Err(Errno::ENOTDIR);
        }
        let truncates = flags.contains(OpenFlags::TRUNCATE);
        if is_directory && (flags.writes() || truncates || creates) {
            return Err(Errno::EISDIR);
        }
        let mut want = if flags.reads() { READ } else { 0 };
        if flags.writes() || truncates {
            want |= WRITE;
        }
        self.allowed(target, uid, want)?;
        if truncates {
            self.truncate(uid, target, 0);
        }
        Ok(target)
    }

    pub(crate) fn truncate(&mut self, uid: u32, node: usize, size: usize) {
        self.nodes[node].data.resize(size, 0);
        self.lose_privileges(uid, node);
    }

    pub(crate) fn allocate(
        &mut self,
        uid: u32,
        node: usize,
        mode: AllocateMode,
        range: std::ops::Range<usize>,
    ) {
        use AllocateMode::{Allocate, PunchHole, ZeroRange, ZeroRangeKeepSize};
        let data = &mut self.nodes[node].data;
        if matches!(mode, Allocate | ZeroRange) && data.len() < range.end {
            data.resize(range.end, 0);
        }
        if matches!(mode, PunchHole | ZeroRange | ZeroRangeKeepSize) {
            let size = data.len();
            data[range.start.min(size)..range.end.min(size)].fill(0);
        }
        self.lose_privileges(uid, node);
    }

    fn lose_privileges(&mut self, uid: u32, node: usize) {
        let node = &mut self.nodes[node];
        if uid != 0 {
            node.mode &= !0o4000;
            if node.mode & 0o010 != 0 {
                node.mode &= !0o2000;
            }
        }
    }

    pub(crate) fn write(&mut self, uid: u32, node: usize, offset: usize, bytes: &[u8]) {
        let data = &mut self.nodes[node].data;
        let end = offset + bytes.len();
        if data.len() < end {
            data.resize(end, 0);
        }
        data[offset..end].copy_from_slice(bytes);
        self.lose_privileges(uid, node);
    }

    pub(crate) fn mkdir(&mut self, uid: u32, path: &str, mode: u32) -> Outcome<()> {
        let found = self.walk(uid, path)?;
        if found.target.is_some() {
            return Err(Errno::EEXIST);
        }
        self.make(uid, &found, true, mode).map(drop)
    }

    fn removable(&self, uid: u32, directory: usize, victim: usize) -> Outcome<()> {
        self.allowed(directory, uid, WRITE | SEARCH)?;
        let above = &self.nodes[directory];
        let theirs = uid != self.nodes[victim].uid && uid != above.uid && uid != 0;
        if above.mode & 0o1000 != 0 && theirs {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    fn drop_name(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        node.links = if node.is_directory { 0 } else { node.links - 1 };
    }

    pub(crate) fn remove(&mut self, uid: u32, path: &str, kind: UnlinkKind) -> Outcome<()> {
        let rmdir = kind == UnlinkKind::Directory;
        if path.trim_end_matches('/').ends_with("..") {
            let before = path.trim_end_matches('/').trim_end_matches("..");
            if !before.is_empty() && !self.nodes[self.find(uid, before)?].is_directory {
                return Err(Errno::ENOTDIR);
            }
            return Err(if rmdir { Errno::ENOTEMPTY } else { Errno::EISDIR });
        }
        let found = self.walk(uid, path)?;
        let victim = found.target.ok_or(Errno::ENOENT)?;
        self.removable(uid, found.directory, victim)?;
        match (rmdir, self.nodes[victim].is_directory) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            (false, false) if found.slash => return Err(Errno::ENOTDIR),
            (true, true) if !self.nodes[victim].children.is_empty() => {
                return Err(Errno::ENOTEMPTY);
            }
            _ => {}
        }
        self.drop_name(victim);
        let directory = &mut self.nodes[found.directory];
        directory.links -= u32::from(rmdir);
        directory.children.remove(&found.name.unwrap());
        Ok(())
    }

    fn is_above(&self, above: usize, mut node: usize) -> bool {
        while node != above && node != 0 {
            node = self.nodes[node].parent;
        }
        node == above
    }

    pub(crate) fn rename(
        &mut self,
        uid: u32,
        old: &str,
        new: &str,
        flags: RenameFlags,
    ) -> Outcome<()> {
        let no_replace = flags.contains(RenameFlags::NO_REPLACE);
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if no_replace && exchange {
            return Err(Errno::EINVAL);
        }
        // The directories of both come first, then what the last names are, then the names.
        for path in [old, new] {
            let trimmed = path.trim_end_matches('/');
            let before = trimmed.rfind('/').map_or("", |slash| &trimmed[..slash]);
            if !before.is_empty() && !self.nodes[self.find(uid, before)?].is_directory {
                return Err(Errno::ENOTDIR);
            }
        }
        let ends_up = |path: &str| path.trim_end_matches('/').ends_with("..");
        if ends_up(old) {
            return Err(Errno::EBUSY);
        }
        if ends_up(new) {
            return Err(if no_replace { Errno::EEXIST } else { Errno::EBUSY });
        }
        let from = self.walk(uid, old)?;
        let moved = from.target.ok_or(Errno::ENOENT)?;
        let to = self.walk(uid, new)?;
        if to.target.is_some() && no_replace {
            return Err(Errno::EEXIST);
        }
        if to.target.is_none() && exchange {
            return Err(Errno::ENOENT);
        }
        let is_directory = |node: usize| self.nodes[node].is_directory;
        let slash = from.slash || (to.slash && !exchange);
        let bad_exchange = exchange && to.slash && to.target.is_some_and(|to| !is_directory(to));
        if (!is_directory(moved) && slash) || bad_exchange {
            return Err(Errno::ENOTDIR);
        }
        if to.target == Some(moved) {
            return Ok(());
        }
        self.removable(uid, from.directory, moved)?;
        match to.target {
            Some(replaced) => self.removable(uid, to.directory, replaced)?,
            None => self.allowed(to.directory, uid, WRITE | SEARCH)?,
        }
        if is_directory(moved) && self.is_above(moved, to.directory) {
            return Err(Errno::EINVAL);
        }
        if let Some(replaced) = to.target {
            if is_directory(replaced) && self.is_above(replaced, from.directory) {
                return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
            }
            match (is_directory(moved), is_directory(replaced)) {
                _ if exchange => {}
                (true, false) => return Err(Errno::ENOTDIR),
                (false, true) => return Err(Errno::EISDIR),
                _ => {}
            }
        }
        let changes = [Some(moved), to.target.filter(|_| exchange)];
        for node in changes.into_iter().flatten() {
            if from.directory != to.directory && is_directory(node) {
                self.allowed(node, uid, WRITE)?;
            }
        }
        if let (Some(replaced), false) = (to.target, exchange)
            && !self.nodes[replaced].children.is_empty()
        {
            return Err(Errno::ENOTEMPTY);
        }
        self.do_rename(&from, &to, moved, exchange);
        Ok(())
    }

    fn do_rename(&mut self, from: &Found, to: &Found, moved: usize, exchange: bool) {
        let (old, new) = (from.name.clone().unwrap(), to.name.clone().unwrap());
        self.nodes[from.directory].children.remove(&old);
        self.nodes[from.directory].links -= u32::from(self.nodes[moved].is_directory);
        if let Some(replaced) = to.target {
            self.nodes[to.directory].links -= u32::from(self.nodes[replaced].is_directory);
            if exchange {
                self.nodes[from.directory].links += u32::from(self.nodes[replaced].is_directory);
                self.nodes[from.directory].children.insert(old, replaced);
                self.nodes[replaced].parent = from.directory;
            } else {
                self.drop_name(replaced);
            }
        }
        self.nodes[to.directory].links += u32::from(self.nodes[moved].is_directory);
        self.nodes[to.directory].children.insert(new, moved);
        self.nodes[moved].parent = to.directory;
    }

    pub(crate) fn list(&self, uid: u32, path: &str) -> Outcome<Vec<String>> {
        let found = self.find(uid, path)?;
        if !self.nodes[found].is_directory {
            return Err(Errno::ENOTDIR);
        }
        self.allowed(found, uid, READ)?;
        Ok(self.nodes[found].children.keys().cloned().collect())
    }
}
