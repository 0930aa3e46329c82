//! The guardian as a process: told over its channel how to start a system, then watching over it.

use control::message::{Failed, Header, LaunchCommand, LaunchReply, Message, StartSystem};
use control::platform::{Channel, Packet};
use dataplane::entry::Errno;
use platform::ListenError;
use platform::linux::Program;
use platform::linux::guardian::{Verdict, guard};
use std::sync::Arc;

pub(crate) const NAME: &str = "guardian";

/// Longest wait for the first word of the starter, ns.
const TOLD_WITHIN_NS: u64 = 10_000_000_000;

pub(super) fn run(launcher: Arc<dyn Channel>) -> Result<(), String> {
    let packet = launcher
        .receive_within(Some(TOLD_WITHIN_NS))
        .map_err(|_| "whoever started the system has gone".to_owned())?;
    let (Header { request, .. }, LaunchCommand::Start(start)) =
        LaunchCommand::decode(&packet.bytes)
            .map_err(|_| "whoever started the system is of another version".to_owned())?;
    let error = match guard(&launcher, &start, Program::default()) {
        Verdict::Stopped => return Ok(()),
        // It has said why itself.
        Verdict::Failed(code) => return Err(format!("init has ended with exit code {code}")),
        Verdict::GaveUp => {
            "init has ended again and again, and is not started any more: the system is down".into()
        }
        Verdict::Exhausted => "no process, memory or descriptor to be had".into(),
        Verdict::Listen(error) => cannot_listen(&start, error),
    };
    let failed = LaunchReply::Failed(Failed::new(Errno::EIO, &error));
    let bytes = failed.encode(Header::new(request));
    // If the starter is gone, nobody wants to know.
    let _ = launcher.send(&Packet { bytes, descriptors: Vec::new() });
    Err(error)
}

fn cannot_listen(start: &StartSystem, error: ListenError) -> String {
    use ListenError::{BadAddress, Denied, Exhausted, InUse};
    let why = match error {
        InUse => "a system runs there already",
        Denied => "no right to make the socket file",
        BadAddress => "too long, or its directory does not exist, or no socket",
        Exhausted => "no descriptor to be had",
    };
    format!("cannot listen at {}: {why}", String::from_utf8_lossy(&start.address))
}
