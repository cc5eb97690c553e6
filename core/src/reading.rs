//! What was read, when, and what could not be read. Unknown is a value here, never an absence:
//! a rule that needs proof asks for a reading that is known and fresh.

use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// How old a fact is, in the only three classes that decisions distinguish. The bounds are
/// [`crate::history::Patience`]; nothing here knows a clock.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Age {
    /// Of this round: good enough to act on.
    #[default]
    Fresh,
    /// A round or two was missed: good enough to wait.
    Suspect,
    /// Older than patience allows.
    Expired,
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Suspect => "suspect",
            Self::Expired => "expired",
        })
    }
}

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Nobody looked yet.
    NeverRead,
    /// There is no address to ask (an empty pod IP is none).
    NoAddress,
    /// The address refused the connection.
    Refused,
    /// No answer within the deadline.
    Silent,
    /// An answer that is not understood, kept as text.
    Unrecognized(String),
    /// The login was refused.
    Unauthorized,
    /// Read before this controller acquired the lease, hence perhaps changed since.
    BeforeLease,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRead => f.write_str("never read"),
            Self::NoAddress => f.write_str("no address"),
            Self::Refused => f.write_str("connection refused"),
            Self::Silent => f.write_str("no answer"),
            Self::Unrecognized(text) => write!(f, "answer not understood: {text}"),
            Self::Unauthorized => f.write_str("login refused"),
            Self::BeforeLease => f.write_str("read before the lease was acquired"),
        }
    }
}

/// A value with its age, or the reason why it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading<T> {
    /// Read.
    Known {
        /// What was read.
        value: T,
        /// How long ago.
        age: Age,
    },
    /// Not read.
    Unknown {
        /// The reason.
        why: Why,
        /// For how long it has been so.
        since: Age,
    },
}

impl<T> Reading<T> {
    /// A fresh reading.
    pub const fn fresh(value: T) -> Self {
        Self::Known { value, age: Age::Fresh }
    }

    /// Unknown from the start.
    #[must_use]
    pub const fn never() -> Self {
        Self::Unknown { why: Why::NeverRead, since: Age::Expired }
    }

    /// The value if it was read, however long ago.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown { .. } => None,
        }
    }

    /// The value if it is of this round: what actions may rest on.
    pub const fn proven(&self) -> Option<&T> {
        match self {
            Self::Known { value, age: Age::Fresh } => Some(value),
            Self::Known { .. } | Self::Unknown { .. } => None,
        }
    }
}
