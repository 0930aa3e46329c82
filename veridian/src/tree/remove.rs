//! Removes a directory and everything below it.

use super::cursor::{Step, Walk};
use super::side::Side;
use std::io;

/// Removes the directory `name` of `at`. Stops at the first error, which comes with the path of
/// what could not be removed, from the top on.
pub(crate) fn remove<S: Side>(
    side: &mut S,
    at: &S::Directory,
    name: &[u8],
) -> Result<(), (Vec<u8>, io::Error)> {
    let here = |error| (Vec::new(), error);
    let top = side.open_directory(at, name).map_err(here)?;
    let mut walk = Walk::new(side, top).map_err(here)?;
    let emptied = empty(side, &mut walk);
    walk.close(side);
    emptied?;
    side.remove_directory(at, name).map_err(here)
}

fn empty<S: Side>(side: &mut S, walk: &mut Walk<S>) -> Result<(), (Vec<u8>, io::Error)> {
    loop {
        let step = walk.next(side).map_err(|error| (walk.path_of(b""), error))?;
        let (name, removed) = match step {
            None => return Ok(()),
            Some(Step::Directory(name)) => (name.clone(), walk.enter(side, name)),
            Some(Step::Left(name)) => {
                let removed = side.remove_directory(walk.here(), &name);
                (name, removed)
            }
            Some(Step::Leaf(entry)) => {
                let removed = side.remove_file(walk.here(), &entry.name);
                (entry.name, removed)
            }
        };
        removed.map_err(|error| (walk.path_of(&name), error))?;
    }
}
