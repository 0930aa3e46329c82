//! Space, holes and copies.

use crate::support::client::Outcome;
use crate::{Contents, Open, Run, Step, who};
use dataplane::entry::Errno;
use dataplane::file::Whence;

impl Run<'_> {
    /// The files of two slots, if they are open and not directories.
    fn files(&self, slots: [usize; 2]) -> Option<[Open; 2]> {
        let files = [self.open[slots[0]]?, self.open[slots[1]]?];
        let is_file = |open: &Open| !self.naive.nodes[open.file.node].is_directory();
        files.iter().all(is_file).then_some(files)
    }

    pub(super) fn on_ranges(&mut self, step: &Step) {
        let slots = match *step {
            Step::Allocate(slot, ..) | Step::Seek(slot, _) => [slot, slot],
            Step::Copy((from, _), (to, _), _) => [from, to],
            _ => return,
        };
        let Some([from, to]) = self.files(slots) else { return };
        let (client, who) = (&self.clients[to.user], who(to.user));
        match *step {
            Step::Allocate(_, mode, offset, len) => {
                match client.allocate(to.handle, mode, offset, len) {
                    // Only where contents are in the cache alone.
                    Err(Errno::EOPNOTSUPP) if self.contents != Contents::InCache => {}
                    answer => {
                        let range = (offset, len);
                        assert_eq!(answer, self.naive.allocate(&who, to.file, mode, range));
                    }
                }
            }
            Step::Seek(_, offset) => {
                let data = client.seek(to.handle, offset, Whence::Data);
                let hole = client.seek(to.handle, offset, Whence::Hole);
                self.check_found(to.file.node, offset, data, hole);
            }
            Step::Copy((_, offset), (_, to_offset), len) if from.user == to.user => {
                let ends = ((from.handle, offset), (to.handle, to_offset));
                let answer = client.copy_range(ends.0, ends.1, len);
                if self.contents == Contents::Shared && answer == Err(Errno::EOPNOTSUPP) {
                    return;
                }
                let ends = ((from.file, offset), (to.file, to_offset));
                let expected = self.naive.copy_range(&who, ends.0, ends.1, len);
                assert_eq!(answer.map(u64::from), expected);
            }
            _ => {}
        }
    }

    /// What is skipped to find data reads zeros, and the end is a hole.
    fn check_found(&self, node: usize, offset: u64, data: Outcome<u64>, hole: Outcome<u64>) {
        let bytes = self.naive.nodes[node].data();
        let (start, size) = (usize::try_from(offset).unwrap(), bytes.len());
        if start >= size {
            assert_eq!((data, hole), (Err(Errno::ENXIO), Err(Errno::ENXIO)));
            return;
        }
        let hole = usize::try_from(hole.unwrap()).unwrap();
        assert!((start..=size).contains(&hole));
        let found = match data {
            Err(error) => {
                assert_eq!(error, Errno::ENXIO);
                size
            }
            Ok(data) => usize::try_from(data).unwrap(),
        };
        assert!((start..=size).contains(&found));
        assert!(bytes[start..found].iter().all(|byte| *byte == 0), "data in a hole");
        assert!(found == start || hole == start, "neither data nor a hole");
    }
}
