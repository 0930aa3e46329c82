//! init as a process: told by its guardian what to be the init of, then the broker until the end.

use crate::config::{Live, Sources};
use control::message::{Failed, Header, LaunchReply, Message, Started};
use control::platform::{Channel, Packet};
use dataplane::entry::Errno;
use init::{Configured, Init, InitError, InitMachine, Outcome, StartReport};
use platform::linux::guardian::{self, Begun};
use platform::linux::{self, Platform};
use std::process::ExitCode;
use std::sync::Arc;

pub(super) const NAME: &str = "init";

/// The request of the starter that every init of a system answers, if it is the first.
const START_REQUEST: u64 = 1;

pub(super) fn run(channel: Arc<dyn Channel>) -> Result<ExitCode, String> {
    let begun = guardian::begin(channel)
        .ok_or_else(|| "init is started by its guardian; see `veridian up`".to_owned())?;
    let launcher = Arc::clone(&begun.launcher);
    match begin(begun) {
        Ok(mut init) => Ok(match init.run() {
            Outcome::Stopped => ExitCode::SUCCESS,
            Outcome::Reboot => ExitCode::from(REBOOT),
        }),
        Err(error) => {
            send(&launcher, &LaunchReply::Failed(Failed::new(Errno::EIO, &error)));
            Err(error)
        }
    }
}

/// [`guardian::REBOOT`] as an exit code.
const REBOOT: u8 = guardian::REBOOT.unsigned_abs().to_le_bytes()[0];

fn begin(begun: Begun) -> Result<Init, String> {
    let Begun { start, incarnation, reboots, pid, listener, launcher, store, guardian } = begun;
    let platform = Platform::with_store(store);
    let no_resources = |_| "no process or descriptor to be had".to_owned();
    let sources = Sources::decode(&start.configuration)
        .ok_or_else(|| "whoever started the system is of another version".to_owned())?;
    let owner = rustix::process::getuid().as_raw();
    let (live, configured) = match Live::new(owner, sources.clone(), super::units()) {
        // The files were changed while the system runs, which goes on all the same.
        Err(problems) if incarnation > 1 => {
            eprintln!("veridian init: the configuration's files are not used:");
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            let live = Live::new(owner, sources.without_files(), super::units());
            (live, Configured::Unreadable)
        }
        read => (read, Configured::Now),
    };
    let live =
        live.map_err(|problems| format!("{}; see `veridian config check`", problems.join("; ")))?;
    let (units, policy) = (live.holds().units(), live.holds().policy(owner));
    let machine = InitMachine {
        configuration: Some(Box::new(live)),
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
        spawning: Box::new(guardian.clone()),
        poller: linux::poller().map_err(no_resources)?,
        listener,
        lifeline: (start.stays == 0).then(|| Arc::clone(&launcher)),
        pairing: Arc::new(platform.clone()),
        random: Arc::new(platform::Entropy),
        pid,
        keeper: Some(Box::new(guardian)),
    };
    let mut init = Init::new(machine, units, policy).map_err(|error| explain(&error))?;
    if init.adopt(configured) && init.is_told() {
        return Ok(init);
    }
    let report = init.start().map_err(|error| explain(&error))?;
    // Whoever started a system that stays may have gone since.
    let is_awaited = (incarnation, reboots) == (1, 0) || start.stays == 0;
    if !send(&launcher, &started(&report)) && is_awaited {
        init.stop();
        return Err("whoever started the system has gone before it was up".to_owned());
    }
    init.note_told();
    Ok(init)
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

/// Whether it arrived.
fn send(launcher: &Arc<dyn Channel>, reply: &LaunchReply) -> bool {
    let bytes = reply.encode(Header::new(START_REQUEST));
    launcher.send(&Packet { bytes, descriptors: Vec::new() }).is_ok()
}
