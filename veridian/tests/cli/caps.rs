//! `caps`: each command is a connection of its own, and what one prints the next one takes.

use crate::support::System;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything that must come.
const WITHIN: Duration = Duration::from_secs(60);

/// A command that holds a capability; ended when this is dropped.
struct Holder {
    child: Child,
    /// What it has said that it holds.
    line: String,
}

impl Holder {
    fn start(system: &System, words: &[&str]) -> Self {
        let command = &mut system.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, line }
    }

    fn id(&self) -> &str {
        self.line.split_whitespace().next().unwrap()
    }

    /// Waits for its end, which it must find because it holds nothing any more.
    fn hears_of_it(mut self) {
        let deadline = Instant::now() + WITHIN;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not notice");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut said = String::new();
        BufReader::new(self.child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "veridian: it was revoked\n");
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_derived_is_shown_and_revoked() {
    let system = System::start();
    let holder = Holder::start(&system, &["caps", "derive", "vfs:connect,read"]);
    assert!(holder.line.contains("  vfs: read, connect  (pid "), "{}", holder.line);
    let shown = system.words("caps").ok();
    let place = shown.lines().position(|line| line.trim_start() == holder.line.trim_end());
    let lines: Vec<&str> = shown.lines().collect();
    let indent = |at: usize| lines[at].len() - lines[at].trim_start().len();
    let place = place.unwrap_or_else(|| panic!("{} is not in {shown}", holder.line));
    assert_eq!((indent(0), indent(place)), (0, 4), "{shown}");
    let id = holder.id().to_owned();
    let json = system.words("caps --json").ok();
    let row = json.lines().find(|line| line.contains(&format!("\"id\":\"{id}\""))).unwrap();
    assert!(row.contains("\"rights\":[\"read\",\"connect\"]"), "{row}");
    assert_eq!(system.run(["caps", "revoke", &id]).ok(), "");
    holder.hears_of_it();
    let again = format!("there is no capability {id}");
    system.run(["caps", "revoke", &id]).fails(1, &again);
    assert!(!system.words("caps").ok().contains(&id));
}

#[test]
fn what_is_handed_is_taken_once() {
    let system = System::start();
    let ticket = system.words("caps hand vfs:connect,read").ok();
    let ticket = ticket.trim();
    let holder = Holder::start(&system, &["caps", "take", ticket]);
    assert!(holder.line.contains("vfs: read, connect"), "{}", holder.line);
    system.run(["caps", "take", ticket]).fails(1, "this ticket does not count");
    // Its giver has gone: what it has handed over counts as derived from what init has.
    system.run(["caps", "revoke", holder.id()]).ok();
    holder.hears_of_it();
}

#[test]
fn mistakes_are_named() {
    let system = System::start();
    system.words("caps revoke 1").fails(2, "a capability is written as");
    system.words("caps revoke 4000.1:0.1").fails(1, "there is no capability 4000.1:0.1");
    system.words("caps derive nothing:read").fails(1, "there is no service 'nothing'");
    system.words("caps derive vfs:reed").fails(2, "there is no such right");
    system.words("caps derive vfs:shutdown").fails(1, "does not have vfs: shutdown");
    system.words("caps take 12").fails(2, "32 hexadecimal digits");
    let root = system.words("caps").ok();
    let root = root.split_whitespace().next().unwrap();
    system.run(["caps", "revoke", root]).fails(1, "it is init's own");
}
