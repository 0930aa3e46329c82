//! The table of settings: every key that a configuration can have. `docs/configuration.md` is made
//! from it.

use super::value::Kind;

/// When a setting that has changed counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// At once.
    Now,
    /// From the next start of this service.
    FromRestartOf(&'static str),
    /// From the next start of the unit that it belongs to.
    FromRestart,
    /// From the next start of the system.
    FromStart,
}

/// One of the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Section and name; of a unit's, what follows `units.NAME.`.
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// As bare text. Of a unit's: see there.
    pub(super) default: &'static str,
    pub(super) counts: Counts,
    /// What it is, in a sentence.
    pub(super) means: &'static str,
}

/// The section of services, whose keys go on with a name.
pub(super) const UNITS: &str = "units";
/// Most services of a system: as many as a report of their state has room for.
pub(super) const MOST_UNITS: usize = 16;

const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    counts: Counts,
    means: &'static str,
) -> Setting {
    Setting { key, kind, default, counts, means }
}

const fn count(least: u64, most: u64) -> Kind {
    Kind::Count { least, most }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 31_557_600 * SECOND;

const fn size(least: u64, most: u64) -> Kind {
    Kind::Size { least, most }
}

const fn duration(least: u64, most: u64) -> Kind {
    Kind::Duration { least, most }
}

use Counts::{FromRestart, FromRestartOf, FromStart, Now};

/// Whether a path is set or not.
const SOME_PATH: Kind = Kind::Optional(&Kind::Path);

/// All but the units', in the order in which they are described.
#[rustfmt::skip]
pub(super) const SETTINGS: &[Setting] = &[
    setting("system.address", Kind::Optional(&Kind::Address), "none", FromStart,
        "Where clients reach the system; none: `@veridian-UID`"),
    setting("system.state", SOME_PATH, "none", FromStart,
        "The directory of what outlives the system: each service has its own in there; none: nothing outlives it"),
    setting("system.metrics", SOME_PATH, "none", FromStart,
        "The socket where metrics are served as OpenMetrics over HTTP; none: nowhere"),
    setting("limits.max_clients", count(1, 65_536), "4096", Now,
        "Most connections to the broker"),
    setting("limits.max_clients_per_user", count(1, 65_536), "256", Now,
        "Most connections of one user who is not the owner"),
    setting("limits.max_sessions_per_client", count(1, 65_536), "1024", Now,
        "Most sessions of one connection"),
    setting("limits.max_capabilities", count(32, 1 << 20), "4096", Now,
        "Most capabilities of one connection; counts for new ones"),
    setting("limits.max_queues", count(1, 64), "16", Now,
        "Most queues of one session"),
    setting("limits.max_entries", count(2, 32_768), "8192", Now,
        "Most slots of one ring"),
    setting("limits.max_arena", size(4 * KIB, 4 * GIB), "64 MiB", Now,
        "Largest arena of a session"),
    setting("limits.max_client_memory", size(64 * KIB, TIB), "1 GiB", Now,
        "Most memory for the regions of one connection's sessions"),
    setting("limits.session_handles", count(1, 1 << 24), "65536", Now,
        "Most handles of a new session"),
    setting("limits.session_in_flight", count(1, 1 << 20), "65536", Now,
        "Most requests in flight of a new session"),
    setting("limits.session_pinned_pages", count(0, 1 << 24), "16384", Now,
        "Most pages (4 KiB) that grants of a new session pin"),
    setting("limits.owner_handles", count(1, 1 << 24), "1048576", Now,
        "Most handles of a new session of the owner, or of root"),
    setting("vfs.memory_share", count(1, 90), "50", FromRestartOf("vfs"),
        "Hundredths of the machine's memory that contents of files may take"),
    setting("logger.memory", size(64 * KIB, 4 * GIB), "4 MiB", FromRestartOf("logger"),
        "Memory for recent records"),
    setting("logger.rate", count(1, 10_000_000), "2000", FromRestartOf("logger"),
        "Records a second that one source may write in the long run"),
    setting("logger.burst", count(1, 10_000_000), "4000", FromRestartOf("logger"),
        "Records that one source may write at once"),
    setting("logger.file_bytes", size(64 * KIB, 4 * GIB), "8 MiB", FromRestartOf("logger"),
        "Size at which a file of records is followed by the next"),
    setting("logger.files", count(2, 1000), "8", FromRestartOf("logger"),
        "Files that are kept; the oldest goes first"),
    setting("auth.idle", duration(SECOND, YEAR), "30m", FromRestartOf("auth"),
        "Longest time that a login lasts without being used"),
    setting("auth.expiry", duration(SECOND, YEAR), "12h", FromRestartOf("auth"),
        "Longest time that a login lasts"),
    setting("auth.lock_out_after", count(1, 1000), "5", FromRestartOf("auth"),
        "Wrong passwords in a row after which one has to wait"),
    setting("auth.lock_out_least", duration(MILLISECOND, DAY), "1s", FromRestartOf("auth"),
        "The first wait, which doubles with each further wrong password"),
    setting("auth.lock_out_most", duration(MILLISECOND, DAY), "15m", FromRestartOf("auth"),
        "The longest wait"),
];

/// Of each unit. The defaults are those of a service that is not built in; what is built in has its
/// own, which `veridian config show` tells.
#[rustfmt::skip]
pub(super) const UNIT_SETTINGS: &[Setting] = &[
    setting("enabled", Kind::Flag, "true", FromStart,
        "Whether it is part of the system"),
    setting("command", Kind::Command, "[]", FromRestart,
        "The program and its arguments; must be set for what is not built in"),
    setting("needs", Kind::Names, "[]", FromStart,
        "Services that must be ready before, and that it is paused without"),
    setting("wants", Kind::Names, "[]", FromStart,
        "Services that it works better with: neither waited for nor missed"),
    setting("after", Kind::Names, "[]", FromStart,
        "Services that it is started behind, if they can be started"),
    setting("restart", Kind::Choice(&["always", "on-failure", "never"]), "always", FromRestart,
        "When it is started again after it has ended"),
    setting("start_within", duration(MILLISECOND, HOUR), "10s", FromRestart,
        "Longest time from its start until it is ready"),
    setting("stop_within", duration(MILLISECOND, HOUR), "5s", FromRestart,
        "Longest time to stop; then it is killed"),
    setting("heartbeat", duration(0, HOUR), "10s", FromRestart,
        "Longest time without a sign of life; \"0s\": it is never asked for one"),
    setting("limits.memory", Kind::Optional(&size(MIB, TIB)), "none", FromRestart,
        "Most memory"),
    setting("limits.tasks", Kind::Optional(&count(1, 65_536)), "none", FromRestart,
        "Most threads and processes together"),
    setting("limits.cpu", Kind::Optional(&count(1, 100_000)), "none", FromRestart,
        "Most processor time, in hundredths of one processor"),
    setting("limits.descriptors", Kind::Optional(&count(16, 1 << 20)), "none", FromRestart,
        "Most open descriptors"),
    setting("capabilities", Kind::Grants, "[]", FromStart,
        "Services that it may use, and its rights on them"),
];

/// Settings of which the first must not be more than the second.
pub(super) const ORDERED: &[(&str, &str)] = &[
    ("limits.max_clients_per_user", "limits.max_clients"),
    ("limits.max_arena", "limits.max_client_memory"),
    ("auth.idle", "auth.expiry"),
    ("auth.lock_out_least", "auth.lock_out_most"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::value::Literal;

    #[test]
    fn every_default_is_allowed_and_no_key_is_there_twice() {
        for table in [SETTINGS, UNIT_SETTINGS] {
            for (at, setting) in table.iter().enumerate() {
                let default = Literal::Bare(setting.default.to_owned());
                let read = setting.kind.read(&default);
                assert!(read.is_ok(), "{}: {read:?}", setting.key);
                assert_eq!(setting.kind.read(&Literal::Bare(read.clone().unwrap().bare())), read);
                assert!(table.iter().skip(at + 1).all(|other| other.key != setting.key));
            }
        }
    }

    #[test]
    fn ordered_settings_exist() {
        let is_known = |key: &str| SETTINGS.iter().any(|setting| setting.key == key);
        assert!(ORDERED.iter().all(|(less, more)| is_known(less) && is_known(more)));
    }
}
