//! The configuration: what can be set, where it is read, and what holds.
//!
//! ```text
//!   built in ◀ files ◀ variables ◀ command line ◀ messages      the later over the earlier
//!        └───────┴─────────┴───────────┴──────────────┘
//!                          │ read as the table says; everything that is wrong at once
//!                          ▼
//!                    Configuration ─▶ Policy, units, arguments of services
//! ```
//!
//! [`Sources`] says where to read, [`Configuration`] is what came of it, [`Live`] keeps it in a
//! running system. Every key is in `table`, from which `docs/configuration.md` is made.

mod arguments;
mod check;
mod configuration;
mod document;
mod documentation;
mod key;
mod layers;
mod live;
mod nearest;
mod problem;
mod quantity;
mod rights;
mod shown;
mod sources;
mod table;
mod unit;
mod value;

#[cfg(test)]
mod tests;

pub use arguments::ServiceSettings;
pub use configuration::Configuration;
pub use documentation::document;
pub use live::Live;
pub use shown::{Shown, show};
pub use sources::Sources;

pub(crate) use configuration::installed_address;
