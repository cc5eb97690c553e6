//! Why a text is no statement that we run. Clients see every kind as a client error (MR 7).

use std::fmt;

/// Where something stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// Characters of the line, counted from 1.
    pub column: usize,
}

impl Place {
    /// The place of a byte of a text.
    #[must_use]
    pub fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is no statement that we run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// It is not Cypher.
    #[error("{place}: found {found}, expected {expected}")]
    Unexpected {
        /// Where.
        place: Place,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// It is Cypher that this instance does not speak.
    #[error("{place}: {what} is not supported here{hint}")]
    Unsupported {
        /// Where.
        place: Place,
        /// What.
        what: String,
        /// What to write in its place; empty, or begins with a semicolon.
        hint: String,
    },
    /// A limit is exceeded.
    #[error("{place}: {what}; at most {limit}")]
    TooMuch {
        /// Where.
        place: Place,
        /// Of what there is too much.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Memgraph refuses it with this text (MR 1.1).
    #[error("{0}")]
    Refused(&'static str),
}
