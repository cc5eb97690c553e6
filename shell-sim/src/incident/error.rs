//! What can be wrong with an incident file, and how it is told: what, where, what was found, what
//! would have been right. This module decides the wording; it deliberately does not know how the
//! fault was found.

use super::words::UnknownWord;
use std::fmt;
use thiserror::Error;

/// A file that is not an incident.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}{place}: {problem}")]
pub struct ReadError {
    /// The name that the caller gave.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

/// A place in an incident file, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The line, counted from 1.
    pub line: Option<u64>,
    /// The `order` of the timeline item.
    pub order: Option<i64>,
    /// The field, as a path within the item or the file.
    pub field: Option<String>,
}

impl Place {
    /// A field outside the timeline.
    pub(super) fn field(field: &str) -> Self {
        Self { line: None, order: None, field: Some(field.to_owned()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(order) = self.order {
            write!(f, ": timeline item with order {order}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        Ok(())
    }
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// More bytes than any incident has.
    #[error("found {found} bytes; expected at most {limit}")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Bytes that are no text.
    #[error("found a byte that is not UTF-8 at offset {at}; expected text")]
    NotUtf8 {
        /// Offset of the first such byte.
        at: usize,
    },
    /// The text is not YAML of the schema.
    #[error("{message}; found `{found}`")]
    Shape {
        /// What the parser says.
        message: String,
        /// The line at which it says so.
        found: String,
    },
    /// A word outside its vocabulary.
    #[error(transparent)]
    Word(#[from] UnknownWord),
    /// A value of the right shape that may not stand there.
    #[error("found {found}; expected {expected}")]
    Value {
        /// The value, shortened.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// Orders that are not 1..n without gaps.
    #[error("found order {found}; expected {expected} (orders run from 1 without gaps)")]
    Order {
        /// The order found.
        found: i64,
        /// What would have been right.
        expected: String,
    },
    /// A stamp before that of an item with a lower order.
    #[error("found {found}; expected {earlier} or later, which an item with a lower order has")]
    TimeRunsBack {
        /// The stamp found.
        found: String,
        /// The latest stamp before it.
        earlier: String,
    },
}

impl Problem {
    pub(super) fn value(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Value { found: found.into(), expected: expected.into() }
    }
}
