//! Random numbers of the kernel, on either platform.

use control::platform::Random;
use rustix::rand::{GetRandomFlags, getrandom};

/// getrandom(2).
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

impl Random for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            // Interrupted by a signal, at worst: it has no other errors for what is ours to write.
            filled += getrandom(rest, GetRandomFlags::empty()).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_filled() {
        let mut seen = [0u8; 600];
        for _ in 0..8 {
            let mut bytes = [0; 600];
            Entropy.fill(&mut bytes);
            seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
        }
        assert!(seen.iter().all(|seen| *seen != 0), "a byte stays 0");
    }
}
