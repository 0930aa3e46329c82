//! Going through all that is below a path of the system.

use crate::tree::Vfs;
use anyhow::Result;
use dataplane::client::ClientError;
use dataplane::entry::Handle;
use dataplane::file::{FileKind, FileStatus, OpenFlags};

/// A directory that is being gone through: its handle, its path, and the names still to come.
struct Level {
    handle: Handle,
    path: Vec<u8>,
    names: Vec<Vec<u8>>,
}

/// Calls `each` with the path and attributes of a file and of all below it, a directory before
/// what is in it. Symbolic links are not followed; what goes away meanwhile is left out. `path` is
/// relative to the root, and so are those given to `each`.
pub(super) fn walk(
    vfs: &mut Vfs,
    path: &[u8],
    mut each: impl FnMut(&mut Vfs, &[u8], &FileStatus) -> Result<()>,
) -> Result<()> {
    let root = vfs.root;
    let status = vfs.stat(root, path)?;
    each(vfs, path, &status)?;
    let mut levels = Vec::new();
    if status.kind() == FileKind::Directory {
        levels.push(enter(vfs, root, path, path)?);
    }
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.pop() else {
            let handle = level.handle;
            levels.pop();
            vfs.queue.submit_close(handle)?;
            continue;
        };
        let (at, path) = (level.handle, join(&level.path, &name));
        let status = match vfs.stat(at, &name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            status => status?,
        };
        each(vfs, &path, &status)?;
        if status.kind() == FileKind::Directory {
            levels.push(enter(vfs, at, &name, &path)?);
        }
    }
    Ok(())
}

fn enter(vfs: &mut Vfs, at: Handle, name: &[u8], path: &[u8]) -> Result<Level, ClientError> {
    let flags = OpenFlags::DIRECTORY | OpenFlags::NO_FOLLOW;
    let handle = vfs.queue.open(at, name, flags, 0)?;
    let mut names = Vec::new();
    vfs.queue.read_directory(handle, |entry| names.push(entry.name.to_vec()))?;
    // The last one comes first.
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(Level { handle, path: path.to_vec(), names })
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match directory {
        b"." => name.to_vec(),
        directory => [directory, name].join(&b'/'),
    }
}
