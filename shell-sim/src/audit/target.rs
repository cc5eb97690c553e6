//! On what a decision rests and where it goes. This module decides when an effect contradicts the
//! stored target, a reading or an address; it deliberately does not know what would have been the
//! right effect.

use super::{
    fold::goes_nowhere,
    name::InvariantName as Name,
    trace::{Finding, Step, Trace},
};
use crate::incident::{Actor, EventWord as E};
use std::collections::BTreeSet;

/// What a controller does to an instance.
const EFFECTS: &[E] = &[E::Promote, E::Demote, E::RegisterReplica, E::DropReplica];

fn is_effect(step: &Step<'_>) -> bool {
    step.item.actor == Actor::Controller && step.is_any(EFFECTS)
}

/// Reconciliation and failover never interleave. A pass may well make a failover itself; only
/// an effect that still rests on the target the pass read, after another was stored, shows that
/// the failover came from beside it. The first one of a pass is named.
pub(super) fn serialized_operations(trace: &Trace<'_>) -> Vec<Finding> {
    let mut named = BTreeSet::new();
    let finding = |step: &Step<'_>| {
        let pass = step.before.pass.filter(|_| is_effect(step))?;
        let (read, stored) = (pass.target?, step.before.target?);
        let rests_on_read = step.item.facts.decided_with == Some(read) || undoes_target(step);
        if read == stored || !rests_on_read || !named.insert(pass.since.order) {
            return None;
        }
        let why = format!(
            "the pass of order {} read target {read}; {stored} was stored since, and the pass goes on",
            pass.since.order
        );
        Some(step.finding(Name::SerializedOperations, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Whether the stored target is treated as a replica.
fn undoes_target(step: &Step<'_>) -> bool {
    step.is_any(&[E::Demote, E::RegisterReplica])
        && !goes_nowhere(&step.before, step.item)
        && step.before.subject(step.item).is_some_and(|name| step.before.is_target(name))
}

/// No effect rests on what has changed, or was never true.
pub(super) fn no_stale_decision(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = other_target(step).or_else(|| role_from_nowhere(step)).or_else(|| {
            undoes_target(step)
                .then(|| "the stored target itself is taken for a replica".to_owned())
        });
        Some(step.finding(Name::NoStaleDecision, why.filter(|_| is_effect(step))?))
    };
    trace.steps.iter().filter_map(finding).collect()
}

fn other_target(step: &Step<'_>) -> Option<String> {
    let (used, stored) = (step.item.facts.decided_with?, step.before.target?);
    (used != stored).then(|| format!("decided with target {used} while {stored} is stored"))
}

fn role_from_nowhere(step: &Step<'_>) -> Option<String> {
    let name = step.before.subject(step.item)?;
    let pod = step.before.pod(name)?;
    pod.role_from_nowhere
        .then(|| format!("the role on which it rests was not read from {name}: it had no address"))
}

/// One path changes the target, and it persists before others rely on it.
pub(super) fn single_writer_of_target(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let beside = step.is(E::TargetMainUpdated)
            && step.item.data.flag("via_consolidated_method") == Some(false);
        let why = if beside {
            "the target is changed beside the one path that persists it"
        } else if step.is(E::TargetMainPersistSkipped) {
            "the new target is in use and is not stored"
        } else {
            return None;
        };
        Some(step.finding(Name::SingleWriterOfTarget, why.to_owned()))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Stored keys are read exactly as they are written.
pub(super) fn state_key_exact(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let read = step.item.data.text("key_read")?;
        let written = step.before.key_written.as_deref()?;
        (read != written).then(|| {
            step.finding(
                Name::StateKeyExact,
                format!("the key is stored as `{written}` and read as `{read}`"),
            )
        })
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// No query and no command goes to a pod without an address.
pub(super) fn no_empty_address(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let asks = step.is_any(&[E::RoleObserved, E::ReplicasListed, E::QueryFailed]);
        let contacts = step.item.actor == Actor::Controller && (asks || step.is_any(EFFECTS));
        if !contacts || !goes_nowhere(&step.before, step.item) {
            return None;
        }
        let what = if asks { "a query" } else { "a command" };
        let why = match (step.before.subject(step.item), &step.item.facts.bolt_address) {
            (_, Some(address)) => format!("{what} goes to `{address}`, which names no host"),
            (Some(name), None) => format!("{what} is meant for {name}, which has no address"),
            (None, None) => format!("{what} goes nowhere"),
        };
        Some(step.finding(Name::NoEmptyAddress, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// An odd answer never ends the controller.
pub(super) fn parse_never_crashes(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let cause =
            trace.steps.iter().rev().find(|earlier| {
                earlier.is(E::QueryFailed) && earlier.item.order <= step.item.order
            });
        let cause = cause.filter(|_| step.is(E::ControllerStartupFailed))?;
        let why = match cause.item.data.text("query") {
            Some(query) => format!("an odd answer to {query} ends the controller"),
            None => "an odd answer ends the controller".to_owned(),
        };
        Some(step.finding(Name::ParseNeverCrashes, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}
