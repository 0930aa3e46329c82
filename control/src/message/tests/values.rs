//! Strategies for any message of each direction.

use alloc::string::String;
use alloc::vec;

use capability::{Handle, Rights};
use dataplane::entry::{self, Errno};
use dataplane::{Histogram, SessionId, WaitMode};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::message::*;

pub(super) fn header() -> impl Strategy<Value = Header> {
    let capability = proptest::option::of(handle());
    (any::<u64>(), capability).prop_map(|(request, capability)| Header { request, capability })
}

fn handle() -> impl Strategy<Value = Handle> {
    (any::<u32>(), 1u16..).prop_map(|(slot, generation)| {
        Handle::from_word(u64::from(slot) | u64::from(generation) << 32).unwrap()
    })
}

fn object_handle() -> impl Strategy<Value = entry::Handle> {
    (any::<u32>(), any::<u16>()).prop_map(|(slot, generation)| entry::Handle { slot, generation })
}

fn rights() -> impl Strategy<Value = Rights> {
    any::<u64>().prop_map(Rights::from_bits_truncate)
}

fn name() -> impl Strategy<Value = Name> {
    "[a-z0-9-]{1,64}".prop_map(|text| text.parse().unwrap())
}

fn waiting() -> impl Strategy<Value = WaitMode> {
    prop_oneof![Just(WaitMode::Adaptive), Just(WaitMode::Polling), Just(WaitMode::Sleeping)]
}

fn layers() -> impl Strategy<Value = Layers> {
    any::<u32>().prop_map(Layers::from_bits_truncate)
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<u64>().prop_map(SessionId)
}

fn session_named() -> impl Strategy<Value = SessionNamed> {
    session().prop_map(|session| SessionNamed { session })
}

fn errno() -> impl Strategy<Value = Errno> {
    (1..=4095i32).prop_map(Errno)
}

fn list<T: core::fmt::Debug, const MAX: usize, const MIN: usize>(
    element: impl Strategy<Value = T>,
) -> impl Strategy<Value = List<T, MAX, MIN>> {
    vec(element, MIN..=MAX).prop_map(|elements| elements.try_into().unwrap())
}

fn failed() -> impl Strategy<Value = Failed> {
    (errno(), any::<String>()).prop_map(|(errno, reason)| Failed::new(errno, &reason))
}

fn terms() -> impl Strategy<Value = SessionTerms> {
    let identity = (session(), any::<u64>(), rights(), any::<u32>());
    let sizes = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u16>());
    let quota = (any::<u32>(), any::<u32>(), any::<u32>());
    (identity, sizes, quota, waiting()).prop_map(|(identity, sizes, quota, waiting)| {
        let (session, badge, rights, epoch) = identity;
        let (arena_bytes, sq_entries, cq_entries, queues) = sizes;
        let (max_handles, max_in_flight, max_pinned_pages) = quota;
        SessionTerms {
            session,
            badge,
            rights,
            arena_bytes,
            epoch,
            sq_entries,
            cq_entries,
            max_handles,
            max_in_flight,
            max_pinned_pages,
            queues,
            waiting,
        }
    })
}

fn connect() -> impl Strategy<Value = Connect> {
    let sizes = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u16>());
    (name(), sizes, any::<u64>(), waiting()).prop_map(|(service, sizes, features, waiting)| {
        let (arena_bytes, sq_entries, cq_entries, queues) = sizes;
        Connect { service, arena_bytes, features, sq_entries, cq_entries, queues, waiting }
    })
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (any::<u32>(), any::<u32>(), list(any::<u32>())).prop_map(|(uid, gid, groups)| Credentials {
        uid,
        gid,
        groups,
    })
}

fn set_credential() -> impl Strategy<Value = SetCredential> {
    (session(), any::<u16>(), credentials())
        .prop_map(|(session, index, credentials)| SetCredential { session, index, credentials })
}

fn configure() -> impl Strategy<Value = Configure> {
    use ConfigurationAction::{Reload, Set, Show};
    let action = prop_oneof![Just(Show), Just(Set), Just(Reload)];
    (action, list(any::<u8>()), list(any::<u8>())).prop_map(|(action, key, value)| Configure {
        action,
        key,
        value,
    })
}

pub(super) fn client_message() -> impl Strategy<Value = ClientMessage> {
    prop_oneof![
        Just(ClientMessage::Hello),
        connect().prop_map(ClientMessage::Connect),
        session_named().prop_map(ClientMessage::Disconnect),
        (session(), any::<u32>())
            .prop_map(|(session, grant)| ClientMessage::MapGrant(MapGrant { session, grant })),
        (rights(), any::<u64>())
            .prop_map(|(rights, badge)| ClientMessage::Derive(Derive { rights, badge })),
        Just(ClientMessage::Revoke),
        Just(ClientMessage::Status),
        Just(ClientMessage::Shutdown),
        session_named().prop_map(ClientMessage::Remains),
        list(any::<u8>()).prop_map(|text| ClientMessage::Tell(Tell { text })),
        list(any::<u8>()).prop_map(|text| ClientMessage::TellWith(Tell { text })),
        set_credential().prop_map(ClientMessage::SetCredential),
        session_named().prop_map(ClientMessage::Statistics),
        configure().prop_map(ClientMessage::Configure),
        (rights(), any::<u64>())
            .prop_map(|(rights, badge)| ClientMessage::Hand(Hand { rights, badge })),
        ticket().prop_map(ClientMessage::Take),
        handle().prop_map(|endpoint| ClientMessage::Register(Register { endpoint })),
        name().prop_map(|name| ClientMessage::CreateEndpoint(CreateEndpoint { name })),
        list_from().prop_map(ClientMessage::Capabilities),
        (any::<u64>(), handle())
            .prop_map(|(space, handle)| { ClientMessage::RevokeOf(NodeNamed { space, handle }) }),
        Just(ClientMessage::LastWords),
        Just(ClientMessage::Reboot),
        list(any::<u8>()).prop_map(|token| ClientMessage::Authenticate(ShownToken { token })),
    ]
}

fn peer() -> impl Strategy<Value = PeerIdentity> {
    any::<[u32; 3]>().prop_map(|[pid, uid, gid]| PeerIdentity { pid, uid, gid })
}

fn acts_as() -> impl Strategy<Value = ActsAs> {
    any::<Option<(u32, u32)>>().prop_map(ActsAs)
}

fn authenticated() -> impl Strategy<Value = Authenticated> {
    (any::<[u64; 2]>(), name(), rights(), acts_as(), list(name())).prop_map(
        |([session, for_ns], principal, rights, acts_as, services)| Authenticated {
            session,
            principal,
            rights,
            for_ns,
            acts_as,
            services,
        },
    )
}

fn secret() -> impl Strategy<Value = Secret> {
    vec(any::<u8>(), 0..=Secret::MAX_BYTES).prop_map(|bytes| Secret::new(bytes).unwrap())
}

fn kind() -> impl Strategy<Value = PrincipalKind> {
    use PrincipalKind::{Application, Service, User};
    prop_oneof![Just(User), Just(Service), Just(Application)]
}

pub(super) fn auth_request() -> impl Strategy<Value = AuthRequest> {
    let new = (name(), kind(), rights(), acts_as(), secret()).prop_map(
        |(name, kind, rights, acts_as, password)| NewUser { name, kind, rights, acts_as, password },
    );
    prop_oneof![
        (name(), secret())
            .prop_map(|(name, password)| AuthRequest::LogIn(LogIn { name, password })),
        Just(AuthRequest::LogInAsPeer),
        list(any::<u8>()).prop_map(AuthRequest::LogOut),
        any::<u64>().prop_map(AuthRequest::EndSession),
        list(any::<u8>()).prop_map(AuthRequest::WhoAmI),
        (list(any::<u8>()), any::<u64>())
            .prop_map(|(token, after)| AuthRequest::Sessions(SessionsAfter { token, after })),
        (name(), secret(), secret())
            .prop_map(|(name, old, new)| AuthRequest::SetPassword(SetPassword { name, old, new })),
        new.prop_map(AuthRequest::AddUser),
        name().prop_map(|name| AuthRequest::RemoveUser(PrincipalNamed { name })),
        (any::<u32>(), name()).prop_map(|(uid, name)| AuthRequest::Map(MapUser { uid, name })),
        any::<u32>().prop_map(AuthRequest::Unmap),
        any::<u32>().prop_map(AuthRequest::Users),
        any::<u64>().prop_map(AuthRequest::Audit),
        Just(AuthRequest::VerifyAudit),
    ]
}

pub(super) fn auth_reply() -> impl Strategy<Value = AuthReply> {
    let identity = (name(), kind(), rights(), any::<u64>(), acts_as(), list(name())).prop_map(
        |(name, kind, rights, for_ns, acts_as, services)| {
            AuthReply::Identity(Identity { name, kind, rights, for_ns, acts_as, services })
        },
    );
    let session = (any::<[u64; 4]>(), name(), any::<u32>()).prop_map(
        |([session, since_ns, idle_ns, for_ns], principal, uid)| UserSession {
            session,
            principal,
            uid,
            since_ns,
            idle_ns,
            for_ns,
        },
    );
    let user = (name(), kind(), rights(), acts_as(), list(any::<u32>())).prop_map(
        |(name, kind, rights, acts_as, uids)| UserEntry { name, kind, rights, acts_as, uids },
    );
    let record = (any::<[u64; 2]>(), list(any::<u8>()))
        .prop_map(|([sequence, time], text)| AuditRecord { sequence, time, text });
    use ChainFault::{Changed, NoHead, None, Removed, Reordered, Truncated};
    let fault = prop::sample::select(&[None, Changed, Removed, Reordered, Truncated, NoHead][..]);
    let verified = (any::<[u64; 3]>(), fault).prop_map(|([first, last, at], fault)| {
        AuthReply::Verified(ChainReport { first, last, fault, at })
    });
    prop_oneof![
        Just(AuthReply::Done),
        failed().prop_map(AuthReply::Refused),
        (any::<u64>(), list(any::<u8>()))
            .prop_map(|(for_ns, token)| AuthReply::LoggedIn(LoggedIn { for_ns, token })),
        any::<u64>().prop_map(AuthReply::Locked),
        identity,
        list(session).prop_map(AuthReply::Sessions),
        list(user).prop_map(AuthReply::Users),
        list(record).prop_map(|records| AuthReply::Audit(AuditPage { records })),
        verified,
    ]
}

fn ticket() -> impl Strategy<Value = Ticket> {
    (any::<u64>(), any::<u64>()).prop_map(|(first, second)| Ticket { first, second })
}

fn list_from() -> impl Strategy<Value = ListFrom> {
    (any::<u64>(), any::<u64>()).prop_map(|(space, handle)| ListFrom { space, handle })
}

fn listing() -> impl Strategy<Value = Listing> {
    let numbers = (any::<[u64; 4]>(), any::<[u32; 3]>());
    let node =
        (numbers, handle(), rights(), name()).prop_map(|(numbers, handle, rights, object)| {
            let ([space, parent_space, parent_handle, badge], [pid, uid, sessions]) = numbers;
            CapabilityNode {
                space,
                handle,
                parent_space,
                parent_handle,
                rights,
                badge,
                object,
                pid,
                uid,
                sessions,
            }
        });
    (list_from(), list(node)).prop_map(|(next, nodes)| Listing { next, nodes })
}

fn held_capability() -> impl Strategy<Value = HeldCapability> {
    (handle(), rights(), name()).prop_map(|(handle, rights, service)| HeldCapability {
        handle,
        rights,
        service,
    })
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (any::<u64>(), list(held_capability()))
        .prop_map(|(features, capabilities)| Welcome { features, capabilities })
}

fn status_report() -> impl Strategy<Value = StatusReport> {
    let state = prop_oneof![
        Just(ServiceState::Starting),
        Just(ServiceState::Ready),
        Just(ServiceState::Stopping),
        Just(ServiceState::Stopped),
        Just(ServiceState::Failed),
        Just(ServiceState::Restarting),
        Just(ServiceState::Quarantined),
        Just(ServiceState::Paused),
    ];
    let lives = (any::<u64>(), any::<[u32; 2]>(), any::<i32>(), layers(), any::<u32>());
    let times = any::<[u64; 3]>();
    let service = (name(), times, any::<[u64; 5]>(), any::<[u32; 3]>(), state, lives).prop_map(
        |(name, times, counters, [pid, sessions, epoch], state, lives)| {
            let [start_ns, uptime_ns, resident_bytes] = times;
            let [accepted, completed, errors, quarantined, opened] = counters;
            let (retry_ns, [restarts, failures], last_end, confinement, refused) = lives;
            ServiceStatus {
                name,
                start_ns,
                uptime_ns,
                resident_bytes,
                accepted,
                completed,
                errors,
                quarantined,
                opened,
                pid,
                sessions,
                epoch,
                state,
                retry_ns,
                restarts,
                failures,
                last_end,
                confinement,
                refused,
            }
        },
    );
    let counts = any::<[u32; 6]>().prop_map(
        |[clients, sessions, regions, capabilities, init_pid, init_restarts]| Counts {
            clients,
            sessions,
            regions,
            capabilities,
            init_pid,
            init_restarts,
        },
    );
    (counts, list(service)).prop_map(|(counts, services)| StatusReport { counts, services })
}

fn remains() -> impl Strategy<Value = Remains> {
    let request = (any::<[u64; 2]>(), any::<[u16; 2]>()).prop_map(
        |([user_data, index], [queue, accepted])| Request { user_data, index, queue, accepted },
    );
    list(request).prop_map(|requests| Remains { requests })
}

/// From nothing to more than fits.
fn page<T: Paged + core::fmt::Debug>(
    element: impl Strategy<Value = T>,
) -> impl Strategy<Value = Page<T>> {
    let next = proptest::option::of((1..u64::MAX).prop_map(SessionId));
    (vec(element, 0..60), next).prop_map(|(elements, next)| Page::new(elements).followed_by(next))
}

fn session_statistics() -> impl Strategy<Value = SessionStatistics> {
    // A page that goes on names the session that it goes on with, which is never 0.
    let numbers = (1..u64::MAX, any::<[u64; 4]>());
    let buckets = vec((0..400u16, any::<u64>()), 0..20);
    (numbers, buckets).prop_map(|((session, counts), buckets)| {
        let [accepted, completed, errors, in_flight] = counts;
        let session = SessionId(session);
        let mut times = Histogram::default();
        for (bucket, count) in buckets {
            times.add(bucket, count);
        }
        SessionStatistics { work: Work { session, accepted, completed, errors, in_flight }, times }
    })
}

fn client_statistics() -> impl Strategy<Value = ClientStatistics> {
    let client = any::<[u32; 2]>().prop_map(|[pid, uid]| ClientIdentity { pid, uid });
    (client, session_statistics())
        .prop_map(|(client, statistics)| ClientStatistics { client, statistics })
}

pub(super) fn broker_reply() -> impl Strategy<Value = BrokerReply> {
    let connected = (terms(), any::<u64>(), object_handle())
        .prop_map(|(terms, features, root)| Connected { terms, features, root });
    prop_oneof![
        Just(BrokerReply::Done),
        failed().prop_map(BrokerReply::Failed),
        welcome().prop_map(BrokerReply::Welcome),
        connected.prop_map(BrokerReply::Connected),
        any::<u32>().prop_map(|grant| BrokerReply::Mapped(Mapped { grant })),
        handle().prop_map(|handle| BrokerReply::Derived(Derived { handle })),
        status_report().prop_map(BrokerReply::StatusReport),
        remains().prop_map(BrokerReply::Remains),
        list(any::<u8>()).prop_map(|text| BrokerReply::Told(Told { text })),
        page(client_statistics()).prop_map(BrokerReply::Statistics),
        listing().prop_map(BrokerReply::Capabilities),
        ticket().prop_map(BrokerReply::Ticket),
        held_capability().prop_map(BrokerReply::Taken),
    ]
}

fn tell_service() -> impl Strategy<Value = TellService> {
    (rights(), any::<u64>(), peer(), list(any::<u8>()))
        .prop_map(|(rights, badge, sender, text)| TellService { rights, badge, sender, text })
}

pub(super) fn service_command() -> impl Strategy<Value = ServiceCommand> {
    let open = (terms(), list(credentials()))
        .prop_map(|(terms, credentials)| OpenSession { terms, credentials });
    prop_oneof![
        Just(ServiceCommand::Done),
        failed().prop_map(ServiceCommand::Failed),
        open.prop_map(ServiceCommand::OpenSession),
        set_credential().prop_map(ServiceCommand::SetCredential),
        session_named().prop_map(ServiceCommand::CloseSession),
        session_named().prop_map(ServiceCommand::RevokeSession),
        session_named().prop_map(ServiceCommand::Statistics),
        Just(ServiceCommand::Stop),
        Just(ServiceCommand::Ping),
        (any::<u64>(), any::<u64>()).prop_map(|(region, bytes)| {
            ServiceCommand::RegionCreated(RegionCreated { region, bytes })
        }),
        tell_service().prop_map(ServiceCommand::Tell),
        tell_service().prop_map(ServiceCommand::TellWith),
        (peer(), list(any::<u8>())).prop_map(|(peer, token)| {
            ServiceCommand::Authenticate(Authenticate { peer, token })
        }),
        list(any::<u8>()).prop_map(|text| ServiceCommand::Audit(Tell { text })),
        any::<u64>().prop_map(|session| ServiceCommand::UserSession(Deauthenticate { session })),
    ]
}

pub(super) fn service_message() -> impl Strategy<Value = ServiceMessage> {
    let offer = (session(), any::<u64>(), any::<u32>())
        .prop_map(|(session, region, grant)| Offer { session, region, grant });
    let withdraw =
        (session(), any::<u32>()).prop_map(|(session, grant)| Withdraw { session, grant });
    let ended = (session(), proptest::option::of(errno()))
        .prop_map(|(session, reason)| SessionEnded { session, reason });
    prop_oneof![
        Just(ServiceMessage::Done),
        failed().prop_map(ServiceMessage::Failed),
        layers().prop_map(|layers| ServiceMessage::Ready(Confined { layers })),
        any::<[u32; 2]>()
            .prop_map(|[call, count]| ServiceMessage::Refused(Refused { call, count })),
        any::<u64>().prop_map(|bytes| ServiceMessage::CreateRegion(CreateRegion { bytes })),
        any::<u64>().prop_map(|region| ServiceMessage::DestroyRegion(DestroyRegion { region })),
        offer.prop_map(ServiceMessage::Offer),
        withdraw.prop_map(ServiceMessage::Withdraw),
        ended.prop_map(ServiceMessage::SessionEnded),
        object_handle().prop_map(|root| ServiceMessage::Opened(Opened { root })),
        any::<[u64; 5]>().prop_map(|[accepted, completed, errors, quarantined, sessions]| {
            ServiceMessage::Pong(Pong { accepted, completed, errors, quarantined, sessions })
        }),
        list(any::<u8>()).prop_map(|text| ServiceMessage::Told(Told { text })),
        page(session_statistics()).prop_map(ServiceMessage::Statistics),
        authenticated().prop_map(ServiceMessage::Authenticated),
        any::<u64>().prop_map(|session| ServiceMessage::Deauthenticate(Deauthenticate { session })),
    ]
}
