//! Where a connection stands, for a gateway that forwards its bytes unchanged (BG 1.4): may the
//! upstream be changed here, and may a commit have been applied whose answer is still out? Fed with
//! the scanner's events of both directions, each when it is forwarded. Assembles no message; what it
//! keeps does not grow beyond its bound.
//!
//! It errs on one side only. What it does not understand makes it [`Lost`]: no boundary any more, and
//! a commit always pending.

mod changes;
mod statement;
mod summary;

pub use changes::Writes;

use crate::{Signature, chunk::Event};
use alloc::collections::VecDeque;
use changes::{Changes, Witness};
use statement::{Statement, StatementReader};
use summary::{More, SummaryReader};

/// How sure it is that a transaction is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// None is.
    None,
    /// One may be.
    Perhaps,
    /// One is.
    Open,
}

/// Why nothing more is known of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Lost {
    /// More requests are unanswered than the bound.
    #[error("more than {limit} requests are unanswered")]
    TooMany {
        /// The bound.
        limit: usize,
    },
    /// The client sent a message that is none of its own.
    #[error("the client sent a message with signature {0:#04x?}, which is no request")]
    Request(Option<u8>),
    /// The server sent a message that is none of its own.
    #[error("the server sent a message with signature {0:#04x?}, which is no answer")]
    Answer(Option<u8>),
    /// A statement could not be read.
    #[error("a RUN does not begin with a string")]
    Statement,
    /// An answer came for which there is no request.
    #[error("the server answered {0} where no such answer is due")]
    Unasked(Signature),
}

/// A request that was forwarded and is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    Run(Statement),
    /// PULL or DISCARD; outside of a transaction that is surely open it may commit.
    Fetch {
        may_commit: bool,
    },
    Begin,
    Commit,
    Rollback,
    Reset,
    AckFailure,
    Logoff,
    /// Changes nothing that is tracked: HELLO, LOGON, ROUTE, TELEMETRY.
    Other,
}

/// The message of one direction that has begun and not ended.
#[derive(Debug, Clone, PartialEq)]
enum Open<T> {
    Nothing,
    Plain(Signature),
    Read(Signature, T),
}

/// Tracks one connection from the end of its handshake on.
#[derive(Debug, Clone)]
pub struct Tracker {
    limit: usize,
    sent: VecDeque<(Signature, Sent)>,
    request: Open<StatementReader>,
    answer: Open<SummaryReader>,
    /// As of the answers.
    transaction: Transaction,
    /// As of the requests, should they all succeed; never surer than the server can be.
    announced: Transaction,
    /// The last request is a RUN of `BEGIN`, so that a PULL or DISCARD begins a transaction.
    begins: bool,
    result: Option<Statement>,
    witness: Witness,
    failed: bool,
    goodbye: bool,
    sticky: bool,
    lost: Option<Lost>,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new(Self::USUAL_LIMIT)
    }
}

impl Tracker {
    /// More requests than drivers send before they read an answer.
    pub const USUAL_LIMIT: usize = 1 << 10;

    /// A tracker that follows at most so many unanswered requests.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            sent: VecDeque::new(),
            request: Open::Nothing,
            answer: Open::Nothing,
            transaction: Transaction::None,
            announced: Transaction::None,
            begins: false,
            result: None,
            witness: Witness::new(),
            failed: false,
            goodbye: false,
            sticky: false,
            lost: None,
        }
    }

    /// An event of the client's direction is forwarded.
    pub fn client(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(head) => self.request_begins(head.signature()),
            Event::Body(bytes) => {
                if let Open::Read(_, reader) = &mut self.request {
                    reader.push(bytes);
                }
            }
            Event::End(_) => self.request_ends(),
            Event::Length(_) | Event::Noop => {}
        }
    }

    /// An event of the server's direction is forwarded.
    pub fn server(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(head) => self.answer_begins(head.signature()),
            Event::Body(bytes) => {
                if let Open::Read(_, reader) = &mut self.answer {
                    reader.push(bytes);
                }
            }
            Event::End(_) => self.answer_ends(),
            Event::Length(_) | Event::Noop => {}
        }
    }

    /// Whole RECORD messages of the server's direction are forwarded, told in no event (see
    /// [`crate::chunk::Events::records`]).
    pub fn records(&mut self) {
        let is_due = matches!(self.sent.front(), Some((_, Sent::Fetch { .. })));
        if !is_due && self.lost.is_none() {
            self.lose(Lost::Unasked(Signature::Record));
        }
    }

    /// What the server does with writes from now on. What is not answered yet may have been carried
    /// out by one that did otherwise.
    pub fn writes_are(&mut self, writes: Writes) {
        self.witness.writes_are(writes, self.sent.len());
    }

    /// Nothing is owed and nothing is open: no answer, transaction, result or failure, and both
    /// directions are between messages. The upstream may be changed here.
    #[must_use]
    pub fn is_boundary(&self) -> bool {
        self.lost.is_none()
            && !self.goodbye
            && !self.failed
            && self.sent.is_empty()
            && self.transaction == Transaction::None
            && self.result.is_none()
            && self.request == Open::Nothing
            && self.answer == Open::Nothing
    }

    /// A commit may have been applied whose answer has not passed: whoever ends the connection now
    /// may not say that it can be tried again. One of a transaction that has changed nothing is none.
    #[must_use]
    pub fn is_commit_pending(&self) -> bool {
        let is_batched = |statement: &Statement| statement.is_batched;
        // Of the transaction that the next COMMIT ends.
        let mut changes = self.witness.changes();
        self.lost.is_some()
            || self.result.as_ref().is_some_and(is_batched)
            || self.sent.iter().any(|(_, sent)| match sent {
                Sent::Fetch { may_commit } => *may_commit,
                Sent::Commit => core::mem::take(&mut changes) == Changes::Perhaps,
                Sent::Run(statement) => {
                    changes = Changes::Perhaps;
                    statement.may_commit() || statement.is_batched
                }
                Sent::Begin | Sent::Rollback | Sent::Reset | Sent::AckFailure | Sent::Logoff => {
                    changes = Changes::Perhaps;
                    false
                }
                Sent::Other => false,
            })
    }

    /// Whether the statement that is answered next commits in batches: whatever its end says, earlier
    /// batches may be in.
    #[must_use]
    pub fn is_batched(&self) -> bool {
        let next = self.sent.iter().find_map(|(_, sent)| match sent {
            Sent::Run(statement) => Some(statement.is_batched),
            Sent::Begin
            | Sent::Commit
            | Sent::Rollback
            | Sent::Fetch { .. }
            | Sent::Reset
            | Sent::AckFailure
            | Sent::Logoff
            | Sent::Other => None,
        });
        self.result.as_ref().map_or(next == Some(true), |statement| statement.is_batched)
    }

    /// Requests that were forwarded, also in part, and are not answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.sent.len()
    }

    /// Those requests, the oldest first: who answers in the server's place answers each.
    pub fn requests(&self) -> impl Iterator<Item = Signature> + '_ {
        self.sent.iter().map(|(signature, _)| *signature)
    }

    /// One more request would be too much: wait for answers before forwarding it.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.sent.len() >= self.limit
    }

    /// The transaction, by what was answered and by what was sent: the surer of both.
    #[must_use]
    pub const fn transaction(&self) -> Transaction {
        match (self.transaction, self.announced) {
            (Transaction::Open, _) | (_, Transaction::Open) => Transaction::Open,
            (Transaction::Perhaps, _) | (_, Transaction::Perhaps) => Transaction::Perhaps,
            (Transaction::None, Transaction::None) => Transaction::None,
        }
    }

    /// A result has records that were not fetched, as far as is known.
    #[must_use]
    pub const fn has_open_result(&self) -> bool {
        self.result.is_some()
    }

    /// A request failed and no RESET was answered since.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        self.failed
    }

    /// The server is in the middle of a message: nothing can be said in its place.
    #[must_use]
    pub fn is_within_answer(&self) -> bool {
        self.answer != Open::Nothing
    }

    /// The client is in the middle of a message.
    #[must_use]
    pub fn is_within_request(&self) -> bool {
        self.request != Open::Nothing
    }

    /// A statement began with `USE` or `SET`: the session may have a state of its own that another
    /// upstream would not have (BG 4.3). Stays.
    #[must_use]
    pub const fn is_sticky(&self) -> bool {
        self.sticky
    }

    /// Why nothing more is known, if it is so.
    #[must_use]
    pub const fn lost(&self) -> Option<Lost> {
        self.lost
    }

    fn lose(&mut self, why: Lost) {
        self.lost.get_or_insert(why);
        self.sent = VecDeque::new();
    }

    fn request_begins(&mut self, byte: Option<u8>) {
        let signature = byte.and_then(Signature::of).filter(|signature| signature.is_request());
        let Some(signature) = signature else { return self.lose(Lost::Request(byte)) };
        self.request = if signature == Signature::Run {
            Open::Read(signature, StatementReader::new())
        } else {
            Open::Plain(signature)
        };
        let may_commit = self.announced != Transaction::Open;
        let begins = core::mem::take(&mut self.begins);
        let sent = match signature {
            Signature::Goodbye => {
                self.goodbye = true;
                return;
            }
            Signature::Run => Sent::Run(Statement::UNREAD),
            Signature::Pull | Signature::Discard => Sent::Fetch { may_commit },
            Signature::Begin => Sent::Begin,
            Signature::Commit => Sent::Commit,
            Signature::Rollback => Sent::Rollback,
            Signature::Reset => Sent::Reset,
            Signature::AckFailure => Sent::AckFailure,
            Signature::Logoff => Sent::Logoff,
            Signature::Hello | Signature::Logon | Signature::Route | Signature::Telemetry => {
                Sent::Other
            }
            Signature::Success | Signature::Record | Signature::Ignored | Signature::Failure => {
                return self.lose(Lost::Request(byte));
            }
        };
        self.announce(sent);
        if begins && matches!(sent, Sent::Fetch { .. }) {
            self.announced = Transaction::Open;
        }
        if self.lost.is_some() {
            return;
        }
        if self.is_full() {
            return self.lose(Lost::TooMany { limit: self.limit });
        }
        self.sent.push_back((signature, sent));
    }

    fn request_ends(&mut self) {
        let Open::Read(_, reader) = core::mem::replace(&mut self.request, Open::Nothing) else {
            return;
        };
        let Some(statement) = reader.finish() else { return self.lose(Lost::Statement) };
        self.sticky |= statement.is_sticky;
        self.announce(Sent::Run(statement));
        self.begins = statement.is_begin();
        if self.lost.is_some() {
            return;
        }
        match self.sent.back_mut() {
            Some((_, Sent::Run(last))) if *last == Statement::UNREAD => *last = statement,
            // It was answered before it was sent whole.
            Some(_) | None => self.lose(Lost::Unasked(Signature::Run)),
        }
    }

    /// What the transaction will be once this request is carried out.
    fn announce(&mut self, sent: Sent) {
        self.announced = match sent {
            Sent::Begin => Transaction::Open,
            Sent::Commit | Sent::Rollback | Sent::Reset => Transaction::None,
            Sent::Run(statement) => statement.announced(self.announced),
            // Memgraph may or may not keep a transaction open across these.
            Sent::AckFailure | Sent::Logoff => match self.announced {
                Transaction::None => Transaction::None,
                Transaction::Perhaps | Transaction::Open => Transaction::Perhaps,
            },
            Sent::Fetch { .. } | Sent::Other => self.announced,
        };
    }

    fn answer_begins(&mut self, byte: Option<u8>) {
        let signature = byte.and_then(Signature::of).filter(|signature| !signature.is_request());
        let Some(signature) = signature else { return self.lose(Lost::Answer(byte)) };
        let is_of_fetch = matches!(self.sent.front(), Some((_, Sent::Fetch { .. })));
        self.answer = if signature == Signature::Success && is_of_fetch {
            Open::Read(signature, SummaryReader::new())
        } else {
            Open::Plain(signature)
        };
        let is_due =
            if signature == Signature::Record { is_of_fetch } else { !self.sent.is_empty() };
        if !is_due && self.lost.is_none() {
            self.lose(Lost::Unasked(signature));
        }
    }

    fn answer_ends(&mut self) {
        let (signature, more) = match core::mem::replace(&mut self.answer, Open::Nothing) {
            Open::Nothing => return,
            Open::Plain(signature) => (signature, More::Unknown),
            Open::Read(signature, reader) => (signature, reader.finish()),
        };
        if signature == Signature::Record {
            return;
        }
        let Some((_, request)) = self.sent.pop_front() else { return };
        let writes = self.witness.answered();
        if signature == Signature::Success {
            self.witnessed(request, writes);
            return self.succeeded(request, more);
        }
        self.failed = true;
        if signature == Signature::Failure {
            self.result = None;
        }
    }

    /// What the transaction may have changed, now that this succeeded.
    fn witnessed(&mut self, request: Sent, writes: Writes) {
        match request {
            Sent::Begin => self.witness.begins(writes),
            Sent::Run(_) => self.witness.ran(writes),
            Sent::Commit | Sent::Rollback | Sent::Reset | Sent::AckFailure | Sent::Logoff => {
                self.witness.ends();
            }
            Sent::Fetch { .. } | Sent::Other => {}
        }
    }

    fn succeeded(&mut self, request: Sent, more: More) {
        match request {
            Sent::Run(statement) => self.result = Some(statement),
            Sent::Fetch { .. } => {
                if more == More::None
                    && let Some(statement) = self.result.take()
                {
                    self.transaction = statement.announced(self.transaction);
                }
            }
            Sent::Begin => self.transaction = Transaction::Open,
            Sent::Commit | Sent::Rollback => self.transaction = Transaction::None,
            Sent::Reset => {
                self.transaction = Transaction::None;
                self.result = None;
                self.failed = false;
            }
            Sent::AckFailure => self.failed = false,
            Sent::Logoff | Sent::Other => {}
        }
    }
}
