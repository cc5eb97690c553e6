//! `GET /v1/explain`: what every rule says of the last observation. It is asked again here, since the
//! last plan was made of what was seen before it was carried out.

use super::{Http, answer};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::Response,
};
use ha_core::explain::Explanation;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Text,
    Json,
}

pub(super) async fn explain(
    State(http): State<Arc<Http>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let format = match asked {
        Ok(Query(asked)) => asked.format.unwrap_or(Format::Text),
        Err(error) => {
            let expected = "nothing, ?format=text or ?format=json";
            return answer::refusal(StatusCode::BAD_REQUEST, &error.body_text(), expected);
        }
    };
    let status = http.status();
    let Some(observation) = &status.observation else {
        let why = "this controller has not finished a pass yet";
        return answer::refusal(StatusCode::SERVICE_UNAVAILABLE, why, "an observation");
    };
    let plan = ha_core::plan(observation);
    let explanation = Explanation::of(&plan);
    match format {
        Format::Text => answer::text(StatusCode::OK, explanation.to_string()),
        Format::Json => {
            let parts = serde_json::json!({
                "explanation": explanation, "plan": plan, "observation": observation,
            });
            answer::json(StatusCode::OK, &parts)
        }
    }
}
