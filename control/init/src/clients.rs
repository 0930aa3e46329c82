//! The clients as init keeps them, and what is being waited for on their behalf.

use crate::outbox::Outbox;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use capability::{Handle, SpaceId};
use control::message::{BrokerReply, Failed, Header, Message, PeerIdentity};
use control::platform::{Channel, ChannelError, Packet, Peer};
use dataplane::entry::Errno;
use dataplane::platform::Instant;
use dataplane::{Descriptor, SessionId};

/// Questions of one client that may be open at a time; others stay in its channel.
const MOST_OPEN: usize = 16;
/// How long answers may wait for a client that does not read, ns; then it counts as gone.
const READ_WITHIN_NS: u64 = 10_000_000_000;

/// No client has this number.
pub(crate) const NOBODY: u64 = 0;

/// What a capability is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// The system itself.
    System,
    /// A service, by its place.
    Service(usize),
}

impl Object {
    /// As a word of the journal.
    pub(crate) fn to_word(self) -> u64 {
        match self {
            Self::System => 0,
            Self::Service(place) => place as u64 + 1,
        }
    }

    /// From a word of the journal.
    pub(crate) fn from_word(word: u64) -> Option<Self> {
        match word.checked_sub(1) {
            None => Some(Self::System),
            Some(place) => usize::try_from(place).ok().map(Self::Service),
        }
    }
}

pub(crate) struct Client {
    pub(crate) outbox: Outbox,
    pub(crate) peer: Peer,
    pub(crate) space: SpaceId,
    pub(crate) sessions: BTreeSet<SessionId>,
    /// Bytes of the regions of its sessions.
    pub(crate) bytes: u64,
    /// What it holds, once it has greeted.
    pub(crate) held: Vec<(Handle, Object)>,
    /// The number of its last question that was taken.
    pub(crate) last_request: u64,
    /// Questions that are not answered yet.
    open: Vec<u64>,
    /// Questions whose answers were not sent yet.
    answered: VecDeque<u64>,
    /// Whether its next question may be one that an earlier init has handled.
    may_be_known: bool,
    /// Whether it was not listened to when it may have had something to say.
    overheard: bool,
    /// Since when answers wait for it.
    unread_since: Option<Instant>,
}

impl Client {
    pub(crate) fn new(channel: Arc<dyn Channel>, peer: Peer, space: SpaceId) -> Self {
        Self {
            outbox: Outbox::new(channel),
            peer,
            space,
            sessions: BTreeSet::new(),
            bytes: 0,
            held: Vec::new(),
            last_request: 0,
            open: Vec::new(),
            answered: VecDeque::new(),
            may_be_known: false,
            overheard: false,
            unread_since: None,
        }
    }

    /// Who it is, for a service.
    pub(crate) fn identity(&self) -> PeerIdentity {
        PeerIdentity { pid: self.peer.pid, uid: self.peer.uid, gid: self.peer.gid }
    }

    /// Takes over what an earlier init had heard from it.
    pub(crate) fn adopt(&mut self, last_request: u64, open: Vec<u64>) {
        (self.last_request, self.open, self.may_be_known) = (last_request, open, true);
    }

    /// Questions whose answers it does not have yet.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = u64> {
        self.open.iter().chain(&self.answered).copied()
    }

    /// Looks at its next question, unless it has to read or wait for answers first. The question is
    /// there until [`Client::heard`].
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn listen(&mut self) -> Result<Option<Packet>, ChannelError> {
        if self.open.len() >= MOST_OPEN || self.outbox.is_waiting() {
            self.overheard = true;
            return Ok(None);
        }
        self.outbox.channel().peek()
    }

    /// Notes a question that is about to be handled; false if an earlier init has handled it.
    pub(crate) fn hears(&mut self, request: u64) -> bool {
        if core::mem::take(&mut self.may_be_known) && request == self.last_request {
            return false;
        }
        self.last_request = request;
        self.open.push(request);
        true
    }

    /// Takes the question that was handled.
    pub(crate) fn heard(&self) {
        self.outbox.channel().discard();
    }

    /// Whether it can be listened to again, and was not before. Says so once.
    pub(crate) fn is_to_be_heard(&mut self) -> bool {
        let free = self.open.len() < MOST_OPEN && !self.outbox.is_waiting();
        free && core::mem::take(&mut self.overheard)
    }

    /// Sends what waits for it; whether something still does.
    ///
    /// # Errors
    /// It is gone, or has not read for so long that it counts as gone.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<bool, ChannelError> {
        self.outbox.flush()?;
        self.note_sent();
        if !self.outbox.is_waiting() {
            self.unread_since = None;
            return Ok(false);
        }
        let since = *self.unread_since.get_or_insert(now);
        if now.since_ns(since) > READ_WITHIN_NS { Err(ChannelError::Full) } else { Ok(true) }
    }

    /// What does not wait to be sent any more was sent.
    fn note_sent(&mut self) {
        let waiting = self.outbox.waiting();
        let sent = self.answered.len().saturating_sub(waiting);
        self.answered.drain(..sent);
    }

    /// Answers a request.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) fn reply(
        &mut self,
        request: u64,
        reply: &BrokerReply,
        descriptors: Vec<Descriptor>,
    ) -> Result<(), ChannelError> {
        if let Some(at) = self.open.iter().position(|open| *open == request) {
            self.open.swap_remove(at);
        }
        self.answered.push_back(request);
        let bytes = reply.encode(Header::new(request));
        let sent = self.outbox.send(Packet { bytes, descriptors });
        self.note_sent();
        sent
    }
}

/// A refusal, in a number and in words.
pub(crate) fn refusal(errno: Errno, reason: &str) -> BrokerReply {
    BrokerReply::Failed(Failed::new(errno, reason))
}

/// A client's question that several parties must answer first.
pub(crate) struct Question {
    pub(crate) client: u64,
    pub(crate) request: u64,
    pub(crate) kind: QuestionKind,
    /// When those who have not answered are ended, or the answer goes without them.
    pub(crate) deadline: Instant,
}

pub(crate) enum QuestionKind {
    /// How the services are: services that have not said yet.
    Status { missing: usize },
    /// A revocation: what has not ended yet of what stood on the capabilities.
    Revocation { standing: BTreeSet<Standing> },
    /// What an earlier init was asked: sessions that it was about to end, and that have not ended.
    Interrupted { standing: BTreeSet<Standing> },
}

/// What stands on a capability and ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// A session.
    Session(SessionId),
    /// A client's message that a service has not answered, by the service's place and its number.
    Message { place: usize, number: u64 },
}

/// The open questions.
#[derive(Default)]
pub(crate) struct Questions {
    open: BTreeMap<u64, Question>,
    next: u64,
}

impl Questions {
    pub(crate) fn add(&mut self, question: Question) -> u64 {
        self.next += 1;
        self.open.insert(self.next, question);
        self.next
    }

    /// One of the services has said how it is, or never will; the question if that was the last.
    pub(crate) fn counted(&mut self, id: u64) -> Option<Question> {
        let question = self.open.get_mut(&id)?;
        if let QuestionKind::Status { missing } = &mut question.kind {
            *missing = missing.saturating_sub(1);
            if *missing == 0 {
                return self.open.remove(&id);
            }
        }
        None
    }

    /// This has ended; the revocations that waited for it last.
    pub(crate) fn ended(&mut self, ended: Standing) -> Vec<Question> {
        let mut done = Vec::new();
        for (id, question) in &mut self.open {
            if let QuestionKind::Revocation { standing } | QuestionKind::Interrupted { standing } =
                &mut question.kind
                && standing.remove(&ended)
                && standing.is_empty()
            {
                done.push(*id);
            }
        }
        done.into_iter().filter_map(|id| self.open.remove(&id)).collect()
    }

    /// The next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.open.values().map(|question| question.deadline).min()
    }

    /// Takes what is late: questions that are answered with what is known, and what should have
    /// ended and has not in time. Each is named once.
    pub(crate) fn overdue(&mut self, now: Instant) -> (Vec<Question>, Vec<Standing>) {
        let is_late_status = |_: &u64, question: &mut Question| {
            question.deadline <= now && matches!(question.kind, QuestionKind::Status { .. })
        };
        let statuses = self.open.extract_if(.., is_late_status).map(|(_, late)| late).collect();
        let mut overdue = Vec::new();
        for question in self.open.values_mut().filter(|question| question.deadline <= now) {
            if let QuestionKind::Revocation { standing } | QuestionKind::Interrupted { standing } =
                &question.kind
            {
                overdue.extend(standing.iter().copied());
                question.deadline = Instant(u64::MAX);
            }
        }
        (statuses, overdue)
    }

    /// A client has gone: its questions need no answer. What has to end does so in time all the same.
    pub(crate) fn forget(&mut self, client: u64) {
        self.open.retain(|_, question| {
            if question.client == client {
                question.client = NOBODY;
            }
            question.client != NOBODY || !matches!(question.kind, QuestionKind::Status { .. })
        });
    }
}
