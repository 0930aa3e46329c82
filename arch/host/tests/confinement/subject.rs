//! The process that confines itself and tries what it may not.

use crate::attempts::{self, Outcome};
use control::platform::Confinement;
use host::confine::{Confined, Files, Handed, Profile, confine};
use std::io::{BufRead, Write};

/// The first argument of such a process.
pub(crate) const ROLE: &str = "confined";

/// Descriptors that it may have.
const DESCRIPTORS: u64 = 64;

pub(crate) fn run(profile: &str, without: &str, directory: &str) {
    let handed = Handed::look();
    let profile = Profile { descriptors: Some(DESCRIPTORS), ..profile_of(profile, directory) };
    let region = attempts::sealed_region();
    let lacks: &[i64] = if without.is_empty() { &[] } else { &[libc::SYS_eventfd2] };
    let confined = confine(&profile, handed, lacks).unwrap();
    println!("{}", confined.layers().bits());
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();

    let tell = |kind: &str, what: &str, outcome: &str| println!("{kind} {what}: {outcome}");
    needed(&profile, &confined, tell);
    for (number, outcome) in attempts::calls(&profile) {
        tell("call", &number.to_string(), &told(outcome, Some(number), &confined));
    }
    for (what, call, outcome) in attempts::arguments(&region, &profile) {
        tell("argument", what, &told(outcome, Some(call), &confined));
    }
    for (what, outcome) in attempts::paths(&profile) {
        tell("path", what, &told(outcome, None, &confined));
    }
    for (what, outcome) in attempts::descriptors(DESCRIPTORS) {
        tell("descriptor", what, &told(outcome, None, &confined));
    }
    std::io::stdout().flush().unwrap();
}

fn profile_of(name: &str, directory: &str) -> Profile {
    match name {
        "nothing" => Profile::new(),
        "own-files" => {
            let opened = std::fs::File::open(directory).unwrap();
            Profile::new().with_files(Files::Below(opened.into()))
        }
        "handed-files" => Profile::new().with_files(Files::ByDescriptor),
        _ => panic!("there is no profile {name}"),
    }
}

/// What is needed still works.
fn needed(profile: &Profile, confined: &Confined, tell: impl Fn(&str, &str, &str)) {
    tell("needed", "eventfd", &told(attempts::eventfd(), Some(libc::SYS_eventfd2), confined));
    if profile.threads {
        let thread = std::thread::Builder::new().spawn(|| attempts::socket().unwrap_err());
        let refused = thread.unwrap().join().unwrap();
        // In a thread that was started later it is the same.
        tell("call", "of a thread", &told(Err(refused), Some(libc::SYS_socket), confined));
    }
    if let Files::Below(directory) = &profile.files {
        tell("needed", "file", &told(attempts::own_file(directory), None, confined));
    }
    assert!(confined.take_refused().is_none(), "nothing else was refused");
}

/// The outcome in words; whether that the call was refused is reported, exactly once.
fn told(outcome: Outcome, call: Option<i64>, confined: &Confined) -> String {
    let text = outcome.map_or_else(attempts::name, |()| "done".to_owned());
    let reported = confined.take_refused().map(|it| (i64::from(it.call), it.count));
    match (reported, call) {
        (None, _) => text,
        (Some((number, 1)), Some(call)) if number == call.min(1023) => format!("{text}, reported"),
        (Some(other), _) => format!("{text}, reported as {other:?}"),
    }
}
