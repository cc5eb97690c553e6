//! `GET /api/v1/status` and `GET /api/v1/leadership`: the fields that the predecessor's tools read
//! (PI 6), true where they were not. `current_main` is an instance that was read as main, not the
//! one that is to be; times and durations are measured; a controller that does not lead answers from
//! what it sees itself. What is not known is null. The readers that the predecessor had in its own
//! process are gateways of their own now, so that `read_gateway_status` is left out, as it was where
//! that was off.

use super::{Http, answer, facts, facts::Registrations, shown::Shown};
use crate::{controller::Status, memgraph::Endpoints};
use axum::{extract::State, http::StatusCode, response::Response};
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, Container, InstanceView, RoleView, SyncMode},
};
use jiff::Timestamp;
use serde::Serialize;
use std::{net::IpAddr, sync::Arc, time::SystemTime};

/// What `/api/v1/status` answers.
#[derive(Debug, Serialize)]
struct StatusAnswer<'a> {
    timestamp: String,
    cluster_state: ClusterState,
    pods: Vec<Pod>,
    /// Ours: everything.
    memgraph_ha: Shown<'a>,
}

#[derive(Debug, Serialize, Default)]
struct ClusterState {
    current_main: String,
    current_sync_replica: String,
    total_pods: usize,
    healthy_pods: usize,
    unhealthy_pods: usize,
    sync_replica_healthy: bool,
    reconciliation_metrics: Passes,
    replica_registrations: Option<Vec<Registered>>,
}

#[derive(Debug, Serialize, Default)]
struct Passes {
    total_reconciliations: u64,
    successful_reconciliations: u64,
    failed_reconciliations: u64,
    /// In nanoseconds.
    average_reconciliation_time: u64,
    last_reconciliation_time: Option<String>,
    last_reconciliation_reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_reconciliation_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Registered {
    name: String,
    pod_name: String,
    address: String,
    sync_mode: &'static str,
    is_healthy: bool,
}

#[derive(Debug, Serialize)]
struct Pod {
    name: String,
    state: &'static str,
    memgraph_role: &'static str,
    ip_address: String,
    /// When its node began to have it.
    timestamp: Option<String>,
    healthy: bool,
    replicas_registered: Option<Vec<String>>,
    inconsistency: Option<Inconsistency>,
}

#[derive(Debug, Serialize)]
struct Inconsistency {
    description: String,
    memgraph_role: &'static str,
}

/// What `/api/v1/leadership` answers.
#[derive(Debug, Serialize)]
struct LeadershipAnswer<'a> {
    current_leader: String,
    my_identity: String,
    i_am_leader: bool,
    leader_match: bool,
    timestamp: String,
    lease_name: Option<&'a str>,
    namespace: Option<&'a str>,
}

pub(super) fn now() -> String {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn at(wall_ms: u64) -> Option<String> {
    let time = Timestamp::from_millisecond(i64::try_from(wall_ms).ok()?).ok()?;
    Some(time.to_string())
}

pub(super) async fn leadership(State(http): State<Arc<Http>>) -> Response {
    let status = http.status();
    let (me, leads) = (http.controller.me(), http.controller.leads());
    let leader = if leads { Some(me) } else { status.observation.as_ref().and_then(facts::leader) };
    let answer = LeadershipAnswer {
        current_leader: leader.map(|id| id.to_string()).unwrap_or_default(),
        my_identity: me.to_string(),
        i_am_leader: leads,
        leader_match: leads == (leader == Some(me)),
        timestamp: now(),
        lease_name: http.site.lease.as_deref(),
        namespace: http.site.namespace.as_deref(),
    };
    answer::json(StatusCode::OK, &answer)
}

pub(super) async fn status(State(http): State<Arc<Http>>) -> Response {
    let status = http.status();
    let mut cluster_state =
        ClusterState { reconciliation_metrics: passes(&http, &status), ..ClusterState::default() };
    let mut pods = Vec::new();
    if let Some(seen) = &status.observation {
        fill(&http, seen, &mut cluster_state);
        let marks = http.controller.shown();
        let since = |id| marks.get(&id).and_then(|mark| mark.started.clone());
        let shown = |(id, view)| Some(Pod { timestamp: since(id), ..pod(&http, seen, id, view)? });
        pods = seen.instances.iter().map(|(id, view)| (*id, view)).filter_map(shown).collect();
    }
    let memgraph_ha = Shown::of(&http, &status);
    let answer = StatusAnswer { timestamp: now(), cluster_state, pods, memgraph_ha };
    answer::json(StatusCode::OK, &answer)
}

fn fill(http: &Http, seen: &ClusterObservation, state: &mut ClusterState) {
    let name = |id: InstanceId| http.names.pod(id);
    let main = facts::main(seen);
    let voter = facts::ready_voter(seen);
    state.current_main = main.map(|(id, _)| name(id)).unwrap_or_default();
    state.current_sync_replica = voter.map(name).unwrap_or_default();
    state.sync_replica_healthy = voter.is_some();
    let (total, answering) = facts::pods(seen);
    state.total_pods = total;
    state.healthy_pods = answering;
    state.unhealthy_pods = total - answering;
    state.replica_registrations = main.map(|(_, found)| registered(http, seen, found));
}

fn registered(http: &Http, seen: &ClusterObservation, found: Registrations<'_>) -> Vec<Registered> {
    let ours = found.rows.iter().map(|(id, row)| Registered {
        name: http.names.replica(*id),
        pod_name: http.names.pod(*id),
        address: address(seen, *id)
            .map(|address| http.names.replication(*id, address))
            .unwrap_or_default(),
        sync_mode: match row.mode {
            SyncMode::StrictSync => "strict_sync",
            SyncMode::Sync => "sync",
            SyncMode::Async => "async",
        },
        is_healthy: facts::follows(row),
    });
    // Nothing but its name is known of a registration that somebody made by hand.
    let others = found.strangers.iter().map(|name| Registered {
        name: name.clone(),
        pod_name: String::new(),
        address: String::new(),
        sync_mode: "",
        is_healthy: false,
    });
    ours.chain(others).collect()
}

fn address(seen: &ClusterObservation, id: InstanceId) -> Option<IpAddr> {
    facts::pod(seen, id)??.address
}

/// One pod; none where the API server says that there is none.
fn pod(http: &Http, seen: &ClusterObservation, id: InstanceId, view: &InstanceView) -> Option<Pod> {
    let state = match facts::pod(seen, id) {
        Some(None) => return None,
        None => "unknown",
        Some(Some(pod)) if pod.deleting => "terminating",
        Some(Some(pod)) => match pod.container {
            Container::Waiting => "waiting",
            Container::Running => "running",
            Container::Terminated => "terminated",
        },
    };
    let answer = view.answer();
    let memgraph_role = match answer.map(|it| &it.role) {
        None => "",
        Some(RoleView::Main { .. }) => "main",
        Some(RoleView::Replica) => "replica",
    };
    let names = |found: Registrations<'_>| {
        let ours = found.rows.keys().map(|id| http.names.replica(*id));
        ours.chain(found.strangers.iter().cloned()).collect()
    };
    Some(Pod {
        name: http.names.pod(id),
        state,
        memgraph_role,
        ip_address: address(seen, id).map(|ip| ip.to_string()).unwrap_or_default(),
        timestamp: None,
        healthy: answer.is_some(),
        replicas_registered: answer.and_then(facts::registrations).map(names),
        inconsistency: inconsistency(&http.names, seen, id, memgraph_role),
    })
}

/// That an instance is not what the record says of it.
fn inconsistency(
    names: &Endpoints,
    seen: &ClusterObservation,
    id: InstanceId,
    role: &'static str,
) -> Option<Inconsistency> {
    let record = facts::record(seen)?;
    let description = match role {
        "main" if record.target != id => {
            format!("it is a main, and {} is the recorded one", names.pod(record.target))
        }
        "replica" if record.target == id => {
            format!("it is the recorded main of term {} ({})", record.term, record.stage)
        }
        _ => return None,
    };
    Some(Inconsistency { description, memgraph_role: role })
}

fn passes(http: &Http, status: &Status) -> Passes {
    let tally = http.metrics.tally();
    let plan = &status.plan;
    let said = plan.steps.first().map(|step| step.reason.to_string());
    let waits = || plan.holds.first().map(|hold| hold.reason.to_string());
    let settled = || plan.settled.then(|| "settled".to_owned());
    Passes {
        total_reconciliations: status.passes,
        successful_reconciliations: status.passes.saturating_sub(tally.failed),
        failed_reconciliations: tally.failed,
        average_reconciliation_time: tally
            .spent_ms
            .saturating_mul(1_000_000)
            .checked_div(tally.timed)
            .unwrap_or_default(),
        last_reconciliation_time: (status.passes > 0).then(|| at(status.wall_ms)).flatten(),
        last_reconciliation_reason: said.or_else(waits).or_else(settled).unwrap_or_default(),
        last_reconciliation_error: tally.error,
    }
}
