//! `POST /v1/grant`: a gateway's question. What it may be answered is judged by the core; here it is
//! only read, bounded in size and time. A client that goes away drops its question.

use super::{ASK_BYTES, Http, answer, body};
use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use gateway::controllers::{
    AskError,
    wire::{Ask, VERSION},
};
use serde::Serialize;
use std::sync::Arc;

/// The longest that a question waits; one that would wait longer is answered then.
const LONGEST_WAIT_MS: u64 = 30_000;

/// Why there is no grant.
#[derive(Debug, Serialize)]
struct NoGrant {
    error: String,
    controller: String,
    leader: Option<String>,
}

pub(super) async fn grant(State(http): State<Arc<Http>>, body: Body) -> Response {
    let ask = match question(body).await {
        Ok(ask) => ask,
        Err((status, why)) => return answer::refusal(status, &why, "a question as JSON"),
    };
    let _waiting = http.metrics.question();
    match http.controller.ask(ask).await {
        Ok(reply) => answer::json(StatusCode::OK, &reply),
        Err(error) => {
            let leader = http.status().observation.as_ref().and_then(super::facts::leader);
            let why = NoGrant {
                error: why(error),
                controller: http.controller.me().to_string(),
                leader: leader.map(|id| id.to_string()),
            };
            answer::json(StatusCode::SERVICE_UNAVAILABLE, &why)
        }
    }
}

fn why(error: AskError) -> String {
    match error {
        AskError::Failed { why, .. } => why,
        AskError::Nobody | AskError::Silent(_) | AskError::Bad { .. } | AskError::Ended => {
            error.to_string()
        }
    }
}

async fn question(body: Body) -> Result<Ask, (StatusCode, String)> {
    let bytes = body::read(body, ASK_BYTES).await?;
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let mut ask: Ask = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("the question is not understood: {error}")))?;
    if ask.version != VERSION {
        let found = ask.version;
        return Err(bad(format!("the question is of version {found}, this is {VERSION}")));
    }
    ask.wait_ms = ask.wait_ms.min(LONGEST_WAIT_MS);
    Ok(ask)
}
