//! Who is to be main? These rules only ever write intents, or keep the record of a main that
//! stays up to date. Nothing changes its role here.

use super::{Verdict, attach, reset};
use crate::{
    action::Action,
    ids::{Incarnation, InstanceId},
    observation::{Route, Row, RowState},
    reason::{Reason, Unfit},
    record::{Before, Cause, Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};

/// An intent that follows `old`. The route is closed in the same breath: no grant is given after
/// the intent was sent.
pub(super) fn intent(
    s: &Situation<'_>,
    old: &Record,
    target: InstanceId,
    incarnation: Incarnation,
    before: Option<Before>,
    cause: Cause,
) -> Vec<Action> {
    let mut former = old.former.clone();
    former.remove(&target);
    if old.target != target {
        former.insert(old.target);
    }
    let record = Record {
        term: old.term.next(),
        stage: Stage::Intent,
        cause,
        target,
        incarnation,
        members: BTreeMap::new(),
        before,
        former,
        durability: s.obs.desired.durability,
        ..old.clone()
    };
    let mut actions = Vec::new();
    if s.obs.route.handed_out != Route::Closed {
        actions.push(Action::SetRoute(Route::Closed));
    }
    actions.push(s.writes(record));
    actions
}

pub(super) fn target_before(record: &Record) -> Option<Before> {
    Some(Before { main: record.target, incarnation: record.incarnation })
}

/// The record of a reign in which a voter is recorded: steady, or about to be.
fn reign<'a>(s: &Situation<'a>) -> Option<&'a Record> {
    s.record.filter(|record| record.voters().next().is_some())
}

/// The recorded main, answering as main in another life than the recorded one.
fn restarted_main<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>)> {
    let record = s.in_stage(Stage::Steady)?;
    let main = s.main(record.target)?;
    (main.at.incarnation != record.incarnation).then_some((record, main))
}

/// E10. The main is lost; whoever voted on its last commit has everything.
pub(super) fn failover(s: &Situation<'_>) -> Verdict {
    let Some(record) = reign(s) else { return Verdict::Pass };
    let Some(loss) = s.loss(record.target, record.incarnation) else { return Verdict::Pass };
    let Ok(voter) = s.fit_voter() else { return Verdict::Pass };
    let actions =
        intent(s, record, voter.id, voter.incarnation, target_before(record), Cause::Failover);
    Verdict::Act(actions, Reason::MainLost { main: record.target, loss, candidate: voter.id })
}

/// E15. Nobody is proven to have everything: wait for whoever comes back.
pub(super) fn no_candidate(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady) else { return Verdict::Pass };
    let loss = s.loss(record.target, record.incarnation);
    let changed_replica = s
        .replica(record.target)
        .is_some_and(|at| !s.keeps_all(at.id, record.incarnation, at.incarnation));
    if loss.is_none() && !changed_replica {
        return Verdict::Pass;
    }
    match s.fit_voter() {
        Ok(_) => Verdict::Pass,
        Err((voter, why)) => {
            let why = if record.is_alone() { Unfit::Alone } else { why };
            Verdict::Hold(Reason::NoCandidate { main: record.target, loss, voter, why })
        }
    }
}

/// Whether a main has nothing by which it could get in touch with `id`: no row, or one with nothing
/// behind it (MR 3.2).
fn has_forgotten(main: &MainNow<'_>, id: InstanceId) -> bool {
    main.rows.get(&id).is_none_or(|row| row.state == RowState::Phantom)
}

/// The voter to whom a returned main lost: its row on that main shows more than the main has.
fn outrunning_voter(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
) -> Option<(InstanceId, Incarnation, i64)> {
    record.voters().find_map(|id| {
        let row = main.rows.get(&id).filter(|row| row.outruns_main())?;
        let at = s.replica(id)?;
        let proof = record.proof(id)?;
        let stands = at.incarnation.keeps_writes_of(&proof.replica);
        let ahead = if row.state == RowState::Diverged { 0 } else { row.behind };
        let may_reign = stands && !record.resets(at) && !s.is_unsupported(id);
        may_reign.then_some((id, at.incarnation, ahead))
    })
}

/// Whether a restarted main may lack something, and its voter does not get in touch with it: the voter
/// was main for a moment, unseen, so that it obeys nobody.
fn never_confirmed(s: &Situation<'_>, voter: InstanceId) -> bool {
    restarted_main(s).is_some_and(|(record, main)| {
        !s.keeps_all(main.at.id, record.incarnation, main.at.incarnation)
            && main.rows.get(&voter).is_some_and(Row::is_stuck)
    })
}

/// E20. The main's log was cut short or may be, or it forgot its registrations; its voter, whose proof
/// stands, has everything. The same goes for a target that may have lost something and is no
/// main, or has not finished its reign's beginning.
pub(super) fn tail_lost(s: &Situation<'_>) -> Verdict {
    let Some(record) = reign(s) else { return Verdict::Pass };
    if let Some((record, main)) = restarted_main(s)
        && let Some((id, life, ahead)) = outrunning_voter(s, record, &main)
    {
        let actions = intent(s, record, id, life, None, Cause::Failover);
        let reason = Reason::TailLost { main: record.target, candidate: id, ahead };
        return Verdict::Act(actions, reason);
    }
    let Ok(voter) = s.fit_voter() else { return Verdict::Pass };
    let forgot = restarted_main(s).is_some_and(|(_, main)| has_forgotten(&main, voter.id));
    let at_risk = s.lives(record.target).is_some_and(|at| {
        let replica_or_unfinished = s.is_replica(at.id) || record.stage != Stage::Steady;
        replica_or_unfinished && !s.keeps_all(at.id, record.incarnation, at.incarnation)
    });
    if !forgot && !at_risk && !never_confirmed(s, voter.id) {
        return Verdict::Pass;
    }
    let actions = intent(s, record, voter.id, voter.incarnation, None, Cause::Failover);
    let (main, candidate) = (record.target, voter.id);
    let reason = if forgot {
        Reason::MainForgot { main, candidate }
    } else {
        Reason::TailLost { main, candidate, ahead: 0 }
    };
    Verdict::Act(actions, reason)
}

/// The voter, as the way back from a renewal.
pub(super) fn voter_before(s: &Situation<'_>) -> Option<Before> {
    s.fit_voter().ok().map(|at| Before { main: at.id, incarnation: at.incarnation })
}

/// E25. The recorded main begins a new epoch: because it was made a replica and is otherwise
/// unchanged, or because it lost power, its voter confirms what it has, and nothing may be
/// committed in an epoch that may have had a longer history.
pub(super) fn renew(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady) else { return Verdict::Pass };
    if let Some(at) = s.replica(record.target) {
        let complete = s.keeps_all(at.id, record.incarnation, at.incarnation);
        if !complete || record.resets(at) {
            return Verdict::Pass;
        }
        let actions = intent(s, record, at.id, at.incarnation, voter_before(s), Cause::Renewal);
        return Verdict::Act(actions, Reason::TargetIsReplica(at.id));
    }
    let Some((record, main)) = restarted_main(s) else { return Verdict::Pass };
    if record.resets(main.at) {
        return Verdict::Pass;
    }
    if let Some(voter) = out_of_touch(s, record, &main) {
        let actions = intent(s, record, main.at.id, main.at.incarnation, None, Cause::Renewal);
        return Verdict::Act(actions, Reason::OutOfTouch { main: main.at.id, voter });
    }
    let may_miss_tail = !s.keeps_all(main.at.id, record.incarnation, main.at.incarnation);
    if !may_miss_tail
        || confirming_voter(record, &main).is_none()
        || lost_power_together(s, record, &main)
    {
        return Verdict::Pass;
    }
    let actions =
        intent(s, record, main.at.id, main.at.incarnation, voter_before(s), Cause::Renewal);
    Verdict::Act(actions, Reason::TailMayBeLost(main.at.id))
}

/// The voter that will not confirm a restarted main: it obeys nobody, because it was main for a
/// moment by a command that came late, so that only a new reign reaches it.
fn obeys_nobody(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> Option<InstanceId> {
    record.voters().find(|id| {
        let stuck = main.rows.get(id).is_some_and(Row::is_stuck);
        stuck && s.is_replica(*id) && s.proof(*id).is_none()
    })
}

/// The voter that will not confirm a main that lost nothing: they do not get in touch, whatever
/// either of them has, and somebody else may vote.
fn out_of_touch(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> Option<InstanceId> {
    let complete = s.keeps_all(main.at.id, record.incarnation, main.at.incarnation);
    let apart = |id: &InstanceId| {
        let stuck = main.rows.get(id).is_some_and(Row::is_stuck);
        stuck || (has_forgotten(main, *id) && s.proof(*id).is_none())
    };
    record.voters().find(|id| complete && s.is_replica(*id) && apart(id))
}

/// The voter whose fresh contact confirms a restarted main.
fn confirming_voter(record: &Record, main: &MainNow<'_>) -> Option<InstanceId> {
    record.voters().find(|id| main.rows.get(id).is_some_and(|row| row.confirms_main()))
}

/// Who has more than a restarted main that can have lost nothing: a replica is sent only what its
/// main has committed (MR 4.3), so that one of them is an older copy of itself.
fn older_copy(main: &MainNow<'_>) -> Option<InstanceId> {
    let more = |row: &Row| row.state != RowState::Diverged && row.outruns_main();
    main.rows.iter().find(|(_, row)| more(row)).map(|(id, _)| *id)
}

/// Whether the main and every voter may each have lost an unflushed tail.
fn lost_power_together(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> bool {
    !s.keeps_all(main.at.id, record.incarnation, main.at.incarnation)
        && record.voters().all(|id| match (s.lives(id), record.proof(id)) {
            (Some(at), Some(proof)) => !s.keeps_all(id, proof.replica, at.incarnation),
            (None, _) | (_, None) => true,
        })
}

/// E30. What neither had flushed may be gone, acknowledged or not: a person must say so.
pub(super) fn both_lost_power(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = restarted_main(s) else { return Verdict::Pass };
    let Some(voter) = confirming_voter(record, &main) else { return Verdict::Pass };
    if !lost_power_together(s, record, &main) {
        return Verdict::Pass;
    }
    Verdict::Hold(Reason::BothLostPower { main: main.at.id, voter })
}

/// E35. Only the voter can tell whether the main is complete, by being in touch with it.
pub(super) fn main_unproven(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = restarted_main(s) else { return Verdict::Pass };
    let gives_way = s
        .fit_voter()
        .is_ok_and(|voter| has_forgotten(&main, voter.id) || never_confirmed(s, voter.id));
    let spoken = confirming_voter(record, &main).is_some() || record.is_alone();
    let outrun = outrunning_voter(s, record, &main).is_some();
    let complete = s.keeps_all(main.at.id, record.incarnation, main.at.incarnation);
    if let Some(id) = older_copy(&main).filter(|_| spoken && complete) {
        return Verdict::Hold(Reason::OlderCopy { main: main.at.id, replica: id });
    }
    let confirmed = spoken && (complete || !record.is_alone());
    if gives_way || confirmed || outrun || out_of_touch(s, record, &main).is_some() {
        return Verdict::Pass;
    }
    let voter = record.voters().next();
    let row = voter.and_then(|id| main.rows.get(&id));
    // Neither confirms the other, and time changes nothing: what may be missing a person must accept.
    let apart = row.is_some_and(Row::outruns_main) || obeys_nobody(s, record, &main).is_some();
    if let Some(voter) = voter.filter(|id| apart && !s.is_unsupported(*id)) {
        return Verdict::Hold(Reason::BothLostPower { main: main.at.id, voter });
    }
    let state = row.map(|row| row.state.clone()).filter(|state| *state != RowState::Phantom);
    Verdict::Hold(Reason::MainUnproven { main: main.at.id, voter, state })
}

/// E40. The voter found the restarted main complete, and nothing can have been lost besides.
pub(super) fn main_proven(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = restarted_main(s) else { return Verdict::Pass };
    let id = main.at.id;
    let reason = match confirming_voter(record, &main) {
        Some(voter) => Reason::VoterConfirms { main: id, voter },
        None if record.is_alone() => Reason::AloneAndComplete(id),
        None => return Verdict::Pass,
    };
    let complete = s.keeps_all(id, record.incarnation, main.at.incarnation);
    if !complete || older_copy(&main).is_some() {
        return Verdict::Pass;
    }
    let record = Record { incarnation: main.at.incarnation, ..record.clone() };
    Verdict::Act(vec![s.writes(record)], reason)
}

/// Why the target cannot carry a move that has begun, while no commit of its reign exists.
fn failing_target<'a>(s: &Situation<'a>) -> Option<(&'a Record, Unfit)> {
    let record = s.record?;
    if matches!(record.stage, Stage::Steady) {
        return None;
    }
    let unfit = match s.target_fit(record) {
        Ok(_) => {
            let voter_move = matches!(record.cause, Cause::Failover | Cause::Switchover { .. });
            let main_too_early =
                record.stage == Stage::Intent && voter_move && s.main(record.target).is_some();
            main_too_early.then_some(Unfit::NotReplica)?
        }
        Err(Unfit::Unreachable) if s.out_of_reach(record.target, record.incarnation) => {
            Unfit::Unreachable
        }
        Err(Unfit::Unreachable) => return None,
        Err(unfit) => unfit,
    };
    Some((record, unfit))
}

/// Nobody can vote for the target, for the main before it branched off from it: so the target has
/// acknowledged nothing, and follows that main as it is. Not twice in a row: where each branched off from
/// the other, going back would never end.
fn unvoted_target<'a>(s: &Situation<'a>) -> Option<(&'a Record, Unfit)> {
    let (record, main) = attach::takes_replicas(s).filter(|(it, _)| !it.cause.is_of_own_data())?;
    let before = s.replica(record.before?.main)?;
    let unvoted =
        reset::nobody_votes(s, record, &main) && reset::has_branched(s, record, &main, before);
    unvoted.then_some((record, Unfit::Unvoted))
}

fn complete_before(s: &Situation<'_>, record: &Record) -> Option<Before> {
    let before = record.before?;
    let at = s.lives(before.main)?;
    let complete =
        s.keeps_all(before.main, before.incarnation, at.incarnation) && !record.resets(at);
    complete.then_some(Before { main: before.main, incarnation: at.incarnation })
}

/// E60. The target fails, or nobody can vote for it, and the main before the intent still has everything:
/// go back to it, in a new term.
pub(super) fn way_back(s: &Situation<'_>) -> Verdict {
    let Some((record, why)) = failing_target(s).or_else(|| unvoted_target(s)) else {
        return Verdict::Pass;
    };
    if record.stage == Stage::Attached {
        return Verdict::Pass;
    }
    let Some(back) = complete_before(s, record) else { return Verdict::Pass };
    // A target that failed before the withdrawal was recorded proves nothing later.
    let stays_complete = matches!(why, Unfit::Unreachable | Unfit::Unvoted);
    let before = (record.stage == Stage::Withdrawn && stays_complete)
        .then(|| target_before(record))
        .flatten();
    let actions = intent(s, record, back.main, back.incarnation, before, Cause::Return);
    Verdict::Act(actions, Reason::WayBack { target: record.target, to: back.main, why })
}

/// E70. Nobody else is complete: wait for the target.
pub(super) fn target_waits(s: &Situation<'_>) -> Verdict {
    let Some((record, why)) = failing_target(s) else { return Verdict::Pass };
    let voter_goes_on = record.voters().next().is_some()
        && s.fit_voter().is_ok()
        && matches!(why, Unfit::Unreachable | Unfit::TailAtRisk);
    let goes_back = record.stage != Stage::Attached && complete_before(s, record).is_some();
    if voter_goes_on || goes_back {
        return Verdict::Pass;
    }
    Verdict::Hold(Reason::TargetWaits { target: record.target, why })
}
