//! What clients reach. This module decides when a connection or a write went where it must not; it
//! deliberately does not know how replicas fared.

use super::{
    believed::Gateway,
    name::InvariantName as Name,
    trace::{Finding, Step, Trace},
};
use crate::incident::EventWord as E;

/// Clients are cut off before the roles change, until the new main is confirmed.
pub(super) fn gateway_fencing(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = open_during_failover(step).or_else(|| stale_after_promotion(step))?;
        Some(step.finding(Name::GatewayFencing, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn open_during_failover(step: &Step<'_>) -> Option<String> {
    let failover = step.before.failover?;
    let connects = step.is_any(&[E::GatewayConnectionEstablished, E::GatewayUpstreamStillSet]);
    let writes = step.is_any(&[E::ClientWriteAcked, E::ClientWriteRecorded])
        && step.before.gateway != Gateway::Cleared;
    let what = if connects {
        "a client is connected"
    } else if writes {
        "a write arrives"
    } else {
        return None;
    };
    Some(format!(
        "{what} during the failover of order {}, before a new main is confirmed",
        failover.since.order
    ))
}

fn stale_after_promotion(step: &Step<'_>) -> Option<String> {
    let (_, promoted) = step.before.promoted.filter(|_| step.is(E::GatewayStaleRouteUsed))?;
    Some(format!(
        "clients still reach the old main after the promotion of order {}",
        promoted.order
    ))
}

/// Writes reach the confirmed target main and nothing else.
pub(super) fn gateway_routes_only_to_target_main(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = misrouted(step)?;
        Some(step.finding(Name::GatewayRoutesOnlyToTargetMain, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// What every version says when a replica refuses a write (MR 4.4).
const REPLICA_REFUSES: &str = "forbidden on the replica";

fn misrouted(step: &Step<'_>) -> Option<String> {
    if step.is(E::GatewayStaleRouteUsed) {
        return Some("a gateway routes by a target that has changed since".to_owned());
    }
    let error = step.item.data.text("error").unwrap_or_default();
    if step.is(E::ClientWriteFailed) && error.contains(REPLICA_REFUSES) {
        return Some("a write reached a replica".to_owned());
    }
    let kept = step.is_any(&[E::ClientWriteAcked, E::ClientWriteRecorded]);
    let name = step.before.subject(step.item).filter(|_| kept)?;
    let target = step.before.target.filter(|target| *target != name.ordinal)?;
    Some(format!("a write reached {name} while the stored target is {target}"))
}
