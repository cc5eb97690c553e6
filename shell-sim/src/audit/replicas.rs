//! The replica that a commit waits for, and registrations. This module decides what may be
//! registered, dropped and acknowledged; it deliberately does not know who should be main.

use super::{
    believed::{Believed, Life},
    name::InvariantName as Name,
    trace::{Finding, Step, Trace},
};
use crate::incident::{Actor, EventWord as E, PodName, Role, Status, SyncMode};

/// The sync replica is never dropped for being unwell.
pub(super) fn never_drop_sync(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = dropped_sync(step).or_else(|| vanished_sync(step))?;
        Some(step.finding(Name::NeverDropSync, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn dropped_sync(step: &Step<'_>) -> Option<String> {
    let drops = step.is(E::DropReplica) && step.item.actor == Actor::Controller;
    let name = step.before.subject(step.item).filter(|_| drops)?;
    let pod = step.before.pod(name)?;
    pod.is_waited_for().then(|| format!("{name}, for which commits wait, is dropped"))
}

/// A registration that the record shows, and that a later item says is no longer there.
fn vanished_sync(step: &Step<'_>) -> Option<String> {
    let main = main_without_sync(step)?;
    let (name, _) = step.before.pods.iter().find(|(_, pod)| {
        pod.is_waited_for() && pod.follows.is_some_and(|(followed, _)| followed == main)
    })?;
    Some(format!("{name} was registered on {main} as sync replica and is found dropped"))
}

/// The main of a write of which the record says that no sync replica was registered.
fn main_without_sync(step: &Step<'_>) -> Option<PodName> {
    let writes = step.is_any(&[E::ClientWriteRecorded, E::ClientWriteAcked]);
    let missing = step.item.data.flag("sync_replica_registered") == Some(false);
    step.before.subject(step.item).filter(|_| writes && missing)
}

/// No write is acknowledged that the sync replica does not have.
pub(super) fn no_unreplicated_ack(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = acked_alone(step)
            .or_else(|| {
                main_without_sync(step)
                    .map(|main| format!("{main} keeps a write with no sync replica registered"))
            })
            .or_else(|| alone_in_data(trace, step))?;
        Some(step.finding(Name::NoUnreplicatedAck, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn acked_alone(step: &Step<'_>) -> Option<String> {
    let main = step.before.subject(step.item).filter(|_| step.is(E::ClientWriteAcked))?;
    let voter = step.before.pods.iter().find(|(_, pod)| {
        pod.is_waited_for() && pod.follows.is_some_and(|(followed, _)| followed == main)
    });
    match voter {
        Some((name, pod)) => {
            let away =
                pod.life == Life::Gone || pod.status.is_some_and(|told| told != Status::Ready);
            away.then(|| {
                format!("{main} acknowledges a write while its sync replica {name} is away")
            })
        }
        None => step.before.pod(main).filter(|pod| pod.registrations_known).map(|_| {
            format!(
                "{main} acknowledges a write; since its promotion no sync replica was registered"
            )
        }),
    }
}

/// Stored records that only one pod has, that pod having been main.
fn alone_in_data(trace: &Trace<'_>, step: &Step<'_>) -> Option<String> {
    if !step.is(E::DataObserved) {
        return None;
    }
    if let Some(place) = step.item.data.text("unique_data_on") {
        return Some(format!("writes are found on the {place} alone"));
    }
    let name = step.before.subject(step.item)?;
    let mine = step.item.data.number("records")?;
    let others = trace
        .steps
        .iter()
        .filter(|other| other.is(E::DataObserved) && other.item.pod.is_some_and(|pod| pod != name));
    let counts: Vec<i64> =
        others.map(|other| other.item.data.number("records")).collect::<Option<_>>()?;
    let most = counts.into_iter().max()?;
    let was_main = step.before.pod(name).is_some_and(|pod| pod.was_main);
    (was_main && mine > most).then(|| {
        format!(
            "{name} holds {mine} records and no other pod more than {most}: it took writes alone"
        )
    })
}

/// One of the pair is the main, the other its sync replica, every other pod is async.
pub(super) fn exactly_one_sync_replica(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = wrong_count(step).or_else(|| wrong_mode(step))?;
        Some(step.finding(Name::ExactlyOneSyncReplica, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn wrong_count(step: &Step<'_>) -> Option<String> {
    let key = match (step.is(E::ReplicasListed), step.is(E::TopologyObserved)) {
        (true, _) => "sync_count",
        (false, true) => "sync",
        (false, false) => return None,
    };
    let found = step.item.data.number(key).filter(|count| *count != 1)?;
    Some(format!("{found} sync replicas are registered"))
}

fn wrong_mode(step: &Step<'_>) -> Option<String> {
    let tells = step.is_any(&[E::RegisterReplica, E::ReplicaStatusObserved]);
    let by_hand = step.item.actor == Actor::Operator;
    let name = step.before.subject(step.item).filter(|_| tells && !by_hand)?;
    let mode = step.item.facts.sync_mode?;
    match (mode, name.is_of_pair()) {
        (SyncMode::Async, true) => {
            Some(format!("{name} belongs to the pair and is registered {mode}"))
        }
        (SyncMode::StrictSync | SyncMode::Sync, false) => {
            Some(format!("{name} does not belong to the pair and is registered {mode}"))
        }
        (SyncMode::Async, false) | (SyncMode::StrictSync | SyncMode::Sync, true) => None,
    }
}

/// Only pods 0 and 1 are made main or sync replica.
pub(super) fn two_pod_authority(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = outside_pair(step)?;
        Some(step.finding(Name::TwoPodAuthority, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn outside_pair(step: &Step<'_>) -> Option<String> {
    if step.item.actor != Actor::Controller {
        return None;
    }
    if step.is(E::TargetMainUpdated) {
        let target = step.item.facts.target.filter(|target| *target > 1)?;
        return Some(format!("the target becomes pod {target}"));
    }
    let name = step.before.subject(step.item).filter(|name| !name.is_of_pair())?;
    let votes = step.item.facts.sync_mode.is_some_and(SyncMode::is_waited_for);
    if step.is(E::Promote) {
        Some(format!("{name} is promoted"))
    } else if step.is(E::RegisterReplica) && votes {
        Some(format!("{name} is registered as sync replica"))
    } else {
        None
    }
}

/// A pod that is going is not registered.
pub(super) fn no_registration_of_terminating_pod(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let registers = step.is_any(&[E::RegisterReplica, E::RegistrationAllowed])
            && step.item.actor == Actor::Controller;
        let name = step.before.subject(step.item).filter(|_| registers)?;
        let why = match life(&step.before, name) {
            Life::Present => return None,
            Life::Leaving => format!("{name} is marked for deletion and is registered"),
            Life::Gone => format!("{name} is gone and is registered"),
        };
        Some(step.finding(Name::NoRegistrationOfTerminatingPod, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn life(before: &Believed, name: PodName) -> Life {
    before.pod(name).map_or(Life::Present, |pod| pod.life)
}

/// Whether a pod is, as far as is told, a replica at work.
pub(super) fn is_replica(before: &Believed, name: PodName) -> bool {
    before.pod(name).is_some_and(|pod| !pod.has_role(Role::Main) && pod.life != Life::Gone)
}
