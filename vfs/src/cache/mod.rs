//! The page cache: the pages of each regular file, and finding memory for more.

mod contents;
mod evict;
mod moving;
mod pages;
mod ranges;
mod writeback;

pub(crate) use contents::{Contents, Piece};
pub(crate) use pages::{PAGE, new_page};
pub(crate) use writeback::PURGE_DIRTY_AT;
