//! What goes in and out of a session.

use super::Routing;
use ha_core::leadership::Millis;
use std::ops::{AddAssign, Range};

/// Which listener a session came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listener {
    /// To the main.
    Write,
    /// To replicas.
    Read,
}

impl Listener {
    /// Its word, in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// What a session may do, the same for all of a listener.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How long a client waits for a route, at most.
    pub hold_ms: Millis,
    /// How long handshake and login may take.
    pub login_ms: Millis,
    /// The bytes that a message of a client may have before it is logged in.
    pub login_bytes: usize,
    /// Failures that show that no main answered are told so that drivers retry them: on the write
    /// port. On the read port they are the client's own mistakes.
    pub rewrites: bool,
    /// TLS that is not ended here, WebSockets and unknown versions pass unread.
    pub passthrough: bool,
    /// ROUTE is answered with these; if none, the instance answers.
    pub routing: Option<Routing>,
}

impl Policy {
    /// The same for another listener.
    #[must_use]
    pub fn of_listener(&self, listener: Listener) -> Self {
        let routing = self.routing.clone().map(|routing| Routing { listener, ..routing });
        Self { rewrites: listener == Listener::Write, routing, ..self.clone() }
    }
}

/// What a session may do with its upstream, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Everything; without an upstream one may be dialled.
    Open,
    /// What is open already goes on; what begins waits.
    Draining,
    /// The grant ran out or was voided, and another for the same instance may come: nothing passes.
    Frozen,
    /// There is nowhere to go.
    Closed,
}

impl Standing {
    /// Why a client was kept waiting, for the client.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Open | Self::Draining => "The main is another instance now, or cannot be reached",
            Self::Frozen => "No controller lets this gateway forward at the moment",
            Self::Closed => "No instance is main at the moment",
        }
    }
}

/// What became of bytes that were handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Took {
    /// So many were looked at; the others are handed over again.
    pub consumed: usize,
    /// Those of them that are written to the other side.
    pub forward: Range<usize>,
}

impl Took {
    pub(super) const NOTHING: Self = Self { consumed: 0, forward: 0..0 };

    pub(super) const fn all(bytes: &[u8]) -> Self {
        Self { consumed: bytes.len(), forward: 0..bytes.len() }
    }

    pub(super) const fn dropped(consumed: usize) -> Self {
        Self { consumed, forward: 0..0 }
    }
}

/// What the driver has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders {
    /// Close the upstream connection.
    pub drop_upstream: bool,
    /// The instance closed, refused, or is not the one meant: the grant is void.
    pub void: bool,
    /// The instance closed a connection whose bytes passed unread, perhaps for what the client said
    /// there: find out whether it still answers, and void the grant if it does not.
    pub suspect: bool,
    /// The instance does not serve, for whatever reason: the next try comes later.
    pub put_off: bool,
    /// Tell the instance that nothing more comes, once everything is written.
    pub shutdown_upstream: bool,
}

impl Orders {
    pub(super) const NONE: Self = Self {
        drop_upstream: false,
        void: false,
        suspect: false,
        put_off: false,
        shutdown_upstream: false,
    };
}

/// What was found of the process behind an upstream connection, apart from that connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It is the one meant.
    Meant,
    /// It is another one, or nobody answers there any more.
    Another,
    /// Nothing could be found out: it was silent, or could not be asked from here.
    Unknown,
}

/// What happened, to be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Times that something began to wait for a route.
    pub held: u32,
    /// Times that the same client went on at another upstream connection.
    pub rehomed: u32,
    /// Times that requests which were forwarded before were asked again at another instance.
    pub asked_again: u32,
    /// Requests answered so that drivers retry.
    pub failed_retryable: u32,
    /// Connections ended while a commit may have been applied.
    pub in_doubt: u32,
    /// Writes that an instance refused because it is not the main.
    pub forbidden: u32,
}

impl Tally {
    pub(super) const NONE: Self = Self {
        held: 0,
        rehomed: 0,
        asked_again: 0,
        failed_retryable: 0,
        in_doubt: 0,
        forbidden: 0,
    };
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        let Self { held, rehomed, asked_again, failed_retryable, in_doubt, forbidden } = more;
        self.held += held;
        self.rehomed += rehomed;
        self.asked_again += asked_again;
        self.failed_retryable += failed_retryable;
        self.in_doubt += in_doubt;
        self.forbidden += forbidden;
    }
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Ending {
    /// The client closed it.
    #[error("the client left")]
    ClientLeft,
    /// The client said so.
    #[error("the client said goodbye")]
    Goodbye,
    /// Its first bytes are not Bolt.
    #[error("the first bytes are not those of a Bolt client")]
    NotBolt,
    /// It speaks TLS, a WebSocket or a version that is not known, and nothing passes unread.
    #[error("what is not read here does not pass")]
    NotPassed,
    /// A message that does not belong there.
    #[error("a message that does not fit the protocol")]
    Protocol,
    /// A message before the login is too long.
    #[error("a message before the login is too long")]
    LoginBytes,
    /// Handshake and login took too long.
    #[error("handshake and login took too long")]
    LoginTime,
    /// The instance refused the login.
    #[error("the instance refused the login")]
    LoginRefused,
    /// The instance closed it for a reason of the client's.
    #[error("the instance closed the connection")]
    ServerClosed,
    /// The other instance does not take the same login or version.
    #[error("the other instance does not take this login or version")]
    Unmovable,
    /// Its bytes pass unread and the route ended.
    #[error("the route ended")]
    Cut,
    /// No route came in time for a client that is not logged in.
    #[error("no route in time")]
    HoldTime,
    /// The route ended while a commit may have been applied: no answer is the true one.
    #[error("the route ended while a commit may have been applied")]
    InDoubt,
    /// The route ended within an answer.
    #[error("the route ended within an answer")]
    WithinAnswer,
    /// The gateway stops, and nothing is open.
    #[error("the gateway stops")]
    Stopping,
    /// The client's connection broke.
    #[error("the client's connection broke")]
    ClientBroke,
    /// No byte came for longer than is allowed.
    #[error("no byte for too long")]
    Idle,
    /// A side does not take what is written to it.
    #[error("a side takes no bytes")]
    Stalled,
    /// The route ended and the session has a state that another instance would not have.
    #[error("the route ended and the session cannot be moved")]
    Sticky,
}

impl Ending {
    /// A word for metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClientLeft => "client-left",
            Self::Goodbye => "goodbye",
            Self::NotBolt => "not-bolt",
            Self::NotPassed => "not-passed",
            Self::Protocol => "protocol",
            Self::LoginBytes => "login-bytes",
            Self::LoginTime => "login-time",
            Self::LoginRefused => "login-refused",
            Self::ServerClosed => "server-closed",
            Self::Unmovable => "unmovable",
            Self::Cut => "cut",
            Self::HoldTime => "hold-time",
            Self::InDoubt => "in-doubt",
            Self::WithinAnswer => "within-answer",
            Self::Stopping => "stopping",
            Self::ClientBroke => "client-broke",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::Sticky => "sticky",
        }
    }

    /// The client may not take what it got for a whole answer: the connection is reset rather than
    /// closed.
    #[must_use]
    pub const fn is_abrupt(self) -> bool {
        matches!(self, Self::InDoubt | Self::WithinAnswer | Self::Cut | Self::Stalled)
    }
}
