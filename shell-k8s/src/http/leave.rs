//! `GET /v1/may-leave/{pod}`: whether a pod may go, for whoever asks on its behalf. Safety never
//! hangs on the answer; whoever gets none may go.

use super::{Http, answer, facts};
use crate::controller::Status;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use ha_core::{
    ids::InstanceId,
    observation::ClusterObservation,
    plan::{Leave, Plan},
    rules::Phase,
};
use serde::Serialize;
use std::sync::Arc;

#[derive(Debug, Serialize)]
struct MayLeave<'a> {
    pod: &'a str,
    leave: Leave,
    why: String,
}

#[derive(Debug, Serialize)]
struct NotKnown<'a> {
    pod: &'a str,
    error: &'a str,
    leader: Option<String>,
}

pub(super) async fn may_leave(State(http): State<Arc<Http>>, Path(pod): Path<String>) -> Response {
    let status = http.status();
    let not_known = |error, leader| {
        answer::json(StatusCode::SERVICE_UNAVAILABLE, &NotKnown { pod: &pod, error, leader })
    };
    let Some(seen) = &status.observation else {
        return not_known("this controller has not finished a pass yet", None);
    };
    let named = http.names.instance_of_pod(&pod);
    let Some(id) = named.filter(|id| seen.instances.contains_key(id)) else {
        let pods: Vec<_> = seen.instances.keys().map(|id| http.names.pod(*id)).collect();
        let why = format!("{pod:?} is no pod of the cluster");
        return answer::refusal(
            StatusCode::NOT_FOUND,
            &why,
            &format!("one of {}", pods.join(", ")),
        );
    };
    if !http.controller.leads() {
        let leader = facts::leader(seen).filter(|id| *id != http.controller.me());
        return not_known("this controller does not lead", leader.map(|id| id.to_string()));
    }
    let (leave, why) = match said(&status, id) {
        Said::Plan(leave) => (leave, why(&status, seen, id, leave)),
        Said::Unmarked => {
            let why = "it votes, and its pod is not marked for deletion: whether its vote can move \
                       first is decided then";
            (Leave::Unknown, why.to_owned())
        }
    };
    answer::json(StatusCode::OK, &MayLeave { pod: &pod, leave, why })
}

/// What whoever asks on behalf of a pod is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// What the plan says.
    Plan(Leave),
    /// It votes and its mark is not seen: whoever asks for a pod that is to go may be faster than the
    /// watch that tells of it.
    Unmarked,
}

/// What of the last pass counts for a pod.
pub(super) fn said(status: &Status, id: InstanceId) -> Said {
    let leave = status.plan.leave.get(&id).copied().unwrap_or(Leave::Unknown);
    let is_unmarked_voter = status.observation.as_ref().is_some_and(|seen| {
        let votes = facts::record(seen).is_some_and(|record| record.is_voter(id));
        votes && facts::pod(seen, id).flatten().is_some_and(|pod| !pod.deleting)
    });
    if leave == Leave::MayLeave && is_unmarked_voter { Said::Unmarked } else { Said::Plan(leave) }
}

fn why(status: &Status, seen: &ClusterObservation, id: InstanceId, leave: Leave) -> String {
    let record = facts::record(seen);
    match (leave, record) {
        (Leave::Unknown, _) | (Leave::MainMoves, None) => {
            "the record was not read since this controller leads".to_owned()
        }
        (Leave::MayLeave, Some(record)) if record.is_voter(id) => {
            "it is not the main; commits wait for its vote while it is away".to_owned()
        }
        (Leave::MayLeave, _) => "it is not the main, and does not vote".to_owned(),
        (Leave::VoteMoves, _) => {
            let mut why = "its vote moves to another instance first".to_owned();
            for word in words(&status.plan) {
                why.push_str("; ");
                why.push_str(&word);
            }
            why
        }
        (Leave::MainMoves, Some(record)) => {
            let role = if record.target == id { "the main" } else { "the main before" };
            let mut why = format!("it is {role} of term {} ({})", record.term, record.stage);
            if let Some(Some(pod)) = facts::pod(seen, id)
                && !pod.deleting
            {
                why.push_str("; its pod is not marked for deletion");
            }
            for word in words(&status.plan) {
                why.push_str("; ");
                why.push_str(&word);
            }
            why
        }
    }
}

/// What the plan does and waits for, as far as a move may hang on it.
fn words(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().map(|step| format!("{}: {}", step.action, step.reason));
    let moves = plan.holds.iter().filter(|hold| hold.rule.rule().phase != Phase::Report);
    let holds = moves.map(|hold| match hold.subject {
        Some(id) => format!("waits: {id}: {}", hold.reason),
        None => format!("waits: {}", hold.reason),
    });
    steps.chain(holds).collect()
}
