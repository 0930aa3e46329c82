//! How a service is confined, and what was refused to it.
//!
//! `Layers` is a u32 with two bits for each layer, the first in bits 0 and 1: 0 not wanted, 1 in
//! force, 2 not permitted to this process, 3 not in this kernel. Bits 20–31 are 0.
//!
//! | layer | name          | in force when                                                      |
//! |-------|---------------|--------------------------------------------------------------------|
//! | 0     | no-new-privs  | no program that is started gains rights                            |
//! | 1     | system-calls  | only those of a list are let through (seccomp)                     |
//! | 2     | paths         | what may be done below which path is a list, too (Landlock)        |
//! | 3     | mounts        | the process has a mount namespace, with nothing in it              |
//! | 4     | network       | the process has a network namespace, with nothing in it            |
//! | 5     | ipc-names     | the process has namespaces for System V IPC and for host names     |
//! | 6     | capabilities  | of the rights of root only those needed are left                   |
//! | 7     | descriptors   | nothing was open at its start but what it was handed               |
//! | 8     | control-group | its limits are those of a control group                            |
//! | 9     | rlimits       | its limits are resource limits                                     |
//!
//! `Refused`:
//!
//! | offset | size | field | meaning                                  |
//! |--------|------|-------|------------------------------------------|
//! | 0      | 4    | call  | the machine's number of the system call  |
//! | 4      | 4    | count | how often since it was last said         |

use zerocopy::little_endian::U32;

use super::error::Fault;
use super::field::{Field, record};

/// Something that keeps a service from what it does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// No program that is started gains rights.
    NoNewPrivileges,
    /// Only listed system calls.
    SystemCalls,
    /// Only listed actions below listed paths.
    Paths,
    /// No file system in sight.
    Mounts,
    /// No network in sight.
    Network,
    /// No objects of System V IPC in sight, and no host name to change.
    IpcNames,
    /// Only the rights of root that are needed.
    Capabilities,
    /// Only the descriptors that were handed over.
    Descriptors,
    /// Limits by a control group.
    ControlGroup,
    /// Limits by resource limits.
    ResourceLimits,
}

impl Layer {
    /// All, in the order of their bits.
    pub const ALL: [Self; 10] = [
        Self::NoNewPrivileges,
        Self::SystemCalls,
        Self::Paths,
        Self::Mounts,
        Self::Network,
        Self::IpcNames,
        Self::Capabilities,
        Self::Descriptors,
        Self::ControlGroup,
        Self::ResourceLimits,
    ];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no-new-privs",
            Self::SystemCalls => "system-calls",
            Self::Paths => "paths",
            Self::Mounts => "mounts",
            Self::Network => "network",
            Self::IpcNames => "ipc-names",
            Self::Capabilities => "capabilities",
            Self::Descriptors => "descriptors",
            Self::ControlGroup => "control-group",
            Self::ResourceLimits => "rlimits",
        }
    }

    const fn shift(self) -> u32 {
        self as u32 * 2
    }
}

/// What became of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerState {
    /// Nobody asked for it.
    NotWanted,
    /// It holds.
    InForce,
    /// This process may not have it.
    NotPermitted,
    /// This kernel has no such thing.
    NotInKernel,
}

/// What became of each layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layers(u32);

impl Layers {
    /// The bits that have a meaning.
    const MASK: u32 = (1 << (Layer::ALL.len() * 2)) - 1;

    /// From its bits; those without a meaning are dropped.
    #[must_use]
    pub const fn from_bits_truncate(bits: u32) -> Self {
        Self(bits & Self::MASK)
    }

    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What became of one.
    #[must_use]
    pub const fn state(self, layer: Layer) -> LayerState {
        match self.0 >> layer.shift() & 3 {
            0 => LayerState::NotWanted,
            1 => LayerState::InForce,
            2 => LayerState::NotPermitted,
            _ => LayerState::NotInKernel,
        }
    }

    /// The same with one changed.
    #[must_use]
    pub const fn with(self, layer: Layer, state: LayerState) -> Self {
        Self(self.0 & !(3 << layer.shift()) | (state as u32) << layer.shift())
    }

    /// How many hold, and how many are wanted.
    #[must_use]
    pub fn held_and_wanted(self) -> (usize, usize) {
        let count = |is: fn(LayerState) -> bool| {
            Layer::ALL.into_iter().filter(|layer| is(self.state(*layer))).count()
        };
        (count(|it| it == LayerState::InForce), count(|it| it != LayerState::NotWanted))
    }
}

impl Field for Layers {
    type Layout = U32;

    fn to_layout(&self) -> U32 {
        self.0.into()
    }

    fn from_layout(layout: U32) -> Result<Self, Fault> {
        let bits = layout.get();
        if bits & !Self::MASK == 0 { Ok(Self(bits)) } else { Err(Fault::Layers { bits }) }
    }
}

record! {
    /// A service serves, confined like this.
    #[derive(Default)]
    Confined, 4 bytes {
        /// What became of each layer.
        0 => layers: Layers,
    }
}

record! {
    /// A system call was refused.
    Refused, 8 bytes {
        /// Its number.
        0 => call: u32,
        /// How often since it was last said.
        4 => count: u32,
    }
}
