//! `down`: stops a running system.

use crate::output::Output;
use crate::system::{self, Address};
use anyhow::Result;

pub(crate) fn run(address: &Address, output: &mut Output) -> Result<()> {
    system::stop(address)?;
    super::mount::await_gone(address)?;
    output.line(format_args!("the system at {} has stopped", address.0))
}
