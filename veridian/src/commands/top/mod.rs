//! `top`: what services do now, for whom, and at what cost.
//!
//! ```text
//!   reading  the counts of a running system at an instant
//!      └▶ sample   what was done between two of them
//!            ├▶ plain    one object or one table after another
//!            └▶ screen   a terminal that is drawn anew (view) and obeys keys
//! ```

mod cells;
mod plain;
pub(crate) mod reading;
mod sample;
mod screen;
#[cfg(test)]
mod tests;
mod view;

use crate::cli::Top;
use crate::output::Output;
use crate::system::{self, Address};
use anyhow::Result;
use sample::Sampler;

pub(crate) fn run(options: &Top, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let count = options.count.or(options.once.then_some(1));
    let sampler = Sampler::new(&connection)?;
    if options.json || count.is_some() || !output.is_terminal() {
        return plain::run(options, count, sampler, output);
    }
    screen::run(options.interval, address, sampler)
}
