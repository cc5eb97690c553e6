//! Whose data may be set aside, judged without asking the rules.

use super::{Seen, written};
use crate::{
    action::Action,
    desired::Authority,
    ids::{InstanceId, InstanceRef},
    observation::{Contact, RowState},
    reading::Age,
    record::{Proof, Record, Reset, Stage},
};

/// Whether `new` differs from `old` in its orders alone.
pub(super) fn changes_nothing_else(old: &Record, new: &Record) -> bool {
    old.resets != new.resets && Record { resets: old.resets.clone(), ..new.clone() } == *old
}

fn target(record: &Record) -> InstanceRef {
    InstanceRef { id: record.target, incarnation: record.incarnation }
}

/// Whether the recorded main answers as one.
fn main_reigns(seen: &Seen<'_>, record: &Record) -> bool {
    seen.lives(target(record)) && seen.rows(record.target).is_some()
}

/// Whether the history of `id` branched off from the main's, by its row or by two refusals.
fn branched(seen: &Seen<'_>, record: &Record, id: InstanceId) -> bool {
    let row = seen.rows(record.target).and_then(|rows| rows.get(&id));
    let made = seen.observation.memory.registered.get(&id);
    row.is_some_and(|row| row.state == RowState::Diverged)
        || made.is_some_and(|made| {
            made.branched >= 2
                && made.main == record.incarnation
                && seen.lives(InstanceRef { id, incarnation: made.replica })
        })
}

fn is_ordered(seen: &Seen<'_>, record: &Record, id: InstanceId) -> bool {
    seen.answer(id)
        .is_some_and(|view| record.resets(InstanceRef { id, incarnation: view.incarnation }))
}

/// Whether `id` has given no answer for longer than patience.
fn is_gone(seen: &Seen<'_>, id: InstanceId) -> bool {
    seen.observation.instances.get(&id).is_none_or(|view| match view.contact {
        Contact::Answering => false,
        Contact::Closed { since } | Contact::Unreached { since, .. } => since == Age::Expired,
    })
}

/// Whether an instance may vote: where two have the authority, those of the first two names.
fn may_vote(seen: &Seen<'_>, id: InstanceId) -> bool {
    seen.observation.desired.authority == Authority::Any || id.0 < 2
}

/// Whether of those who could vote for a main that was just promoted nobody is there with its history.
fn is_alone(seen: &Seen<'_>, record: &Record) -> bool {
    let other = |id: &&InstanceId| **id != record.target && may_vote(seen, **id);
    let mut others = seen.observation.instances.keys().filter(other);
    record.stage == Stage::Withdrawn
        && others.all(|id| {
            branched(seen, record, *id) || is_ordered(seen, record, *id) || is_gone(seen, *id)
        })
}

/// Whether no more than one instance is being set aside before anybody can vote.
fn is_one(seen: &Seen<'_>, new: &Record) -> bool {
    let ordered = new.resets.keys().filter(|id| is_ordered(seen, new, **id));
    new.stage == Stage::Steady || ordered.count() <= 1
}

fn in_place(seen: &Seen<'_>, record: &Record) -> bool {
    main_reigns(seen, record) && (record.stage == Stage::Steady || is_alone(seen, record))
}

/// Whether a person asked for that entry, of data that is not needed: the main and a voter beside that
/// instance have everything.
fn is_asked(
    seen: &Seen<'_>,
    (old, new): (&Record, &Record),
    id: InstanceId,
    reset: &Reset,
) -> bool {
    let complete = |voter: InstanceId| {
        let lives =
            |proof: &Proof| seen.lives(InstanceRef { id: voter, incarnation: proof.replica });
        voter != id && seen.is_replica(voter) && old.proof(voter).is_some_and(lives)
    };
    let there = match seen.answer(id) {
        Some(view) => view.incarnation.volume == reset.volume && seen.is_replica(id),
        None => is_gone(seen, id),
    };
    let word = seen.observation.desired.reset.filter(|word| {
        let same = word.volume == reset.volume && word.restores == reset.restores;
        word.of == id && same && old.ordered != Some(word.id)
    });
    old.stage == Stage::Steady
        && there
        && old.voters().any(complete)
        && word.is_some_and(|word| reset.by == Some(word.id) && new.ordered == reset.by)
        && (reset.restores.is_none() || new.former.contains(&id))
}

/// Whether an entry is of data that branched off, for the first time in this reign.
fn is_of_a_branch(seen: &Seen<'_>, old: &Record, id: InstanceId, reset: &Reset) -> bool {
    reset.by.is_none()
        && reset.restores.is_none()
        && old.resets.get(&id).is_none_or(|earlier| earlier.term != reset.term)
        && seen.answer(id).is_some_and(|view| view.incarnation.volume == reset.volume)
        && branched(seen, old, id)
}

pub(super) fn are_earned(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((old, new)) = written(seen, action) else { return true };
    let Some(old) = old else { return new.resets.is_empty() };
    if new.resets == old.resets {
        return true;
    }
    let volume = |id: InstanceId| seen.answer(id).map(|view| view.incarnation.volume);
    let votes = |id: InstanceId| old.stage == Stage::Steady && new.is_voter(id);
    let proven = |id: InstanceId| old.stage == Stage::Steady && new.proof(id).is_some();
    let ordered = new.resets.iter().filter(|(id, reset)| old.resets.get(id) != Some(*reset)).all(
        |(id, reset)| {
            *id != new.target
                && !votes(*id)
                && !proven(*id)
                && reset.term == old.term
                && (is_of_a_branch(seen, old, *id, reset) || is_asked(seen, (old, new), *id, reset))
        },
    );
    let ended =
        old.resets.iter().filter(|(id, _)| !new.resets.contains_key(id)).all(|(id, reset)| {
            let is_new = volume(*id).is_some_and(|volume| volume != reset.volume);
            is_new
                && (new.proof(*id).is_some() || super::stages::registered_and_even(seen, old, *id))
        });
    old.stage == new.stage && in_place(seen, old) && is_one(seen, new) && ordered && ended
}

pub(super) fn is_recorded(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::SetAside { on, .. } = action else { return true };
    let Some(record) = seen.record else { return false };
    record.resets(*on)
        && record.target != on.id
        && !(record.stage == Stage::Steady && record.is_voter(on.id))
        && seen.lives(*on)
        && seen.is_replica(on.id)
        && in_place(seen, record)
}
