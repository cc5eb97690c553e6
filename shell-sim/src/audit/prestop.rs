//! The hook that holds a leaving main. This module decides when it let go too early, too late or
//! never came; it deliberately does not know what the failover after it did.

use super::{
    name::InvariantName as Name,
    replicas::is_replica,
    trace::{Finding, Step, Trace},
};
use crate::incident::{EventWord as E, PodName, Replicas, Role, Status};

/// The main's hook stays as long as a replica is in a state it can come back from.
pub(super) fn prestop_waits_for_ready(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why =
            skipped(step).or_else(|| completed_early(step)).or_else(|| left_early(trace, step))?;
        Some(step.finding(Name::PrestopWaitsForReady, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn skipped(step: &Step<'_>) -> Option<String> {
    let status = step.item.facts.status.filter(|status| status.is_recoverable())?;
    let name = step.before.subject(step.item).filter(|_| step.is(E::PrestopReplicaSkipped))?;
    Some(format!("{name} is left out of the wait although {status} is temporary"))
}

fn completed_early(step: &Step<'_>) -> Option<String> {
    let is_replicas_hook = step
        .before
        .subject(step.item)
        .and_then(|name| step.before.pod(name))
        .is_some_and(|pod| pod.has_role(Role::Replica));
    if !step.is(E::PrestopCompleted) || is_replicas_hook {
        return None;
    }
    let unfit = |(name, status): (PodName, Status)| {
        status.is_recoverable().then(|| format!("the hook ends while {name} is {status}"))
    };
    match &step.item.facts.replicas {
        Replicas::Each(rows) => {
            rows.iter().find_map(|row| row.status.and_then(|status| unfit((row.pod, status))))
        }
        Replicas::All(status) => status
            .is_recoverable()
            .then(|| format!("the hook ends while the replicas are {status}")),
        Replicas::Unstated => step
            .before
            .pods
            .iter()
            .filter(|(name, _)| is_replica(&step.before, **name))
            .find_map(|(name, pod)| pod.status.and_then(|status| unfit((*name, status)))),
    }
}

/// A main that is gone has left its hook behind, whether or not the end of the hook is recorded.
fn left_early(trace: &Trace<'_>, step: &Step<'_>) -> Option<String> {
    let leaves =
        step.is_any(&[E::PodDeleted, E::PodTerminated]) && trace.config.prestop == Some(true);
    let main = step.before.subject(step.item).filter(|_| leaves)?;
    let was_present_main = step.before.mains().any(|name| name == main);
    if !was_present_main || step.before.prestop_done.contains(&main) {
        return None;
    }
    step.before
        .pods
        .iter()
        .filter(|(name, _)| **name != main && is_replica(&step.before, **name))
        .find_map(|(name, pod)| {
            let status = pod.status.filter(|status| status.is_recoverable());
            match status {
                Some(status) => Some(format!("the main {main} goes while {name} is {status}")),
                None if pod.recreated_unseen => Some(format!(
                    "the main {main} goes while {name} was recreated and not seen ready since"
                )),
                None => None,
            }
        })
}

/// The hook ends: ready, nothing left to wait for, or time up with a report.
pub(super) fn prestop_terminates(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        if !step.is(E::PrestopWaiting) {
            return None;
        }
        let is_over = |later: &Step<'_>| later.is_any(&[E::PrestopCompleted, E::PrestopFailed]);
        if trace.from_order(step.item.order).any(is_over) {
            return None;
        }
        let outlasts = trace.after(step.item.order).find(|later| {
            later.is_any(&[E::PodStuckTerminating, E::RolloutTimedOut, E::TestFailed])
        });
        let why = match (step.item.data.text("duration"), outlasts) {
            (Some(duration), _) => format!("the hook waits {duration} and no end is recorded"),
            (None, Some(later)) => {
                format!("the hook waits and has not ended at {}", later.item.event)
            }
            (None, None) => return None,
        };
        Some(step.finding(Name::PrestopTerminates, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// No pod goes whose hook never reached the controller.
pub(super) fn prestop_reaches_controller(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = if step.is(E::PrestopNotReceived) {
            "the hook failed and no request of it reached the controller"
        } else if step.is(E::PrestopFailed) && began_unheard(trace, step) {
            "the hook began in the pod and failed before the controller heard of it"
        } else {
            return None;
        };
        Some(step.finding(Name::PrestopReachesController, why.to_owned()))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Whether the last that was told of the pod's hook before this is that it began in the pod.
fn began_unheard(trace: &Trace<'_>, step: &Step<'_>) -> bool {
    trace
        .steps
        .iter()
        .rev()
        .filter(|earlier| earlier.item.order < step.item.order)
        .filter(|earlier| earlier.item.pod == step.item.pod)
        .find(|earlier| earlier.is_any(&[E::PrestopStartedInPod, E::PrestopCalled]))
        .is_some_and(|earlier| earlier.is(E::PrestopStartedInPod))
}
