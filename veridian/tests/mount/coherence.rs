//! Programs on the mount and clients of the rings in the same files: neither sees a stale byte.

use crate::mounted::Mounted;
use dataplane::file::{OpenFlags, RenameFlags, UnlinkKind};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::thread;
use std::time::Duration;

const ROUNDS: u64 = 1_000;
/// Longer than the time in which an older kernel gives two writes to a file the same time.
const TICK: Duration = Duration::from_millis(20);

#[test]
fn contents_written_on_one_side_are_read_on_the_other() {
    let Some(mounted) = Mounted::new() else { return };
    let mut client = mounted.client();
    let path = mounted.path("file");
    let kept = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
    let kept = kept.unwrap();
    let handle = client.queue.open(client.root, b"file", OpenFlags::READ_WRITE, 0).unwrap();
    for round in 0..ROUNDS {
        let (offset, text) = (round * 37 % 9000, format!("<round {round}>"));
        let mut seen = vec![0; text.len()];
        if round % 2 == 0 {
            client.queue.write(handle, offset, text.as_bytes()).unwrap();
            // Through a file that was open all the time, whose pages the kernel may have kept.
            kept.read_exact_at(&mut seen, offset).unwrap();
        } else {
            kept.write_all_at(text.as_bytes(), offset).unwrap();
            assert_eq!(client.queue.read(handle, offset, &mut seen).unwrap(), text.len());
        }
        assert_eq!(String::from_utf8_lossy(&seen), text, "round {round}");
        let size = client.queue.stat(handle, b"").unwrap().size;
        assert_eq!(fs::metadata(&path).unwrap().len(), size, "round {round}");
        if round % 100 == 99 {
            client.queue.truncate(handle, round % 5000).unwrap();
            assert_eq!(kept.metadata().unwrap().len(), round % 5000);
        }
    }
}

#[test]
fn names_changed_on_one_side_are_seen_on_the_other() {
    let Some(mounted) = Mounted::new() else { return };
    let mut client = mounted.client();
    for round in 0..ROUNDS {
        let (old, new) = (format!("n{round}"), format!("n{}", round + 1));
        if round == 0 {
            fs::write(mounted.path(&old), b"moved").unwrap();
        }
        assert!(!mounted.path(&new).exists(), "round {round}");
        if round % 2 == 0 {
            let (from, to) = ((client.root, old.as_bytes()), (client.root, new.as_bytes()));
            client.queue.rename(from, to, RenameFlags::empty()).unwrap();
        } else {
            fs::rename(mounted.path(&old), mounted.path(&new)).unwrap();
        }
        assert!(!mounted.path(&old).exists(), "round {round}");
        assert!(client.queue.stat(client.root, old.as_bytes()).is_err(), "round {round}");
        assert_eq!(fs::read(mounted.path(&new)).unwrap(), b"moved", "round {round}");
        client.queue.stat(client.root, new.as_bytes()).unwrap();
    }
    client.queue.unlink(client.root, format!("n{ROUNDS}").as_bytes(), UnlinkKind::File).unwrap();
    assert_eq!(fs::read_dir(mounted.point()).unwrap().count(), 0);
}

#[test]
fn contents_that_the_host_writes_are_read_by_the_mount() {
    let Some(mounted) = Mounted::new() else { return };
    let mut client = mounted.client();
    let host = tempfile::tempdir().unwrap();
    fs::write(host.path().join("file"), [0; 8]).unwrap();
    client.queue.mkdir(client.root, b"host", 0o755).unwrap();
    let attached =
        mounted.command(&["mount", "--host"]).arg(host.path()).arg("vfs:/host").output().unwrap();
    assert!(attached.status.success(), "{attached:?}");
    let at_host = OpenOptions::new().write(true).open(host.path().join("file")).unwrap();
    let handle = client.queue.open(client.root, b"host/file", OpenFlags::READ_WRITE, 0).unwrap();
    let kept = fs::File::open(mounted.path("host/file")).unwrap();
    for round in 0..40_u64 {
        thread::sleep(TICK);
        // Of one size, so that only the time of change tells.
        let bytes = round.to_le_bytes();
        if round % 2 == 0 {
            at_host.write_all_at(&bytes, 0).unwrap();
        } else {
            client.queue.write(handle, 0, &bytes).unwrap();
        }
        let mut seen = [0; 8];
        kept.read_exact_at(&mut seen, 0).unwrap();
        assert_eq!(u64::from_le_bytes(seen), round);
    }
}
