//! What has to happen in time, or at all. This module decides by recorded stamps and by what a
//! record ends with; it deliberately says nothing where a record has neither.

use super::{
    fold::holders,
    name::InvariantName as Name,
    trace::{Finding, Step, Trace},
};
use crate::incident::{EventWord as E, Item, Role, Status, SyncMode};
use ha_core::leadership::Millis;

/// From the loss of the main to the new target.
const FAILOVER_LIMIT_MS: Millis = 1_000;
/// What an urgent event may wait.
const URGENT_LIMIT_MS: Millis = 1_000;
/// What a pass may last, and with it what a repair may take.
const PASS_LIMIT_MS: Millis = 5_000;

/// With a fit sync replica, a new target is stored within a second of the loss of the main.
pub(super) fn failover_under_1s(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let loss = step.before.loss.filter(|loss| !loss.without_successor)?;
        let ends = step.is_any(&[E::Promote, E::TargetMainUpdated, E::FailoverCompleted]);
        let took = if ends {
            loss.since.until(step.item)
        } else {
            waited(step).filter(|_| is_of_main(step))
        };
        let took = took.filter(|took| *took > FAILOVER_LIMIT_MS)?;
        let why = format!("the main was lost at order {}; {took} ms pass", loss.since.order);
        Some(step.finding(Name::FailoverUnder1s, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// How long a queued event waits, as far as is told.
fn waited(step: &Step<'_>) -> Option<Millis> {
    let data = &step.item.data;
    let seconds = data.number("wait_s_at_least").or_else(|| data.number("wait_s"));
    let waited = seconds.map(|s| s.saturating_mul(1_000)).or_else(|| data.number("wait_ms"))?;
    Millis::try_from(waited).ok().filter(|_| step.is(E::EventQueued))
}

fn is_of_main(step: &Step<'_>) -> bool {
    let subject = step.before.subject(step.item).and_then(|name| step.before.pod(name));
    step.item.facts.role_of_pod == Some(Role::Main)
        || subject.is_some_and(|pod| pod.has_role(Role::Main))
}

/// What happens to the main's pod never waits behind routine work for more than a second.
pub(super) fn urgent_before_routine(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let waited = waited(step).filter(|ms| *ms > URGENT_LIMIT_MS && is_of_main(step))?;
        let why = format!("an event of the main's pod waits {waited} ms or more in a queue");
        Some(step.finding(Name::UrgentBeforeRoutine, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// A pass is bounded in time, unreachable pods or not.
pub(super) fn reconcile_bounded(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let pass = step.before.pass?;
        let calls = step.item.data.number("backoff_sum_s_per_operation");
        let took = if step.is(E::ConnectAttemptFailed) {
            calls.and_then(|s| Millis::try_from(s.saturating_mul(1_000)).ok())
        } else if step.is(E::ReconcileAborted) {
            pass.since.until(step.item)
        } else {
            waited(step)
        };
        let took = took.filter(|ms| *ms > PASS_LIMIT_MS)?;
        let why = format!("the pass of order {} goes on for {took} ms or more", pass.since.order);
        Some(step.finding(Name::ReconcileBounded, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// After a failover the sync replica is registered and ready again.
pub(super) fn sync_replica_restored(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let why = unregistered_for_long(trace, step)
            .or_else(|| wrote_alone_for_long(step))
            .or_else(|| unfit_at_the_end(step))?;
        Some(step.finding(Name::SyncReplicaRestored, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// A new main is seen without a sync replica, and the next registration is recorded much later.
fn unregistered_for_long(trace: &Trace<'_>, step: &Step<'_>) -> Option<String> {
    let (_, promoted) = step.before.promoted.filter(|_| step.is(E::ReplicasListed))?;
    let data = &step.item.data;
    let none = [data.number("count"), data.number("sync_count")].contains(&Some(0));
    let next = trace.after(step.item.order).find(|later| later.is(E::RegisterReplica));
    let took = elapsed(step.item, next.filter(|_| none)?.item)?;
    (took > PASS_LIMIT_MS).then(|| {
        format!(
            "after the promotion of order {} no sync replica is registered for {took} ms",
            promoted.order
        )
    })
}

/// The new main has gone on writing long after a write last reached another pod.
fn wrote_alone_for_long(step: &Step<'_>) -> Option<String> {
    let (main, promoted) = step.before.promoted.filter(|_| step.is(E::ClientWriteRecorded))?;
    let alone = holders(step.item, "last_record_on") == [main?];
    let took = step.item.at?.checked_sub(step.before.write_shared_at.filter(|_| alone)?)?;
    (took > PASS_LIMIT_MS).then(|| {
        format!(
            "after the promotion of order {} no write reaches another pod for {took} ms",
            promoted.order
        )
    })
}

fn unfit_at_the_end(step: &Step<'_>) -> Option<String> {
    let ends = step.is_any(&[E::TestFailed, E::RolloutTimedOut]);
    let (name, pod) = step.before.pods.iter().filter(|_| ends).find(|(_, pod)| {
        pod.is_waited_for() && pod.status.is_some_and(|status| status != Status::Ready)
    })?;
    let status = pod.status?;
    Some(format!("time is up and the sync replica {name} is still {status}"))
}

fn elapsed(from: &Item, to: &Item) -> Option<Millis> {
    to.at?.checked_sub(from.at?)
}

/// After a restart of all pods: main, sync and async replica, all ready, within the tests' limit.
pub(super) fn converges_after_rolling_restart(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let failed = step.is(E::TestFailed) && step.before.rollout;
        let why = if step.is(E::RolloutTimedOut) {
            "the rollout does not come to an end".to_owned()
        } else if failed {
            "the cluster has not come together again when the test gives up".to_owned()
        } else {
            settled_apart(step)?
        };
        Some(step.finding(Name::ConvergesAfterRollingRestart, why))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// The data is looked at afterwards, and a refused replica does not have what the main has.
fn settled_apart(step: &Step<'_>) -> Option<String> {
    let nodes = step.item.data.number("node_difference").filter(|nodes| *nodes != 0)?;
    let name = step.before.subject(step.item).filter(|_| step.is(E::DataObserved))?;
    let is_refused = step.before.pod(name).is_some_and(|pod| pod.refused);
    (step.before.restarts && is_refused).then(|| {
        format!("{name} stays refused after its restart and differs from the main by {nodes} nodes")
    })
}

/// A diverged async replica comes back; of a diverged sync replica there is a report.
pub(super) fn diverged_recovers(trace: &Trace<'_>) -> Vec<Finding> {
    let finding = |step: &Step<'_>| {
        let name = step.before.subject(step.item)?;
        let why = if step.is(E::NoCorrectiveAction) {
            let pod = step.before.pod(name)?;
            (pod.refused || pod.status == Some(Status::Diverged))
                .then(|| format!("{name} is diverged and nothing is done about it"))
        } else {
            never_came_back(trace, step).then(|| {
                format!("the async replica {name} is diverged and this record has no way back")
            })
        };
        Some(step.finding(Name::DivergedRecovers, why?))
    };
    trace.steps.iter().filter_map(finding).collect()
}

/// Whether an item makes an async replica diverged for the rest of the record.
fn never_came_back(trace: &Trace<'_>, step: &Step<'_>) -> bool {
    let turns = step.is(E::RegisterRejectedDiverged)
        || (step.is(E::ReplicaStatusObserved) && step.item.facts.status == Some(Status::Diverged));
    let at_end = step.before.subject(step.item).and_then(|name| trace.end.pod(name));
    turns
        && at_end.is_some_and(|pod| {
            let is_diverged = pod.refused || pod.status == Some(Status::Diverged);
            is_diverged && pod.mode == Some(SyncMode::Async)
        })
}
