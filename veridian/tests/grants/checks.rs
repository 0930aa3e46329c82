//! The ways in which a right to read ends, and what the spy sees afterwards.

use crate::common::random::Random;
use crate::common::raw::Refusal;
use crate::owner::{FILE_BYTES, Owner};
use crate::spy::{Secret, Spy};
use control::message::ClientMessage;
use dataplane::entry::{Errno, Handle};
use dataplane::file::Request;
use dataplane::grant::GrantId;
use std::path::Path;
use veridian::system::Embedded;

/// Numbers of grants, and slots of handles, that are guessed.
const GUESSES: u32 = 300;

/// A system, and who is in it.
struct World {
    owner: Owner,
    spy: Spy,
    random: Random,
}

type Check = fn(&mut World);

const CHECKS: [(&str, Check); 9] = [
    ("another file", another_file),
    ("guessed numbers", guessed_numbers),
    ("truncated, and the memory used again", truncated),
    ("unlinked, and the memory used again", unlinked),
    ("the handle closed", closed),
    ("the session ended", ended),
    ("revoked", revoked),
    ("revoked while pinned", revoked_while_pinned),
    ("writing", writing),
];

/// Runs all checks, each in a system of its own.
pub(crate) fn run(program: &Path, seed: u64) {
    let mut random = Random::new(seed);
    for (name, check) in CHECKS {
        let system = Embedded::start_from(program).unwrap();
        let mut world = World {
            owner: Owner::new(&system),
            spy: Spy::new(&system.address.0),
            random: Random::new(random.word()),
        };
        check(&mut world);
        drop(world);
        system.stop().unwrap();
        println!("  {name}: nothing seen");
    }
}

impl World {
    fn secret(&mut self) -> Secret {
        self.random.word() | 1
    }

    /// A file that the spy may read, with a grant on it; the spy sees what is written there.
    fn granted(&mut self, path: &str, hold: bool) -> (Handle, GrantId) {
        let (file, grant, _) = self.granted_secret(path, hold);
        (file, grant)
    }

    /// The same, and what the file holds.
    fn granted_secret(&mut self, path: &str, hold: bool) -> (Handle, GrantId, Secret) {
        let (first, second) = (self.secret(), self.secret());
        self.owner.fill(path, first);
        let file = self.spy.open(path);
        let grant = self.spy.grant(file, FILE_BYTES, hold);
        assert!(self.spy.sees(first), "the spy looks in the wrong place");
        self.owner.fill(path, second);
        assert!(self.spy.sees(second), "a grant is a live view");
        (file, grant, second)
    }

    /// New contents of this file, and of new ones, are not for the spy.
    fn hidden(&mut self, path: &str) {
        let secret = self.secret();
        self.owner.fill(path, secret);
        assert!(!self.spy.sees(secret), "the spy sees what was written after its right ended");
        self.hidden_elsewhere();
    }

    /// Contents of new files are not for the spy.
    fn hidden_elsewhere(&mut self) {
        let secret = self.secret();
        self.owner.fill_new("new", secret);
        assert!(!self.spy.sees(secret), "the spy sees another file");
    }

    fn refused(&mut self, grant: GrantId) {
        let asked = self.spy.take(grant.grant);
        assert_eq!(asked, Err(Refusal::Refused(Errno::ENOENT)), "a grant that has ended");
    }
}

fn another_file(world: &mut World) {
    world.granted("shared", true);
    world.hidden_elsewhere();
}

/// Neither grants nor handles that it was not given are any use, its own session's or others'.
fn guessed_numbers(world: &mut World) {
    let (file, grant) = world.granted("shared", true);
    let secret = world.secret();
    world.owner.fill_new("theirs", secret);
    let handles: Vec<Handle> = (0..8).map(|n| world.owner.open(&format!("theirs-{n}"))).collect();
    for handle in &handles {
        world.owner.queue.read_grant(*handle, 0, FILE_BYTES, |view| view.len()).unwrap();
    }
    for number in (0..GUESSES).filter(|number| *number != grant.grant) {
        world.refused(GrantId { grant: number, generation: 0 });
    }
    let theirs = world.owner.session.id();
    for number in 0..GUESSES {
        let asked = world.spy.client.map_grant(theirs, number).map(drop);
        assert_eq!(asked, Err(Refusal::Refused(Errno::ENOENT)));
    }
    let own = [file, world.spy.session.root];
    for slot in 0..GUESSES {
        for generation in 0..4 {
            let handle = Handle { slot, generation };
            if own.contains(&handle) {
                continue;
            }
            let read = Request::ReadGrant { handle, offset: 0, len: 8, hold: true };
            let status = world.spy.session.call(&read).unwrap().status;
            assert!(status < 0, "{handle:?} is not the spy's");
        }
    }
    assert!(!world.spy.sees(secret));
}

fn truncated(world: &mut World) {
    for hold in [true, false] {
        let path = format!("shared-{hold}");
        let (_, _, secret) = world.granted_secret(&path, hold);
        world.owner.truncate(&path, 0);
        assert!(!world.spy.sees(secret), "what is cut off reads as zeros");
        world.hidden_elsewhere();
    }
}

fn unlinked(world: &mut World) {
    let (kept, _) = world.granted("kept open", true);
    let (file, grant) = world.granted("closed", true);
    world.owner.unlink("kept open");
    world.owner.unlink("closed");
    world.hidden_elsewhere();
    world.spy.session.call(&Request::Close { handle: file }).unwrap();
    world.refused(grant);
    world.hidden_elsewhere();
    world.spy.session.call(&Request::Close { handle: kept }).unwrap();
    world.hidden("kept open");
}

fn closed(world: &mut World) {
    for hold in [true, false] {
        let path = format!("shared-{hold}");
        let (handle, grant) = world.granted(&path, hold);
        world.spy.session.call(&Request::Close { handle }).unwrap();
        world.refused(grant);
        world.hidden(&path);
    }
}

fn ended(world: &mut World) {
    let (_, grant) = world.granted("shared", true);
    world.spy.client.disconnect(world.spy.session.terms.session).unwrap();
    world.refused(grant);
    world.hidden("shared");
}

fn revoked(world: &mut World) {
    let (_, grant) = world.granted("shared", false);
    revoke(world);
    world.refused(grant);
    world.hidden("shared");
}

/// What was granted may stay readable; what is written afterwards may not.
fn revoked_while_pinned(world: &mut World) {
    let (file, _) = world.granted("shared", true);
    for _ in 0..8 {
        // More pins, and requests in the queue when the right ends.
        let read = Request::ReadGrant { handle: file, offset: 0, len: FILE_BYTES, hold: true };
        world.spy.session.publish(0, &read.to_sqe());
    }
    world.spy.session.doorbell.ring();
    revoke(world);
    world.hidden("shared");
    world.spy.session.reap(0);
    world.hidden("shared");
}

fn revoke(world: &mut World) {
    let capability = world.spy.capability;
    world.spy.client.ask(Some(capability), &ClientMessage::Revoke).unwrap();
    assert!(world.spy.session.is_over(), "nothing executes after the answer");
}

/// Neither the service's blocks nor a grant can be written.
fn writing(world: &mut World) {
    world.granted("shared", true);
    world.spy.try_to_write();
}
