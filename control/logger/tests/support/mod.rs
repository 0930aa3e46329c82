//! A logger without a system around it: a clock that the test moves, files in memory, and messages.

use capability::Rights;
use control::log_files::LogFiles;
use control::message::PeerIdentity;
use control::platform::{Machine, Unconfined};
use control::service::{LocalFuture, Sender, Service};
use dataplane::entry::Errno;
use dataplane::log::{Level, Record};
use dataplane::platform::{
    Access, Doorbell, Doorbells, Instant, Memory, MemoryError, NewRegion, Timestamp, Waiting, Wake,
    Writer,
};
use dataplane::{Descriptor, Region, Word};
use logger::{LoggerConfig, LoggerService};
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

/// Time that stands still until it is set.
#[derive(Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn go_on(&self, ns: u64) {
        self.0.fetch_add(ns, Ordering::Relaxed);
    }
}

impl Waiting for Clock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::Relaxed))
    }

    fn wall_clock(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed).cast_signed())
    }

    fn cpu(&self) -> u64 {
        0
    }

    fn yield_now(&self) {}

    fn sleep_on(&self, _: &[(&Word, u64)], _: Option<Instant>) -> Wake {
        unreachable!("the logger does not sleep")
    }

    fn wake(&self, _: &Word) {
        unreachable!("the logger wakes nobody")
    }
}

/// The logger maps nothing, and is nobody's client.
struct Nothing;

impl Memory for Nothing {
    fn create(&self, _: u64, _: Writer) -> Result<NewRegion, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn map(&self, _: &Descriptor, _: Access) -> Result<Region, MemoryError> {
        Err(MemoryError::WrongDescriptor)
    }

    fn prefault(&self, _: &Region, _: usize, _: usize) {}

    fn commit(&self, _: &Descriptor, _: u64, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn punch(&self, _: &Descriptor, _: u64, _: u64) -> Result<(), MemoryError> {
        Err(MemoryError::Denied)
    }

    fn seal(&self, _: &Descriptor) -> Result<(), MemoryError> {
        Err(MemoryError::WrongDescriptor)
    }

    fn fork_guard(&self) -> Result<Word, MemoryError> {
        Err(MemoryError::Exhausted)
    }
}

impl Doorbells for Nothing {
    fn create(&self) -> Result<Descriptor, MemoryError> {
        Err(MemoryError::Exhausted)
    }

    fn open(&self, _: &Descriptor) -> Result<Arc<dyn Doorbell>, MemoryError> {
        Err(MemoryError::WrongDescriptor)
    }
}

/// One file in memory. A clone is another handle of it.
#[derive(Clone, Default)]
pub(crate) struct File(pub(crate) Rc<RefCell<Vec<u8>>>);

impl LogFiles for File {
    fn append(&self, bytes: Vec<u8>) -> LocalFuture<'static, Result<(), Errno>> {
        self.0.borrow_mut().extend(bytes);
        Box::pin(async { Ok(()) })
    }

    fn newest(&self, bytes: u64) -> LocalFuture<'static, Result<Vec<u8>, Errno>> {
        let file = self.0.borrow();
        let begin = file.len().saturating_sub(usize::try_from(bytes).unwrap_or(usize::MAX));
        let newest = file.get(begin..).unwrap_or_default().to_vec();
        Box::pin(async { Ok(newest) })
    }

    fn sync(&self) -> LocalFuture<'static, Result<(), Errno>> {
        Box::pin(async { Ok(()) })
    }
}

/// A logger, and its clock.
pub(crate) struct Stage {
    pub(crate) clock: Arc<Clock>,
    service: LoggerService,
}

impl Stage {
    /// One that has started.
    pub(crate) fn new(config: LoggerConfig, file: Option<File>) -> Self {
        let clock = Arc::new(Clock::default());
        let machine = Machine {
            waiting: clock.clone(),
            memory: Arc::new(Nothing),
            doorbells: Arc::new(Nothing),
            confinement: Arc::new(Unconfined),
        };
        let service = LoggerService::new(config, machine, file.map(|file| Box::new(file) as _));
        assert_eq!(finish(service.start()), Ok(()));
        Self { clock, service }
    }

    /// Has a message of somebody with these rights handled.
    pub(crate) fn tell(&self, rights: Rights, text: &[u8]) -> Result<Vec<u8>, Errno> {
        let sender = Sender { rights, badge: 0, identity: PeerIdentity::default() };
        finish(self.service.handle_message(sender, text))
    }

    /// Has it keep a record of the broker, who has dropped so many.
    pub(crate) fn record(&self, dropped: u64, record: &[u8]) -> Result<(), Errno> {
        let text = [format!("record {dropped} ").as_bytes(), record].concat();
        self.tell(Rights::CAP_SERVICE, &text).map(|answer| assert!(answer.is_empty()))
    }
}

/// A record with this number and message.
pub(crate) fn record(sequence: u64, message: &str) -> Vec<u8> {
    let (level, time) = (Level::Information, Timestamp(1));
    let message = message.to_owned();
    Record { level, sequence, time, pid: 0, message, fields: Vec::new() }.encode()
}

/// What a future that waits for nobody comes to.
fn finish<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nobody is there to wait for"),
    }
}
