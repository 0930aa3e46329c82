//! Capabilities as those see them who look after a system: all of them, what was derived from what,
//! and how one is handed from a client to another.
//!
//! `NodeNamed`, where a capability is:
//!
//! | offset | size | field  | meaning                                   |
//! |--------|------|--------|-------------------------------------------|
//! | 0      | 8    | space  | slot in bits 0–31, generation in 32–47    |
//! | 8      | 8    | handle | in that space                             |
//!
//! `CapabilityNode`:
//!
//! | offset | size | field         | meaning                                            |
//! |--------|------|---------------|----------------------------------------------------|
//! | 0      | 8    | space         | that holds it                                      |
//! | 8      | 8    | handle        | there                                              |
//! | 16     | 8    | parent_space  | of what it was derived from; 0 = nothing            |
//! | 24     | 8    | parent_handle | there; 0 = nothing                                 |
//! | 32     | 8    | rights        | that it carries                                    |
//! | 40     | 8    | badge         | 0 = none                                           |
//! | 48     | 64   | object        | name of the service, or `init` for the system      |
//! | 112    | 4    | pid           | of the client that holds it                        |
//! | 116    | 4    | uid           | of that client                                     |
//! | 120    | 4    | sessions      | that stand on it                                   |
//!
//! `Listing`: where the next page begins (two u64, 0 = nowhere), then a list of up to 30 nodes.
//! `Ticket`: 16 bytes. `Hand`: rights u64, badge u64.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;

use capability::{Handle, Rights};

use super::field::{record, sequence};
use super::list::List;
use super::name::Name;

record! {
    /// Where a list of capabilities begins: with the first that is not before this.
    #[derive(Default)]
    ListFrom, 16 bytes {
        /// A space.
        0 => space: u64,
        /// A handle there.
        8 => handle: u64,
    }
}

record! {
    /// Where a capability is.
    NodeNamed, 16 bytes {
        /// The space that holds it.
        0 => space: u64,
        /// Its handle there.
        8 => handle: Handle,
    }
}

record! {
    /// A capability and what it was derived from.
    CapabilityNode, 124 bytes {
        /// The space that holds it.
        0 => space: u64,
        /// Its handle there.
        8 => handle: Handle,
        /// The space of what it was derived from; 0 if it was derived from nothing.
        16 => parent_space: u64,
        /// The handle of that; 0 if it was derived from nothing.
        24 => parent_handle: u64,
        /// What it allows.
        32 => rights: Rights,
        /// Its badge; 0 if it has none.
        40 => badge: u64,
        /// The service that it is on; `init` for the system.
        48 => object: Name,
        /// The process that holds it.
        112 => pid: u32,
        /// Its user.
        116 => uid: u32,
        /// Sessions that stand on it.
        120 => sessions: u32,
    }
}

sequence! {
    /// Some of the capabilities, by space and handle.
    Listing {
        /// Where the next page begins; zeros if this is the last.
        next: ListFrom,
        /// The capabilities.
        nodes: List<CapabilityNode, { Listing::MOST }>,
    }
}

impl Listing {
    /// Most capabilities of one page.
    pub const MOST: usize = 30;
}

record! {
    /// What shall be handed over of the header's capability.
    Hand, 16 bytes {
        /// The rights, all of which it must have.
        0 => rights: Rights,
        /// The badge: 0, or its own, unless it has none.
        8 => badge: u64,
    }
}

record! {
    /// Stands for a capability that is being handed over. Whoever has it may take that, once.
    #[derive(Default, PartialOrd, Ord)]
    Ticket, 16 bytes {
        /// Random bits.
        0 => first: u64,
        /// Random bits.
        8 => second: u64,
    }
}

impl Ticket {
    /// The ticket of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_le_bytes(bytes);
        let [first, second] = [both, both >> 64].map(|half| half & u128::from(u64::MAX));
        let word = |half| u64::try_from(half).unwrap_or(u64::MAX);
        Self { first: word(first), second: word(second) }
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.first, self.second)
    }
}

impl FromStr for Ticket {
    type Err = ParseIntError;

    /// From what it is written as: 32 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        let half = |digits: Option<&str>| u64::from_str_radix(digits.unwrap_or(""), 16);
        Ok(Self { first: half(text.get(..16))?, second: half(text.get(16..32))? })
    }
}
