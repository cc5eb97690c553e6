//! `GET /`: the live page, one file that needs nothing from anywhere.

use super::answer;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

const PAGE: &str = include_str!("page.html");

/// The page speaks to this controller alone, and runs nothing but itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn page() -> Response {
    let mut response = answer::with(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    let policy = HeaderValue::from_static(POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
