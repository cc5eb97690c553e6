//! What a record may say of a reign, and of the one before it, judged without asking the rules.

use super::{Seen, candidate::confirms, reset, written};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::{Content, RegisterResult, Row, RowState, SyncMode},
    record::{Before, Cause, Record, Stage},
};

/// Whether a stage is recorded with its facts.
pub(super) fn are_earned(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((old, new)) = written(seen, action) else { return true };
    let Some(old) = old else { return new.stage == Stage::Intent };
    // What a reign promises is settled when it begins.
    if new.stage != Stage::Intent && new.durability != old.durability {
        return false;
    }
    let target = InstanceRef { id: new.target, incarnation: new.incarnation };
    let complete = seen.lives(target) && seen.is_replica(target.id) && goes_on(seen, old, new);
    match (old.stage, new.stage) {
        (_, Stage::Intent) => true,
        (Stage::Intent, Stage::Withdrawn) => seen.may_promote() && complete,
        (Stage::Withdrawn, Stage::Withdrawn) if reset::changes_nothing_else(old, new) => true,
        (Stage::Withdrawn | Stage::Attached, Stage::Withdrawn) => complete,
        (Stage::Withdrawn, Stage::Attached) => {
            // One vote is what everything else counts with.
            new.names_votes()
                && new.voters().count() <= 1
                && new.voters().all(|id| registered_and_even(seen, new, id))
        }
        (Stage::Attached, Stage::Steady) => {
            new.voters().eq(old.voters())
                && (new.voters().next().is_some() || committed_alone(seen, new))
                && new.voters().all(|id| acknowledged(seen, new, id))
        }
        (Stage::Steady, Stage::Steady) => steady_kept(seen, old, new),
        (
            Stage::Intent | Stage::Withdrawn | Stage::Attached | Stage::Steady,
            Stage::Withdrawn | Stage::Attached | Stage::Steady,
        ) => false,
    }
}

/// Whether `new` says of what was before what `old` says and what was read since.
pub(super) fn keep_the_past(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((Some(old), new)) = written(seen, action) else { return true };
    let begins = new.stage == Stage::Intent;
    let moved = begins && old.target != new.target;
    let mut former = old.former.iter().copied().chain(moved.then_some(old.target));
    let kept = former
        .all(|id| id == new.target || new.former.contains(&id) || (!begins && seen.is_replica(id)));
    let complete = |before: &Before| {
        let was_main = (old.target, old.incarnation) == (before.main, before.incarnation);
        let at = InstanceRef { id: before.main, incarnation: before.incarnation };
        let proven = old.proof(before.main);
        was_main
            || old.before == Some(*before)
            || proven.is_some_and(|proof| {
                proof.replica == before.incarnation
                    || (seen.lives(at) && seen.survived(at.id, proof.replica))
            })
    };
    let way_back = match (begins, &new.before) {
        (_, None) => true,
        (true, Some(before)) => complete(before),
        (false, before) => *before == old.before,
    };
    kept && way_back && (!begins || new.members.is_empty())
}

/// Whether a target is in the life that was recorded, or in one that has all of it. Before the route
/// is withdrawn a voter that restarts may have lost what it had prepared (MR 4.3).
fn goes_on(seen: &Seen<'_>, old: &Record, new: &Record) -> bool {
    let content = seen.answer(new.target).map(|view| view.content);
    let empty_start = old.cause == Cause::Bootstrap && content == Some(Content::Empty);
    new.incarnation == old.incarnation
        || ((old.stage != Stage::Intent || old.cause.is_of_own_data())
            && (empty_start || seen.survived(new.target, old.incarnation)))
}

fn even_row(seen: &Seen<'_>, record: &Record, id: InstanceId) -> bool {
    let row = seen.rows(record.target).and_then(|rows| rows.get(&id));
    row.is_some_and(|row| row.state == RowState::Ready && row.behind == 0)
}

pub(super) fn registered_and_even(seen: &Seen<'_>, record: &Record, id: InstanceId) -> bool {
    let target = InstanceRef { id: record.target, incarnation: record.incarnation };
    let made = seen.observation.memory.registered.get(&id);
    seen.lives(target)
        && seen.is_replica(id)
        && even_row(seen, record, id)
        && made.is_some_and(|made| {
            made.result == RegisterResult::Done
                && made.term == record.term
                && made.main == record.incarnation
                && seen.lives(InstanceRef { id, incarnation: made.replica })
        })
}

fn acknowledged(seen: &Seen<'_>, record: &Record, id: InstanceId) -> bool {
    let target = InstanceRef { id: record.target, incarnation: record.incarnation };
    seen.lives(target)
        && even_row(seen, record, id)
        && seen.observation.memory.commit.as_ref().is_some_and(|made| {
            made.acknowledged
                && made.term == record.term
                && made.main == record.incarnation
                && made
                    .replicas
                    .get(&id)
                    .is_some_and(|life| seen.lives(InstanceRef { id, incarnation: *life }))
        })
}

/// Whether the main of a reign without a vote acknowledged a commit of ours.
fn committed_alone(seen: &Seen<'_>, record: &Record) -> bool {
    let target = InstanceRef { id: record.target, incarnation: record.incarnation };
    record.is_alone()
        && seen.lives(target)
        && seen.observation.memory.commit.as_ref().is_some_and(|made| {
            made.acknowledged && made.term == record.term && made.main == record.incarnation
        })
}

/// Whether commits wait for the vote of this row, and get it.
fn takes_part(row: &Row, mode: SyncMode) -> bool {
    row.mode == mode && matches!(row.state, RowState::Ready | RowState::Replicating)
}

/// Whether a main gives its voters up, none of whom takes part in its commits any more.
fn goes_alone(seen: &Seen<'_>, old: &Record, new: &Record) -> bool {
    let rows = seen.rows(new.target);
    let mode = old.vote_mode();
    new.is_alone()
        && old.voters().all(|id| {
            rows.is_some_and(|rows| rows.get(&id).is_none_or(|row| !takes_part(row, mode)))
                && new.proof(id).is_none()
        })
}

/// Whether somebody has more than a main, by a row of its.
fn somebody_has_more(seen: &Seen<'_>, main: InstanceId) -> bool {
    let more = |row: &Row| match row.state {
        RowState::Ready | RowState::Recovery | RowState::Replicating => row.behind > 0,
        RowState::Diverged | RowState::Invalid | RowState::Phantom | RowState::Unrecognized(_) => {
            false
        }
    };
    seen.rows(main).is_some_and(|rows| rows.values().any(more))
}

/// A steady record changes only in what was proven, in former mains, and in the main's life once
/// its voter found it complete. Votes stay, but where `fast` goes on without.
fn steady_kept(seen: &Seen<'_>, old: &Record, new: &Record) -> bool {
    let same_main = old.incarnation == new.incarnation
        || (seen.survived(new.target, old.incarnation)
            && !somebody_has_more(seen, new.target)
            && (old.is_alone()
                || old.voters().any(|id| {
                    let row = seen.rows(new.target).and_then(|rows| rows.get(&id));
                    row.is_some_and(confirms)
                })));
    let proofs_earned = new.members.iter().all(|(id, member)| {
        let before = old.members.get(id).and_then(|member| member.proof);
        member.proof.is_none()
            || member.proof == before
            || registered_and_even(seen, new, *id)
            || acknowledged(seen, new, *id)
    });
    same_main && proofs_earned && (new.voters().eq(old.voters()) || goes_alone(seen, old, new))
}
