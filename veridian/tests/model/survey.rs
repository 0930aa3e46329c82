//! Operations that look at all that there is: every name, what it is, and what is in it.

use crate::naive::{Body, Naive, ROOT};
use crate::operation::{At, Object, Operation, Position};
use dataplane::file::OpenFlags;

/// The slot that directories and files are opened in.
const SLOT: usize = 0;

/// Those that look at the whole tree.
pub(crate) fn operations(naive: &Naive) -> Vec<Operation> {
    let mut operations = vec![];
    let mut below = vec![(".".to_owned(), ROOT)];
    while let Some((path, node)) = below.pop() {
        look(naive, &path, node, &mut operations);
        if let Body::Directory { children, .. } = &naive.nodes[node].body {
            below.extend(children.iter().map(|(name, child)| (format!("{path}/{name}"), *child)));
        }
    }
    operations.push(Operation::Close(SLOT));
    operations
}

fn look(naive: &Naive, path: &str, node: usize, operations: &mut Vec<Operation>) {
    let at = At { base: None, path: path.to_owned() };
    let object = Object::Link(at.clone());
    let open = |flags| Operation::Open { slot: SLOT, at: at.clone(), flags, mode: 0 };
    operations.extend([Operation::Stat(object.clone()), Operation::XattrNames(object.clone())]);
    for name in naive.nodes[node].xattrs.keys() {
        operations.push(Operation::Xattr { of: object.clone(), name: name.clone() });
    }
    match &naive.nodes[node].body {
        Body::Directory { .. } => {
            operations.extend([open(OpenFlags::DIRECTORY), Operation::List(SLOT)]);
        }
        Body::Regular(_) => {
            let len = naive.nodes[node].data().len() + 1;
            let from = Position { slot: SLOT, offset: 0 };
            operations.extend([open(OpenFlags::empty()), Operation::Read { from, len }]);
        }
        Body::Symlink(_) => operations.push(Operation::ReadLink(at)),
        Body::Special(_) => {}
    }
}
