//! Every message of a client is refused without what it needs, accepted with it, and refused after
//! what it used was revoked: a test for each row of the table in `control::message`, over both
//! platforms. The table in docs/capabilities.md is that one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "rights/cases.rs"]
mod cases;
#[path = "rights/rows.rs"]
mod rows;
#[path = "rights/services.rs"]
mod services;
#[path = "rights/stage.rs"]
mod stage;
#[path = "rights/table.rs"]
mod table;

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
    last_words,
    reboot,
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
