//! Whose data may be set aside, judged without asking the rules.

use super::{Seen, written};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::RowState,
    record::{Record, Stage},
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

/// Whether a main that was just promoted has the only history there is.
fn is_alone(seen: &Seen<'_>, record: &Record) -> bool {
    let mut others = seen.observation.instances.keys().filter(|id| **id != record.target);
    let ordered = |id: InstanceId| {
        seen.answer(id)
            .is_some_and(|view| record.resets(InstanceRef { id, incarnation: view.incarnation }))
    };
    record.stage == Stage::Withdrawn && others.all(|id| branched(seen, record, *id) || ordered(*id))
}

fn in_place(seen: &Seen<'_>, record: &Record) -> bool {
    main_reigns(seen, record) && (record.stage == Stage::Steady || is_alone(seen, record))
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
                && reset.main == old.incarnation
                && volume(*id) == Some(reset.volume)
                && branched(seen, old, *id)
        },
    );
    let ended = old
        .resets
        .iter()
        .filter(|(id, _)| !new.resets.contains_key(id))
        .all(|(id, reset)| volume(*id).is_some_and(|volume| volume != reset.volume));
    old.stage == new.stage && in_place(seen, old) && ordered && ended
}

pub(super) fn is_recorded(seen: &Seen<'_>, action: &Action) -> bool {
    let Action::SetAside { on, .. } = action else { return true };
    let Some(record) = seen.record() else { return false };
    record.resets(*on)
        && record.target != on.id
        && !(record.stage == Stage::Steady && record.is_voter(on.id))
        && seen.lives(*on)
        && seen.is_replica(on.id)
        && in_place(seen, record)
}
