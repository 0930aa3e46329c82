//! Renaming.

use super::permission::WRITE;
use super::walk::{Last, Place, Walk};
use super::{Naive, Outcome, ROOT};
use dataplane::Credentials;
use dataplane::entry::Errno;
use dataplane::file::RenameFlags;

/// One of the two names.
struct End {
    directory: usize,
    name: String,
    node: usize,
}

impl Naive {
    pub(crate) fn rename(
        &mut self,
        who: &Credentials,
        old: Place<'_>,
        new: Place<'_>,
        flags: RenameFlags,
    ) -> Outcome<()> {
        let no_replace = flags.contains(RenameFlags::NO_REPLACE);
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        if no_replace && exchange {
            return Err(Errno::EINVAL);
        }
        // The directories of both come first, then what the last names are, then the names.
        let (old, new) = (Walk::to_last(self, who, old)?, Walk::to_last(self, who, new)?);
        let Last::Name(old_name) = &old.last else {
            return Err(Errno::EBUSY);
        };
        let Last::Name(new_name) = &new.last else {
            return Err(if no_replace { Errno::EEXIST } else { Errno::EBUSY });
        };
        let moved = old.look(self)?.ok_or(Errno::ENOENT)?;
        let replaced = new.look(self)?;
        match replaced {
            Some(_) if no_replace => return Err(Errno::EEXIST),
            None if exchange => return Err(Errno::ENOENT),
            _ => {}
        }
        let is_file = |node: usize| !self.is_directory(node);
        let new_is_file = replaced.is_some_and(is_file);
        if (is_file(moved) && (old.slash || (new.slash && !exchange)))
            || (exchange && new_is_file && new.slash)
        {
            return Err(Errno::ENOTDIR);
        }
        let from = End { directory: old.at, name: old_name.clone(), node: moved };
        let to = (new.at, new_name.clone());
        self.check_circles(&from, to.0, replaced, exchange)?;
        if replaced == Some(moved) {
            return Ok(());
        }
        self.may_rename(who, &from, to.0, replaced, exchange)?;
        self.do_rename(&from, to, replaced, exchange);
        Ok(())
    }

    fn is_above(&self, above: usize, mut node: usize) -> bool {
        while node != above && node != ROOT {
            node = self.parent(node);
        }
        node == above
    }

    /// No directory comes to lie within itself, and none that is above goes.
    fn check_circles(
        &self,
        from: &End,
        to: usize,
        replaced: Option<usize>,
        exchange: bool,
    ) -> Outcome<()> {
        if from.directory == to {
            return Ok(());
        }
        if self.is_directory(from.node) && self.is_above(from.node, to) {
            return Err(Errno::EINVAL);
        }
        let is_above = |node: usize| self.is_directory(node) && self.is_above(node, from.directory);
        match replaced {
            Some(node) if is_above(node) && exchange => Err(Errno::EINVAL),
            Some(node) if is_above(node) => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    fn may_rename(
        &mut self,
        who: &Credentials,
        from: &End,
        to: usize,
        replaced: Option<usize>,
        exchange: bool,
    ) -> Outcome<()> {
        self.may_remove(from.directory, from.node, who)?;
        match replaced {
            Some(replaced) => self.may_remove(to, replaced, who)?,
            None => self.may_change(to, who)?,
        }
        let is_directory = self.is_directory(from.node);
        match replaced.filter(|_| !exchange).map(|node| self.is_directory(node)) {
            Some(false) if is_directory => return Err(Errno::ENOTDIR),
            Some(true) if !is_directory => return Err(Errno::EISDIR),
            _ => {}
        }
        // A directory that moves is changed itself: its `..` is another.
        for node in [Some(from.node), replaced.filter(|_| exchange)].into_iter().flatten() {
            if from.directory != to && self.is_directory(node) {
                self.may(node, who, WRITE)?;
            }
        }
        match replaced.filter(|node| !exchange && self.is_directory(*node)) {
            Some(node) if !self.children(node).is_empty() => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    fn do_rename(
        &mut self,
        from: &End,
        (to, new_name): (usize, String),
        replaced: Option<usize>,
        exchange: bool,
    ) {
        self.take_name(from.directory, &from.name, from.node);
        if let Some(replaced) = replaced {
            self.take_name(to, &new_name, replaced);
            if exchange {
                self.put_name(from.directory, from.name.clone(), replaced);
            } else {
                self.drop_name(replaced);
            }
        }
        self.put_name(to, new_name, from.node);
        for directory in [from.directory, to] {
            self.nodes[directory].touch_contents();
        }
    }

    fn take_name(&mut self, directory: usize, name: &str, node: usize) {
        self.children(directory).remove(name);
        self.nodes[directory].links -= u32::from(self.is_directory(node));
    }

    fn put_name(&mut self, directory: usize, name: String, node: usize) {
        self.children(directory).insert(name, node);
        self.nodes[directory].links += u32::from(self.is_directory(node));
        self.set_parent(node, directory);
        self.nodes[node].touch();
    }
}
