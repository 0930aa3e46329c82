//! Zero-copy reads: the region of a file, the grant of a session on it, and pinned pages.
//!
//! A file's cached pages move into a region of its own when they are first granted. A session's
//! grant is the offer to map that region; a pin keeps pages from being evicted. What keeps one
//! client's mapping from showing what it may not read:
//!
//! - a region belongs to one file and is destroyed with it, or when the file leaves it;
//! - what is truncated or evicted is punched out of the region, or zeroed;
//! - once a session's grant has ended, the region is *abandoned*: before the next change of the
//!   file's contents the file moves out of it, because the client may still have it mapped.

mod grant;
mod region;

pub use grant::PinnedPages;
pub(crate) use grant::{Grant, SessionGrants};
pub(crate) use region::FileRegion;
