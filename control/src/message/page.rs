//! A part of a list that is too long for one message: as many elements as fit, and where to go on.
//!
//! | offset | size | field    | meaning                                               |
//! |--------|------|----------|-------------------------------------------------------|
//! | 0      | 8    | next     | the session that the next page begins with; 0 = none  |
//! | 8      | 4    | count    | number of elements                                    |
//! | 12     |      | elements | one after another, at most [`PAGE_BYTES`] in all       |

use alloc::vec::Vec;
use core::ops::Deref;

use dataplane::SessionId;

use super::error::Fault;
use super::field::{Body, Input};

/// Most bytes of the elements of a page.
const PAGE_BYTES: usize = 4000;

/// Some of the elements of a list, in the order of the sessions that they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    next: u64,
    elements: Vec<T>,
}

/// What is an element of a page.
#[expect(private_bounds, reason = "only this crate says how things are written")]
pub trait Paged: Body {
    /// The session that it is about.
    fn session(&self) -> SessionId;
}

impl<T: Paged> Page<T> {
    /// As many of these as fit, which are at least one if there are any.
    pub fn new(elements: impl IntoIterator<Item = T>) -> Self {
        const { assert!(T::MAX_BYTES <= PAGE_BYTES) };
        let mut page = Self { next: 0, elements: Vec::new() };
        let mut bytes = Vec::new();
        for element in elements {
            element.write(&mut bytes);
            if bytes.len() > PAGE_BYTES {
                return page.followed_by(Some(element.session()));
            }
            page.elements.push(element);
        }
        page
    }

    /// The same page, of a list that goes on with this session even if nothing was left out here.
    #[must_use]
    pub fn followed_by(mut self, next: Option<SessionId>) -> Self {
        if self.next == 0 {
            self.next = next.map_or(0, |session| session.0);
        }
        self
    }

    /// The session that the next page begins with, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<SessionId> {
        (self.next != 0).then_some(SessionId(self.next))
    }

    /// The elements.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.elements
    }
}

impl<T> Deref for Page<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T: Paged> Body for Page<T> {
    const MAX_BYTES: usize = u64::MAX_BYTES + u32::MAX_BYTES + PAGE_BYTES;

    fn write(&self, out: &mut Vec<u8>) {
        self.next.write(out);
        // More than fit a message would not be in the page.
        u32::try_from(self.elements.len()).unwrap_or(u32::MAX).write(out);
        self.elements.iter().for_each(|element| element.write(out));
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let next = u64::read(input)?;
        let count = u32::read(input)?;
        let before = input.len();
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(T::read(input)?);
            if before - input.len() > PAGE_BYTES {
                return Err(Fault::Count { count });
            }
        }
        Ok(Self { next, elements })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{SessionStatistics, Work};
    use alloc::vec;
    use dataplane::Histogram;

    /// What is about this session, with all buckets or none.
    fn element(session: u64, is_large: bool) -> SessionStatistics {
        let mut times = Histogram::default();
        if is_large {
            (0..40).for_each(|bits| (0..16).for_each(|at| times.record((16 + at) << bits >> 4)));
        }
        SessionStatistics { work: Work { session: SessionId(session), ..Work::default() }, times }
    }

    #[test]
    fn a_page_takes_what_fits_and_names_the_next() {
        let all: Vec<_> = (1..200).map(|at| element(at, at == 100)).collect();
        let mut pages = 0;
        let mut from = 1;
        let mut seen = Vec::new();
        loop {
            let page = Page::new(all.iter().filter(|e| e.work.session.0 >= from).cloned());
            pages += 1;
            seen.extend(page.iter().cloned());
            let Some(next) = page.next() else { break };
            assert!(!page.is_empty());
            from = next.0;
        }
        assert_eq!(seen, all);
        assert!(pages > 2, "{pages} pages");
        assert!(Page::new([element(1, false)]).followed_by(None).next().is_none());
    }

    #[test]
    fn more_than_a_page_is_not_read() {
        let mut bytes = vec![0; 8];
        200u32.write(&mut bytes);
        (0..200).for_each(|at| element(at, false).write(&mut bytes));
        let read = Page::<SessionStatistics>::read(&mut Input::new(&bytes));
        assert_eq!(read, Err(Fault::Count { count: 200 }));
    }
}
