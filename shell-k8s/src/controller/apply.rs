//! Carries out the steps of a plan, in order, and stops at the first that is not done.

use super::Shared;
use crate::{
    cluster::Written,
    memgraph::{Ended, Unmet},
};
use ha_core::{
    action::Action,
    history::Outcome,
    leadership::Millis,
    plan::{Plan, Step},
    record::Stage,
};

/// What became of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applied {
    /// It had no steps.
    Nothing,
    /// All of it was done.
    Whole,
    /// A step was not.
    Stopped,
}

/// Carries a plan out.
pub(super) async fn apply(shared: &Shared, plan: &Plan) -> Applied {
    for step in &plan.steps {
        let began = shared.mind().now();
        let (at, ended) = carry_out(shared, &step.action).await;
        let outcome = ended.outcome;
        shared.mind().ended(at, &step.action, outcome);
        if outcome == Outcome::Done && decides_route(&step.action) {
            shared.mind().decided_route();
        }
        if matches!(step.action, Action::SetRoute(_) | Action::WriteRecord { .. }) {
            shared.desk.changed();
        }
        tell(shared, step, &ended, began);
        if outcome != Outcome::Done {
            return Applied::Stopped;
        }
    }
    if plan.steps.is_empty() { Applied::Nothing } else { Applied::Whole }
}

/// From now on gateways are to hear where writes go, or that they go nowhere because a main is chosen.
fn decides_route(action: &Action) -> bool {
    match action {
        Action::SetRoute(_) => true,
        Action::WriteRecord { record, .. } => record.stage != Stage::Steady,
        Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::Drop { .. }
        | Action::SetAside { .. }
        | Action::Commit { .. } => false,
    }
}

fn tell(shared: &Shared, step: &Step, ended: &Ended, began: Millis) {
    let Ended { outcome, why } = ended;
    let took_ms = shared.mind().now().saturating_sub(began);
    let rule = step.rule.rule().id;
    let (action, reason) = (&step.action, &step.reason);
    match outcome {
        Outcome::Done => {
            tracing::info!(%rule, %action, %reason, took_ms, "done");
        }
        Outcome::NotSent
        | Outcome::Refused
        | Outcome::Branched
        | Outcome::Unreachable
        | Outcome::Unknown => {
            tracing::warn!(%rule, %action, %reason, ?outcome, why, took_ms, "not done");
        }
    }
    shared.note_step(step, *outcome, took_ms);
}

/// Carries one action out: how it ended, and the moment as of which that counts.
async fn carry_out(shared: &Shared, action: &Action) -> (Millis, Ended) {
    let now = || shared.mind().now();
    let ready = || shared.mind().may(action);
    if !ready() {
        return (now(), Unmet::NotReady.into());
    }
    match action {
        Action::SetRoute(_) => (now(), Outcome::Done.into()),
        Action::WriteRecord { expected, record, reads_target } => {
            if let Err(unmet) = still_may(shared, action, *reads_target).await {
                return (now(), unmet.into());
            }
            let sent = now();
            match shared.effects.write_record(*expected, record).await {
                Written::Done(version) => {
                    shared.mind().wrote_record(sent, record, version);
                    (sent, Outcome::Done.into())
                }
                Written::Overtaken => {
                    shared.meters.conflict();
                    let why = "somebody else wrote the record meanwhile".to_owned();
                    (now(), Ended { outcome: Outcome::Refused, why: Some(why) })
                }
                Written::Refused(why) => {
                    (now(), Ended { outcome: Outcome::Refused, why: Some(why) })
                }
                Written::Unknown(why) => {
                    (now(), Ended { outcome: Outcome::Unknown, why: Some(why) })
                }
            }
        }
        Action::SetAside { on, .. } => {
            if let Err(unmet) = still_may(shared, action, true).await {
                return (now(), unmet.into());
            }
            let outcome = shared.effects.restart(*on).await;
            (now(), outcome.into())
        }
        Action::Promote { .. }
        | Action::Demote { .. }
        | Action::Register { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => {
            let addresses = shared.mind().addresses();
            let ended = shared.effects.command(action, &addresses, &ready).await;
            (now(), ended)
        }
    }
}

/// Whether an action that is no command may be done yet, asked of instances again where it `reads` them.
async fn still_may(shared: &Shared, action: &Action, reads: bool) -> Result<(), Unmet> {
    if reads {
        let addresses = shared.mind().addresses();
        shared.effects.holds(action, &addresses).await?;
    }
    if shared.mind().may(action) { Ok(()) } else { Err(Unmet::NotReady) }
}
