//! The messages of the control plane: what travels between a client or a service and the broker.
//!
//! ```text
//!   client ── ClientMessage ──▶ broker ── ServiceCommand ──▶ service
//!   client ◀── BrokerReply ──── broker ◀── ServiceMessage ── service
//! ```
//!
//! One enum a direction, so that nobody can be sent what is not for them. A message is a
//! [`Header`] and a body, little-endian, at most [`MAX_MESSAGE_BYTES`] together, and up to
//! [`MAX_DESCRIPTORS`] descriptors travel beside it. Everything that a message can hold is bounded
//! by its type, so encoding cannot fail; [decoding](Message::decode) is total, accepts only what
//! encoding writes, and says whom to answer. Each layout is a table at the top of the file that
//! owns it. `docs/capabilities.md` says which message needs which right.
//!
//! Neighbours: `capability` names the rights and handles; the carriers of the bytes and
//! descriptors are in `arch/platform`.

mod auth;
mod authentication;
mod broker;
mod client;
mod codec;
mod confinement;
mod error;
mod failed;
mod field;
mod guardian;
mod header;
mod launch;
mod list;
mod listing;
mod name;
mod needs;
mod page;
mod reason;
mod service;
mod session;
mod statistics;

#[cfg(test)]
mod tests;

pub use auth::{
    AuditPage, AuditRecord, AuthReply, AuthRequest, ChainFault, ChainReport, Identity, LogIn,
    LoggedIn, MapUser, NewUser, PrincipalKind, PrincipalNamed, Secret, SessionsAfter, SetPassword,
    UserEntry, UserSession,
};
pub use authentication::{
    ActsAs, Authenticate, Authenticated, Deauthenticate, ShownToken, TokenBytes,
};
pub use broker::{
    BrokerReply, Connected, Counts, Derived, HeldCapability, Mapped, Remains, Request,
    ServiceState, ServiceStatus, StatusReport, Told, Welcome,
};
pub use client::{
    ClientMessage, ConfigurationAction, Configure, Connect, Control, CreateEndpoint, Derive,
    MapGrant, Register, ServiceAction, Tell,
};
pub use codec::Message;
pub use confinement::{Confined, Layer, LayerState, Layers, Refused};
pub use error::{DecodeError, Fault};
pub use failed::Failed;
pub use guardian::{
    Begin, EndCode, GuardianCommand, GuardianReply, KeepNamed, KeyNamed, Keys, LimitWords,
    PokeWord, ProcessNamed, Processes, RunningProcess, SpawnUnit,
};
pub use header::{Header, MAX_DESCRIPTORS, MAX_MESSAGE_BYTES};
pub use launch::{LaunchCommand, LaunchReply, ServiceStart, StartSystem, Started};
pub use list::{List, OutOfBounds, Text};
pub use listing::{CapabilityNode, Hand, ListFrom, Listing, NodeNamed, Ticket};
pub use name::{InvalidName, Name};
pub use needs::{
    ADMINISTRATION, CLIENT_NEEDS, ClientNeeds, Needs, On, SERVICE_NEEDS, ServiceNeed, ServiceNeeds,
    tables,
};
pub use page::{Page, Paged};
pub use reason::Reason;
pub use service::{
    CreateRegion, DestroyRegion, Offer, OpenSession, Opened, Pong, RegionCreated, ServiceCommand,
    ServiceMessage, SessionEnded, Stack, TellService, Withdraw,
};
pub use session::{Credentials, PeerIdentity, SessionNamed, SessionTerms, SetCredential};
pub use statistics::{ClientIdentity, ClientStatistics, SessionStatistics, Work};
