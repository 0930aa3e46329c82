//! Files that a process of its own serves to another one, while init is killed: neither notices, and
//! the next init ends the endpoint with its maker.

use crate::common::files::{Parts, serve_files};
use crate::common::processes::{self, User};
use crate::killer::Watched;
use control::client::{Connection, SessionOptions};
use control::platform::Pairing;
use dataplane::client::{ClientError, Queue};
use dataplane::entry::{Errno, Handle};
use dataplane::file::OpenFlags;
use platform::linux::{Platform, poller};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};
use veridian::system::{Address, Embedded, connect};

const WITHIN: Duration = Duration::from_secs(30);
const NAME: &str = "shared-files";

/// What the process that serves does, until it is killed.
pub(crate) fn provider(address: &str) {
    let connection = connect(&Address(address.to_owned())).unwrap();
    let (endpoint, descriptor) = connection.create_endpoint(NAME).unwrap();
    connection.register(endpoint).unwrap();
    // Whoever has started this knows by it that others can connect.
    println!("registered");
    let platform = Platform::new();
    let channel = platform.other_half(&descriptor).unwrap();
    drop(descriptor);
    let parts = Parts {
        waiting: platform.waiting(),
        memory: platform.memory(),
        doorbells: platform.doorbells(),
    };
    serve_files(channel, parts, poller().unwrap()).unwrap();
}

pub(crate) fn run() {
    let program = Path::new(env!("CARGO_BIN_EXE_veridian"));
    let system = Embedded::start_from(program).unwrap();
    let mut watched = Watched { address: system.address.0.clone(), looks: 0 };
    let before = watched.counts();
    let role = ["provider", &*system.address.0].map(str::to_owned);
    let mut provider = processes::start_piped(&role, User::Own);
    let told = provider.stdout.as_mut().unwrap().read(&mut [0; 16]).unwrap();
    assert!(told > 0, "the provider has failed, see above");
    let client = connect(&system.address).unwrap();
    let (root, mut queue, session) = open(&client);
    store(&mut queue, root).unwrap();

    for _ in 0..2 {
        watched.kill_init();
        store(&mut queue, root).unwrap();
        // By a capability that an init before this one gave, and by one of this one's.
        drop(open(&client));
        drop(open(&connect(&system.address).unwrap()));
    }
    let report = watched.report();
    let services = report["services"].as_array().unwrap();
    let shown = services.iter().find(|service| service["name"] == NAME).unwrap();
    assert_eq!(shown["pid"].as_u64(), Some(u64::from(provider.id())));

    provider.kill().unwrap();
    provider.wait().unwrap();
    let begun = Instant::now();
    let over = loop {
        match store(&mut queue, root) {
            Ok(()) => assert!(begun.elapsed() < WITHIN, "nobody serves, and it goes on"),
            Err(error) => break error,
        }
    };
    assert_eq!(over, ClientError::Ended(Errno::ENOTCONN));
    let refused = client.connect(NAME, SessionOptions::default()).map(drop).unwrap_err();
    assert_eq!(refused.errno(), Errno::EPERM, "the capability has ended with it");
    drop((session, queue, client));
    while watched.counts() != before {
        assert!(begun.elapsed() < WITHIN, "left over: {:?}, not {before:?}", watched.counts());
    }
    println!("endpoint: served by a process, init killed twice, ended with its maker");
    system.stop().unwrap();
}

/// A session, once the endpoint is served.
fn open(connection: &Connection) -> (Handle, Queue, control::client::Session) {
    let begun = Instant::now();
    loop {
        match connection.connect(NAME, SessionOptions::default()) {
            Ok(mut session) => {
                return (session.root(), session.take_queue().unwrap(), session);
            }
            Err(error) => assert!(
                error.errno() == Errno::ENOTCONN && begun.elapsed() < WITHIN,
                "no session: {error}"
            ),
        }
    }
}

fn store(queue: &mut Queue, root: Handle) -> Result<(), ClientError> {
    let flags = OpenFlags::CREATE | OpenFlags::READ_WRITE;
    let file = queue.open(root, b"shared", flags, 0o600)?;
    queue.write(file, 0, b"what was said")?;
    let mut read = [0; 13];
    queue.read(file, 0, &mut read)?;
    assert_eq!(&read, b"what was said");
    queue.close(file)
}
