//! Why a query was refused or failed. Each is a client error (MR 7); texts that clients of
//! Memgraph may look for are its own.

use crate::cypher::Place;
use crate::graph::Misfit;
use crate::value::{Name, TemporalError};

/// Why a query was refused or failed; its transaction is as it was before the query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A variable that nothing introduced.
    #[error("Unbound variable: {0}.")]
    Unbound(Name),
    /// A variable that was introduced before.
    #[error("Redeclaring variable: {0}.")]
    Redeclared(Name),
    /// The last clause neither returns nor changes anything.
    #[error("Query should either create or update something, or return results!")]
    NoResult,
    /// A clause in the wrong place, with what is wrong about it.
    #[error("{0}")]
    Clause(&'static str),
    /// Two columns with one name.
    #[error("Multiple results with the same name '{0}' are not allowed.")]
    SameColumn(Name),
    /// Something valid that this instance does not do.
    #[error("{place}: {what} is not supported here{hint}")]
    Unsupported {
        /// Where.
        place: Place,
        /// What.
        what: &'static str,
        /// What to write in its place; empty, or begins with a semicolon.
        hint: &'static str,
    },
    /// A parameter that was not given.
    #[error("Parameter ${0} not provided.")]
    Parameter(Name),
    /// A value of the wrong type, or out of range.
    #[error("{place}: {what}")]
    Value {
        /// Where.
        place: Place,
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A limit of the query is exceeded.
    #[error("the query needs more than {limit} {what}; ask for less at a time")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A node with relationships cannot be deleted alone.
    #[error(
        "Failed to remove node because of it's existing connections. Consider using DETACH DELETE."
    )]
    HasEdges,
    /// A deleted node or relationship in a result.
    #[error("Returning a deleted object as a result.")]
    ReturnedDeleted,
    /// A deleted node or relationship in use.
    #[error("{0}: it was deleted before, in this transaction")]
    Deleted(crate::graph::Object),
    /// The graph refused a change: a mistake of ours.
    #[error(transparent)]
    Misfit(#[from] Misfit),
}

impl QueryError {
    pub(super) fn value(place: Place, what: impl Into<String>) -> Self {
        Self::Value { place, what: what.into() }
    }
}

/// A text that is no date or time, at a place of the query.
pub(super) fn temporal(place: Place, why: &TemporalError) -> QueryError {
    QueryError::value(place, why.to_string())
}
