//! Every message of a client is refused without what it needs, accepted with it, and refused after
//! what it used was revoked: a test for each row of the table in `control::message`, over both
//! platforms. The table in docs/capabilities.md is that one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "rights/cases.rs"]
mod cases;
#[path = "rights/expiry.rs"]
mod expiry;
#[path = "rights/providers.rs"]
mod providers;
#[path = "rights/rows.rs"]
mod rows;
#[path = "rights/services.rs"]
mod services;
#[path = "rights/stage.rs"]
mod stage;
#[path = "rights/table.rs"]
mod table;

#[path = "rights/handing.rs"]
mod handing;

/// Makes a test of each message for each platform, and the list of those that have one.
macro_rules! rights {
    ($($name:ident,)*) => {
        mod local {
            $(#[test] fn $name() {
                crate::rows::check(&crate::stage::System::local, &crate::cases::$name());
            })*
        }
        mod linux {
            $(#[test] fn $name() {
                crate::rows::check(&crate::stage::System::linux, &crate::cases::$name());
            })*
        }
        const TESTED: &[&str] = &[$(stringify!($name),)*];
    };
}

rights! {
    hello,
    connect,
    disconnect,
    map_grant,
    derive,
    revoke,
    status,
    shutdown,
    remains,
    tell,
    tell_with,
    set_credential,
    statistics,
    configure,
    control,
    hand,
    take,
    capabilities,
    revoke_of,
    last_words,
    reboot,
    authenticate,
    create_endpoint,
    register,
}

/// Makes a test of each of these for each platform.
macro_rules! both {
    ($($name:ident,)*) => {
        mod handing_local {
            $(#[test] fn $name() {
                crate::handing::$name(&crate::stage::System::local());
            })*
        }
        mod handing_linux {
            $(#[test] fn $name() {
                crate::handing::$name(&crate::stage::System::linux());
            })*
        }
    };
}

both! {
    a_ticket_counts_once,
    what_is_taken_is_what_was_handed,
    revoking_reaches_what_was_taken,
    revoking_takes_the_right_to,
    what_was_taken_outlives_its_giver,
    tickets_are_bounded,
    everybody_is_listed_and_can_be_revoked,
}

/// On one platform: what is counted is the same on both.
#[test]
fn capabilities_are_bounded() {
    handing::capabilities_are_bounded(&stage::System::local());
}

#[test]
fn every_message_has_a_test() {
    let rows: Vec<String> =
        control::message::CLIENT_NEEDS.iter().map(control::message::ClientNeeds::test).collect();
    for row in &rows {
        assert!(TESTED.contains(&row.as_str()), "no test for the message of {row}");
    }
    assert_eq!(rows.len(), TESTED.len(), "a test of no message");
}
