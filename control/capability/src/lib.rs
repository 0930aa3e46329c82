//! The capability space: who holds which rights on what, and from whom they were derived.
//!
//! A [`Capabilities`] holds the spaces of all processes and the derivation tree that crosses
//! them. The hosted broker and the kernel both decide with this code; it knows no message, no
//! process and no session, allocates within the quotas that it is given, and never panics.
//! `docs/capabilities.md` explains the model.
//!
//! ```
//! use capability::{Capabilities, Rights, UNBADGED};
//!
//! let mut capabilities = Capabilities::new(16);
//! let broker = capabilities.create_space(64)?;
//! let client = capabilities.create_space(64)?;
//!
//! let root = capabilities.mint(broker, "vfs", Rights::all(), UNBADGED)?;
//! let held = capabilities.grant(broker, root, client, Rights::CONNECT | Rights::READ, 7)?;
//! assert_eq!(capabilities.lookup(client, held, Rights::READ)?.badge, 7);
//! assert!(capabilities.lookup(client, held, Rights::WRITE).is_err());
//!
//! let removed = capabilities.revoke(broker, root)?;
//! assert_eq!(removed.len(), 2);
//! assert!(capabilities.lookup(client, held, Rights::READ).is_err());
//! # Ok::<(), capability::Error>(())
//! ```

#![no_std]

extern crate alloc;

mod capabilities;
mod changes;
mod error;
mod forest;
mod handle;
mod image;
mod rights;
mod slots;

pub use capabilities::{Capabilities, Capability, Removed, UNBADGED};
pub use changes::{Changes, SlotNumber};
pub use error::Error;
pub use handle::{Handle, SpaceId};
pub use image::{CapabilityImage, Image, SlotImage, SpaceImage};
pub use rights::Rights;
