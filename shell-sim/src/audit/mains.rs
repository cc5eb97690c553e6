//! Who is main and whom a replica hears. This module decides when two mains, or a main that nobody
//! chose, break a rule; it deliberately does not know about clients and their routes.

use super::{
    believed::{Believed, Life},
    name::InvariantName as Name,
    trace::{Finding, Step, Trace},
};
use crate::incident::{Actor, EventWord as E, PodName, Role, Status, SyncMode};

/// At most one pod is main and reachable, and the stored target names it.
pub(super) fn single_main(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = demoted_target(step)
            .or_else(|| unchosen_main(step))
            .or_else(|| second_main(step).filter(|_| !ends_harmless(trace, step)))?;
        Some(step.finding(Name::SingleMain, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn demoted_target(step: &Step<'_>) -> Option<String> {
    let name = step.before.subject(step.item)?;
    let goes_there = step.is(E::Demote) && !super::fold::goes_nowhere(&step.before, step.item);
    (goes_there && step.before.is_target(name)).then(|| {
        format!("the stored target names {name}, and {name} is made a replica: no main is named")
    })
}

fn unchosen_main(step: &Step<'_>) -> Option<String> {
    let failover = step.before.failover.filter(|_| step.is(E::InstanceStartedAsMain))?;
    let name = step.before.subject(step.item)?;
    Some(format!(
        "{name} starts as main by itself while the failover of order {} is under way",
        failover.since.order
    ))
}

fn second_main(step: &Step<'_>) -> Option<String> {
    if step.is(E::DualMainObserved) {
        return Some(match step.item.facts.mains.as_slice() {
            [] => "two pods are main at one time".to_owned(),
            mains => format!("{} are main at one time", list(mains)),
        });
    }
    let becomes_main = step.is_any(&[E::Promote, E::InstanceStartedAsMain])
        || (step.is(E::RoleObserved)
            && step.item.facts.role == Some(Role::Main)
            && !super::fold::goes_nowhere(&step.before, step.item));
    let name = step.before.subject(step.item).filter(|_| becomes_main)?;
    let other = step.before.mains().find(|main| {
        let seen = step
            .before
            .pod(*main)
            .is_some_and(|pod| pod.was_seen_as(Role::Main) && pod.life == Life::Present);
        *main != name && seen
    })?;
    Some(format!("{name} is main while {other} still is"))
}

/// Whether two mains came to one again before a replica met either or a client met the wrong one.
fn ends_harmless(trace: &Trace<'_>, step: &Step<'_>) -> bool {
    let is_over = |later: &Step<'_>| {
        let demoted = later.before.subject(later.item).filter(|_| later.is(E::Demote));
        later.is(E::DualMainResolved) || demoted.is_some_and(|name| !later.before.is_target(name))
    };
    trace
        .after(step.item.order)
        .find(|later| is_over(later) || is_contact(later))
        .is_some_and(is_over)
}

fn is_contact(step: &Step<'_>) -> bool {
    const OF_REPLICAS: &[E] = &[
        E::RegisterReplica,
        E::RegistrationAllowed,
        E::RegisterRejectedDiverged,
        E::ReplicationRpcReceived,
    ];
    const OF_CLIENTS: &[E] =
        &[E::ClientWriteAcked, E::ClientWriteRecorded, E::GatewayConnectionEstablished];
    let reached = step.before.subject(step.item);
    let right_one = reached.is_some_and(|name| step.before.is_target(name));
    step.is_any(OF_REPLICAS) || (step.is_any(OF_CLIENTS) && !right_one)
}

/// A replica never hears different mains.
pub(super) fn one_main_per_replica(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = hears_another(step)
            .or_else(|| turned_diverged(step))
            .or_else(|| refused_after_others(step))?;
        Some(step.finding(Name::OneMainPerReplica, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn hears_another(step: &Step<'_>) -> Option<String> {
    let facts = &step.item.facts;
    let is_rpc = step.is(E::ReplicationRpcReceived);
    let callers: Vec<PodName> = match (is_rpc, step.is(E::RegisterReplica)) {
        (true, _) => facts.from.clone(),
        (false, true) => facts.registered_on.into_iter().collect(),
        (false, false) => return None,
    };
    let name = step.before.subject(step.item)?;
    let &[caller] = callers.as_slice() else {
        return (callers.len() > 1).then(|| format!("{name} hears {}", list(&callers)));
    };
    let (followed, life) = step.before.pod(name)?.follows?;
    let main = step.before.pod(followed)?;
    if followed != caller {
        let is_live = main.has_role(Role::Main) && main.life == Life::Present;
        return is_live
            .then(|| format!("{name} follows the main {followed} and hears {caller} as well"));
    }
    let is_unchosen = is_rpc && main.lives > life && !main.role_known_to_controller;
    is_unchosen.then(|| {
        format!(
            "{name} followed {caller} before it was recreated; the new {caller}, \
             which nobody made main, calls it"
        )
    })
}

fn turned_diverged(step: &Step<'_>) -> Option<String> {
    let diverged =
        step.is(E::ReplicaStatusObserved) && step.item.facts.status == Some(Status::Diverged);
    let name = step.before.subject(step.item).filter(|_| diverged)?;
    let pod = step.before.pod(name)?;
    let (main, _) = pod.follows?;
    (!pod.was_main).then(|| {
        format!(
            "{name} was never main, yet its history left that of {main}: \
             it holds writes of another reign"
        )
    })
}

fn refused_after_others(step: &Step<'_>) -> Option<String> {
    let name = step.before.subject(step.item).filter(|_| step.is(E::RegisterRejectedDiverged))?;
    let pod = step.before.pod(name).filter(|pod| !pod.was_main)?;
    let by = step.item.facts.registered_on;
    let mut heard: Vec<PodName> =
        pod.heard.iter().map(|(main, _)| *main).filter(|main| Some(*main) != by).collect();
    heard.dedup();
    let enough = if by.is_some() { 1 } else { 2 };
    (heard.len() >= enough).then(|| {
        format!("{name} was never main and is refused as diverged after it heard {}", list(&heard))
    })
}

/// Nothing is registered while a second main, an unread role or an unreachable pod is about.
pub(super) fn dual_main_guard(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let by_controller = step.is(E::RegisterReplica) && step.item.actor == Actor::Controller;
        let registers =
            by_controller || step.is_any(&[E::RegistrationAllowed, E::RegisterRejectedDiverged]);
        let subject = step.before.subject(step.item);
        let why = if registers {
            doubtful_pod(&step.before, subject)
        } else if step.is(E::ReplicationRpcReceived) {
            step.item.facts.from.iter().find_map(|main| unread_main(&step.before, *main))
        } else {
            None
        };
        Some(step.finding(Name::DualMainGuard, why?))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn doubtful_pod(before: &Believed, subject: Option<PodName>) -> Option<String> {
    let mains: Vec<PodName> = before.mains().filter(|main| Some(*main) != subject).collect();
    if before.dual && mains.len() > 1 {
        return Some(format!("a registration while {} are main", list(&mains)));
    }
    before.pods.iter().filter(|(name, _)| Some(**name) != subject).find_map(|(name, pod)| {
        let off_target = pod.was_seen_as(Role::Main)
            && pod.life != Life::Gone
            && before.target.is_some_and(|target| target != name.ordinal);
        let doubt = if off_target {
            "is main and is not the stored target"
        } else if pod.address_missing {
            "has no address"
        } else if pod.unreachable {
            "does not answer"
        } else if pod.lives > 0 && pod.role.is_none() && pod.life == Life::Present {
            "was recreated and its role is not read"
        } else {
            return None;
        };
        Some(format!("a registration while {name} {doubt}"))
    })
}

fn unread_main(before: &Believed, main: PodName) -> Option<String> {
    let pod = before.pod(main)?;
    (pod.lives > 0 && !pod.role_known_to_controller).then(|| {
        format!("{main} was recreated, nobody has read its role, and it registers replicas")
    })
}

/// A pod is registered only after it was seen as replica.
pub(super) fn demote_before_register(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let is_registration = step.is_any(&[E::RegisterReplica, E::RegistrationAllowed])
            && step.item.actor == Actor::Controller;
        let name = step.before.subject(step.item).filter(|_| is_registration)?;
        let was_main = step.before.pod(name).is_some_and(|pod| pod.was_seen_as(Role::Main));
        was_main.then(|| {
            step.finding(
                Name::DemoteBeforeRegister,
                format!("{name} was last seen as main and is registered as replica"),
            )
        })
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Only a sync replica that is ready is promoted.
pub(super) fn promote_only_ready_sync_replica(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let promotes = step.is(E::Promote) && step.item.actor == Actor::Controller;
        let name = step.before.subject(step.item).filter(|_| promotes)?;
        let pod = step.before.pod(name)?;
        let why = match (pod.status, pod.mode) {
            (Some(status), _) if status != Status::Ready => {
                format!("{name} is promoted although its status is {status}")
            }
            (_, Some(SyncMode::Async)) => {
                format!("{name} is promoted although no commit waited for it")
            }
            (Some(_) | None, Some(SyncMode::StrictSync | SyncMode::Sync) | None) => return None,
        };
        Some(step.finding(Name::PromoteOnlyReadySyncReplica, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// The main stays as long as it is well and not being deleted.
pub(super) fn no_needless_failover(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let begins = step.item.actor == Actor::Controller
            && step.is_any(&[E::FailoverTriggered, E::Promote])
            && step.before.failover.is_none()
            && step.before.loss.is_none();
        let main = step.before.only_main().filter(|_| begins)?;
        let pod = step.before.pod(main)?;
        let is_well = pod.ready == Some(true) && pod.life == Life::Present && !pod.unreachable;
        let moves = step.is(E::FailoverTriggered) || step.before.subject(step.item) != Some(main);
        (is_well && moves).then(|| {
            step.finding(Name::NoNeedlessFailover, format!("the main {main} is ready and stays"))
        })
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Names in a row, for a sentence.
fn list(names: &[PodName]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    names.join(" and ")
}
