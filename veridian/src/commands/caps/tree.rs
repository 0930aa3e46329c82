//! Capabilities as text and as JSON.

use super::CapabilityId;
use crate::config::rights;
use control::message::CapabilityNode;
use serde::Serialize;
use std::collections::BTreeMap;

/// A capability as a script reads it.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    parent: Option<String>,
    object: String,
    rights: Vec<String>,
    badge: u64,
    pid: u32,
    uid: u32,
    sessions: u32,
}

impl Row {
    pub(super) fn new(node: &CapabilityNode) -> Self {
        Self {
            id: id(node).to_string(),
            parent: parent(node).map(|parent| parent.to_string()),
            object: node.object.to_string(),
            rights: rights::names(node.rights),
            badge: node.badge,
            pid: node.pid,
            uid: node.uid,
            sessions: node.sessions,
        }
    }
}

fn id(node: &CapabilityNode) -> CapabilityId {
    CapabilityId { space: node.space, handle: node.handle }
}

fn parent(node: &CapabilityNode) -> Option<CapabilityId> {
    let handle = capability::Handle::from_word(node.parent_handle)?;
    Some(CapabilityId { space: node.parent_space, handle })
}

/// A capability in words.
pub(super) fn describe(node: &CapabilityNode) -> String {
    let rights = rights::format(node.object.as_str(), node.rights);
    let sessions = match node.sessions {
        0 => String::new(),
        1 => ", 1 session".to_owned(),
        count => format!(", {count} sessions"),
    };
    format!("{}  {rights}  (pid {}, uid {}{sessions})", id(node), node.pid, node.uid)
}

/// A line for each, behind what it was derived from, and further in than that.
pub(super) fn lines(nodes: &[CapabilityNode]) -> Vec<String> {
    let known: BTreeMap<CapabilityId, &CapabilityNode> =
        nodes.iter().map(|node| (id(node), node)).collect();
    let mut children: BTreeMap<Option<CapabilityId>, Vec<&CapabilityNode>> = BTreeMap::new();
    for node in nodes {
        // What was derived from what is not shown stands at the edge.
        let parent = parent(node).filter(|parent| known.contains_key(parent));
        children.entry(parent).or_default().push(node);
    }
    let mut lines = Vec::new();
    let top = children.remove(&None).unwrap_or_default();
    let mut left: Vec<(usize, &CapabilityNode)> = top.into_iter().rev().map(|it| (0, it)).collect();
    while let Some((depth, node)) = left.pop() {
        lines.push(format!("{}{}", "  ".repeat(depth), describe(node)));
        let below = children.remove(&Some(id(node))).unwrap_or_default();
        left.extend(below.into_iter().rev().map(|child| (depth + 1, child)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use capability::{Handle, Rights};

    fn node(space: u64, handle: u64, parent: (u64, u64)) -> CapabilityNode {
        let word = |slot| if slot == 0 { 0 } else { 1 << 32 | slot };
        CapabilityNode {
            space: word(space),
            handle: Handle::from_word(word(handle)).unwrap(),
            parent_space: word(parent.0),
            parent_handle: word(parent.1),
            rights: Rights::READ | Rights::CAP_SPAWN,
            badge: 0,
            object: "vfs".parse().unwrap(),
            pid: 5,
            uid: 6,
            sessions: 1,
        }
    }

    #[test]
    fn what_was_derived_stands_below() {
        let nodes = [
            node(1, 1, (0, 0)),
            node(2, 1, (1, 1)),
            node(2, 2, (2, 1)),
            node(3, 1, (1, 1)),
            node(3, 2, (9, 9)),
        ];
        let lines = lines(&nodes);
        let depths: Vec<_> = lines.iter().map(|it| it.len() - it.trim_start().len()).collect();
        assert_eq!(depths, [0, 2, 4, 2, 0]);
        assert_eq!(lines[0], "1.1:1.1  vfs: read, cap-spawn  (pid 5, uid 6, 1 session)");
        assert!(lines[2].contains("2.1:2.1"), "{lines:?}");
    }
}
