//! What clients do with a system, over both platforms: the services as threads of this process
//! (`local`) and as processes (`linux`). The same functions run over both.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "scenarios/connections.rs"]
mod connections;
#[path = "scenarios/death.rs"]
mod death;
#[path = "scenarios/endpoints.rs"]
mod endpoints;
#[path = "scenarios/files.rs"]
mod files;
#[path = "scenarios/locks.rs"]
mod locks;
#[path = "scenarios/mounts.rs"]
mod mounts;
#[path = "scenarios/quotas.rs"]
mod quotas;
#[path = "scenarios/requests.rs"]
mod requests;
#[path = "scenarios/statistics.rs"]
mod statistics;
#[path = "scenarios/watches.rs"]
mod watches;

mod common;

use control::client::{Connection, Session, SessionOptions};
use dataplane::client::Queue;
use dataplane::entry::Handle;
use platform::NotifierThread;
use std::path::Path;
use std::sync::Arc;
use veridian::embed::LocalSystem;
use veridian::system::{Embedded, connect};

/// A system on one of the platforms.
enum System {
    Local(LocalSystem),
    Linux(Box<Embedded>),
}

impl System {
    fn local() -> Self {
        Self::Local(LocalSystem::start().expect("the local system starts"))
    }

    fn linux() -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
        Self::Linux(Box::new(Embedded::start_from(program).expect("the system starts")))
    }

    /// A new connection.
    fn connect(&self) -> Connection {
        match self {
            Self::Local(system) => system.connect().expect("connects"),
            Self::Linux(system) => connect(&system.address).expect("connects"),
        }
    }

    /// A new session of one queue, with the connection that keeps it.
    fn session(&self) -> Open {
        Open::new(self.connect(), SessionOptions::default())
    }

    fn notifier(&self) -> Arc<NotifierThread> {
        let started = match self {
            Self::Local(system) => system.notifier(),
            Self::Linux(_) => {
                let platform = platform::linux::Platform::new();
                NotifierThread::start(platform.waiting(), &*platform.memory())
            }
        };
        Arc::new(started.expect("a thread starts"))
    }

    fn stop(self) {
        if let Self::Linux(system) = self {
            system.stop().expect("stops in order");
        }
    }
}

/// A session and one queue of it.
struct Open {
    connection: Connection,
    session: Session,
    queue: Queue,
    root: Handle,
}

impl Open {
    fn new(connection: Connection, options: SessionOptions) -> Self {
        let mut session = connection.connect("vfs", options).expect("the vfs takes the session");
        let queue = session.take_queue().expect("there is a queue");
        let root = session.root();
        Self { connection, session, queue, root }
    }
}

/// Makes a test of each function for each platform.
macro_rules! scenarios {
    ($($module:ident::$name:ident,)*) => {
        mod local {
            $(#[test] fn $name() {
                let system = crate::System::local();
                crate::$module::$name(&system);
                system.stop();
                println!("scenario {}: local: passed", stringify!($name));
            })*
        }
        mod linux {
            $(#[test] fn $name() {
                let system = crate::System::linux();
                crate::$module::$name(&system);
                system.stop();
                println!("scenario {}: linux: passed", stringify!($name));
            })*
        }
    };
}

scenarios! {
    files::a_file_reads_back_through_read_and_grant,
    files::directories_list_rename_and_remove,
    files::paths_stay_below_the_root,
    files::many_clients_write_at_once,
    files::two_threads_drive_two_queues_of_one_session,
    locks::locks_are_waited_for_and_go_with_their_session,
    locks::waiting_locks_are_bounded_by_the_slots,
    watches::every_change_of_others_is_seen_or_said_to_be_lost,
    watches::a_watch_that_sleeps_is_woken_by_each_change,
    watches::watches_end_with_handle_and_object,
    watches::watches_never_take_the_last_place,
    requests::nop_and_probe,
    requests::a_timeout_ends_and_can_be_cancelled,
    requests::every_request_of_a_full_queue_is_answered,
    requests::futures_of_one_thread,
    requests::one_thread_waits_for_several_sessions,
    requests::unknown_and_malformed_entries_are_refused,
    mounts::a_host_directory_is_mounted_and_goes,
    mounts::a_read_only_mount_is_not_changed,
    mounts::mounting_takes_the_right_and_what_is_mounted,
    connections::a_read_only_capability_makes_a_read_only_session,
    connections::requests_act_as_others_where_that_is_allowed,
    connections::acting_as_others_takes_the_right,
    connections::revoking_ends_the_sessions_below,
    connections::a_closed_session_answers_no_more,
    connections::sessions_leave_nothing_behind,
    connections::wishes_beyond_the_limits_are_refused,
    endpoints::an_endpoint_is_for_those_who_are_handed_it,
    endpoints::what_is_registered_is_given_to_all,
    endpoints::an_endpoint_ends_with_its_maker,
    endpoints::a_provider_that_acknowledges_nothing_is_cut_off,
    endpoints::a_provider_that_talks_nonsense_is_cut_off,
    endpoints::endpoints_are_bounded,
    quotas::handles_are_charged_to_their_session,
    quotas::memory_of_sessions_is_charged_to_their_client,
    quotas::requests_in_flight_are_charged_to_their_session,
    statistics::statistics_are_exact_for_each_session,
    statistics::a_session_that_has_ended_is_only_in_the_sum,
    statistics::statistics_of_many_sessions_are_told_in_parts,
    statistics::statistics_take_the_right_to_audit,
}
