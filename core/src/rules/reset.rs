//! Data that branched off is set aside, so that an instance can begin anew under its main. It is a
//! routine affair: a main that is killed under load may hold a transaction that its voter does not
//! (MR 4.3). The record says so first; from then on that data counts for nothing, so that the order
//! may land whenever it does.

use super::{Verdict, attach::reigning};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::RowState,
    reason::Reason,
    record::{Record, Reset, Stage},
    situation::{MainNow, Situation},
};
use alloc::{collections::BTreeSet, vec};

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
    s.diverged(main, at.id) && !is_of_old_data(s, record, main, at)
}

/// The one whose data is set aside so that somebody can vote, where the main that was promoted has
/// the only history: whoever answers branched off from it, and the others are gone beyond patience.
/// One that is being set aside already stays the one.
fn first_to_begin_anew(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
) -> Option<InstanceId> {
    let against = |at: InstanceRef| record.resets(at) || has_branched(s, record, main, at);
    let gone = |id| s.answer(id).is_none() && !s.may_answer_yet(id);
    let alone = |id| s.replica(id).map_or_else(|| gone(id), against);
    if record.stage != Stage::Withdrawn || !s.others(main.at.id).all(alone) {
        return None;
    }
    let there = || s.others(main.at.id).filter_map(|id| s.replica(id));
    let ordered = there().find(|at| record.resets(*at));
    ordered.or_else(|| there().next()).map(|at| at.id)
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
        return Verdict::Hold(Reason::ResetUnwanted(id));
    }
    if record.is_voter(id) && record.stage != Stage::Withdrawn {
        return Verdict::Hold(Reason::VoterBranched(id));
    }
    if record.stage != Stage::Steady && first_to_begin_anew(s, record, &main) != Some(id) {
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
    Verdict::Act(vec![s.writes(record)], Reason::Branched(id))
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
    Verdict::Act(vec![s.writes(record)], Reason::ResetsDone(done))
}
