//! A client that writes into its session with the logger what no source does.

use crate::system::{connect, counts, readable, start};
use control::client::SessionOptions;
use dataplane::ArenaRange;
use dataplane::client::{ClientError, Queue};
use dataplane::entry::Errno;
use dataplane::log::{Append, Level, Record};
use dataplane::platform::Timestamp;
use platform::local::Platform;

fn records(count: u64) -> Vec<u8> {
    let record = |sequence| Record {
        level: Level::Information,
        sequence,
        time: Timestamp(1),
        pid: 0,
        message: "from a client".to_owned(),
        fields: Vec::new(),
    };
    (0..count).flat_map(|sequence| record(sequence).encode()).collect()
}

/// Sends some bytes as records, and how many the client says it has dropped.
fn append(queue: &mut Queue, bytes: &[u8], dropped: u64) -> Result<u32, Errno> {
    let buffer = queue.buffer_with(bytes).unwrap();
    let records = buffer.range();
    let done = queue.call(Append { records, dropped }.to_sqe());
    queue.give_back(buffer);
    done.map_err(ClientError::errno)?.status.result()
}

#[test]
fn what_is_no_record_is_not_accepted_and_hides_nothing() {
    let platform = Platform::new();
    let init = start(&platform);
    let connection = connect(&platform);
    let mut session = connection.connect("logger", SessionOptions::default()).unwrap();
    let mut queue = session.take_queue().unwrap();
    let name = format!("user-{}", rustix::process::getuid().as_raw());
    let mine = || counts(&connection)[&name];

    assert_eq!(append(&mut queue, &records(3), 0), Ok(3));
    assert_eq!(mine(), [3, 3, 0, 0]);
    let mut broken = records(2);
    broken.extend(b"no record");
    broken.extend(records(4));
    assert_eq!(append(&mut queue, &broken, 10), Ok(2), "what is before it");
    assert_eq!(mine(), [5, 5, 10, 0], "and what was dropped");
    let last = records(1);
    let torn = &last[..last.len() - 1];
    assert_eq!(append(&mut queue, &[&records(1), torn].concat(), 11), Ok(1));
    assert_eq!(mine(), [6, 6, 11, 0]);
    assert_eq!(append(&mut queue, b"no record", 15), Err(Errno::EINVAL));
    assert_eq!(mine(), [6, 6, 15, 0]);
    let outside = ArenaRange { offset: u32::MAX - 8, len: 8 };
    let entry = Append { records: outside, dropped: 16 }.to_sqe();
    assert!(queue.call(entry).is_err());
    assert_eq!(mine(), [6, 6, 16, 0]);
    assert_eq!(append(&mut queue, &[], 17), Ok(0), "a count alone");
    assert_eq!(mine(), [6, 6, 17, 0]);

    // A count that goes back is none, and one that cannot be ends where counts end.
    for dropped in [0, u64::MAX, 0, u64::MAX, 5, u64::MAX - 1] {
        assert_eq!(append(&mut queue, &records(1), dropped), Ok(1));
    }
    assert_eq!(mine(), [12, 12, u64::MAX, 0]);
    // Another session begins anew.
    let mut second = connection.connect("logger", SessionOptions::default()).unwrap();
    assert_eq!(append(&mut second.take_queue().unwrap(), &records(1), 1), Ok(1));
    assert_eq!(mine(), [13, 13, u64::MAX, 0]);
    assert_eq!(readable(&connection, &name), 13);

    drop((queue, session, second));
    connection.shutdown().unwrap();
    init.join().unwrap();
}
