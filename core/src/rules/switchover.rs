//! A planned move: hold new transactions, let open ones finish, prove the candidate once more, and only
//! then name it.

use super::{Verdict, elect, vote};
use crate::{
    action::Action,
    desired::SwitchoverRequest,
    ids::{InstanceId, RequestId},
    observation::{Drain, PromotionRight, PromotionWait, Route, RowState},
    reading::Age,
    reason::{Reason, Unfit},
    record::{Cause, Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::vec;

/// The order of an operator to move the main, as long as it is neither carried out nor refused.
pub(super) fn open_order(s: &Situation<'_>, record: &Record) -> Option<SwitchoverRequest> {
    s.obs.desired.switchover.filter(|order| record.answered != Some(order.id))
}

/// Whether somebody wants the main elsewhere: `Some(true)` because its pod is to go.
fn move_wanted(s: &Situation<'_>, record: &Record) -> Option<bool> {
    if s.is_deleting(record.target) {
        return Some(true);
    }
    open_order(s, record).map(|_| false)
}

/// E50. A planned move: hold new transactions, let open ones finish, prove the candidate, record.
pub(super) fn switchover(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady) else { return Verdict::Pass };
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let Some(deleting) = move_wanted(s, record) else { return Verdict::Pass };
    let request = open_order(s, record);
    if let Some((id, refusal)) = request.filter(|_| !deleting).and_then(|it| refused(s, record, it))
    {
        let record = Record { answered: Some(id), ..record.clone() };
        return Verdict::Act(vec![s.writes(record)], refusal);
    }
    let named = request.filter(|_| !deleting).and_then(|request| request.to);
    let candidate = match s.fit_voter() {
        Ok(at) if s.is_deleting(at.id) => {
            return Verdict::Hold(Reason::MoveWaits { instance: at.id, why: Unfit::Deleting });
        }
        Ok(at) => at,
        Err((voter, why)) => {
            return Verdict::Hold(Reason::MoveWaits { instance: voter.unwrap_or(main.at.id), why });
        }
    };
    // An order for another instance stays open when the main must go at once.
    let request = request.filter(|it| it.to.is_none_or(|to| to == candidate.id));
    // It would vote by now if it could (E45).
    if let Some(to) = named.filter(|to| *to != candidate.id) {
        return Verdict::Hold(Reason::MoveWaits { instance: to, why: Unfit::NoVote });
    }
    if let Some((instance, why)) = not_ready_to_move(s, record, &main, candidate.id) {
        return Verdict::Hold(Reason::MoveWaits { instance, why });
    }
    let cause = Cause::Switchover { request: request.map(|request| request.id) };
    let reason = Reason::MoveWanted { from: main.at.id, to: candidate.id, deleting };
    drain_then(s, record, &main, candidate.id, cause, reason)
}

/// An order that no wait can carry out is answered at once.
fn refused(
    s: &Situation<'_>,
    record: &Record,
    order: SwitchoverRequest,
) -> Option<(RequestId, Reason)> {
    let to = order.to?;
    let reason = if to == record.target {
        Reason::AlreadyThere(to)
    } else if s.view(to).is_none() {
        Reason::OrderRefused { to, why: Unfit::NoInstance }
    } else if !vote::may_vote(s, to) {
        Reason::OrderRefused { to, why: Unfit::NoVote }
    } else {
        return None;
    };
    Some((order.id, reason))
}

/// Who is not ready for a planned move: the candidate always counts, the others while they can
/// still be expected to recover, until writes are held. Under load one without a vote falls behind and
/// catches up again and again; to let writes in once more for that would put the move off for ever.
fn not_ready_to_move(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    candidate: InstanceId,
) -> Option<(InstanceId, Unfit)> {
    let is_open = matches!(s.obs.route.handed_out, Route::Open { .. });
    s.others(main.at.id).find_map(|id| {
        let row = main.rows.get(&id);
        let ready = row.is_some_and(|row| match row.state {
            RowState::Ready | RowState::Replicating => row.behind <= 0,
            RowState::Recovery
            | RowState::Invalid
            | RowState::Diverged
            | RowState::Phantom
            | RowState::Unrecognized(_) => false,
        });
        let votes = row.is_some_and(|row| row.mode == record.vote_mode());
        let ready = ready && (votes || id != candidate);
        let recoverable =
            row.is_some_and(|row| row.since != Age::Expired && row.state != RowState::Diverged);
        let expected = id == candidate || (is_open && !s.is_deleting(id) && recoverable);
        let state = row.map_or(RowState::Phantom, |row| row.state.clone());
        (!ready && expected).then_some((id, Unfit::NotReady(state)))
    })
}

/// Whether a move of the vote or of the promise lets open transactions finish first: not where nothing
/// is handed out, and what follows can be carried out at once.
pub(super) fn drains_first(s: &Situation<'_>) -> bool {
    s.obs.route.handed_out != Route::Closed || promotion_waits(s).is_some()
}

/// Holds new transactions and lets open ones finish, until nobody forwards any.
///
/// # Errors
/// What there is to do or to wait for first.
pub(super) fn drained(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    reason: &Reason,
) -> Result<(), Verdict> {
    let route = |next| Err(Verdict::Act(vec![Action::SetRoute(next)], reason.clone()));
    match s.obs.route.handed_out {
        Route::Open { term, main: routed } if term != record.term || routed != main.at => {
            route(Route::Closed)
        }
        Route::Open { term, main } => match promotion_waits(s) {
            None => route(Route::Draining { term, main }),
            // What comes next could not be carried out yet, and writes would stand still meanwhile.
            Some(wait) => Err(Verdict::Hold(Reason::PromotionWaits(wait))),
        },
        Route::Draining { .. } => match s.obs.route.drain {
            Drain::Idle | Drain::Waiting => Err(Verdict::Stop(Reason::Draining)),
            Drain::Overdue => {
                Err(Verdict::Act(vec![Action::SetRoute(Route::Closed)], Reason::Draining))
            }
            Drain::Drained => Ok(()),
        },
        Route::Closed if s.is_fenced() => Ok(()),
        Route::Closed => match promotion_waits(s) {
            // A leader that is new has handed out nothing yet: first it lets clients write (R10).
            Some(wait) => Err(Verdict::Hold(Reason::PromotionWaits(wait))),
            None => Err(Verdict::Stop(s.unfenced())),
        },
    }
}

/// What a promotion waits for, and with it every move: until then clients may as well write.
pub(super) const fn promotion_waits(s: &Situation<'_>) -> Option<PromotionWait> {
    match s.obs.leadership.promotion {
        PromotionRight::Granted => None,
        PromotionRight::Waits(wait) => Some(wait),
    }
}

/// Who has not taken the last commit yet: another one would find it busy and leave it behind
/// (MR 4.1), so that the move would wait for its recovery, again and again with several of them.
fn still_taking(s: &Situation<'_>, main: &MainNow<'_>) -> Option<InstanceId> {
    let busy = |id: &InstanceId| {
        main.rows.get(id).is_some_and(|row| {
            row.state == RowState::Replicating && row.since == Age::Fresh && !s.is_deleting(*id)
        })
    };
    s.others(main.at.id).find(busy)
}

/// Drains, proves the candidate once more, and only then names it.
fn drain_then(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    candidate: InstanceId,
    cause: Cause,
    reason: Reason,
) -> Verdict {
    if let Err(not_yet) = drained(s, record, main, &reason) {
        return not_yet;
    }
    let proven_since = s.committed(main, candidate)
        && s.obs.memory.commit.as_ref().is_some_and(|commit| commit.drained);
    let Some(at) = s.replica(candidate) else { return Verdict::Pass };
    if !proven_since {
        if let Some(instance) = still_taking(s, main) {
            let why = Unfit::NotReady(RowState::Replicating);
            return Verdict::Stop(Reason::MoveWaits { instance, why });
        }
        let commit =
            Action::Commit { on: main.at, term: record.term, proves: vec![at], drained: true };
        return Verdict::Act(vec![commit], reason);
    }
    let mut actions =
        elect::intent(s, record, candidate, at.incarnation, elect::target_before(record), cause);
    if let Some(Action::WriteRecord { record, .. }) = actions.last_mut()
        && let Cause::Switchover { request: Some(request) } = cause
    {
        record.answered = Some(request);
    }
    Verdict::Act(actions, reason)
}
