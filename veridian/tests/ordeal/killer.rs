//! Starts the system and the clients, kills services, and looks at `veridian status --json`.

use crate::common::processes::{self, User};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use veridian::system::{Address, Embedded};

/// Names how long it takes, s.
const SECONDS: &str = "VERIDIAN_SECONDS";
const USUAL_SECONDS: u64 = 12;
const CLIENTS: u32 = 4;
/// Time between two kills, and between two looks at the status.
const KILL_EVERY: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Longest wait for a service to be back.
const BACK_WITHIN: Duration = Duration::from_secs(30);
const VFS: &str = "vfs";

pub(crate) fn run() {
    let seconds = std::env::var(SECONDS).map_or(USUAL_SECONDS, |text| text.parse().unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).unwrap();
    let mut clients: Vec<Child> = (0..CLIENTS).map(|n| client(&system.address, n)).collect();
    let address = system.address.0.clone();
    let watched = Watched { address, looks: 0 };
    let mut ordeal = Ordeal { watched, ..Ordeal::default() };
    ordeal.go(Duration::from_secs(seconds), &mut clients);
    let (rounds, lost) = clients.into_iter().map(end).fold((0, Vec::new()), |mut all, one| {
        all.1.push(one.1);
        (all.0 + one.0, all.1)
    });
    assert!(rounds > 0, "clients got something done");
    assert_eq!(lost, [1; CLIENTS as usize], "each lost the vfs once, and nothing else");
    let killed = ordeal.killed;
    println!(
        "ordeal: {seconds} s, {} looks, killed {killed:?} and init {} times, {rounds} rounds, init \
         back after at most {:?}",
        ordeal.watched.looks, ordeal.inits, ordeal.slowest
    );
    system.stop().unwrap();
}

#[derive(Default)]
struct Ordeal {
    watched: Watched,
    /// How often each service was killed.
    killed: BTreeMap<String, u64>,
    /// How often init was killed, and the longest time until `status` answered after that.
    inits: u64,
    slowest: Duration,
}

/// A system that is looked at with `veridian status --json`.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) address: String,
    pub(crate) looks: u64,
}

impl Ordeal {
    fn go(&mut self, long: Duration, clients: &mut [Child]) {
        let begun = Instant::now();
        let others: Vec<String> = self.look().keys().filter(|name| *name != VFS).cloned().collect();
        let mut turn = others.iter().cycle();
        let mut vfs_is_due = true;
        while begun.elapsed() < long {
            let until = Instant::now() + KILL_EVERY;
            self.kill_init();
            if vfs_is_due && begun.elapsed() >= long / 3 {
                vfs_is_due = false;
                self.kill(VFS);
            } else if let Some(name) = turn.next() {
                self.kill(name);
            }
            while Instant::now() < until {
                std::thread::sleep(LOOK_EVERY);
                self.look();
                for client in &mut *clients {
                    assert!(client.try_wait().unwrap().is_none(), "a client has failed, see above");
                }
            }
        }
    }

    /// Kills init: all else goes on, and the next one knows of it.
    fn kill_init(&mut self) {
        let (before, report) = (self.look(), self.report());
        kill(&report["init_pid"]);
        let killed = Instant::now();
        self.inits += 1;
        let after = self.report();
        self.slowest = self.slowest.max(killed.elapsed());
        assert_eq!(after["init_restarts"].as_u64(), Some(self.inits));
        for count in ["clients", "sessions", "capabilities"] {
            assert_eq!(after[count], report[count], "{count}");
        }
        for (name, service) in self.look() {
            for known in ["pid", "state", "epoch", "restarts", "sessions"] {
                assert_eq!(service[known], before[&name][known], "{known} of {name}");
            }
        }
    }

    /// Kills a service, and waits until its successor serves.
    fn kill(&mut self, name: &str) {
        let before = self.look();
        let pid = before[name]["pid"].as_i64().unwrap();
        kill(&before[name]["pid"]);
        *self.killed.entry(name.to_owned()).or_default() += 1;
        let deadline = Instant::now() + BACK_WITHIN;
        loop {
            let service = &self.look()[name];
            if service["state"] == "ready" && service["pid"].as_i64() != Some(pid) {
                break;
            }
            assert!(Instant::now() < deadline, "{name} is not back: {service}");
        }
        for (other, service) in self.look().iter().filter(|(other, _)| *other != name) {
            assert_eq!(service["pid"], before[other]["pid"], "{other} is untouched");
        }
    }

    /// What `status` says of each service: as often started again as it was killed.
    fn look(&mut self) -> BTreeMap<String, Value> {
        let report = self.report();
        let services = report["services"].as_array().unwrap().iter().map(|service| {
            let name = service["name"].as_str().unwrap().to_owned();
            if service["state"] == "ready" {
                let killed = self.killed.get(&name).copied().unwrap_or_default();
                let restarts = service["restarts"].as_u64().unwrap();
                assert!(restarts == killed || restarts + 1 == killed, "{killed}: {service}");
            }
            (name, service.clone())
        });
        services.collect()
    }

    fn report(&mut self) -> Value {
        self.watched.report()
    }
}

/// Kills the process of this number.
pub(crate) fn kill(pid: &Value) {
    let pid = i32::try_from(pid.as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

impl Watched {
    /// Kills init; the next one has what it had.
    pub(crate) fn kill_init(&mut self) {
        let before = self.report();
        kill(&before["init_pid"]);
        let after = self.report();
        assert_ne!(after["init_pid"], before["init_pid"]);
        for count in ["clients", "sessions", "capabilities"] {
            assert_eq!(after[count], before[count], "{count}");
        }
    }

    /// What `status` says.
    pub(crate) fn report(&mut self) -> Value {
        self.looks += 1;
        let output = Command::new(env!("CARGO_BIN_EXE_veridian"))
            .args(["--address", &self.address, "status", "--json"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the broker keeps, and sessions that services serve.
    pub(crate) fn counts(&mut self) -> Vec<(String, Value)> {
        let report = self.report();
        let counts = ["clients", "sessions", "regions", "capabilities"];
        let counts = counts.map(|name| (name.to_owned(), report[name].clone()));
        let services = report["services"].as_array().unwrap().iter();
        let services = services.map(|it| (it["name"].to_string(), it["sessions"].clone()));
        counts.into_iter().chain(services).collect()
    }
}

fn client(address: &Address, number: u32) -> Child {
    let role = ["client", &address.0, &number.to_string()].map(str::to_owned);
    processes::start_piped(&role, User::Own)
}

/// Has a client end, and says how many rounds it made, and how often it lost its session.
pub(crate) fn end(mut client: Child) -> (u64, u64) {
    drop(client.stdin.take());
    let status = processes::wait(&mut client, Duration::from_secs(60));
    assert!(status.success(), "a client has failed, see above");
    let mut text = String::new();
    client.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    (numbers[0], numbers[1])
}
