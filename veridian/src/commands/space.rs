//! `df` and `du`: how much space there is, and what takes it.

use super::walk::walk;
use crate::cli::{Df, Du};
use crate::commands::files;
use crate::output::{Align, Output, Table};
use crate::system::Address;
use anyhow::{Context, Result};
use dataplane::file::{FilesystemStatus, OpenFlags};
use std::collections::HashSet;

/// Bytes of a block as attributes count them.
const BLOCK: u64 = 512;

pub(crate) fn df(options: &Df, address: &Address, output: &mut Output) -> Result<()> {
    use Align::{Left, Right};
    let mut vfs = files::open(address)?;
    let columns = [
        (Left, "path"),
        (Right, "size"),
        (Right, "used"),
        (Right, "free"),
        (Right, "inodes"),
        (Right, "free"),
    ];
    let mut table = Table::new(columns);
    for path in &options.paths {
        let handle = vfs.queue.open(vfs.root, path.relative(), OpenFlags::PATH, 0);
        let handle = handle.with_context(|| path.to_string())?;
        let status = vfs.queue.filesystem_status(handle).with_context(|| path.to_string())?;
        vfs.queue.submit_close(handle)?;
        let [size, used, free] = space(&status);
        let (inodes, free_inodes) = (status.inodes.to_string(), status.free_inodes.to_string());
        table.row([path.to_string(), size, used, free, inodes, free_inodes]);
    }
    output.line(table)
}

fn space(status: &FilesystemStatus) -> [String; 3] {
    let used = status.blocks.saturating_sub(status.free_blocks);
    let blocks = [status.blocks, used, status.available_blocks];
    blocks.map(|blocks| bytes(blocks.saturating_mul(status.block_size)))
}

pub(crate) fn du(options: &Du, address: &Address, output: &mut Output) -> Result<()> {
    use Align::{Left, Right};
    let mut vfs = files::open(address)?;
    let mut table = Table::new([(Right, "space"), (Right, "files"), (Left, "path")]);
    // Of several names of a file the first one counts.
    let mut seen = HashSet::new();
    for path in &options.paths {
        let (mut blocks, mut count) = (0u64, 0u64);
        let walked = walk(&mut vfs, path.relative(), |_, _, status| {
            if seen.insert((status.device, status.inode)) {
                blocks += status.blocks;
                count += 1;
            }
            Ok(())
        });
        walked.with_context(|| path.to_string())?;
        table.row([bytes(blocks * BLOCK), count.to_string(), path.to_string()]);
    }
    output.line(table)
}

/// Bytes in the largest unit that leaves a number above 1.
fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
