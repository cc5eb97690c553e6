//! Can anybody else still accept or ship writes? The route is only ever withdrawn here, and a
//! withdrawal is complete when every gateway acknowledged it or every grant ran out.

use super::Verdict;
use crate::{
    action::Action,
    desired::Durability,
    ids::{InstanceId, InstanceRef},
    observation::{LeaseView, PromotionRight, Route, RowState},
    reading::Age,
    reason::Reason,
    record::{Cause, Member, Record, Stage},
    situation::Situation,
};
use alloc::vec;

/// F10. The route stays open through the loss of the voter, since such a main acknowledges
/// nothing; it does not stay open once the main is another than proven, or its voter's vote does
/// not count.
pub(super) fn withdraw(s: &Situation<'_>) -> Verdict {
    let (term, main) = match s.obs.route.handed_out {
        Route::Closed => return Verdict::Pass,
        Route::Open { term, main } | Route::Draining { term, main } => (term, main),
    };
    let Some(reason) = unjustified(s, term, main) else { return Verdict::Pass };
    let mut actions = vec![Action::SetRoute(Route::Closed)];
    if matches!(reason, Reason::VoterRowUnsound(_)) {
        actions.extend(proofs_end(s));
    }
    Verdict::Act(actions, reason)
}

/// The voters of a main that may have acknowledged writes without them are no candidates any more.
fn proofs_end(s: &Situation<'_>) -> Option<Action> {
    let leads = s.obs.leadership.lease == LeaseView::Held;
    let mut record = s.record.filter(|_| leads)?.clone();
    for member in record.members.values_mut().filter(|member| member.votes) {
        member.proof = None;
    }
    Some(s.writes(record))
}

fn unjustified(s: &Situation<'_>, term: crate::ids::Term, main: InstanceRef) -> Option<Reason> {
    let Some(record) = s.record.filter(|r| r.stage == Stage::Steady && r.term == term) else {
        return Some(Reason::NotSteady(s.record.map_or(term, |record| record.term)));
    };
    let named = InstanceRef { id: record.target, incarnation: record.incarnation };
    if main != named || s.loss(main.id, main.incarnation).is_some() {
        return Some(Reason::RouteUnproven(main.id));
    }
    s.answer(main.id)?;
    let Some(now) = s.proven_main() else {
        return Some(Reason::RouteUnproven(main.id));
    };
    let sound = |id: &InstanceId| {
        now.rows
            .get(id)
            .is_some_and(|row| row.mode == record.vote_mode() && row.state != RowState::Phantom)
    };
    if record.is_alone() || record.voters().any(|id| sound(&id)) {
        return None;
    }
    Some(Reason::VoterRowUnsound(record.voters().next().unwrap_or(main.id)))
}

/// F20. Nothing changes its role while a grant may be alive somewhere.
pub(super) fn withdrawal_waits(s: &Situation<'_>) -> Verdict {
    if s.in_stage(Stage::Intent).is_none() {
        return Verdict::Pass;
    }
    if !s.obs.route.outstanding.is_empty() {
        return Verdict::Stop(Reason::GatewaysOutstanding(s.obs.route.outstanding.clone()));
    }
    match s.obs.leadership.promotion {
        PromotionRight::Granted => Verdict::Pass,
        PromotionRight::Waits(wait) => Verdict::Stop(Reason::PromotionWaits(wait)),
    }
}

/// F30. A reign begins with a promotion, so that its epoch and uuid are its own; whoever is main
/// already becomes a replica first.
pub(super) fn target_steps_down(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Intent).filter(|_| s.is_fenced()) else {
        return Verdict::Pass;
    };
    let own_data = record.cause.is_of_own_data();
    match (s.target_fit(record), s.main(record.target)) {
        (Ok(on), Some(_)) if own_data => Verdict::Act(
            vec![Action::Demote { on, term: record.term }],
            Reason::TargetMustBeReplica(on.id),
        ),
        (Ok(_) | Err(_), _) => Verdict::Pass,
    }
}

/// F40. From here on a restart of the target's process does no harm: nobody forwards, so nothing
/// can be acknowledged that it might lose.
pub(super) fn record_withdrawn(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Intent).filter(|_| s.is_fenced()) else {
        return Verdict::Pass;
    };
    let (Ok(at), true) = (s.target_fit(record), s.is_replica(record.target)) else {
        return Verdict::Pass;
    };
    let record = Record { stage: Stage::Withdrawn, incarnation: at.incarnation, ..record.clone() };
    Verdict::Act(vec![s.writes_life(record)], Reason::NobodyForwards)
}

/// F45. A voter in recovery, or behind in quiet times, lacks a transaction that its main has,
/// acknowledged perhaps: a second phase was lost (MR 4.3). It is no candidate until it is proven
/// again. Where commits do not wait for it, one that is out of touch may lack any number of them.
pub(super) fn voter_misses(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|r| r.stage == Stage::Steady) else { return Verdict::Pass };
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let misses = record.voters().find(|id| {
        let row = main.rows.get(id);
        record.proof(*id).is_some()
            && row.is_some_and(|row| match row.state {
                RowState::Recovery | RowState::Diverged => true,
                RowState::Invalid => record.durability == Durability::Fast,
                RowState::Ready => row.behind > 0 || (row.behind < 0 && row.still != Age::Fresh),
                RowState::Replicating | RowState::Phantom | RowState::Unrecognized(_) => false,
            })
    });
    let Some(id) = misses else { return Verdict::Pass };
    let mut record = record.clone();
    record.members.insert(id, Member { votes: true, proof: None });
    Verdict::Act(vec![s.writes(record)], Reason::VoterMisses(id))
}

/// F50. A main by nobody's order may have shipped to any replica: every proof ends with it.
pub(super) fn foreign_main(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|r| r.stage == Stage::Steady) else { return Verdict::Pass };
    let foreign = s.other_mains(record.target).into_iter().find(|id| !record.former.contains(id));
    let Some(id) = foreign else { return Verdict::Pass };
    let mut record = record.clone();
    record.former.insert(id);
    for member in record.members.values_mut() {
        member.proof = None;
    }
    Verdict::Act(vec![s.writes(record)], Reason::ForeignMain(id))
}

/// F60. An old main becomes a replica, which erases its registrations (MR 1.2): in a planned move
/// before the new one is promoted, after a loss only once the new reign has a commit, unless it is
/// the only one that could vote on it; until then it is the way back.
pub(super) fn other_main(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some(record) = s.record else { return Verdict::Pass };
    let Some(other) = s.main(id) else { return Verdict::Pass };
    let planned = match record.cause {
        Cause::Bootstrap => true,
        Cause::Switchover { .. } => record.before.is_some_and(|before| before.main == id),
        Cause::Adoption
        | Cause::Failover
        | Cause::Return
        | Cause::Renewal
        | Cause::Accepted { .. } => false,
    };
    let now = match record.stage {
        Stage::Intent => return Verdict::Pass,
        Stage::Withdrawn => {
            let only_voter =
                || s.proven_main().is_some_and(|main| s.voter_choice(&main) == Some(id));
            s.nobody_forwards() && (planned || only_voter())
        }
        // It was made a main by a command that came late; without it nothing can be committed.
        Stage::Attached => record.is_voter(id),
        Stage::Steady => record.former.contains(&id),
    };
    if !now {
        return Verdict::Hold(Reason::OldMainStays(id));
    }
    Verdict::Act(
        vec![Action::Demote { on: other.at, term: record.term }],
        Reason::OtherMain { instance: id, target: record.target },
    )
}
