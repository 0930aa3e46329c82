//! Files of the configuration that change while the system runs, and an init that is killed: the next
//! one finds each service by its name.

#![expect(clippy::indexing_slicing, reason = "what is missing in an answer must end the test")]

use crate::support::{PROGRAM, Ran, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for anything that must come.
const WITHIN: Duration = Duration::from_secs(60);

/// A system in the background, with a file of settings.
struct Background {
    directory: tempfile::TempDir,
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.words("down");
    }
}

/// What `status` says of the services: state and number of the process.
type Services = BTreeMap<String, (String, u64)>;

impl Background {
    fn up(file: &str) -> Self {
        let this = Self { directory: tempfile::tempdir().unwrap() };
        this.write(file);
        let file = this.file();
        this.words(&format!("up --config {}", file.display())).ok();
        this
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("units.toml")
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn write(&self, file: &str) {
        fs::write(self.file(), file).unwrap();
    }

    fn words(&self, words: &str) -> Ran {
        let socket = self.socket();
        run(words.split_whitespace().chain(["--address", socket.to_str().unwrap()]))
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.words("status --json").ok()).unwrap()
    }

    fn services(&self) -> Services {
        let of = |service: &Value| {
            let text = |field: &str| service[field].as_str().unwrap().to_owned();
            (text("name"), (text("state"), service["pid"].as_u64().unwrap()))
        };
        self.status()["services"].as_array().unwrap().iter().map(of).collect()
    }

    /// Waits until `status` says this of a service.
    fn wait_for(&self, name: &str, state: &str) {
        let begun = Instant::now();
        while self.services()[name].0 != state {
            assert!(begun.elapsed() < WITHIN, "{name} is not {state}: {:?}", self.services());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills init, and waits for the next one.
    fn kill_init(&self) {
        let (pid, begun) = (self.status()["init_pid"].as_i64().unwrap(), Instant::now());
        kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
        while self.status()["init_pid"].as_i64() == Some(pid) {
            assert!(begun.elapsed() < WITHIN, "init is not back");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Units that run as file services of their own, with these further settings.
fn units(units: &[(&str, &str)]) -> String {
    let unit = |(name, more): &(&str, &str)| {
        format!("[units.{name}]\ncommand = [\"{PROGRAM}\", \"service\", \"vfs\"]\n{more}\n")
    };
    units.iter().map(unit).collect()
}

#[track_caller]
fn assert_same(now: &Services, before: &Services, names: &[&str]) {
    for name in names {
        assert_eq!(now[*name], before[*name], "{name}: {now:?}");
        assert_eq!(now[*name].0, "ready", "{name}: {now:?}");
    }
}

#[test]
fn services_are_found_by_name_when_the_files_have_changed() {
    let needs_first = "needs = [\"first\"]";
    let system = Background::up(&units(&[("first", ""), ("second", ""), ("third", needs_first)]));
    let before = system.services();
    let all = ["logger", "auth", "vfs", "first", "second", "third"];
    assert_same(&before, &before, &all);

    // One is gone and one is new, so all others have other places in the file. That one needs the new
    // one from now on counts after a start of the system.
    let needs_added = "needs = [\"added\"]";
    system.write(&units(&[("added", ""), ("third", needs_added), ("second", "")]));
    system.kill_init();
    system.wait_for("first", "stopped");
    let now = system.services();
    let kept = ["logger", "auth", "vfs", "second", "third"];
    assert_same(&now, &before, &kept);
    assert_eq!(now["added"].0, "stopped", "{now:?}");
    assert_eq!(now.len(), all.len() + 1, "{now:?}");
    let gone = format!("/proc/{}", before["first"].1);
    assert!(!Path::new(&gone).exists(), "its process is still there");

    // What is new can be started, and is a service like all others then.
    system.words("start added").ok();
    system.wait_for("added", "ready");
    let with_added = system.services();
    assert_same(&with_added, &before, &kept);
    system.kill_init();
    let now = system.services();
    assert_same(&now, &with_added, &[&kept[..], &["added"]].concat());
    assert_eq!(now["first"].0, "stopped", "{now:?}");

    // Of files that cannot be read nothing is believed.
    system.write("[units");
    system.kill_init();
    let now = system.services();
    assert_same(&now, &with_added, &[&kept[..], &["added"]].concat());
    assert_eq!(system.status()["init_restarts"].as_u64(), Some(3));
    system.words("down").ok();
}
