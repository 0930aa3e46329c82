//! What can be asked of a vfs. Domain calls only: files, paths, credentials; no entries.

mod allocate;
mod attributes;
mod copy;
mod direct;
mod grant;
mod link;
mod list;
mod open;
mod read;
mod remove;
mod rename;
mod seek;
mod status;
mod sync;
mod truncate;
mod unmount;
mod write;
mod xattr;

pub(crate) use copy::CopyEnd;
pub(crate) use grant::Granted;
pub(crate) use open::How;
pub(crate) use rename::End;

/// Most bytes that one request moves where it may have to wait for pages; it moves fewer then.
pub(crate) const MAX_TRANSFER: u64 = 1 << 20;
/// Largest file, bytes.
pub(crate) const MAX_SIZE: u64 = i64::MAX as u64;
