//! What passes between the machine and its host.

use super::{Fault, State};
use crate::{
    Map, Response, Signature, Value,
    message::{Amount, AuthMap, Extra, MessageError, Route},
};
use alloc::{string::String, vec, vec::Vec};

/// How a step of a transaction was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// By a message of its own.
    Message,
    /// By a statement, carried out when its result is pulled.
    Text,
}

/// What the host has to do next, and which outcomes it may report; any may fail.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Judge a login: [`Outcome::Done`].
    Authenticate(AuthMap),
    /// Forget the user: [`Outcome::Done`].
    Logoff,
    /// Prepare a statement: [`Outcome::Prepared`].
    Run {
        /// The statement.
        query: String,
        /// Its parameters.
        parameters: Map,
        /// Its options.
        extra: Extra,
        /// It is part of the open transaction; else it is one of its own, which the last of its
        /// records commits.
        in_transaction: bool,
    },
    /// Send records of the prepared statement, then [`Outcome::Fetched`].
    Pull(Amount),
    /// Carry out the statement without sending records: [`Outcome::Fetched`].
    Discard(Amount),
    /// Begin a transaction: [`Outcome::Done`].
    Begin(Extra, Origin),
    /// Commit the transaction: [`Outcome::Done`].
    Commit(Origin),
    /// Abort the transaction: [`Outcome::Done`].
    Rollback(Origin),
    /// Abort whatever there is, transaction or result: [`Outcome::Done`].
    Reset,
    /// Say which servers there are: [`Outcome::Routed`].
    Route(Route),
}

/// What the host did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// The statement is prepared; its result has these columns.
    Prepared(Vec<String>),
    /// Records were sent.
    Fetched {
        /// There are more of them.
        has_more: bool,
        /// What else is said of the statement, usually with its last record.
        summary: Map,
    },
    /// The entry `rt` of the answer to ROUTE, or what else it consists of.
    Routed(Map),
    /// It failed.
    Failed(Fault),
}

/// Why the connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Close {
    /// The client said GOODBYE.
    Goodbye,
    /// The login was refused.
    Login,
    /// A message cannot be read.
    Unreadable(MessageError),
    /// A message does not fit the state.
    WrongState(Signature, State),
}

/// Answers to send, in order, and whether the connection is closed then.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// The answers.
    pub messages: Vec<Response>,
    /// The connection is closed behind them, and why.
    pub close: Option<Close>,
}

impl Reply {
    pub(super) fn one(response: Response) -> Self {
        Self { messages: vec![response], close: None }
    }

    pub(super) fn success<const N: usize>(entries: [(&str, Value); N]) -> Self {
        Self::one(Response::Success(crate::value::map(entries)))
    }
}

/// What follows from a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The host has to do something, and to report it.
    Ask(Ask),
    /// The request is answered.
    Reply(Reply),
}

/// The host did not keep to the order of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// A message was handed over before the outcome of the last ask.
    #[error("the last ask has no outcome yet; report it before the next message")]
    Unanswered,
    /// An outcome was reported that nobody asked for, or of another sort.
    #[error("an outcome that was not asked for; report one that the ask names")]
    Unasked,
    /// The connection is closed.
    #[error("the session is closed; nothing more is read from its connection")]
    Closed,
}
