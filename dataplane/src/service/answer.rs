//! What a service is to the reactor: sessions come and go, requests are answered.

use crate::entry::{CqeFlags, Errno, Handle, Opcode, Sqe, Status};
use crate::session::{Credentials, SessionInfo};
use alloc::boxed::Box;
use alloc::rc::Rc;
use core::future::Future;
use core::pin::Pin;
use core::task::Context;

/// What answers requests on the data plane. Everything is called on the reactor's thread.
pub trait DataService: 'static {
    /// What the service keeps for a session.
    type Session: 'static;
    /// What a completion holds on to until its client has consumed it, such as a pinned page;
    /// dropping it lets go.
    type Held: 'static;

    /// A client has connected; returns its state and the handle to start from.
    ///
    /// # Errors
    /// The session is then refused.
    fn open_session(&self, info: &SessionInfo) -> Result<(Rc<Self::Session>, Handle), Errno>;

    /// The session has ended: no request of it is in flight any more, none will come, and
    /// nothing is held for it.
    fn close_session(&self, session: &Rc<Self::Session>);

    /// Requests accepted from now on that name `index` act as somebody: as the broker has approved.
    /// The index is known to the session already, or is the next one.
    ///
    /// # Errors
    /// EOPNOTSUPP where nothing depends on who asks.
    fn set_credential(
        &self,
        _session: &Rc<Self::Session>,
        _index: u16,
        _credentials: Credentials,
    ) -> Result<(), Errno> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Whether an operation is there (for PROBE). The reactor itself answers NOP, PROBE, CANCEL
    /// and TIMEOUT.
    fn supports(&self, opcode: Opcode) -> bool;

    /// Answers a request. All fields are a private copy and none has been checked, except that
    /// the flags are known ones. Dropping a pending answer cancels it.
    fn request(self: &Rc<Self>, session: &Rc<Self::Session>, sqe: &Sqe) -> Answer<Self::Held>;
}

/// The answer to a request, now or later.
pub enum Answer<H> {
    /// Completed at once, without a task.
    Now(Completion<H>),
    /// Completes when the future does.
    Later(Pin<Box<dyn Future<Output = Completion<H>>>>),
    /// Completes any number of times, before the last one with MORE.
    Many(Box<dyn Shots<H>>),
}

/// The completions of a request that has many. Dropping it cancels the request.
pub trait Shots<H> {
    /// The next one. Asked for while the client has a slot for it: at first, each time that the
    /// context's waker was woken, and after [`Shot::NoRoom`] whenever the client has got on.
    fn next(&mut self, context: &mut Context<'_>) -> Shot<H>;

    /// The last one, if nothing is left to be said before it. Asked for instead while the client
    /// has a slot for no other; the waker is woken when there is a last one.
    fn last(&mut self, context: &mut Context<'_>) -> Option<Completion<H>>;
}

/// What a request with many completions has to say.
#[derive(Debug)]
pub enum Shot<H> {
    /// This, and there may be more. Nothing can be held for it.
    More(Completion<H>),
    /// This, and it has ended.
    Last(Completion<H>),
    /// Nothing now; the waker will be woken.
    Waiting,
    /// Something, for which the client has to make room in its own memory.
    NoRoom,
}

/// What goes into a completion.
#[derive(Debug)]
pub struct Completion<H> {
    /// Outcome.
    pub status: Status,
    /// Flags.
    pub flags: CqeFlags,
    /// Second result.
    pub aux: u64,
    /// Held until the client has consumed the completion.
    pub held: Option<H>,
}

impl<H> Completion<H> {
    /// An outcome and nothing else.
    #[must_use]
    pub fn new(status: Status) -> Self {
        Self { status, flags: CqeFlags::empty(), aux: 0, held: None }
    }

    /// The same with a second result.
    #[must_use]
    pub fn with_aux(mut self, aux: u64) -> Self {
        self.aux = aux;
        self
    }
}

impl<H> From<Errno> for Completion<H> {
    fn from(errno: Errno) -> Self {
        Self::new(errno.into())
    }
}

impl<H, E: Into<Self>> From<Result<Self, E>> for Completion<H> {
    fn from(result: Result<Self, E>) -> Self {
        result.unwrap_or_else(Into::into)
    }
}

impl<H, T: Into<Completion<H>>> From<T> for Answer<H> {
    fn from(completion: T) -> Self {
        Self::Now(completion.into())
    }
}
