//! A service that answers at once, later or with something held, remembers what it did, and panics
//! when the reactor breaks its side of the contract.
//!
//! | opcode | answer |
//! |---|---|
//! | FSYNC | at once |
//! | READ_GRANT | at once, and something is held until the client has consumed it |
//! | READ | when [`FakeService::finish`] says so |
//! | WRITE | after it was polled `offset` more times; it wakes itself |
//! | WATCH | `offset` times, and what [`FakeService::fire`] adds, while there is room for `arg0` more; the last when [`FakeService::finish`] says so |
//! | other | EOPNOTSUPP |
//!
//! Every answer carries the user data, inverted, as its second result.

use dataplane::entry::{Errno, Handle, Opcode, Sqe, SqeFlags, Status};
use dataplane::service::{Answer, Completion, DataService, Shot, Shots};
use dataplane::{SessionId, SessionInfo};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The handle that every session starts from.
pub(crate) const ROOT: Handle = Handle { slot: 3, generation: 9 };

#[derive(Default)]
pub(crate) struct FakeService {
    /// Requests that were begun, by session and user data; also those that have ended.
    pub(crate) executed: RefCell<Vec<(SessionId, u64)>>,
    /// Answers that [`FakeService::finish`] can finish.
    pending: RefCell<BTreeMap<(SessionId, u64), Rc<Later>>>,
    /// Refuses the next session.
    pub(crate) refuses: Cell<bool>,
    /// Of each WATCH: what it has to report, and room for that.
    many: RefCell<BTreeMap<(SessionId, u64), Rc<Many>>>,
    sessions: RefCell<BTreeMap<SessionId, Rc<FakeSession>>>,
    /// Futures that were woken and not polled since.
    woken: Rc<Cell<usize>>,
    /// Polls of futures.
    polls: Rc<Cell<u64>>,
}

/// What the service keeps for a session.
pub(crate) struct FakeSession {
    id: SessionId,
    ended: Cell<bool>,
    unanswered: Cell<usize>,
    held: Cell<usize>,
}

#[derive(Default)]
struct Later {
    done: Cell<bool>,
    woken: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl FakeService {
    /// Sessions that are open.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Values that are held for a session.
    pub(crate) fn held(&self, session: SessionId) -> usize {
        self.sessions.borrow().get(&session).map_or(0, |session| session.held.get())
    }

    /// Requests of a session that were begun.
    pub(crate) fn executed_for(&self, session: SessionId) -> usize {
        self.executed.borrow().iter().filter(|(id, _)| *id == session).count()
    }

    /// Gives a pending WATCH so many more reports.
    pub(crate) fn fire(&self, session: SessionId, user_data: u64, reports: u64) {
        let many = Rc::clone(&self.many.borrow()[&(session, user_data)]);
        many.left.set(many.left.get() + reports);
        many.waker.take().inspect(Waker::wake_by_ref);
    }

    /// Makes room for so many more reports of a WATCH, as its client does: nobody is woken.
    pub(crate) fn make_room(&self, session: SessionId, user_data: u64, reports: u64) {
        let many = &self.many.borrow()[&(session, user_data)];
        many.room.set(many.room.get() + reports);
    }

    /// Finishes a pending READ or WATCH; says whether there was one.
    pub(crate) fn finish(&self, session: SessionId, user_data: u64) -> bool {
        if let Some(many) = self.many.borrow_mut().remove(&(session, user_data)) {
            many.is_done.set(true);
            many.waker.take().inspect(Waker::wake_by_ref);
            return true;
        }
        let Some(later) = self.pending.borrow_mut().remove(&(session, user_data)) else {
            return false;
        };
        later.done.set(true);
        self.wake(&later);
        true
    }

    /// Wakes a pending READ for no reason.
    pub(crate) fn disturb(&self, session: SessionId, user_data: u64) {
        if let Some(later) = self.pending.borrow().get(&(session, user_data)) {
            self.wake(later);
        }
    }

    fn wake(&self, later: &Later) {
        if let Some(waker) = later.waker.take() {
            if !later.woken.replace(true) {
                self.woken.set(self.woken.get() + 1);
            }
            waker.wake();
        }
    }

    /// READs and WATCHes that wait for [`FakeService::finish`].
    pub(crate) fn pending(&self) -> Vec<(SessionId, u64)> {
        let (pending, many) = (self.pending.borrow(), self.many.borrow());
        pending.keys().chain(many.keys()).copied().collect()
    }

    /// Futures that were woken and not polled since.
    pub(crate) fn woken(&self) -> usize {
        self.woken.get()
    }

    /// Polls of futures so far.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.get()
    }
}

/// Counts as held until it is dropped.
pub(crate) struct HeldPage(Rc<FakeSession>);

impl HeldPage {
    fn new(session: &Rc<FakeSession>) -> Self {
        session.held.set(session.held.get() + 1);
        Self(Rc::clone(session))
    }
}

impl Drop for HeldPage {
    fn drop(&mut self) {
        self.0.held.set(self.0.held.get() - 1);
    }
}

/// A request that is not answered yet.
struct Unanswered {
    service: Rc<FakeService>,
    session: Rc<FakeSession>,
    user_data: u64,
    later: Rc<Later>,
    /// `None`: until it is finished.
    polls_left: Option<u64>,
}

impl Future for Unanswered {
    type Output = Completion<HeldPage>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.session.ended.get(), "polled after the session's end");
        self.service.polls.set(self.service.polls.get() + 1);
        self.unwake();
        let done = match &mut self.polls_left {
            None => self.later.done.get(),
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                self.later.woken.set(true);
                self.service.woken.set(self.service.woken.get() + 1);
                context.waker().wake_by_ref();
                false
            }
        };
        if done {
            return Poll::Ready(ok(self.user_data));
        }
        *self.later.waker.borrow_mut() = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Unanswered {
    fn unwake(&self) {
        if self.later.woken.replace(false) {
            self.service.woken.set(self.service.woken.get() - 1);
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.unwake();
        self.session.unanswered.set(self.session.unanswered.get() - 1);
        let key = (self.session.id, self.user_data);
        let mut pending = self.service.pending.borrow_mut();
        if pending.get(&key).is_some_and(|later| Rc::ptr_eq(later, &self.later)) {
            pending.remove(&key);
        }
    }
}

/// What a WATCH has yet to report.
#[derive(Default)]
struct Many {
    left: Cell<u64>,
    room: Cell<u64>,
    is_done: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

struct Reports {
    service: Rc<FakeService>,
    session: Rc<FakeSession>,
    user_data: u64,
    many: Rc<Many>,
    has_ended: bool,
}

impl Shots<HeldPage> for Reports {
    fn next(&mut self, context: &mut Context<'_>) -> Shot<HeldPage> {
        assert!(!self.session.ended.get(), "asked after the session's end");
        assert!(!self.has_ended, "asked after the last");
        self.service.polls.set(self.service.polls.get() + 1);
        let (left, room) = (self.many.left.get(), self.many.room.get());
        if self.many.is_done.get() {
            self.has_ended = true;
            return Shot::Last(ok(self.user_data));
        }
        if left == 0 {
            *self.many.waker.borrow_mut() = Some(context.waker().clone());
            return Shot::Waiting;
        }
        if room == 0 {
            *self.many.waker.borrow_mut() = Some(context.waker().clone());
            return Shot::NoRoom;
        }
        self.many.left.set(left - 1);
        self.many.room.set(room - 1);
        Shot::More(ok(self.user_data))
    }

    fn last(&mut self, context: &mut Context<'_>) -> Option<Completion<HeldPage>> {
        if !self.many.is_done.get() {
            *self.many.waker.borrow_mut() = Some(context.waker().clone());
            return None;
        }
        self.has_ended = true;
        Some(ok(self.user_data))
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.session.unanswered.set(self.session.unanswered.get() - 1);
        self.service.many.borrow_mut().remove(&(self.session.id, self.user_data));
    }
}

fn ok(user_data: u64) -> Completion<HeldPage> {
    Completion::new(Status::OK).with_aux(!user_data)
}

impl DataService for FakeService {
    type Session = FakeSession;
    type Held = HeldPage;

    fn open_session(&self, info: &SessionInfo) -> Result<(Rc<FakeSession>, Handle), Errno> {
        if self.refuses.take() {
            return Err(Errno::EACCES);
        }
        let session = Rc::new(FakeSession {
            id: info.id,
            ended: Cell::new(false),
            unanswered: Cell::new(0),
            held: Cell::new(0),
        });
        let before = self.sessions.borrow_mut().insert(info.id, Rc::clone(&session));
        assert!(before.is_none(), "opened twice");
        Ok((session, ROOT))
    }

    fn close_session(&self, session: &Rc<FakeSession>) {
        assert!(!session.ended.replace(true), "closed twice");
        assert_eq!(session.unanswered.get(), 0, "closed with requests in flight");
        assert_eq!(session.held.get(), 0, "closed with something held");
        let removed = self.sessions.borrow_mut().remove(&session.id);
        assert!(removed.is_some(), "closed what was not open");
    }

    fn supports(&self, opcode: Opcode) -> bool {
        let served = [Opcode::Fsync, Opcode::Read, Opcode::ReadGrant, Opcode::Write, Opcode::Watch];
        served.contains(&opcode)
    }

    fn request(self: &Rc<Self>, session: &Rc<FakeSession>, sqe: &Sqe) -> Answer<HeldPage> {
        assert!(!session.ended.get(), "a request after the session's end");
        let multishot = SqeFlags::MULTISHOT.bits();
        let is_watch = sqe.opcode() == Opcode::Watch;
        assert!(sqe.flags == 0 || (is_watch && sqe.flags == multishot), "flags are checked before");
        self.executed.borrow_mut().push((session.id, sqe.user_data));
        let polls_left = match sqe.opcode() {
            Opcode::Fsync => return ok(sqe.user_data).into(),
            Opcode::ReadGrant => {
                let held = Some(HeldPage::new(session));
                return Completion { held, ..ok(sqe.user_data) }.into();
            }
            Opcode::Write => Some(sqe.offset),
            Opcode::Read => None,
            Opcode::Watch => return self.watch(session, sqe),
            _ => return Errno::EOPNOTSUPP.into(),
        };
        let later = Rc::new(Later::default());
        if polls_left.is_none() {
            let key = (session.id, sqe.user_data);
            self.pending.borrow_mut().insert(key, Rc::clone(&later));
        }
        session.unanswered.set(session.unanswered.get() + 1);
        Answer::Later(Box::pin(Unanswered {
            service: Rc::clone(self),
            session: Rc::clone(session),
            user_data: sqe.user_data,
            later,
            polls_left,
        }))
    }
}

impl FakeService {
    fn watch(self: &Rc<Self>, session: &Rc<FakeSession>, sqe: &Sqe) -> Answer<HeldPage> {
        let many = Rc::new(Many {
            left: Cell::new(sqe.offset),
            room: Cell::new(sqe.arg0),
            ..Many::default()
        });
        let user_data = sqe.user_data;
        self.many.borrow_mut().insert((session.id, user_data), Rc::clone(&many));
        session.unanswered.set(session.unanswered.get() + 1);
        let (service, session) = (Rc::clone(self), Rc::clone(session));
        Answer::Many(Box::new(Reports { service, session, user_data, many, has_ended: false }))
    }
}
