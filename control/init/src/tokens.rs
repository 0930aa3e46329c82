//! What the poller's tokens stand for: the kind in the upper bits, a number in the lower.

use dataplane::platform::Token;

/// A source that init waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// The socket that clients reach.
    Listener,
    /// What ends the system when it hangs up.
    Lifeline,
    /// A client's channel.
    Client(u64),
    /// A service's control channel.
    Service(usize),
    /// A service's end.
    Exit(usize),
}

const KIND_SHIFT: u32 = 60;
const NUMBER: u64 = (1 << KIND_SHIFT) - 1;

impl Source {
    pub(crate) fn token(self) -> Token {
        let (kind, number) = match self {
            Self::Listener => (1, 0),
            Self::Lifeline => (2, 0),
            Self::Client(id) => (3, id),
            Self::Service(index) => (4, index as u64),
            Self::Exit(index) => (5, index as u64),
        };
        Token(kind << KIND_SHIFT | number & NUMBER)
    }

    pub(crate) fn from_token(token: Token) -> Option<Self> {
        let number = token.0 & NUMBER;
        Some(match token.0 >> KIND_SHIFT {
            1 => Self::Listener,
            2 => Self::Lifeline,
            3 => Self::Client(number),
            4 => Self::Service(usize::try_from(number).ok()?),
            5 => Self::Exit(usize::try_from(number).ok()?),
            _ => return None,
        })
    }
}
