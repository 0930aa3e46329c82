//! init as a process: told over its channel where to listen, then the broker until the end.

use control::message::{Failed, Header, LaunchCommand, LaunchReply, Message, StartSystem, Started};
use control::platform::{Channel, Packet};
use dataplane::entry::Errno;
use init::{Init, InitError, InitMachine, Outcome, Policy, StartReport};
use platform::linux::{self, Platform, Program};
use std::sync::Arc;

pub(super) const NAME: &str = "init";

/// Longest wait for the first word of whoever started init, ns.
const TOLD_WITHIN_NS: u64 = 10_000_000_000;

pub(super) fn run(launcher: Arc<dyn Channel>) -> Result<(), String> {
    let packet = launcher
        .receive_within(Some(TOLD_WITHIN_NS))
        .map_err(|_| "whoever started init has gone".to_owned())?;
    let (Header { request, .. }, LaunchCommand::Start(start)) =
        LaunchCommand::decode(&packet.bytes)
            .map_err(|_| "whoever started init is of another version".to_owned())?;
    match begin(&launcher, &start) {
        Ok((mut init, report)) => {
            send(&launcher, request, &started(&report));
            drop(launcher);
            match init.run() {
                Outcome::Stopped => Ok(()),
                Outcome::Reboot => Err("this system cannot be started again in place".into()),
            }
        }
        Err(error) => {
            send(&launcher, request, &LaunchReply::Failed(Failed::new(Errno::EIO, &error)));
            Err(error)
        }
    }
}

fn begin(launcher: &Arc<dyn Channel>, start: &StartSystem) -> Result<(Init, StartReport), String> {
    let address = std::str::from_utf8(&start.address)
        .map_err(|_| "the address is not valid text".to_owned())?;
    let platform = Platform::for_init();
    let listener = platform
        .listen(address)
        .map_err(|error| format!("cannot listen at {address}: {}", listen_error(error)))?;
    let no_resources = |_| "no process or descriptor to be had".to_owned();
    let machine = InitMachine {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        spawning: Box::new(platform.spawning(Program::default()).map_err(no_resources)?),
        poller: linux::poller().map_err(no_resources)?,
        listener,
        lifeline: (start.stays == 0).then(|| Arc::clone(launcher)),
    };
    let policy = Policy::new(rustix::process::getuid().as_raw());
    let mut init = Init::new(machine, super::units(), policy).map_err(|error| explain(&error))?;
    let report = init.start().map_err(|error| explain(&error))?;
    if start.stays != 0 {
        // Before the starter is told, which may end at once then.
        stay().map_err(|error| format!("cannot outlive its starter: {error}"))?;
    }
    Ok((init, report))
}

fn listen_error(error: platform::ListenError) -> &'static str {
    use platform::ListenError::{BadAddress, Denied, Exhausted, InUse};
    match error {
        InUse => "a system runs there already",
        Denied => "no right to make the socket file",
        BadAddress => "too long, or its directory does not exist, or no socket",
        Exhausted => "no descriptor to be had",
    }
}

fn explain(error: &InitError) -> String {
    match error {
        InitError::Units(error) => format!("the services cannot be ordered: {error:?}"),
        InitError::Name(name) => format!("'{name}' is no name for a service"),
        InitError::Resources => "no descriptor or memory to be had".into(),
        InitError::Service { name } => {
            format!("no service could be started; {name} ended before it was ready")
        }
    }
}

fn started(report: &StartReport) -> LaunchReply {
    let services = report.services.clone().try_into().unwrap_or_default();
    LaunchReply::Started(Started { total_ns: report.total_ns, services })
}

fn send(launcher: &Arc<dyn Channel>, request: u64, reply: &LaunchReply) {
    let bytes = reply.encode(Header::new(request));
    // If the starter is gone, nobody wants to know.
    let _ = launcher.send(&Packet { bytes, descriptors: Vec::new() });
}

/// Goes on when the starter ends.
fn stay() -> rustix::io::Result<()> {
    rustix::process::set_parent_process_death_signal(None)
}
