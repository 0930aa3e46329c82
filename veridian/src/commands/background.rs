//! Commands that go on in a process of their own: it is started, says when it is usable, and then
//! leaves the terminal alone.

use crate::system::Address;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// What such a process says when it is usable.
const READY: &str = "ready";

/// Starts this program with these arguments, and waits until it is usable. `what` is not there if
/// it fails; why, it has said itself.
pub(crate) fn start<A: AsRef<OsStr>>(
    address: &Address,
    arguments: impl IntoIterator<Item = A>,
    what: &str,
) -> Result<()> {
    let program = std::env::current_exe().context("finding this program")?;
    let mut child = Command::new(program)
        .arg("--address")
        .arg(&address.0)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting the process for what is {what}"))?;
    let mut line = String::new();
    if let Some(told) = child.stdout.take() {
        let read = BufReader::new(told).read_line(&mut line);
        read.with_context(|| format!("waiting until it is {what}"))?;
    }
    if line.trim_end() != READY {
        child.wait().with_context(|| format!("waiting until it is {what}"))?;
        bail!("nothing is {what}");
    }
    Ok(())
}

/// Says that this process is usable, and holds nothing of whoever waits for that.
pub(crate) fn leave_terminal() -> Result<()> {
    // Fails only for the leader of a process group, which has no terminal to lose.
    let _session = rustix::process::setsid();
    let mut told = std::io::stdout().lock();
    writeln!(told, "{READY}").and_then(|()| told.flush()).context("telling that it is ready")?;
    let nowhere =
        File::options().read(true).write(true).open("/dev/null").context("opening /dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere).context("leaving standard output")?;
    rustix::stdio::dup2_stderr(&nowhere).context("leaving standard error")
}
