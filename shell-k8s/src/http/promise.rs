//! `POST /v1/promise`: another controller's question. What it is answered is judged by the core.
//! `POST /v1/lease-is-free`: a reason to look at the lease now, and nothing more.
//! `GET /v1/moves`: what it remembers of moves of the main, for one that begins.

use super::{Http, answer, body};
use crate::peers::{BYTES, Question, Remembered, Reply, VERSION};
use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use std::sync::Arc;

pub(super) async fn promise(State(http): State<Arc<Http>>, body: Body) -> Response {
    match question(body).await {
        Ok(question) => {
            let (controller, word) = http.controller.promise(question.by);
            let pod = http.site.pod.clone();
            answer::json(StatusCode::OK, &Reply { version: VERSION, controller, pod, word })
        }
        Err((status, why)) => answer::refusal(status, &why, "a controller's question as JSON"),
    }
}

pub(super) async fn lease_is_free(State(http): State<Arc<Http>>) -> StatusCode {
    http.controller.lease_is_free();
    StatusCode::NO_CONTENT
}

pub(super) async fn moves(State(http): State<Arc<Http>>) -> Response {
    let moves = http.controller.status().borrow().moves.iter().cloned().collect();
    let controller = http.controller.me();
    answer::json(StatusCode::OK, &Remembered { version: VERSION, controller, moves })
}

async fn question(body: Body) -> Result<Question, (StatusCode, String)> {
    let bytes = body::read(body, BYTES).await?;
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let question: Question = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("the question is not understood: {error}")))?;
    if question.version != VERSION {
        let found = question.version;
        return Err(bad(format!("the question is of version {found}, this is {VERSION}")));
    }
    Ok(question)
}
