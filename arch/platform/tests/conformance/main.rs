//! One contract, held against every platform: a line for each check.
//!
//! The subjects are `local`, and `linux` with and without a region store. Checks that need real
//! processes start this program again in a role of its own, as init starts services; so it has a
//! main instead of a test harness.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod channel;
mod hostile;
mod limits;
mod listener;
mod memory;
mod offload;
mod poller;
mod processes;
mod protection;
mod roles;
mod spawning;
mod subject;
mod system;
mod waiting;

use subject::{Report, Subject};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, command, role] = arguments.as_slice()
        && command == "service"
    {
        let channel = platform::linux::service_channel().unwrap();
        std::process::exit(roles::run(role, &channel));
    }
    let mut report = Report::default();
    let local = Subject::local();
    check_common(&local, &mut report);

    let before = system::open_descriptors();
    let memfd = Subject::linux(platform::linux::Platform::new(), "linux (memfd)");
    check_common(&memfd, &mut report);
    check_linux(&memfd, &mut report);
    drop(memfd);
    let for_init = platform::linux::Platform::for_init();
    if for_init.has_store() {
        let store = Subject::linux(for_init, "linux (store)");
        check_common(&store, &mut report);
        check_linux(&store, &mut report);
        drop(store);
    } else {
        report.check("linux", "there is a store, or no right to make one", || {
            assert!(!system::may_mount());
        });
        println!("linux (store): not observed, because making mounts takes CAP_SYS_ADMIN");
    }
    report.check("linux", "no descriptor is left over", || {
        assert_eq!(system::open_descriptors(), before);
    });
    std::process::exit(report.finish());
}

/// What every platform must do.
fn check_common(subject: &Subject, report: &mut Report) {
    waiting::check(subject, report);
    poller::check(subject, report);
    memory::check(subject, report);
    channel::check(subject, report);
    listener::check(subject, report);
    spawning::check(subject, report);
    offload::check(subject, report);
}

/// What only processes can do to each other.
fn check_linux(subject: &Subject, report: &mut Report) {
    protection::check(subject, report);
    hostile::check(subject, report);
    processes::check(subject, report);
    limits::check(subject, report);
}
