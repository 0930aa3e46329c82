//! What a confined process can do: this program confines itself to each profile in a process of its
//! own, and tries everything else.
//!
//! ```text
//!   attempts   what is tried, and what came of it
//!   subject    the process that tries
//! ```
//!
//! As root and, if it is root, as nobody too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attempts;
mod subject;

use control::message::{Layer, LayerState, Layers};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Nobody's number.
const NOBODY: u32 = 65_534;
/// The layers that take root.
const ROOTS: [Layer; 3] = [Layer::Mounts, Layer::Network, Layer::IpcNames];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, profile, without, directory] = &*arguments
        && role == subject::ROLE
    {
        return subject::run(profile, without, directory);
    }
    // What this process was started with is not what the subjects are handed.
    attempts::close_all_others();
    let is_root = rustix::process::getuid().is_root();
    if !is_root {
        println!("as root: not observed, because this is not root");
    }
    for as_nobody in [false, true].into_iter().take(if is_root { 2 } else { 1 }) {
        let is_root = is_root && !as_nobody;
        for profile in ["nothing", "own-files", "handed-files"] {
            everything_else_is_refused(profile, as_nobody, is_root);
        }
        what_is_missing_from_a_list_is_noticed(as_nobody);
        what_was_not_handed_is_noticed(as_nobody);
    }
}

/// A process that has confined itself, and waits to be told to go on.
struct Subject {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
    /// For files of its own.
    _directory: TempDir,
}

impl Subject {
    fn start(profile: &str, without: &str, as_nobody: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), everybody).unwrap();
        // Not by its path, which another user may not be able to reach.
        let mut command = Command::new("/proc/self/exe");
        command.args([subject::ROLE, profile, without]).arg(directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output, _directory: directory }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What the kernel says of it.
    fn status(&self, name: &str) -> String {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    }

    /// All its other lines, `what: outcome`, when it has ended in order.
    fn finish(mut self) -> BTreeMap<String, String> {
        self.process.stdin.take().unwrap().write_all(b"\n").unwrap();
        let lines: Vec<String> = (&mut self.output).lines().map(Result::unwrap).collect();
        let ended = self.process.wait().unwrap();
        assert!(ended.success(), "it goes on after each refusal, and ends in order: {lines:#?}");
        let parts = lines.iter().map(|line| line.split_once(": ").unwrap());
        parts.map(|(what, outcome)| (what.to_owned(), outcome.to_owned())).collect()
    }
}

fn everything_else_is_refused(profile: &str, as_nobody: bool, is_root: bool) {
    let mut subject = Subject::start(profile, "", as_nobody);
    let layers = Layers::from_bits_truncate(subject.line().parse().unwrap());
    for layer in Layer::ALL {
        let expected = match layer {
            Layer::ControlGroup => LayerState::NotWanted,
            layer if ROOTS.contains(&layer) && !is_root => LayerState::NotPermitted,
            _ => LayerState::InForce,
        };
        assert_eq!(layers.state(layer), expected, "{profile}: {layer:?}");
    }
    assert_eq!((&*subject.status("NoNewPrivs:"), &*subject.status("Seccomp:")), ("1", "2"));
    let rights = u64::from_str_radix(&subject.status("CapEff:"), 16).unwrap();
    let expected = if is_root && profile == "handed-files" { 0b1_1011 } else { 0 };
    assert_eq!(rights, expected, "{profile}: CHOWN, DAC_OVERRIDE, FOWNER and FSETID at most");

    let outcomes = subject.finish();
    let calls = outcomes.keys().filter(|what| what.starts_with("call ")).count();
    assert!(calls > 250, "nearly all calls are tried: {calls}");
    for (what, outcome) in &outcomes {
        let is_right = if what.starts_with("call ") || what.starts_with("argument ") {
            // Refused by the list, which is reported: once, with its number.
            outcome == "EPERM, reported"
        } else if what.starts_with("path ") {
            // Named from a descriptor the list cannot know what it is: the other layers do.
            let is_seen = profile == "handed-files" && !is_root;
            is_seen || matches!(&**outcome, "ENOENT" | "EACCES" | "EROFS")
        } else if what.starts_with("descriptor ") {
            outcome == "EBADF"
        } else {
            outcome == "done"
        };
        assert!(is_right, "{profile}, root {is_root}: {what}: {outcome}");
    }
    let user = if is_root { "root" } else { "no root" };
    println!("{profile}, {user}: {} attempts refused, {calls} of them calls", outcomes.len());
}

/// The seeded fault: a list that lacks what is needed.
fn what_is_missing_from_a_list_is_noticed(as_nobody: bool) {
    let mut subject = Subject::start("nothing", "eventfd2", as_nobody);
    subject.line();
    let outcomes = subject.finish();
    assert_eq!(outcomes.get("needed eventfd").unwrap(), "EPERM, reported");
    let mut subject = Subject::start("nothing", "", as_nobody);
    subject.line();
    assert_eq!(subject.finish().get("needed eventfd").unwrap(), "done");
}

fn what_was_not_handed_is_noticed(as_nobody: bool) {
    let extra = std::fs::File::open("/dev/null").unwrap();
    // Four or more, and open in the subject too.
    let extra = rustix::io::fcntl_dupfd_cloexec(&extra, 9).unwrap();
    rustix::io::fcntl_setfd(&extra, rustix::io::FdFlags::empty()).unwrap();
    let mut subject = Subject::start("nothing", "", as_nobody);
    let layers = Layers::from_bits_truncate(subject.line().parse().unwrap());
    assert_eq!(layers.state(Layer::Descriptors), LayerState::NotPermitted);
    subject.finish();
}
