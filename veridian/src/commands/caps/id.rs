//! Where a capability is, as one word: `SPACE:HANDLE`, each a slot, a dot and a generation.

use capability::Handle;
use std::fmt;
use std::str::FromStr;

/// Names a capability of anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CapabilityId {
    /// The word of the space that holds it.
    pub(crate) space: u64,
    /// Its handle there.
    pub(crate) handle: Handle,
}

impl fmt::Display for CapabilityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |word: u64| (word & 0xffff_ffff, word >> 32);
        let ((space, issue), (slot, generation)) = (part(self.space), part(self.handle.to_word()));
        write!(f, "{space}.{issue}:{slot}.{generation}")
    }
}

impl FromStr for CapabilityId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a capability is written as `veridian caps` does, such as 3.1:0.1";
        let part = |text: &str| {
            let (slot, generation) = text.split_once('.')?;
            let (slot, generation): (u32, u16) = (slot.parse().ok()?, generation.parse().ok()?);
            Handle::from_word(u64::from(slot) | u64::from(generation) << 32)
        };
        let (space, handle) = text.split_once(':').ok_or(FORM)?;
        let (space, handle) = part(space).zip(part(handle)).ok_or(FORM)?;
        Ok(Self { space: space.to_word(), handle })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let handle = Handle::from_word(7 << 32 | 0xffff_ffff).unwrap();
        let id = CapabilityId { space: 3 << 32 | 12, handle };
        assert_eq!(id.to_string(), "12.3:4294967295.7");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "1", "1.1", "1.1:", "1.1:1", "1.0:1.1", "1.1:1.65536", "a.1:1.1"] {
            assert!(wrong.parse::<CapabilityId>().is_err(), "{wrong}");
        }
    }
}
