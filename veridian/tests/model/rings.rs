//! The operations on a system: each client has a session, and a principal of its own in it.

use crate::model::Model;
use crate::naive::TimeChange;
use crate::operation::{At, Object, Operation, Outcome, Tables, Value};
use crate::run::{Executor, Plan, Users, compare};
use crate::seen::{Changes, Status, Watch};
use control::client::{Session, SessionOptions};
use control::message::Credentials;
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::{
    AttributeChange, AttributeMask as Mask, FileStatus, FileTime, LinkFlags, OpenFlags, SyncKind,
};
use std::path::Path;
use veridian::system::Embedded;

/// The index of a client's principal.
const PRINCIPAL: u16 = 1;
/// What finds the file and nothing more.
const NAME_ONLY: OpenFlags = OpenFlags::PATH;

/// Runs a plan on a system of processes.
pub(crate) fn run(program: &Path, plan: Plan) {
    let system = Embedded::start_from(program).unwrap();
    let users = Users::of_this_process();
    let sees = Changes::Everything;
    let sessions: Vec<Client> = users.clients.iter().map(|who| Client::new(&system, who)).collect();
    let mut rings = Rings { clients: sessions, open: Tables::new(), watch: Watch::new(sees) };
    // The root belongs to user 0, whoever runs the system.
    compare("vfs", plan, &mut rings, Model::new(users, (0, 0), sees));
    drop(rings);
    system.stop().unwrap();
}

/// A client's session.
struct Client {
    queue: Queue,
    root: Handle,
    _session: Session,
}

impl Client {
    fn new(system: &Embedded, who: &dataplane::Credentials) -> Self {
        let mut session = system.connection.connect("vfs", SessionOptions::default()).unwrap();
        let groups = who.groups.clone().try_into().unwrap();
        let credentials = Credentials { uid: who.uid, gid: who.gid, groups };
        session.set_credential(PRINCIPAL, credentials).unwrap();
        let mut queue = session.take_queue().unwrap();
        queue.act_as(PRINCIPAL);
        Self { queue, root: session.root(), _session: session }
    }
}

/// All sessions.
struct Rings {
    clients: Vec<Client>,
    open: Tables<Handle>,
    watch: Watch,
}

type Place<'a> = (Handle, &'a [u8]);

impl Rings {
    fn place<'a>(&self, client: usize, at: &'a At) -> Result<Place<'a>, Errno> {
        let base = match at.base {
            Some(slot) => *self.open.find(client, slot)?,
            None => self.clients[client].root,
        };
        Ok((base, at.path.as_bytes()))
    }

    /// A handle and a path; an empty one, if the handle is the file.
    fn object<'a>(&self, client: usize, object: &'a Object) -> Result<Place<'a>, Errno> {
        match object {
            Object::Slot(slot) => Ok((*self.open.find(client, *slot)?, b"")),
            Object::Followed(at) | Object::Link(at) => self.place(client, at),
        }
    }

    fn on_files(&mut self, client: usize, operation: &Operation) -> Outcome {
        let handle = |slot: usize| self.open.find(client, slot).copied();
        let queue = &mut self.clients[client].queue;
        match *operation {
            Operation::Read { from, len } => {
                let mut bytes = vec![0; len];
                let count = queue.read(handle(from.slot)?, from.offset, &mut bytes);
                bytes.truncate(count.map_err(errno)?);
                Ok(Value::Bytes(bytes))
            }
            Operation::Write { to, bytes } => {
                let count = queue.write(handle(to.slot)?, to.offset, &bytes.bytes());
                Ok(Value::Count(count.map_err(errno)? as u64))
            }
            Operation::Truncate { slot, size } => done(queue.truncate(handle(slot)?, size)),
            Operation::Allocate { at, len, mode } => {
                done(queue.allocate(handle(at.slot)?, mode, at.offset, len))
            }
            Operation::Seek { from, whence } => {
                let found = queue.seek(handle(from.slot)?, from.offset, whence);
                found.map(Value::Count).map_err(errno)
            }
            Operation::Copy { from, to, len } => {
                let ends = ((handle(from.slot)?, from.offset), (handle(to.slot)?, to.offset));
                let count = queue.copy_range(ends.0, ends.1, len).map_err(errno)?;
                Ok(Value::Count(count.into()))
            }
            Operation::Sync(slot) => done(queue.fsync(handle(slot)?, SyncKind::All)),
            Operation::List(slot) => {
                let mut entries = vec![];
                let listed = queue.read_directory(handle(slot)?, |entry| {
                    let name = String::from_utf8(entry.name.to_vec()).unwrap();
                    entries.push((name, entry.kind.unwrap()));
                });
                listed.map_err(errno)?;
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Ok(Value::Entries(entries))
            }
            _ => panic!("not on an open file: {operation:?}"),
        }
    }

    fn on_names(&mut self, client: usize, operation: &Operation) -> Outcome {
        let (first, second) = match operation {
            Operation::Link { from, to } => {
                let to = self.place(client, to)?;
                (self.object(client, from)?, Some(to))
            }
            _ => {
                let paths = operation.paths();
                let second = paths.get(1).map(|(at, _)| self.place(client, at)).transpose();
                (self.place(client, paths[0].0)?, second?)
            }
        };
        let queue = &mut self.clients[client].queue;
        match operation {
            Operation::Open { slot, flags, mode, .. } => {
                let opened = queue.open(first.0, first.1, *flags, *mode).map_err(errno)?;
                if let Some(before) = self.open.put(client, *slot, opened) {
                    queue.close(before).unwrap();
                }
                Ok(Value::Done)
            }
            Operation::Mkdir { mode, .. } => done(queue.mkdir(first.0, first.1, *mode)),
            Operation::MakeNode { mode, .. } => done(queue.make_node(first, *mode, 0)),
            Operation::Symlink { target, .. } => done(queue.symlink(target.as_bytes(), first)),
            Operation::ReadLink(_) => {
                let target = queue.read_link(first.0, first.1).map_err(errno)?;
                Ok(Value::Text(String::from_utf8(target).unwrap()))
            }
            Operation::Link { from, .. } => {
                let flags = match from {
                    Object::Slot(_) => LinkFlags::EMPTY_PATH,
                    Object::Followed(_) => LinkFlags::FOLLOW,
                    Object::Link(_) => LinkFlags::empty(),
                };
                done(queue.link(first, second.unwrap(), flags))
            }
            Operation::Remove { kind, .. } => done(queue.unlink(first.0, first.1, *kind)),
            Operation::Rename { flags, .. } => done(queue.rename(first, second.unwrap(), *flags)),
            _ => panic!("not on a name: {operation:?}"),
        }
    }

    fn on_attributes(&mut self, client: usize, object: &Object, operation: &Operation) -> Outcome {
        let place = self.object(client, object)?;
        let queue = &mut self.clients[client].queue;
        let is_link = matches!(object, Object::Link(_));
        let change = match operation {
            Operation::Stat(_) => {
                let status = match is_link {
                    true => queue.stat_link(place.0, place.1),
                    false => queue.stat(place.0, place.1),
                };
                return Ok(self.watch.see(&status.map_err(errno)?.into()));
            }
            Operation::ChangeMode { mode, .. } => {
                let mask = Mask::PERMISSIONS.bits();
                AttributeChange { mask, permissions: *mode, ..AttributeChange::default() }
            }
            Operation::ChangeOwner { uid, gid, .. } => new_owner(*uid, *gid),
            Operation::ChangeTimes { accessed, modified, .. } => new_times(*accessed, *modified),
            _ => return on_xattrs(queue, place, object, operation),
        };
        done(match is_link {
            true => queue.set_link_attributes(place, &change),
            false => queue.set_attributes(place, &change),
        })
    }
}

/// Extended attributes are those of a handle: a path is opened first, as a name only.
fn on_xattrs(
    queue: &mut Queue,
    place: Place<'_>,
    object: &Object,
    operation: &Operation,
) -> Outcome {
    let opened = match object {
        Object::Slot(_) => return on_xattrs_of(queue, place.0, operation),
        Object::Followed(_) => queue.open(place.0, place.1, NAME_ONLY, 0),
        Object::Link(_) => queue.open(place.0, place.1, NAME_ONLY | OpenFlags::NO_FOLLOW, 0),
    };
    let opened = opened.map_err(errno)?;
    let outcome = on_xattrs_of(queue, opened, operation);
    queue.close(opened).unwrap();
    outcome
}

fn on_xattrs_of(queue: &mut Queue, handle: Handle, operation: &Operation) -> Outcome {
    match operation {
        Operation::SetXattr { name, value, mode, .. } => {
            done(queue.set_xattr(handle, (name.as_bytes(), &value.bytes()), *mode))
        }
        Operation::Xattr { name, .. } => {
            queue.xattr(handle, name.as_bytes()).map(Value::Bytes).map_err(errno)
        }
        Operation::XattrNames(_) => {
            queue.xattr_names(handle).map(|names| Value::names(&names)).map_err(errno)
        }
        Operation::RemoveXattr { name, .. } => done(queue.remove_xattr(handle, name.as_bytes())),
        _ => panic!("not on attributes: {operation:?}"),
    }
}

fn new_owner(uid: Option<u32>, gid: Option<u32>) -> AttributeChange {
    let mut mask = Mask::empty();
    mask.set(Mask::OWNER, uid.is_some());
    mask.set(Mask::GROUP, gid.is_some());
    AttributeChange {
        mask: mask.bits(),
        uid: uid.unwrap_or(0),
        gid: gid.unwrap_or(0),
        ..AttributeChange::default()
    }
}

fn new_times(accessed: TimeChange, modified: TimeChange) -> AttributeChange {
    let given = |change, set: Mask, now: Mask| match change {
        TimeChange::Keep => (Mask::empty(), FileTime::default()),
        TimeChange::Now => (now, FileTime::default()),
        TimeChange::Set((seconds, nanoseconds)) => {
            (set, FileTime { seconds, nanoseconds, reserved: 0 })
        }
    };
    let (of_access, accessed) = given(accessed, Mask::ACCESSED, Mask::ACCESSED_NOW);
    let (of_change, modified) = given(modified, Mask::MODIFIED, Mask::MODIFIED_NOW);
    let mask = (of_access | of_change).bits();
    AttributeChange { mask, accessed, modified, ..AttributeChange::default() }
}

fn done(result: Result<(), ClientError>) -> Outcome {
    result.map(|()| Value::Done).map_err(errno)
}

/// The service's answer; that there is one is not in question.
fn errno(error: ClientError) -> Errno {
    match error {
        ClientError::Service(errno) => errno,
        other => panic!("the session is of no further use: {other}"),
    }
}

impl From<FileStatus> for Status {
    fn from(status: FileStatus) -> Self {
        let time = |time: FileTime| (time.seconds, time.nanoseconds);
        Self {
            inode: status.inode,
            mode: status.mode,
            links: status.links,
            uid: status.uid,
            gid: status.gid,
            size: status.size,
            modified: time(status.modified),
            changed: time(status.changed),
        }
    }
}

impl Executor for Rings {
    fn run(&mut self, client: usize, operation: &Operation) -> Outcome {
        match operation {
            Operation::Close(slot) => {
                let handle = self.open.take(client, *slot)?;
                done(self.clients[client].queue.close(handle))
            }
            Operation::Link { .. } => self.on_names(client, operation),
            _ => match operation.object() {
                Some(object) => self.on_attributes(client, object, operation),
                None if operation.paths().is_empty() => self.on_files(client, operation),
                None => self.on_names(client, operation),
            },
        }
    }
}
