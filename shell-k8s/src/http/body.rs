//! The body of a question, bounded in size and time.

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::time::Duration;
use tokio::time::timeout;

/// How long it may take.
const TIME: Duration = Duration::from_secs(5);

/// Reads a body of at most so many bytes.
///
/// # Errors
/// With what it is answered, and why: it is longer, it takes longer, or it broke off.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, (StatusCode, String)> {
    let read = timeout(TIME, Limited::new(body, most).collect()).await;
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the question has more than {most} bytes");
            Err((StatusCode::PAYLOAD_TOO_LARGE, why))
        }
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, format!("the body broke off: {error}"))),
        Err(_) => {
            let why = format!("the body did not arrive within {} s", TIME.as_secs());
            Err((StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}
