//! What a process of the system is: init or a service. Taken before any argument is parsed, so
//! that a role touches no more of the program than it needs.

pub(crate) mod guardian;
pub(crate) mod init;
pub(crate) mod vfs;

use control::platform::Unit;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ffi::OsString;
use std::process::ExitCode;

/// The first argument of a process that is started as a role.
const ROLE: &str = "service";

/// Every service of the system, in boot order.
pub(crate) fn units() -> Vec<Unit> {
    vec![Unit::new(vfs::NAME)]
}

/// Takes the role that the arguments name, if they name one; returns when the role is over.
#[must_use]
pub fn dispatch(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let role = arguments.nth(1).filter(|first| first == ROLE).and_then(|_| arguments.next())?;
    let Some(channel) = platform::linux::service_channel() else {
        eprintln!("veridian: services are started by init; see `veridian up`");
        return Some(ExitCode::from(2));
    };
    raise_descriptor_limit();
    if let Err(error) = platform::linux::answer_where() {
        eprintln!("veridian {}: will not say where it hangs: {error}", role.display());
    }
    let done = |(): ()| ExitCode::SUCCESS;
    let took = match role.to_str() {
        Some(guardian::NAME) => guardian::run(channel).map(done),
        Some(init::NAME) => init::run(channel),
        Some(vfs::NAME) => vfs::run(channel).map(done),
        _ => {
            eprintln!("veridian: there is no service {}", role.display());
            return Some(ExitCode::from(2));
        }
    };
    Some(match took {
        Ok(code) => code,
        Err(error) => {
            eprintln!("veridian {}: {error}", role.display());
            ExitCode::FAILURE
        }
    })
}

/// Sessions and grants take descriptors, more than what many systems set at first. Nothing here
/// uses `select`, for which the lower limit is.
fn raise_descriptor_limit() {
    let limits = getrlimit(Resource::Nofile);
    // It may always be raised this far.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits });
}
