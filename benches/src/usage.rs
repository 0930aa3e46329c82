//! What a block costs the machine: processor time, involuntary switches and stolen time.
//!
//! The kernel brings the processor time of another process up to date when that process goes to
//! sleep. So a server's time is read while it sleeps, between blocks, and covers whole blocks: its
//! wake-up, the untimed steps and the timed ones.

use std::fs::{self, File};
use std::ops::Sub;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::ClockId;
use rustix::process::Pid;

/// A server whose processor time is read.
#[derive(Clone, Copy, Debug)]
pub enum Task {
    /// Another process, all of its threads.
    Process(Pid),
    /// A thread of this process.
    Thread(Pid),
}

/// What timed steps cost, without the server's processor time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of the calling thread, which is the client.
    pub client_cpu_ns: u64,
    /// How often client or server were made to leave their processor.
    pub involuntary_switches: u64,
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        let Self { client_cpu_ns, involuntary_switches } = self;
        Self {
            client_cpu_ns: client_cpu_ns.saturating_sub(earlier.client_cpu_ns),
            involuntary_switches: involuntary_switches.saturating_sub(earlier.involuntary_switches),
        }
    }
}

/// Reads the usage of this thread and of a contender's servers.
#[derive(Debug, Default)]
pub struct Meter {
    server_clocks: Vec<ClockId>,
    status_files: Vec<File>,
}

impl Meter {
    /// A meter for these servers.
    ///
    /// # Errors
    /// When a server is gone.
    pub fn new(servers: &[Task]) -> Result<Self> {
        let mut meter = Self::default();
        for server in servers {
            match *server {
                Task::Process(pid) => {
                    meter.server_clocks.push(process_clock(pid)?);
                    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                        meter.status_files.push(File::open(task?.path().join("status"))?);
                    }
                }
                Task::Thread(tid) => meter.server_clocks.push(thread_clock(tid)),
            }
        }
        Ok(meter)
    }

    /// The usage until now. The clock is read last, so that it covers as little else as may be.
    pub(crate) fn read(&self) -> Result<Usage> {
        let mut switches = getrusage(UsageWho::RUSAGE_SELF)?.involuntary_context_switches();
        for status in &self.status_files {
            switches += involuntary_switches(status)?;
        }
        Ok(Usage {
            client_cpu_ns: cpu_ns(ClockId::CLOCK_THREAD_CPUTIME_ID)?,
            involuntary_switches: u64::try_from(switches).unwrap_or(0),
        })
    }

    /// The processor time of all servers until now; exact only while they sleep.
    pub(crate) fn server_cpu_ns(&self) -> Result<u64> {
        self.server_clocks.iter().map(|clock| cpu_ns(*clock)).sum()
    }
}

fn process_clock(pid: Pid) -> Result<ClockId> {
    let pid = nix::unistd::Pid::from_raw(pid.as_raw_nonzero().get());
    ClockId::pid_cpu_clock_id(pid).context("no processor clock for a server")
}

/// The kernel's encoding of a thread's clock: the inverted id, then "scheduler time of a thread".
fn thread_clock(tid: Pid) -> ClockId {
    const SCHEDULER_TIME_OF_THREAD: i32 = 0b110;
    ClockId::from_raw((!tid.as_raw_nonzero().get() << 3) | SCHEDULER_TIME_OF_THREAD)
}

fn cpu_ns(clock: ClockId) -> Result<u64> {
    let time = Duration::from(clock.now().context("reading a processor clock")?);
    Ok(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

fn involuntary_switches(status: &File) -> Result<i64> {
    let text = status_text(status)?;
    let value = text.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    value.and_then(|value| value.trim().parse().ok()).context("no switches in a status file")
}

/// What the `status` file of a task in `/proc` says now.
///
/// # Errors
/// When the task is gone.
pub fn status_text(status: &File) -> Result<String> {
    let mut text = [0; 4096];
    let length = status.read_at(&mut text, 0).context("a server is gone")?;
    Ok(String::from_utf8_lossy(text.get(..length).unwrap_or_default()).into_owned())
}

/// Time that the host took from this machine since it started, on average over its processors.
///
/// # Errors
/// When the kernel does not say.
pub fn stolen() -> Result<Duration> {
    const STEAL_COLUMN: usize = 8;
    let stat = fs::read_to_string("/proc/stat")?;
    let mut total_ticks = 0_u32;
    let mut processors = 0_u32;
    // The first line, `cpu`, is the sum of the others, `cpu0` and so on.
    for line in stat.lines().filter(|line| line.starts_with("cpu")).skip(1) {
        let ticks = line.split_whitespace().nth(STEAL_COLUMN);
        let ticks: Option<u32> = ticks.and_then(|ticks| ticks.parse().ok());
        total_ticks = total_ticks.saturating_add(ticks.context("no steal in /proc/stat")?);
        processors += 1;
    }
    let ticks_per_second = u32::try_from(rustix::param::clock_ticks_per_second())?;
    let seconds = f64::from(total_ticks) / f64::from(ticks_per_second);
    Ok(Duration::try_from_secs_f64(seconds / f64::from(processors))?)
}
