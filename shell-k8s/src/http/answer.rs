//! The forms of answers.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// What is wrong, and what would be right.
#[derive(Debug, Serialize)]
struct Refusal<'a> {
    error: &'a str,
    expected: &'a str,
}

/// A value as JSON that nobody may keep.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with(status, "application/json", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("no JSON: {error}\n")),
    }
}

/// A text that nobody may keep.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    with(status, "text/plain; charset=utf-8", text)
}

/// Bytes that nobody may keep.
pub(super) fn with(status: StatusCode, kind: &'static str, body: impl IntoResponse) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

/// A refusal: what is wrong, and what would be right.
pub(super) fn refusal(status: StatusCode, error: &str, expected: &str) -> Response {
    json(status, &Refusal { error, expected })
}
