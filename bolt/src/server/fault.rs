//! Failures and their codes (MR 7).

use crate::message::Failure;
use alloc::string::String;

/// The class of a failure, which decides its code and with it whether drivers retry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The statement is wrong, or refused in this role: nearly everything. Drivers do not retry.
    Client,
    /// A conflict, shutdown, time-out, termination or lock. Drivers retry.
    Transient,
    /// Something that was not foreseen. Drivers do not retry.
    Database,
    /// The login was refused.
    Unauthenticated,
    /// The user has too many sessions.
    SessionLimit,
    /// The client does not keep to the protocol.
    Execution,
    /// ROUTE at a build without enterprise code.
    Route,
    /// The main is another instance now, and the request was certainly not carried out: not one of
    /// Memgraph's, but what a gateway says. Every driver's managed transactions retry it (BG 4.1).
    MainChanged,
    /// Any other code.
    Other(String),
}

impl FaultClass {
    /// The code.
    #[must_use]
    pub const fn code(&self) -> &str {
        match self {
            Self::Client => "Memgraph.ClientError.MemgraphError.MemgraphError",
            Self::Transient => "Memgraph.TransientError.MemgraphError.MemgraphError",
            Self::Database => "Memgraph.DatabaseError.MemgraphError.MemgraphError",
            Self::Unauthenticated => "Memgraph.ClientError.Security.Unauthenticated",
            Self::SessionLimit => "Memgraph.ClientError.Statement.SessionLimitReached",
            Self::Execution => "Memgraph.ExecutionException",
            Self::Route => "66",
            Self::MainChanged => "Memgraph.TransientError.Cluster.MainChanged",
            Self::Other(code) => code.as_str(),
        }
    }
}

/// A failure with its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Its class.
    pub class: FaultClass,
    /// What happened.
    pub message: String,
}

impl Fault {
    /// A failure of a class.
    #[must_use]
    pub fn new(class: FaultClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }

    /// A wrong or refused statement.
    #[must_use]
    pub fn client(message: impl Into<String>) -> Self {
        Self::new(FaultClass::Client, message)
    }

    /// The login is refused, in Memgraph's words.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(FaultClass::Unauthenticated, "Authentication failure")
    }

    /// As it is sent.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure::new(self.class.code(), self.message.as_str())
    }
}
