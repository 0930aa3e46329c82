//! What each message needs before it is handled: one row for each, from which the broker's check, the
//! table in docs/capabilities.md and the tests of `veridian/tests/rights` are made.
//!
//! A message without a row does not compile. Neighbours: `client` and `service` define the messages.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use capability::Rights;
use dataplane::SessionId;

use super::client::ClientMessage;
use super::service::ServiceMessage;

/// What the header's capability must be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Whatever it is on.
    Anything,
    /// The system.
    System,
    /// A service.
    Service,
}

/// What a client's message needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// That the session that it names is the sender's own, and stands on a capability with these
    /// rights.
    OwnSession(Rights),
    /// A capability of the sender's, named by the header, with all these rights.
    Capability(On, Rights),
    /// The same, and one of these others.
    OneOf(On, Rights, Rights),
    /// Nothing, about what is the sender's own; about everybody's, a capability with all these
    /// rights.
    OwnOr(On, Rights),
}

/// A client's message and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientNeeds {
    /// The message.
    pub message: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// What is looked at besides, in words for people.
    pub besides: &'static str,
}

/// What a service's message needs, which comes on the channel that init has started it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceNeed {
    /// To be the answer to something that the service was asked and has not answered.
    Question,
    /// Nothing more: it is about the service itself.
    Itself,
    /// Memory that the service's quota still has.
    Quota,
    /// A region of the service's own.
    Region,
    /// A session with this service.
    Session,
    /// Both.
    RegionAndSession,
}

/// A service's message and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceNeeds {
    /// The message.
    pub message: &'static str,
    /// What it needs.
    pub needs: ServiceNeed,
    /// What is looked at besides, in words for people.
    pub besides: &'static str,
}

const DERIVED: &str = "all rights that the body asks for; a badge once set stays";
const OTHERS: &str = "`REVOKE`, if others hold what was derived from it";
const SERVICE: &str = "what the message itself needs is checked by its service";

/// Rights to administer something: one of them lets a client hand a descriptor to a service.
pub const ADMINISTRATION: Rights =
    Rights::MOUNT.union(Rights::NET_ADMIN).union(Rights::BLOCK_ADMIN).union(Rights::DEVICE);

const fn on_service(rights: Rights) -> Needs {
    Needs::Capability(On::Service, rights)
}

const fn on_system(rights: Rights) -> Needs {
    Needs::Capability(On::System, rights)
}

/// Makes the table of a direction, and the way from a message to its row.
macro_rules! rows {
    (
        $(#[$attribute:meta])*
        $table:ident: $row:ident, $need:ident, $messages:ident:
        $($name:ident => $needs:expr, $besides:expr;)*
    ) => {
        $(#[$attribute])*
        pub const $table: &[$row] = &[$($row {
            message: stringify!($name),
            needs: $needs,
            besides: $besides,
        },)*];

        impl $messages {
            /// What the message needs.
            #[must_use]
            pub const fn needs(&self) -> $need {
                match self {
                    $(Self::$name { .. } => const { $needs },)*
                }
            }
        }
    };
}

rows! {
    /// Each message of a client and what it needs.
    CLIENT_NEEDS: ClientNeeds, Needs, ClientMessage:
    Hello => Needs::Nothing, "it tells what the sender holds";
    Connect => on_service(Rights::CONNECT), "the body names that service; the session gets the other rights";
    Disconnect => Needs::OwnSession(Rights::empty()), "";
    MapGrant => Needs::OwnSession(Rights::empty()), "the service has offered the grant in it";
    Derive => Needs::Capability(On::Anything, Rights::DERIVE), DERIVED;
    Revoke => Needs::Capability(On::Anything, Rights::empty()), OTHERS;
    Status => Needs::Nothing, "";
    Shutdown => on_system(Rights::SHUTDOWN), "";
    Remains => Needs::OwnSession(Rights::empty()), "its service serves it no more";
    Tell => on_service(Rights::CONNECT), SERVICE;
    TellWith => Needs::OneOf(On::Service, Rights::CONNECT, ADMINISTRATION), SERVICE;
    SetCredential => Needs::OwnSession(Rights::ACT_AS), "root may name anybody, the system's owner itself with groups of its own";
    Statistics => on_service(Rights::AUDIT), "the answer also names process and user of each session's client";
    Control => on_service(Rights::CAP_SPAWN), "";
    Hand => Needs::Capability(On::Anything, Rights::DERIVE), DERIVED;
    Take => Needs::Nothing, "the ticket, which counts once and for a minute";
    Register => on_system(Rights::CAP_SERVICE), "the endpoint that the body names is served by the sender";
    CreateEndpoint => on_system(Rights::CAP_IPC_CREATE), "the name is free, and not too many are there";
    Capabilities => Needs::OwnOr(On::System, Rights::AUDIT), "";
    RevokeOf => on_system(Rights::AUDIT.union(Rights::REVOKE)), "it is not one of init's own";
    Authenticate => Needs::Nothing, "the token, which auth must know";
    LastWords => on_service(Rights::AUDIT), "";
    Configure => on_system(Rights::CONFIGURE), "";
    Reboot => on_system(Rights::SHUTDOWN), "";
}

rows! {
    /// Each message of a service and what it needs.
    SERVICE_NEEDS: ServiceNeeds, ServiceNeed, ServiceMessage:
    Done => ServiceNeed::Question, "";
    Failed => ServiceNeed::Question, "";
    Ready => ServiceNeed::Itself, "counts once";
    CreateRegion => ServiceNeed::Quota, "";
    DestroyRegion => ServiceNeed::Region, "";
    Offer => ServiceNeed::RegionAndSession, "";
    Withdraw => ServiceNeed::Session, "";
    SessionEnded => ServiceNeed::Session, "";
    Opened => ServiceNeed::Question, "";
    Pong => ServiceNeed::Question, "";
    Told => ServiceNeed::Question, "";
    Statistics => ServiceNeed::Question, "of sessions that are not with this service nothing is passed on";
    Stack => ServiceNeed::Itself, "counts when it was asked";
    Authenticated => ServiceNeed::Question, "";
    Refused => ServiceNeed::Itself, "it is counted and logged, and nothing is decided by it";
    Deauthenticate => ServiceNeed::Itself, "counts from auth only";
}

impl ClientMessage {
    /// The session that must be the sender's own.
    #[must_use]
    pub const fn own_session(&self) -> Option<SessionId> {
        match self {
            Self::Disconnect(named) | Self::Remains(named) => Some(named.session),
            Self::MapGrant(wish) => Some(wish.session),
            Self::SetCredential(set) => Some(set.session),
            _ => None,
        }
    }
}

impl ClientNeeds {
    /// The test that shows the refusal, in `veridian/tests/rights`.
    #[must_use]
    pub fn test(&self) -> String {
        let mut name = String::new();
        for character in self.message.chars() {
            if character.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(character.to_lowercase());
        }
        name
    }
}

/// The tables of all messages, as docs/capabilities.md has them: of clients, of services.
#[must_use]
pub fn tables() -> [String; 2] {
    let mut clients = String::from(
        "| message | header's capability | right | besides | test |\n|---|---|---|---|---|\n",
    );
    for row in CLIENT_NEEDS {
        let (on, right) = match row.needs {
            Needs::Nothing => ("none", String::from("none")),
            Needs::OwnSession(rights) if rights.is_empty() => {
                ("none; the session is the sender's own", String::from("none"))
            }
            Needs::OwnSession(rights) => (
                "none; the session is the sender's own",
                format!("{}, of the one that the session stands on", names(rights)),
            ),
            Needs::Capability(on, rights) => (what(on), names(rights)),
            Needs::OwnOr(on, rights) => {
                (what(on), format!("none about one's own; about everybody's {}", names(rights)))
            }
            Needs::OneOf(on, rights, others) => {
                (what(on), format!("{}, and one of {}", names(rights), names(others)))
            }
        };
        let (message, besides, test) = (row.message, row.besides, row.test());
        clients += &format!("| {message} | {on} | {right} | {besides} | `{test}` |\n");
    }
    let mut services = String::from("| message | needs | besides |\n|---|---|---|\n");
    for row in SERVICE_NEEDS {
        let needs = match row.needs {
            ServiceNeed::Question => "answers what init has asked, once",
            ServiceNeed::Itself => "nothing",
            ServiceNeed::Quota => "memory that the service's quota still has",
            ServiceNeed::Region => "the region is the service's own",
            ServiceNeed::Session => "the session is one with this service",
            ServiceNeed::RegionAndSession => {
                "the session is one with this service, the region is the service's own"
            }
        };
        services += &format!("| {} | {needs} | {} |\n", row.message, row.besides);
    }
    [clients, services]
}

const fn what(on: On) -> &'static str {
    match on {
        On::Anything => "the one that is meant",
        On::System => "the system's",
        On::Service => "the service's",
    }
}

fn names(rights: Rights) -> String {
    if rights.is_empty() {
        return String::from("to hold it");
    }
    let names: Vec<String> = rights.iter_names().map(|(name, _)| format!("`{name}`")).collect();
    names.join(", ")
}
