//! Whom an intent may name, judged without asking the rules.

use super::{Seen, written};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::{Content, EngineVersion, Row, RowState, VolumeView},
    record::{Cause, Record, Stage},
};
use alloc::collections::BTreeMap;

/// Whether the one that an intent names is complete, by whatever its cause rests on.
pub(super) fn is_proven(seen: &Seen<'_>, action: &Action) -> bool {
    let Some((old, new)) = written(seen, action).filter(|(_, new)| new.stage == Stage::Intent)
    else {
        return true;
    };
    let Some(view) = seen.answer(new.target) else { return false };
    if view.incarnation != new.incarnation {
        return false;
    }
    let Some(old) = old else {
        return match new.cause {
            Cause::Bootstrap => all_empty(seen),
            Cause::Adoption => is_sole_main(seen, new.target),
            Cause::Accepted { .. } => is_accepted(seen, None, new),
            Cause::Failover | Cause::Switchover { .. } | Cause::Return | Cause::Renewal => false,
        };
    };
    let own_life = old.target == new.target && seen.survived(new.target, old.incarnation);
    let renewed = old.target == new.target
        && old.voters().any(|id| {
            let row = seen.rows(new.target).and_then(|rows| rows.get(&id));
            let kept_all = old.proof(id).is_some_and(|proof| seen.survived(id, proof.replica));
            row.is_some_and(confirms) && kept_all
        });
    let way_back =
        old.before.is_some_and(|b| b.main == new.target && seen.survived(b.main, b.incarnation));
    let voter = seen.is_replica(new.target)
        && view.engine.version >= EngineVersion::SUPPORTED_FROM
        && old.members.get(&new.target).is_some_and(|member| {
            member.votes
                && member.proof.is_some_and(|proof| seen.survived(new.target, proof.replica))
        });
    let at = InstanceRef { id: new.target, incarnation: new.incarnation };
    !old.resets(at)
        && (own_life || renewed || way_back || voter || is_accepted(seen, Some(old), new))
}

/// Whether a row shows contact, and nothing that its main lacks.
pub(super) fn confirms(row: &Row) -> bool {
    matches!(row.state, RowState::Ready | RowState::Replicating | RowState::Recovery)
        && row.behind <= 0
}

/// Whether a person named this instance in this very term, and that word was not used before.
fn is_accepted(seen: &Seen<'_>, old: Option<&Record>, new: &Record) -> bool {
    seen.observation.desired.accepts.is_some_and(|order| {
        order.main == new.target
            && new.cause == (Cause::Accepted { request: order.id })
            && new.accepted == Some(order.id)
            && order.of == old.map(|record| record.term)
            && old.and_then(|record| record.accepted) != Some(order.id)
    })
}

/// Whether everybody answers, nobody but this one as main, and no row of its shows more than it has.
fn is_sole_main(seen: &Seen<'_>, id: InstanceId) -> bool {
    let mut others = seen.observation.instances.keys().filter(|other| **other != id);
    let ahead = |row: &Row| match row.state {
        RowState::Diverged => true,
        RowState::Ready | RowState::Recovery | RowState::Replicating => row.behind > 0,
        RowState::Invalid | RowState::Phantom | RowState::Unrecognized(_) => false,
    };
    others.all(|other| seen.is_replica(*other))
        && seen.rows(id).is_some_and(|rows| !rows.values().any(ahead))
}

fn all_empty(seen: &Seen<'_>) -> bool {
    seen.observation.instances.iter().all(|(id, view)| {
        let empty = seen.answer(*id).is_some_and(|view| view.content == Content::Empty);
        empty
            && seen.rows(*id).is_some_and(BTreeMap::is_empty)
            && view.volume.proven() == Some(&VolumeView::New)
    })
}
