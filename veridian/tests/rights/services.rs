//! What services want for the messages that are their own business: each is refused by the service
//! without its right, not with it, and refused by init after revocation.

use crate::stage::{System, ask, held};
use capability::Rights;
use control::message::{ClientMessage, Tell};
use dataplane::Descriptor;
use dataplane::entry::Errno;

/// A service, a message, the right that it needs, and whether a directory comes along.
const MESSAGES: &[(&str, &[u8], Rights, bool)] = &[
    ("vfs", b"usage", Rights::AUDIT, false),
    ("vfs", b"mounts", Rights::AUDIT, false),
    ("vfs", b"mount\0host\0ro\0/missing", Rights::MOUNT, true),
    ("vfs", b"bind\0ro\0/missing\0/missing", Rights::MOUNT, false),
    ("vfs", b"unmount\0/missing", Rights::MOUNT, false),
    ("logger", b"sources", Rights::AUDIT, false),
];

fn directory() -> Descriptor {
    platform::linux::descriptor(std::fs::File::open("/").unwrap().into())
}

fn check(system: &System) {
    let client = system.connect();
    for (service, text, right, comes_with) in MESSAGES {
        let (object, all) = held(&client, service);
        let tell = Tell { text: text.to_vec().try_into().unwrap() };
        let (message, descriptors): (_, fn() -> Vec<Descriptor>) = match comes_with {
            true => (ClientMessage::TellWith(tell), || vec![directory()]),
            false => (ClientMessage::Tell(tell), Vec::new),
        };
        let told = |rights| {
            let capability = client.derive(object, rights, 0).unwrap();
            ask(&client, Some(capability), &message, descriptors())
        };
        let shown = text.escape_ascii();
        assert_eq!(told(all - *right), Err(Errno::EPERM), "{service}: {shown} without");
        let with = told(Rights::CONNECT | *right);
        assert_ne!(with, Err(Errno::EPERM), "{service}: {shown} with");
        assert_ne!(with, Err(Errno::EOPNOTSUPP), "{service}: {shown} is no message");
        let gone = client.derive(object, Rights::CONNECT | *right, 0).unwrap();
        client.revoke(gone).unwrap();
        let after = ask(&client, Some(gone), &message, descriptors());
        assert_eq!(after, Err(Errno::EPERM), "{service}: {shown} revoked");
    }
}

#[test]
fn local() {
    check(&System::local());
}

#[test]
fn linux() {
    check(&System::linux());
}
