//! `GET /livez` and `GET /readyz`. Ready means that it has looked at everything once: standing by is
//! as good as leading. Alive means that its loop goes round.

use super::{Http, answer};
use axum::{extract::State, http::StatusCode, response::Response};
use std::{sync::Arc, time::Duration};

/// A pass is bounded by far less; a loop that takes longer is stuck.
const STUCK: Duration = Duration::from_secs(120);

pub(super) async fn livez(State(http): State<Arc<Http>>) -> Response {
    let since = http.since_pass();
    if since < STUCK {
        return answer::text(StatusCode::OK, "OK\n".to_owned());
    }
    let why = format!("no pass has ended for {} s\n", since.as_secs());
    answer::text(StatusCode::SERVICE_UNAVAILABLE, why)
}

pub(super) async fn readyz(State(http): State<Arc<Http>>) -> Response {
    if http.status().passes > 0 {
        return answer::text(StatusCode::OK, "OK\n".to_owned());
    }
    let why = "the first pass has not ended yet\n";
    answer::text(StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
}
