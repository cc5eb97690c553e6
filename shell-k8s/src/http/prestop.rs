//! `POST /prestop-hook/{pod}`: the predecessor's hook (PI 6). It is answered when the pod may leave, or
//! when the time of a call is over, and then says how every instance is. Unlike the predecessor's
//! server, which cut a call off after 30 s (T4), this one waits as long as it says.

use super::{Http, answer, facts, leave};
use crate::controller::Status;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, Contact, RoleView},
    plan::Leave,
};
use std::{fmt::Write, sync::Arc};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Name and password of a request that shows them as HTTP basic does.
fn shown(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

fn is_let_in(http: &Http, headers: &HeaderMap) -> bool {
    let shown = shown(headers);
    let access = http.site.access.as_ref();
    access.zip(shown).is_some_and(|(access, (user, password))| access.admits(&user, &password))
}

pub(super) async fn hook(
    State(http): State<Arc<Http>>,
    Path(pod): Path<String>,
    headers: HeaderMap,
    mut stopping: watch::Receiver<bool>,
) -> Response {
    if !is_let_in(&http, &headers) {
        let expected = "user and password of the instances, as HTTP basic; where the controller \
                        has no password, nobody is let in";
        let mut refused = answer::refusal(StatusCode::UNAUTHORIZED, "Unauthorized", expected);
        let basic = HeaderValue::from_static("Basic realm=\"memgraph-ha\"");
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
        return refused;
    }
    // Also one that a smaller size leaves over, as long as it is there.
    let is_seen = |id: &InstanceId| {
        http.status().observation.as_ref().is_some_and(|seen| seen.instances.contains_key(id))
    };
    let named = http.names.instance_of_pod(&pod);
    let Some(id) = named.filter(|id| http.names.has(*id) || is_seen(id)) else {
        let why = format!("{pod:?} is no pod of the cluster");
        return answer::refusal(StatusCode::NOT_FOUND, &why, "a pod of the StatefulSet");
    };
    let until = Instant::now() + http.site.prestop;
    let mut status = http.status.clone();
    status.mark_changed();
    let waited = async {
        while status.changed().await.is_ok() {
            let now = Arc::clone(&status.borrow_and_update());
            let leads = http.controller.leads();
            match leave::said(&now, id) {
                leave::Said::Plan(Leave::MayLeave) if leads => return true,
                leave::Said::Plan(_) | leave::Said::Unmarked if now.passes > 0 && !leads => {
                    return false;
                }
                leave::Said::Plan(_) | leave::Said::Unmarked => {}
            }
        }
        false
    };
    let ended = tokio::select! {
        ended = timeout_at(until, waited) => ended,
        _ = stopping.wait_for(|stopping| *stopping) => Ok(false),
    };
    match ended {
        Ok(true) => answer::text(StatusCode::OK, String::new()),
        Ok(false) => {
            let why = "this controller does not lead";
            answer::refusal(StatusCode::SERVICE_UNAVAILABLE, why, "the leader, asked again")
        }
        Err(_) => {
            let s = http.site.prestop.as_secs();
            let text =
                format!("{pod} may not leave after {s} s\n{}", report(&http, &http.status()));
            answer::text(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

/// How every instance is, and what is waited for.
fn report(http: &Http, status: &Status) -> String {
    let mut text = String::new();
    let Some(seen) = &status.observation else { return text };
    for id in seen.instances.keys() {
        // A String takes whatever is written to it.
        let _ = writeln!(text, "{}: {}", http.names.pod(*id), state(seen, *id));
    }
    for hold in &status.plan.holds {
        let _ = writeln!(text, "{hold}");
    }
    text
}

fn state(seen: &ClusterObservation, id: InstanceId) -> String {
    let row = facts::main(seen).and_then(|(_, found)| found.rows.get(&id));
    let view = seen.instances.get(&id);
    let role = view.and_then(|view| view.answer()).map(|answer| match answer.role {
        RoleView::Main { .. } => "main",
        RoleView::Replica => "replica",
    });
    match (role, row) {
        (Some(role), Some(row)) => {
            format!("{role}, {} {} behind {}", row.mode, row.state, row.behind)
        }
        (Some(role), None) => role.to_owned(),
        (None, _) => match view.map(|view| &view.contact) {
            Some(Contact::Closed { .. }) => "its process is gone".to_owned(),
            Some(Contact::Unreached { why, .. }) => why.to_string(),
            Some(Contact::Answering) | None => "not known".to_owned(),
        },
    }
}
