//! Paths as bytes: their components, and what their last one asks for.

use dataplane::entry::Errno;

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Component<'a> {
    /// `.`: stay.
    Current,
    /// `..`: up.
    Parent,
    /// Down.
    Name(&'a [u8]),
}

/// A component, and how the path goes on behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step<'a> {
    /// The component.
    pub(crate) component: Component<'a>,
    /// Where in the path the next one begins.
    pub(crate) next: usize,
    /// Whether no other component follows.
    pub(crate) is_last: bool,
    /// Bytes of slashes behind it.
    pub(crate) trailing: usize,
    /// Whether a slash follows: it must be a directory.
    pub(crate) slash: bool,
}

/// The component at `position` or behind the slashes there, however long it is; `None` if there is
/// none.
#[inline]
pub(crate) fn step(path: &[u8], position: usize) -> Option<Step<'_>> {
    let rest = path.get(position..).unwrap_or_default();
    let start = rest.iter().take_while(|byte| **byte == b'/').count();
    let rest = rest.get(start..).unwrap_or_default();
    let len = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    if len == 0 {
        return None;
    }
    let (name, behind) = rest.split_at_checked(len).unwrap_or_default();
    let slashes = behind.iter().take_while(|byte| **byte == b'/').count();
    Some(Step {
        component: match name {
            b"." => Component::Current,
            b".." => Component::Parent,
            name => Component::Name(name),
        },
        next: position + start + len + slashes,
        is_last: slashes == behind.len(),
        trailing: slashes,
        slash: slashes > 0,
    })
}

/// Whether a path can be walked at all.
///
/// # Errors
/// EINVAL for a byte 0, which no name has.
pub(crate) fn check(path: &[u8]) -> Result<(), Errno> {
    if path.contains(&0) {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn all(path: &[u8]) -> Vec<Step<'_>> {
        let (mut steps, mut position) = (Vec::new(), 0);
        while let Some(step) = step(path, position) {
            position = step.next;
            steps.push(step);
        }
        steps
    }

    #[test]
    fn components_and_slashes() {
        assert!(all(b"").is_empty());
        assert!(all(b"///").is_empty());
        let steps = all(b"//a/.//../b/");
        let components: Vec<_> = steps.iter().map(|step| step.component).collect();
        assert_eq!(
            components,
            [Component::Name(b"a"), Component::Current, Component::Parent, Component::Name(b"b"),]
        );
        assert!(steps[3].is_last && steps[3].slash && !steps[2].is_last);
        assert!(!all(b"a")[0].slash);
    }

    proptest! {
        #[test]
        fn agrees_with_splitting(path in "[a./]{0,40}") {
            let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
            let steps = all(path.as_bytes());
            prop_assert_eq!(steps.len(), names.len());
            for (index, (step, name)) in steps.iter().zip(&names).enumerate() {
                let expected = match *name {
                    "." => Component::Current,
                    ".." => Component::Parent,
                    name => Component::Name(name.as_bytes()),
                };
                prop_assert_eq!(step.component, expected);
                prop_assert_eq!(step.is_last, index + 1 == names.len());
            }
            if let Some(last) = steps.last() {
                prop_assert_eq!(last.slash, path.ends_with('/'));
            }
        }
    }
}
