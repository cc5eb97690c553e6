//! Requests and answers, in both directions, per version (BG 1.3).

mod extra;
mod login;
mod request;
mod response;

pub use extra::{Extra, ExtraError, Mode};
pub use login::{AuthMap, HelloMap};
pub use request::{Amount, Fetch, Request, Route, RouteTarget, Run};
pub use response::{Failure, Response};

use crate::{
    Version,
    packstream::{DecodeError, EncodeError},
};
use core::fmt;

/// The second byte of a message: what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signature {
    /// HELLO, and INIT in version 1.
    Hello = 0x01,
    /// GOODBYE.
    Goodbye = 0x02,
    /// ACK_FAILURE of version 1.
    AckFailure = 0x0E,
    /// RESET.
    Reset = 0x0F,
    /// RUN.
    Run = 0x10,
    /// BEGIN.
    Begin = 0x11,
    /// COMMIT.
    Commit = 0x12,
    /// ROLLBACK.
    Rollback = 0x13,
    /// DISCARD, and DISCARD_ALL in version 1.
    Discard = 0x2F,
    /// PULL, and PULL_ALL in version 1.
    Pull = 0x3F,
    /// TELEMETRY.
    Telemetry = 0x54,
    /// ROUTE.
    Route = 0x66,
    /// LOGON.
    Logon = 0x6A,
    /// LOGOFF.
    Logoff = 0x6B,
    /// The answer SUCCESS.
    Success = 0x70,
    /// The answer RECORD.
    Record = 0x71,
    /// The answer IGNORED.
    Ignored = 0x7E,
    /// The answer FAILURE.
    Failure = 0x7F,
}

impl Signature {
    /// Every signature.
    pub const ALL: [Self; 18] = [
        Self::Hello,
        Self::Goodbye,
        Self::AckFailure,
        Self::Reset,
        Self::Run,
        Self::Begin,
        Self::Commit,
        Self::Rollback,
        Self::Discard,
        Self::Pull,
        Self::Telemetry,
        Self::Route,
        Self::Logon,
        Self::Logoff,
        Self::Success,
        Self::Record,
        Self::Ignored,
        Self::Failure,
    ];

    /// The signature with this byte.
    #[must_use]
    pub const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::Hello,
            0x02 => Self::Goodbye,
            0x0E => Self::AckFailure,
            0x0F => Self::Reset,
            0x10 => Self::Run,
            0x11 => Self::Begin,
            0x12 => Self::Commit,
            0x13 => Self::Rollback,
            0x2F => Self::Discard,
            0x3F => Self::Pull,
            0x54 => Self::Telemetry,
            0x66 => Self::Route,
            0x6A => Self::Logon,
            0x6B => Self::Logoff,
            0x70 => Self::Success,
            0x71 => Self::Record,
            0x7E => Self::Ignored,
            0x7F => Self::Failure,
            _ => return None,
        })
    }

    /// Its byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// Clients send it.
    #[must_use]
    pub const fn is_request(self) -> bool {
        !matches!(self, Self::Success | Self::Record | Self::Ignored | Self::Failure)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hello => "HELLO",
            Self::Goodbye => "GOODBYE",
            Self::AckFailure => "ACK_FAILURE",
            Self::Reset => "RESET",
            Self::Run => "RUN",
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::Discard => "DISCARD",
            Self::Pull => "PULL",
            Self::Telemetry => "TELEMETRY",
            Self::Route => "ROUTE",
            Self::Logon => "LOGON",
            Self::Logoff => "LOGOFF",
            Self::Success => "SUCCESS",
            Self::Record => "RECORD",
            Self::Ignored => "IGNORED",
            Self::Failure => "FAILURE",
        })
    }
}

/// A message that cannot be read or written. Names no content: it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Its bytes are not PackStream, or exceed a limit.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Something in it is too long to be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No message of this direction has this signature.
    #[error("signature {byte:#04x} is that of no {direction} of Bolt")]
    Signature {
        /// The signature.
        byte: u8,
        /// `request` or `answer`.
        direction: &'static str,
    },
    /// The message is not of the version that is spoken.
    #[error("{signature} is not part of Bolt {version}")]
    Version {
        /// The message.
        signature: Signature,
        /// The version that is spoken.
        version: Version,
    },
    /// The message has another number of fields.
    #[error("{signature} of Bolt {version} has {expected} fields, found {found}")]
    Fields {
        /// The message.
        signature: Signature,
        /// The version that is spoken.
        version: Version,
        /// The fields it has in this version.
        expected: usize,
        /// The fields that are there.
        found: usize,
    },
    /// An entry of one of its maps is missing or of another sort.
    #[error("{signature}: {error}")]
    Entry {
        /// The message.
        signature: Signature,
        /// What is wrong with the entry.
        error: ExtraError,
    },
}
