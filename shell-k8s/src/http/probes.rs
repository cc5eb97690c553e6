//! `GET /livez`, `GET /readyz` and `GET /health`. Ready means that it has looked at everything once: standing by is
//! as good as leading. Alive means that its loop goes round.

use super::{Http, answer, predecessor::now};
use axum::{extract::State, http::StatusCode, response::Response};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// What `/health` answers, as the predecessor did (PI 6): that there is somebody.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    timestamp: String,
    service: &'static str,
}

pub(super) async fn health() -> Response {
    let health = Health { status: "ok", timestamp: now(), service: "memgraph-ha" };
    answer::json(StatusCode::OK, &health)
}

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
