//! Why a request was refused, and the `Status` object that says so.

use super::resource::Resource;
use serde_json::{Value, json};
use std::fmt;

/// The machine-readable reason, each with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The request makes no sense.
    BadRequest,
    /// More than the server keeps.
    Forbidden,
    /// There is no such object or path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// An object of that name exists.
    AlreadyExists,
    /// A precondition does not hold.
    Conflict,
    /// The version asked for is older than what is kept.
    Expired,
    /// The body is too long.
    RequestEntityTooLarge,
    /// The body is of a kind that is not read.
    UnsupportedMediaType,
    /// The object is not valid.
    Invalid,
    /// Later, please.
    TooManyRequests,
    /// The server failed.
    InternalError,
    /// The server is not ready to answer.
    ServiceUnavailable,
    /// The server could not answer in time.
    Timeout,
}

impl Reason {
    /// The code of HTTP.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Expired => 410,
            Self::RequestEntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::InternalError => 500,
            Self::ServiceUnavailable => 503,
            Self::Timeout => 504,
        }
    }
}

impl fmt::Display for Reason {
    /// The word that clients compare.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({}): {message}", reason.code())]
pub struct Failure {
    /// The reason.
    pub reason: Reason,
    /// What a person reads.
    pub message: String,
    /// The object that it is about.
    pub about: Option<(&'static Resource, String)>,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u32>,
}

impl Failure {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), about: None, retry_after_s: None }
    }

    /// One about an object, which its message names first.
    pub(super) fn about(
        reason: Reason,
        resource: &'static Resource,
        name: &str,
        what: impl fmt::Display,
    ) -> Self {
        let message = format!("{} {name:?} {what}", resource.qualified());
        let about = Some((resource, name.to_owned()));
        Self { reason, message, about, retry_after_s: None }
    }

    /// The object that clients read.
    #[must_use]
    pub fn status(&self) -> Value {
        let mut details = serde_json::Map::new();
        if let Some((resource, name)) = &self.about {
            details.insert("name".to_owned(), json!(name));
            details.insert("group".to_owned(), json!(resource.group));
            details.insert("kind".to_owned(), json!(resource.plural));
        }
        if let Some(seconds) = self.retry_after_s {
            details.insert("retryAfterSeconds".to_owned(), json!(seconds));
        }
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason.to_string(),
            "details": details,
            "code": self.reason.code(),
        })
    }
}
