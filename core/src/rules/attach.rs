//! Register replicas on the main: at once after a promotion, because that is what makes them
//! refuse the old main (MR 3.4). A row that is wrong is cleared before it is made anew.

use super::{Verdict, reset};
use crate::{
    action::Action,
    ids::InstanceId,
    observation::{RegisterResult, Registration, Route, Row, RowState, SyncMode},
    reading::Age,
    reason::Reason,
    record::{Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::vec;

/// The main on which replicas may be registered, in a stage that allows it.
pub(super) fn takes_replicas<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>)> {
    let record = s.record.filter(|record| record.stage != Stage::Intent)?;
    let ready = record.stage == Stage::Steady || s.nobody_forwards();
    s.proven_main().filter(|_| ready).map(|main| (record, main))
}

/// The mode in which `id` belongs on `main`.
fn wanted_mode(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, id: InstanceId) -> SyncMode {
    let votes = match record.stage {
        Stage::Intent | Stage::Withdrawn => s.voter_choice(main) == Some(id),
        Stage::Attached | Stage::Steady => record.is_voter(id),
    };
    if votes { record.vote_mode() } else { SyncMode::Async }
}

/// Why `row` must go before anything else can be done with `id`.
fn clear_because(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    id: InstanceId,
    row: &Row,
) -> Option<Reason> {
    if row.state == RowState::Phantom {
        return Some(Reason::PhantomRow(id));
    }
    if s.is_beyond(id) && !record.is_voter(id) {
        return Some(Reason::BeyondSize(id));
    }
    let wanted = wanted_mode(s, record, main, id);
    if row.mode != wanted {
        return Some(Reason::WrongMode(id));
    }
    let at = s.replica(id)?;
    if reset::is_of_old_data(s, record, main, at) {
        return Some(Reason::UnprovenRow(id));
    }
    let to_vote = record.stage == Stage::Withdrawn && wanted != SyncMode::Async;
    // What a client had sent before the route was withdrawn may be committed now, and its second
    // phase lost (MR 4.3): before the reign's own commit only a registration mends that.
    let lags = row.state == RowState::Ready && row.behind != 0 && row.still != Age::Fresh;
    if to_vote && (!s.registered(main, id) || lags) {
        return Some(Reason::UnprovenRow(id));
    }
    (row.is_stuck() && !tried_again(s, main, id)).then_some(Reason::StuckInvalid(id))
}

/// Whether the one repetition that a stuck replica gets was spent.
fn tried_again(s: &Situation<'_>, main: &MainNow<'_>, id: InstanceId) -> bool {
    s.tried(main, id).is_some_and(Registration::was_repeated)
}

/// A20. The recorded voter's row goes only while nobody forwards.
pub(super) fn clear_row(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = takes_replicas(s) else { return Verdict::Pass };
    let Some(row) = main.rows.get(&id) else { return Verdict::Pass };
    let Some(reason) = clear_because(s, record, &main, id, row) else { return Verdict::Pass };
    let unreachable =
        s.tried(&main, id).is_some_and(|made| made.result == RegisterResult::Unreachable);
    if row.state == RowState::Phantom && unreachable && row.since == Age::Fresh {
        return Verdict::Hold(Reason::RetryLater(id));
    }
    if record.is_voter(id) && !s.is_fenced() {
        if s.obs.route.handed_out != Route::Closed {
            return Verdict::Act(vec![Action::SetRoute(Route::Closed)], reason);
        }
        return Verdict::Hold(s.unfenced());
    }
    let drop = Action::Drop { on: main.at, replica: id, term: record.term };
    Verdict::Act(vec![drop], reason)
}

/// A30. A replica that stays and has no row gets one.
pub(super) fn register(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = takes_replicas(s) else { return Verdict::Pass };
    let Some(replica) = s.replica(id) else { return Verdict::Pass };
    let is_kept_out = s.is_deleting(id) || s.branched_off(&main, id) || s.resets(replica);
    if main.rows.contains_key(&id) || is_kept_out {
        return Verdict::Pass;
    }
    if record.is_voter(id) && !s.is_fenced() {
        return Verdict::Hold(s.unfenced());
    }
    let mode = wanted_mode(s, record, &main, id);
    let register = Action::Register { on: main.at, replica, mode, term: record.term };
    Verdict::Act(vec![register], Reason::Unregistered(id))
}

/// A45. A replica that stays invalid after it was registered once more needs a person.
pub(super) fn stays_invalid(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = takes_replicas(s) else { return Verdict::Pass };
    let stuck = s.is_replica(id)
        && tried_again(s, &main, id)
        && main.rows.get(&id).is_some_and(Row::is_stuck);
    // A voter that stays invalid gives its vote up first.
    if !stuck || record.is_voter(id) {
        return Verdict::Pass;
    }
    Verdict::Hold(Reason::StaysInvalid(id))
}

/// A50. An instance that does not answer is missed, and nothing is done to it.
pub(super) fn absent(s: &Situation<'_>, id: InstanceId) -> Verdict {
    if s.record.is_none() {
        return Verdict::Pass;
    }
    s.unheard(id).map_or(Verdict::Pass, |why| Verdict::Hold(Reason::Absent(why)))
}
