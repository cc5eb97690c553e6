//! Data that branched off is set aside, so that an instance can begin anew under its main. It is a
//! routine affair: a main that is killed under load may hold a transaction that its voter does not
//! (MR 4.3). The record says so first; from then on that data counts for nothing, so that the order
//! may land whenever it does.

use super::{Verdict, attach::reigning};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::RowState,
    reason::{Reason, Recipe},
    record::{Record, Reset, Stage},
    situation::{MainNow, Situation},
};
use alloc::{boxed::Box, collections::BTreeSet, vec};

/// Whether the data of that instance was set aside already, under this main.
pub(super) fn was_reset(record: &Record, main: &MainNow<'_>, at: InstanceRef) -> bool {
    let reset = record.resets.get(&at.id);
    reset.is_some_and(|it| it.main == main.at.incarnation && it.volume != at.incarnation.volume)
}

/// Whether a row that says `diverged` speaks of data that was set aside since: it does not change by
/// itself (MR 2.2).
pub(super) fn is_of_old_data(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    at: InstanceRef,
) -> bool {
    let diverged = main.rows.get(&at.id).is_some_and(|row| row.state == RowState::Diverged);
    diverged && was_reset(record, main, at) && s.tried(main, at.id).is_none()
}

fn has_branched(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, at: InstanceRef) -> bool {
    let diverged = main.rows.get(&at.id).is_some_and(|row| row.state == RowState::Diverged);
    s.branched_off(main, at.id) || (diverged && !is_of_old_data(s, record, main, at))
}

/// Whether the main that was promoted has the only history: everybody else branched off from it, so
/// that nobody can vote.
fn is_alone(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> bool {
    let against =
        |id| s.replica(id).is_some_and(|at| record.resets(at) || has_branched(s, record, main, at));
    record.stage == Stage::Withdrawn && s.others(main.at.id).all(against)
}

/// A40. What branched off is recorded, then set aside; never what votes, and only under a main whose
/// own data is beyond doubt, or that has the only history there is: then one first, to vote.
pub(super) fn set_aside(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = reigning(s) else { return Verdict::Pass };
    let Some(at) = s.replica(id) else { return Verdict::Pass };
    let ordered = record.resets(at);
    if !ordered && !has_branched(s, record, &main, at) {
        return Verdict::Pass;
    }
    if !s.obs.desired.sets_aside {
        let recipe = Recipe::DataReset;
        return Verdict::Hold(Reason::RecipeMissing { recipe, instance: Some(id) });
    }
    if record.is_voter(id) && record.stage != Stage::Withdrawn {
        return Verdict::Hold(Reason::VoterBranched(id));
    }
    let is_first = s.others(main.at.id).next() == Some(id);
    if record.stage != Stage::Steady && !(is_first && is_alone(s, record, &main)) {
        return Verdict::Hold(Reason::ResetWaits(id));
    }
    let term = record.term;
    if ordered && s.is_deleting(id) {
        return Verdict::Hold(Reason::ResetOrdered(id));
    }
    if ordered {
        return Verdict::Act(vec![Action::SetAside { on: at, term }], Reason::ResetOrdered(id));
    }
    if was_reset(record, &main, at) {
        return Verdict::Hold(Reason::ResetInVain(id));
    }
    let mut record = record.clone();
    let reset = Reset { volume: at.incarnation.volume, main: main.at.incarnation };
    record.resets.insert(id, reset);
    if record.stage == Stage::Steady {
        record.members.remove(&id);
    }
    let write =
        Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false };
    Verdict::Act(vec![write], Reason::Branched(id))
}

/// V60. An instance that began anew and is proven is like any other.
pub(super) fn reset_done(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Steady) else {
        return Verdict::Pass;
    };
    let is_done = |id: &InstanceId| {
        s.lives(*id).is_some_and(|at| !record.resets(at)) && s.proof(*id).is_some()
    };
    let done: BTreeSet<_> = record.resets.keys().copied().filter(is_done).collect();
    if done.is_empty() || s.proven_main().is_none() {
        return Verdict::Pass;
    }
    let mut record = record.clone();
    record.resets.retain(|id, _| !done.contains(id));
    let write =
        Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false };
    Verdict::Act(vec![write], Reason::ResetsDone(done))
}
