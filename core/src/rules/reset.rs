//! Data that branched off is set aside, so that an instance can begin anew under its main. It is a
//! routine affair: a main that is killed under load may hold a transaction that its voter does not
//! (MR 4.3). The record says so first; from then on that data counts for nothing, so that the order
//! may land whenever it does.

use super::{Verdict, attach::takes_replicas, vote};
use crate::{
    action::Action,
    desired::ResetRequest,
    ids::{InstanceId, InstanceRef},
    observation::RowState,
    reason::{NoReset, Reason},
    record::{Record, Reset, Stage},
    situation::{MainNow, Situation},
};
use alloc::{collections::BTreeSet, vec};

/// Whether the data of that instance was set aside already, in this reign.
pub(super) fn was_reset(record: &Record, at: InstanceRef) -> bool {
    let reset = record.resets.get(&at.id);
    reset.is_some_and(|it| it.term == record.term && it.volume != at.incarnation.volume)
}

/// Whether a row speaks of data that was set aside since: `diverged` does not change by itself (MR 2.2),
/// and whoever began anew obeys nobody, so that it stays `invalid` (MR 5.3).
pub(super) fn is_of_old_data(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    at: InstanceRef,
) -> bool {
    let is_stale = |state: &RowState| matches!(state, RowState::Diverged | RowState::Invalid);
    let stale = main.rows.get(&at.id).is_some_and(|row| is_stale(&row.state));
    stale && was_reset(record, at) && s.tried(main, at.id).is_none()
}

pub(super) fn has_branched(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    at: InstanceRef,
) -> bool {
    s.diverged(main, at.id) && !is_of_old_data(s, record, main, at)
}

/// Whether nobody can vote for the main that was promoted: of those who may, whoever answers branched
/// off from it, and the others are gone beyond patience.
pub(super) fn nobody_votes(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> bool {
    let against = |at: InstanceRef| record.resets(at) || has_branched(s, record, main, at);
    let gone = |id| s.answer(id).is_none() && !s.may_answer_yet(id);
    let cannot = |id| s.replica(id).map_or_else(|| gone(id), against);
    let mut others = s.others(main.at.id).filter(|id| vote::may_vote(s, *id));
    record.stage == Stage::Withdrawn && others.all(cannot)
}

/// The one whose data is set aside so that somebody can vote, where nobody can. One that is being set
/// aside already stays the one.
fn first_to_begin_anew(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
) -> Option<InstanceId> {
    if !nobody_votes(s, record, main) {
        return None;
    }
    let may_vote = |id: &InstanceId| vote::may_vote(s, *id);
    let there = || s.others(main.at.id).filter(may_vote).filter_map(|id| s.replica(id));
    let ordered = there().find(|at| record.resets(*at));
    ordered.or_else(|| there().next()).map(|at| at.id)
}

/// A40. What branched off is recorded, then set aside; never what votes, and only under a main whose
/// own data is beyond doubt, or for whom nobody can vote: then one first, to vote.
pub(super) fn set_aside(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = takes_replicas(s) else { return Verdict::Pass };
    let Some(at) = s.replica(id) else { return Verdict::Pass };
    let ordered = record.resets(at);
    if !ordered && !has_branched(s, record, &main, at) {
        return Verdict::Pass;
    }
    let by_person = ordered && record.resets.get(&id).is_some_and(|reset| reset.by.is_some());
    if !s.obs.desired.sets_aside && !by_person {
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
    if was_reset(record, at) {
        let put_back = record.resets.get(&id).is_some_and(|reset| reset.restores.is_some());
        let why = if put_back { Reason::PutBackBranched(id) } else { Reason::ResetInVain(id) };
        return Verdict::Hold(why);
    }
    let mut record = record.clone();
    let reset = Reset { volume: at.incarnation.volume, term, by: None, restores: None };
    record.resets.insert(id, reset);
    if record.stage == Stage::Steady {
        record.members.remove(&id);
        // Without its data it begins as a main, for a moment and by this order.
        record.former.insert(id);
    }
    Verdict::Act(vec![s.writes(record)], Reason::Branched(id))
}

/// The order of a person to set data aside, as long as it is neither recorded nor refused.
fn wanted<'a>(s: &Situation<'a>) -> Option<(ResetRequest, &'a Record)> {
    let record = s.record?;
    let word = s.obs.desired.reset.filter(|word| record.ordered != Some(word.id))?;
    Some((word, record))
}

/// Whether a person wants the data that `id` has set aside.
pub(super) fn is_to_begin_anew(s: &Situation<'_>, id: InstanceId) -> bool {
    wanted(s).is_some_and(|(word, _)| {
        let meant = |at: InstanceRef| at.incarnation.volume == word.volume;
        word.of == id && s.lives(id).is_none_or(meant)
    })
}

/// What keeps the data of an instance from being set aside by a person's word, for ever or for now: two
/// others have everything meanwhile, the main and the voter that its commits wait for.
fn obstacle(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    word: ResetRequest,
) -> Option<NoReset> {
    let id = word.of;
    let other = |at: InstanceRef| at.incarnation.volume != word.volume;
    if s.view(id).is_none() {
        Some(NoReset::Unnamed)
    } else if id == record.target {
        Some(NoReset::Main)
    } else if s.lives(id).is_some_and(other) {
        Some(NoReset::OtherVolume)
    } else if s.may_answer_yet(id) {
        Some(NoReset::Unheard)
    } else if s.main(id).is_some() {
        Some(NoReset::Stray)
    } else if record.is_voter(id) {
        Some(NoReset::Votes)
    } else {
        let beside = record.voters().any(|voter| vote::votes(s, main, voter));
        (!beside).then_some(NoReset::NobodyBeside)
    }
}

/// A35. A person wants data set aside, whatever is known of it. It is recorded like any other such
/// order, also of an instance that does not answer any more: its next start reads it. Where it votes,
/// the vote moves first (E45).
pub(super) fn asked(s: &Situation<'_>) -> Verdict {
    let Some((word, record)) = wanted(s) else { return Verdict::Pass };
    let instance = word.of;
    let waits = |why| Verdict::Hold(Reason::ResetAskedWaits { instance, why });
    let Some(main) = s.proven_main().filter(|_| record.stage == Stage::Steady) else {
        return waits(NoReset::Unsteady);
    };
    let mut next = Record { ordered: Some(word.id), ..record.clone() };
    match obstacle(s, record, &main, word) {
        Some(why @ (NoReset::Unnamed | NoReset::Main | NoReset::OtherVolume)) => {
            Verdict::Act(vec![s.writes(next)], Reason::ResetRefused { instance, why })
        }
        Some(
            why @ (NoReset::Unsteady
            | NoReset::Unheard
            | NoReset::Stray
            | NoReset::Votes
            | NoReset::NobodyBeside),
        ) => waits(why),
        None => {
            let term = record.term;
            let ResetRequest { id, volume, restores, .. } = word;
            next.resets.insert(instance, Reset { volume, term, by: Some(id), restores });
            next.members.remove(&instance);
            // It begins as a main, or as what it was when the data was set aside that it gets back.
            next.former.insert(instance);
            Verdict::Act(vec![s.writes(next)], Reason::ResetAsked(instance))
        }
    }
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
