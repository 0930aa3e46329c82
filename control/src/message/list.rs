//! A list with a least and a most number of elements.
//!
//! | offset | size | field    | meaning              |
//! |--------|------|----------|----------------------|
//! | 0      | 4    | count    | number of elements   |
//! | 4      |      | elements | one after another    |

use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

use super::error::Fault;
use super::field::{Body, Input};

/// From `MIN` to `MAX` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const MAX: usize, const MIN: usize = 0>(Vec<T>);

/// Bytes that only the two ends of a conversation understand.
pub type Text = List<u8, 3500>;

impl Text {
    /// Most bytes of a text.
    pub const MOST: usize = 3500;
}

/// A list would have too many or too few elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// How many there were to be.
    pub count: usize,
}

impl<T, const MAX: usize, const MIN: usize> List<T, MAX, MIN> {
    /// The elements.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize, const MIN: usize> TryFrom<Vec<T>> for List<T, MAX, MIN> {
    type Error = OutOfBounds;

    fn try_from(elements: Vec<T>) -> Result<Self, OutOfBounds> {
        let count = elements.len();
        if (MIN..=MAX).contains(&count) { Ok(Self(elements)) } else { Err(OutOfBounds { count }) }
    }
}

impl<T, const MAX: usize, const MIN: usize> Deref for List<T, MAX, MIN> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Body, const MAX: usize, const MIN: usize> Body for List<T, MAX, MIN> {
    const MAX_BYTES: usize = u32::MAX_BYTES + MAX * T::MAX_BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        // More than fit a message would not be in the list.
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).write(out);
        self.0.iter().for_each(|element| element.write(out));
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let count = u32::read(input)?;
        if !usize::try_from(count).is_ok_and(|count| (MIN..=MAX).contains(&count)) {
            return Err(Fault::Count { count });
        }
        (0..count).map(|_| T::read(input)).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list cannot have {} elements", self.count)
    }
}

impl core::error::Error for OutOfBounds {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    type OneToThree = List<u32, 3, 1>;

    /// A list's bytes, made without regard to its bounds.
    fn bytes(elements: &[u32]) -> Vec<u8> {
        let mut out = Vec::new();
        List::<u32, 100>(elements.to_vec()).write(&mut out);
        out
    }

    #[test]
    fn both_bounds_hold_for_elements() {
        for count in [0, 4] {
            assert_eq!(OneToThree::try_from(vec![0; count]), Err(OutOfBounds { count }));
        }
        for count in 1..=3 {
            assert_eq!(OneToThree::try_from(vec![0; count]).unwrap().len(), count);
        }
    }

    #[test]
    fn both_bounds_hold_for_bytes() {
        for elements in [&[][..], &[0; 4]] {
            let count = u32::try_from(elements.len()).unwrap();
            let read = OneToThree::read(&mut Input::new(&bytes(elements)));
            assert_eq!(read, Err(Fault::Count { count }));
        }
        for elements in [&[7][..], &[7; 3]] {
            let read = OneToThree::read(&mut Input::new(&bytes(elements)));
            assert_eq!(read.unwrap().into_vec(), elements);
        }
    }
}
