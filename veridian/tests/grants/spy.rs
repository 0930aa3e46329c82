//! The client that wants to see more than it may.

use crate::common::attempts;
use crate::common::raw::{RawClient, RawSession, Refusal, Wish};
use capability::Rights;
use control::message::{BrokerReply, ClientMessage, Derive};
use dataplane::entry::Handle;
use dataplane::file::{OpenFlags, Request};
use dataplane::grant::GrantId;
use dataplane::platform::Access;
use dataplane::{Descriptor, Region};
use platform::linux;
use rings::sync::Ordering;
use std::os::unix::fs::FileExt;

/// What every file is filled with: a word that occurs nowhere else.
pub(crate) type Secret = u64;

/// A spy; nothing that it gets is ever given back.
pub(crate) struct Spy {
    pub(crate) client: RawClient,
    pub(crate) session: RawSession,
    /// The capability that its session stands on.
    pub(crate) capability: capability::Handle,
    /// Every region that it was ever handed, and a mapping of it.
    loot: Vec<(Descriptor, Region)>,
}

impl Spy {
    /// Connects, with a session that stands on a derived capability.
    pub(crate) fn new(address: &str) -> Self {
        let mut client = RawClient::greet(address).unwrap();
        let rights = Rights::CONNECT | Rights::READ;
        let derive = ClientMessage::Derive(Derive { rights, badge: 0 });
        let (reply, _) = client.ask(client.vfs(), &derive).unwrap();
        let BrokerReply::Derived(derived) = reply else { panic!("{reply:?}") };
        let session = client.open_by(Some(derived.handle), &Wish::default()).unwrap();
        let parts = [&session.client, &session.service, &session.arena];
        let loot = parts.map(|part| (part.descriptor.clone(), part.region.clone())).into();
        Self { client, session, capability: derived.handle, loot }
    }

    /// Opens a file for reading.
    pub(crate) fn open(&mut self, path: &str) -> Handle {
        self.session.open(path.as_bytes(), OpenFlags::default()).unwrap()
    }

    /// Has bytes from a file's start granted, and maps the grant.
    pub(crate) fn grant(&mut self, file: Handle, len: u32, hold: bool) -> GrantId {
        let read = Request::ReadGrant { handle: file, offset: 0, len, hold };
        let cqe = self.session.call(&read).unwrap();
        assert_eq!(cqe.status, i32::try_from(len).unwrap());
        let grant = GrantId::from_word(cqe.aux);
        self.take(grant.grant).unwrap();
        grant
    }

    /// Asks for the region of a grant, and keeps it.
    pub(crate) fn take(&mut self, grant: u32) -> Result<(), Refusal> {
        let region = self.client.map_grant(self.session.terms.session, grant)?;
        let mapped = self.client.map(&region, Access::ReadOnly).unwrap();
        self.loot.push((region, mapped));
        Ok(())
    }

    /// Whether the secret is in anything that it has, however it looks.
    pub(crate) fn sees(&self, secret: Secret) -> bool {
        self.loot.iter().any(|(descriptor, mapped)| {
            let anew = self.client.map(descriptor, Access::ReadOnly).unwrap();
            holds(mapped, secret) || holds(&anew, secret) || reads(descriptor, secret)
        })
    }

    /// Fails if anything that only the service may write can be written.
    pub(crate) fn try_to_write(&self) {
        let memory = std::fs::OpenOptions::new().write(true).open("/proc/self/mem").unwrap();
        let own = |descriptor: &Descriptor| {
            let parts = [&self.session.client, &self.session.arena];
            parts.iter().any(|part| std::sync::Arc::ptr_eq(&part.descriptor, descriptor))
        };
        let mut tried = 0;
        for (descriptor, mapped) in self.loot.iter().filter(|(descriptor, _)| !own(descriptor)) {
            for (attempt, outcome) in attempts::to_write(linux::as_fd(descriptor).unwrap()) {
                assert!(outcome.is_err(), "the spy can {attempt}");
                tried += 1;
            }
            assert!(self.client.map(descriptor, Access::ReadWrite).is_err());
            let word = mapped.word(0).unwrap();
            let before = word.load(Ordering::Acquire);
            let address = word.address().as_ptr() as u64;
            assert!(memory.write_at(&[0xff; 8], address).is_err());
            assert_eq!(word.load(Ordering::Acquire), before);
        }
        assert!(tried > 0);
    }
}

fn holds(region: &Region, secret: Secret) -> bool {
    let words = (0..region.len()).step_by(8);
    words.into_iter().any(|at| region.load(at, Ordering::Relaxed) == Ok(secret))
}

/// The same by the system call that needs no mapping.
fn reads(descriptor: &Descriptor, secret: Secret) -> bool {
    let file = linux::as_fd(descriptor).unwrap();
    let mut page = [0; 4096];
    let mut offset = 0;
    loop {
        let count = rustix::io::pread(file, &mut page, offset).unwrap_or(0);
        if count == 0 {
            return false;
        }
        if page[..count].chunks(8).any(|word| *word == secret.to_ne_bytes()) {
            return true;
        }
        offset += count as u64;
    }
}
