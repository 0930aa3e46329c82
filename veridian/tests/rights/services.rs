//! What services want for the messages that are their own business: each is refused by the service
//! without its right, not with it, and refused by init after revocation.

use crate::stage::{System, ask, held};
use capability::Rights;
use control::message::{
    ActsAs, AuthReply, AuthRequest, BrokerReply, ClientMessage, Header, MapUser, Message as _,
    Name, NewUser, PrincipalKind, PrincipalNamed, Secret, Tell,
};
use dataplane::Descriptor;
use dataplane::entry::Errno;

/// A service, a message, the right that it needs, and whether a directory comes along.
fn messages() -> Vec<(&'static str, Vec<u8>, Rights, bool)> {
    let texts: [(_, &[u8], _, _); 6] = [
        ("vfs", b"usage", Rights::AUDIT, false),
        ("vfs", b"mounts", Rights::AUDIT, false),
        ("vfs", b"mount\0host\0ro\0/missing", Rights::MOUNT, true),
        ("vfs", b"bind\0ro\0/missing\0/missing", Rights::MOUNT, false),
        ("vfs", b"unmount\0/missing", Rights::MOUNT, false),
        ("logger", b"sources", Rights::AUDIT, false),
    ];
    let texts =
        texts.map(|(service, text, right, comes_with)| (service, text.to_vec(), right, comes_with));
    let name: Name = "nobody".parse().unwrap();
    let new = NewUser {
        name: "eve".parse().unwrap(),
        kind: PrincipalKind::User,
        rights: Rights::READ,
        acts_as: ActsAs(None),
        password: Secret::new(b"correct horse".to_vec()).unwrap(),
    };
    let to_auth = [
        (AuthRequest::AddUser(new), Rights::CONFIGURE),
        (AuthRequest::RemoveUser(PrincipalNamed { name }), Rights::CONFIGURE),
        (AuthRequest::Map(MapUser { uid: 54321, name }), Rights::CONFIGURE),
        (AuthRequest::Unmap(54321), Rights::CONFIGURE),
        (AuthRequest::EndSession(54321), Rights::CONFIGURE),
        (AuthRequest::Audit(1), Rights::AUDIT),
        (AuthRequest::VerifyAudit, Rights::AUDIT),
    ];
    let to_auth =
        to_auth.map(|(asked, right)| ("auth", asked.encode(Header::default()), right, false));
    texts.into_iter().chain(to_auth).collect()
}

/// What a service has answered; auth says in its answer that it refuses.
fn answer(service: &str, reply: Result<BrokerReply, Errno>) -> Result<(), Errno> {
    match reply? {
        BrokerReply::Told(text) if service == "auth" => {
            match AuthReply::decode(&text.text).unwrap().1 {
                AuthReply::Refused(failed) => Err(failed.errno),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn directory() -> Descriptor {
    platform::linux::descriptor(std::fs::File::open("/").unwrap().into())
}

fn check(system: &System) {
    let client = system.connect();
    for (service, text, right, comes_with) in messages() {
        let (object, all) = held(&client, service);
        let tell = Tell { text: text.clone().try_into().unwrap() };
        let (message, descriptors): (_, fn() -> Vec<Descriptor>) = match comes_with {
            true => (ClientMessage::TellWith(tell), || vec![directory()]),
            false => (ClientMessage::Tell(tell), Vec::new),
        };
        let told = |rights| {
            let capability = client.derive(object, rights, 0).unwrap();
            answer(service, ask(&client, Some(capability), &message, descriptors()))
        };
        let shown = text.escape_ascii();
        assert_eq!(told(all - right), Err(Errno::EPERM), "{service}: {shown} without");
        let with = told(Rights::CONNECT | right);
        assert_ne!(with, Err(Errno::EPERM), "{service}: {shown} with");
        assert_ne!(with, Err(Errno::EOPNOTSUPP), "{service}: {shown} is no message");
        let gone = client.derive(object, Rights::CONNECT | right, 0).unwrap();
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
