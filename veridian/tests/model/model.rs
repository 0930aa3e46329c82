//! The operations on the naive model.

use crate::naive::{Naive, Opened, Place, ROOT};
use crate::operation::{At, Object, Operation, Outcome, Tables, Value};
use crate::run::{Executor, Users};
use crate::seen::Changes;
use dataplane::Credentials;
use dataplane::entry::Errno;

type Result<T> = std::result::Result<T, Errno>;

/// The model, and what the clients have open in it.
pub(crate) struct Model {
    pub(crate) naive: Naive,
    pub(crate) open: Tables<Opened>,
    pub(crate) users: Users,
    sees: Changes,
}

impl Model {
    /// An empty tree whose root belongs to somebody.
    pub(crate) fn new(users: Users, (uid, gid): (u32, u32), sees: Changes) -> Self {
        Self { naive: Naive::new(uid, gid), open: Tables::new(), users, sees }
    }

    pub(crate) fn who(&self, client: usize) -> &Credentials {
        &self.users.clients[client]
    }

    pub(crate) fn place<'a>(&self, client: usize, at: &'a At) -> Result<Place<'a>> {
        let base = match at.base {
            Some(slot) => self.open.find(client, slot)?.node,
            None => ROOT,
        };
        Ok(Place { base, path: &at.path })
    }

    /// The node of a file, however it is named.
    pub(crate) fn node(&self, client: usize, object: &Object) -> Result<usize> {
        match object {
            Object::Slot(slot) => Ok(self.open.find(client, *slot)?.node),
            Object::Followed(at) => {
                self.naive.find(self.who(client), self.place(client, at)?, true)
            }
            Object::Link(at) => self.naive.find(self.who(client), self.place(client, at)?, false),
        }
    }

    /// The files and directories that an operation has to do with, as far as they are there.
    pub(crate) fn nodes(&self, client: usize, operation: &Operation) -> Vec<usize> {
        let mut nodes = vec![];
        for (at, follow) in operation.paths() {
            if let Ok(place) = self.place(client, at) {
                nodes.extend(self.naive.notes(self.who(client), place, follow).directory);
                nodes.extend(self.naive.find(self.who(client), place, follow));
            }
        }
        let slots = operation.slots().into_iter();
        nodes.extend(slots.filter_map(|slot| Some(self.open.find(client, slot).ok()?.node)));
        nodes
    }

    /// Drops what nothing leads to any more.
    pub(crate) fn forget_gone(&mut self) {
        let open: Vec<usize> = self.open.iter().map(|opened| opened.node).collect();
        self.naive.forget_gone(|node| open.contains(&node));
    }

    fn on_files(&mut self, client: usize, operation: &Operation) -> Outcome {
        let who = &self.users.clients[client];
        let file = |slot: usize| self.open.find(client, slot).copied();
        let naive = &mut self.naive;
        match *operation {
            Operation::Read { from, len } => {
                let bytes = naive.read(file(from.slot)?, from.offset, len)?;
                Ok(Value::Bytes(bytes.to_vec()))
            }
            Operation::Write { to, bytes } => {
                let count = naive.write(who, file(to.slot)?, to.offset, &bytes.bytes())?;
                Ok(Value::Count(count as u64))
            }
            Operation::Truncate { slot, size } => {
                naive.truncate(who, file(slot)?, size).map(|()| Value::Done)
            }
            Operation::Allocate { at, len, mode } => {
                naive.allocate(who, file(at.slot)?, mode, (at.offset, len)).map(|()| Value::Done)
            }
            Operation::Seek { from, whence } => {
                naive.seek(file(from.slot)?, from.offset, whence).map(Value::Count)
            }
            Operation::Copy { from, to, len } => {
                let ends = ((file(from.slot)?, from.offset), (file(to.slot)?, to.offset));
                naive.copy_range(who, ends.0, ends.1, len).map(Value::Count)
            }
            Operation::Sync(slot) => naive.sync(file(slot)?).map(|()| Value::Done),
            Operation::List(slot) => naive.list(file(slot)?).map(Value::Entries),
            _ => panic!("not on an open file: {operation:?}"),
        }
    }

    fn on_names(&mut self, client: usize, operation: &Operation) -> Outcome {
        let who = self.who(client).clone();
        match operation {
            Operation::Open { slot, at, flags, mode } => {
                let place = self.place(client, at)?;
                let opened = self.naive.open(&who, place, *flags, *mode)?;
                self.open.put(client, *slot, opened);
                Ok(())
            }
            Operation::Close(slot) => self.open.take(client, *slot).map(drop),
            Operation::Mkdir { at, mode } => {
                let place = self.place(client, at)?;
                self.naive.mkdir(&who, place, *mode)
            }
            Operation::MakeNode { at, mode } => {
                let place = self.place(client, at)?;
                self.naive.make_node(&who, place, *mode)
            }
            Operation::Symlink { target, at } => {
                let place = self.place(client, at)?;
                self.naive.symlink(&who, target, place)
            }
            Operation::Link { from, to } => {
                let place = self.place(client, to)?;
                let file = self.node(client, from)?;
                self.naive.link(&who, file, place)
            }
            Operation::Remove { at, kind } => {
                let place = self.place(client, at)?;
                self.naive.remove(&who, place, *kind)
            }
            Operation::Rename { old, new, flags } => {
                let (old, new) = (self.place(client, old)?, self.place(client, new)?);
                self.naive.rename(&who, old, new, *flags)
            }
            _ => panic!("not on a name: {operation:?}"),
        }
        .map(|()| Value::Done)
    }

    fn on_attributes(&mut self, client: usize, operation: &Operation) -> Outcome {
        let who = self.who(client).clone();
        let object = operation.object().expect("it is done to a file");
        let node = self.node(client, object)?;
        let naive = &mut self.naive;
        match operation {
            Operation::Stat(_) => {
                let mut seen = naive.see(node);
                seen.is_changed &= self.sees.show(seen.mode);
                return Ok(Value::Seen(seen));
            }
            Operation::Xattr { name, .. } => {
                return Ok(Value::Bytes(naive.xattr(&who, node, name)?.to_vec()));
            }
            Operation::XattrNames(_) => return Ok(Value::Names(naive.xattr_names(node))),
            Operation::ChangeMode { mode, .. } => naive.change_mode(&who, node, *mode),
            Operation::ChangeOwner { uid, gid, .. } => naive.change_owner(&who, node, *uid, *gid),
            Operation::ChangeTimes { accessed, modified, .. } => {
                naive.change_times(&who, node, *accessed, *modified)
            }
            Operation::SetXattr { name, value, mode, .. } => {
                naive.set_xattr(&who, node, (name, &value.bytes()), *mode)
            }
            Operation::RemoveXattr { name, .. } => naive.remove_xattr(&who, node, name),
            _ => panic!("not on attributes: {operation:?}"),
        }
        .map(|()| Value::Done)
    }
}

impl Executor for Model {
    fn run(&mut self, client: usize, operation: &Operation) -> Outcome {
        match operation {
            Operation::ReadLink(at) => {
                let place = self.place(client, at)?;
                self.naive.read_link(self.who(client), place).map(Value::Text)
            }
            Operation::Link { .. } => self.on_names(client, operation),
            _ if operation.object().is_some() => self.on_attributes(client, operation),
            Operation::Read { .. }
            | Operation::Write { .. }
            | Operation::Truncate { .. }
            | Operation::Allocate { .. }
            | Operation::Seek { .. }
            | Operation::Copy { .. }
            | Operation::Sync(_)
            | Operation::List(_) => self.on_files(client, operation),
            _ => self.on_names(client, operation),
        }
    }
}
