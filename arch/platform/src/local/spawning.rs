//! Starting services as threads of this process.
//!
//! A thread cannot be ended by force: [`Spawning::kill`] closes its control channel, and a service
//! returns when it sees that. Numbers stand in for process ids; memory is not told apart.

use super::channel::LocalChannel;
use super::source::{Kind, Source};
use control::message::Layers;
use control::platform::{Channel, SpawnError, Spawning, Started, Unit};
use dataplane::Descriptor;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What a service runs: from its control channel to its exit code. It must return when the channel
/// is closed.
pub type Role = Arc<dyn Fn(Arc<dyn Channel>) -> i32 + Send + Sync>;
/// The roles, by the names of their units.
pub type Roles = HashMap<String, Role>;

/// How a panic is reported: as the signal that ends a process that aborts, negated.
const ABORTED: i32 = -6;

/// Starts and ends threads.
pub struct Spawner {
    roles: Roles,
    next: AtomicU32,
    running: Mutex<HashMap<u32, Running>>,
}

struct Running {
    /// The service's own end.
    control: Arc<LocalChannel>,
    /// Whether the service has returned, or panicked.
    ended: Arc<AtomicBool>,
    thread: JoinHandle<i32>,
}

impl Spawner {
    /// Nothing runs yet.
    #[must_use]
    pub fn new(roles: Roles) -> Self {
        Self { roles, next: AtomicU32::new(1), running: Mutex::default() }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Running>> {
        // The map is whole whatever panicked while it was locked.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spawning for Spawner {
    fn spawn(&self, unit: &Unit) -> Result<Started, SpawnError> {
        let role = self.roles.get(&unit.name);
        let role = Arc::clone(role.ok_or(SpawnError::UnknownRole)?);
        let (ours, theirs) = LocalChannel::pair();
        let exit = Source::new(Kind::Arrival);
        let ended = Arc::new(AtomicBool::new(false));
        let ending = Ending {
            exit: Arc::clone(&exit),
            control: Arc::clone(&theirs),
            ended: Arc::clone(&ended),
        };
        let service = move || ending.after(&role);
        let thread = thread::Builder::new()
            .name(unit.name.clone())
            .spawn(service)
            .map_err(|_| SpawnError::Exhausted)?;
        let pid = self.next.fetch_add(1, Ordering::Relaxed);
        let control = theirs;
        self.running().insert(pid, Running { control, ended, thread });
        Ok(Started { channel: ours, pid, exit: exit as Descriptor, limits: Layers::default() })
    }

    /// Its services end with it, so there are none of an earlier one.
    fn adopt(&self, _pid: u32) -> Option<Started> {
        None
    }

    fn retain(&self, _pids: &[u32]) {}

    fn kill(&self, pid: u32) {
        if let Some(running) = self.running().get(&pid) {
            running.control.close();
        }
    }

    /// A thread cannot be interrupted: it does not answer.
    fn interrogate(&self, _pid: u32) {}

    fn describe(&self, _frames: &[u64]) -> String {
        String::new()
    }

    fn reap(&self, pid: u32) -> Option<i32> {
        let ended = {
            let mut running = self.running();
            // Not whether the thread is finished: it tells of its end a moment before.
            if !running.get(&pid)?.ended.load(Ordering::Acquire) {
                return None;
            }
            running.remove(&pid)?
        };
        Some(ended.thread.join().unwrap_or(ABORTED))
    }

    fn resident_bytes(&self, _pid: u32) -> u64 {
        0
    }
}

impl Drop for Spawner {
    /// Waits for the services, as a process's end would not let them live on either.
    fn drop(&mut self) {
        let running: Vec<_> = self.running().drain().map(|(_, running)| running).collect();
        for service in &running {
            service.control.close();
        }
        for service in running {
            // How it ended is nobody's concern any more.
            let _ = service.thread.join();
        }
    }
}

/// Tells that a service has ended, also when it panics.
struct Ending {
    exit: Arc<Source>,
    control: Arc<LocalChannel>,
    ended: Arc<AtomicBool>,
}

impl Ending {
    /// Runs a service, and then is dropped.
    fn after(self, role: &Role) -> i32 {
        let control = Arc::clone(&self.control) as Arc<dyn Channel>;
        role(control)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.control.close();
        self.ended.store(true, Ordering::Release);
        self.exit.raise();
    }
}
