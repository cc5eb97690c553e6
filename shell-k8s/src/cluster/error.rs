//! What goes wrong between a controller and the API server, in words that name the object.

use std::{error::Error, time::Duration};

/// The longest text of somebody else's that is told on.
const LONGEST: usize = 400;

/// A call of the API server that did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer within the deadline.
    #[error("{what} {object}: the API server did not answer within {deadline:?}")]
    Silent {
        /// What was to be done.
        what: &'static str,
        /// With which object.
        object: String,
        /// The deadline.
        deadline: Duration,
    },
    /// It answered with a refusal.
    #[error("{what} {object}: the API server answers {code} {reason}: {message}")]
    Answered {
        /// What was to be done.
        what: &'static str,
        /// With which object.
        object: String,
        /// The code of HTTP.
        code: u16,
        /// The server's machine-readable reason.
        reason: String,
        /// The server's words.
        message: String,
    },
    /// The way to it is broken.
    #[error("{what} {object}: {why}")]
    Broken {
        /// What was to be done.
        what: &'static str,
        /// With which object.
        object: String,
        /// What broke.
        why: String,
    },
    /// The object is there, and does not say what it should.
    #[error("{what} {object}: {why}")]
    Unreadable {
        /// What was to be done.
        what: &'static str,
        /// With which object.
        object: String,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// A text of at most so many bytes.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mut end = most.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

fn short(text: &str) -> String {
    cut(text, LONGEST)
}

/// An error with its sources, each once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let own = error.to_string();
        if !text.contains(&own) {
            text = format!("{text}: {own}");
        }
        next = error.source();
    }
    short(&text)
}

impl ApiError {
    pub(super) fn new(what: &'static str, object: &str, error: &kube::Error) -> Self {
        let object = object.to_owned();
        if let kube::Error::Api(status) = error {
            let (reason, message) = (short(&status.reason), short(&status.message));
            return Self::Answered { what, object, code: status.code, reason, message };
        }
        Self::Broken { what, object, why: chain(error) }
    }

    pub(super) fn unreadable(what: &'static str, object: &str, why: impl Into<String>) -> Self {
        Self::Unreadable { what, object: object.to_owned(), why: why.into() }
    }

    /// The code of HTTP, where there was an answer.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Answered { code, .. } => Some(*code),
            Self::Silent { .. } | Self::Broken { .. } | Self::Unreadable { .. } => None,
        }
    }

    /// Whether the object does not exist.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.code() == Some(404)
    }

    /// Whether another version of the object is there.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether the request was certainly not carried out: the server refused the request itself.
    /// 408 is a word of proxies that may have passed the request on.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.code().is_some_and(|code| (400..500).contains(&code) && code != 408)
    }
}
