//! `GET /v1/status`: the status as it is, and beside it what people need to read it: names of pods,
//! who leads, reasons in words.

use super::{Http, answer, facts};
use crate::controller::Status;
use axum::{extract::State, http::StatusCode, response::Response};
use ha_core::{
    ids::{ControllerId, InstanceId},
    plan::{Hold, Veto},
    rules::RuleId,
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

/// The status, and how to read it.
#[derive(Debug, Serialize)]
pub(super) struct Shown<'a> {
    /// This controller.
    me: ControllerId,
    /// Who leads, as far as it is known here.
    leader: Option<ControllerId>,
    /// The version of this program.
    version: &'static str,
    /// The pod of each instance.
    pods: BTreeMap<InstanceId, String>,
    /// What is waited for.
    waits: Vec<Words>,
    /// What the guard refused.
    refused: Vec<Words>,
    #[serde(flatten)]
    status: &'a Status,
}

/// A wait or a refusal in words.
#[derive(Debug, Serialize)]
struct Words {
    rule: RuleId,
    name: &'static str,
    /// The rule's situation.
    when: &'static str,
    subject: Option<InstanceId>,
    words: String,
}

impl Words {
    fn new(rule: RuleId, subject: Option<InstanceId>, words: String) -> Self {
        let row = rule.rule();
        Self { rule, name: row.name, when: row.when, subject, words }
    }
}

impl From<&Hold> for Words {
    fn from(hold: &Hold) -> Self {
        Self::new(hold.rule, hold.subject, hold.reason.to_string())
    }
}

impl From<&Veto> for Words {
    fn from(veto: &Veto) -> Self {
        let words = format!("{} refused: {}", veto.step.action, veto.guard.name());
        Self::new(veto.step.rule, None, words)
    }
}

impl<'a> Shown<'a> {
    /// How `status` is shown at `http`.
    pub(super) fn of(http: &Http, status: &'a Status) -> Self {
        let seen = status.observation.as_ref();
        let ids = seen.into_iter().flat_map(|seen| seen.instances.keys());
        Self {
            me: http.controller.me(),
            leader: seen.and_then(facts::leader),
            version: env!("CARGO_PKG_VERSION"),
            pods: ids.map(|id| (*id, http.names.pod(*id))).collect(),
            waits: status.plan.holds.iter().map(Words::from).collect(),
            refused: status.plan.vetoes.iter().map(Words::from).collect(),
            status,
        }
    }
}

pub(super) async fn status(State(http): State<Arc<Http>>) -> Response {
    let status = http.status();
    answer::json(StatusCode::OK, &Shown::of(&http, &status))
}
