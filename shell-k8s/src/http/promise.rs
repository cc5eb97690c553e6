//! `POST /v1/promise`: another controller's question. What it is answered is judged by the core.

use super::{Http, answer};
use crate::peers::{BYTES, Question, Reply, VERSION};
use axum::{body::Body, extract::State, http::StatusCode, response::Response};
use http_body_util::{BodyExt, Limited};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long the body of a question may take.
const BODY_TIME: Duration = Duration::from_secs(2);

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

async fn question(body: Body) -> Result<Question, (StatusCode, String)> {
    let read = timeout(BODY_TIME, Limited::new(body, BYTES).collect()).await;
    let bad = |why: String| (StatusCode::BAD_REQUEST, why);
    let bytes = match read {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) => return Err(bad(format!("the body is not read: {error}"))),
        Err(_) => {
            let why = format!("the body did not arrive within {} s", BODY_TIME.as_secs());
            return Err((StatusCode::REQUEST_TIMEOUT, why));
        }
    };
    let question: Question = serde_json::from_slice(&bytes)
        .map_err(|error| bad(format!("the question is not understood: {error}")))?;
    if question.version != VERSION {
        let found = question.version;
        return Err(bad(format!("the question is of version {found}, this is {VERSION}")));
    }
    Ok(question)
}
