//! A person takes the place of a proof: where nobody is proven to have everything, they name the
//! instance to go on with, and what it lacks is lost. Nothing else of a reign's beginning changes.

use super::{Verdict, bootstrap, elect, vote};
use crate::{
    desired::AcceptedLoss,
    reason::{Reason, Unfit},
    record::{Cause, Record, Stage},
    situation::Situation,
};

fn accepted<'a>(s: &Situation<'a>) -> Option<(AcceptedLoss, &'a Record)> {
    let record = s.record?;
    let order = s.obs.desired.accepts.filter(|order| record.accepted != Some(order.id))?;
    Some((order, record))
}

/// B05. There is no record, and a person named the main: what the others hold is not asked.
pub(super) fn named(s: &Situation<'_>) -> Verdict {
    let order = s.obs.desired.accepts.filter(|order| order.of.is_none());
    let (None, Some(order)) = (s.record, order) else { return Verdict::Pass };
    let to = order.main;
    let waits = |why| Verdict::Stop(Reason::AcceptedWaits { to, why });
    if s.view(to).is_none() {
        return waits(Unfit::NoInstance);
    }
    if !vote::may_vote(s, to) {
        return waits(Unfit::NoVote);
    }
    let Some(at) = s.lives(to) else { return waits(Unfit::Unreachable) };
    if s.unsafe_engine(to).is_some() {
        return waits(Unfit::Engine);
    }
    let cause = Cause::Accepted { request: order.id };
    Verdict::Act(bootstrap::first_record(s, at, cause), Reason::MainNamed(to))
}

/// Whether the cluster stands still for want of somebody who is proven.
fn stands_still(s: &Situation<'_>) -> bool {
    let judges = [
        elect::failover,
        elect::no_candidate,
        elect::tail_lost,
        elect::renew,
        elect::both_lost_power,
        elect::main_unproven,
        elect::main_proven,
        elect::way_back,
        elect::target_waits,
    ];
    // The first that says anything speaks for all.
    let said = judges.iter().map(|judge| judge(s)).find(|said| *said != Verdict::Pass);
    matches!(said, Some(Verdict::Hold(_)))
}

/// E05. Nobody is proven, and a person named whom to go on with.
pub(super) fn loss(s: &Situation<'_>) -> Verdict {
    let Some((order, record)) = accepted(s) else { return Verdict::Pass };
    let to = order.main;
    let refuse = |why| {
        // What a move that is under way has recorded is left alone, and so are the rules that finish
        // it: the order is answered when the reign is steady.
        if record.stage != Stage::Steady {
            return Verdict::Pass;
        }
        let record = Record { accepted: Some(order.id), ..record.clone() };
        Verdict::Act(alloc::vec![s.writes(record)], Reason::OrderRefused { to, why })
    };
    if order.of != Some(record.term) {
        return refuse(Unfit::OtherTerm);
    }
    if s.view(to).is_none() {
        return refuse(Unfit::NoInstance);
    }
    if !vote::may_vote(s, to) {
        return refuse(Unfit::NoVote);
    }
    if !stands_still(s) {
        return refuse(Unfit::NothingLost);
    }
    let Some(at) = s.lives(to) else {
        return Verdict::Hold(Reason::AcceptedWaits { to, why: Unfit::Unreachable });
    };
    if record.resets(at) {
        return refuse(Unfit::ResetOrdered);
    }
    if s.unsafe_engine(to).is_some() {
        return refuse(Unfit::Engine);
    }
    let cause = Cause::Accepted { request: order.id };
    let mut actions = elect::intent(s, record, to, at.incarnation, None, cause);
    if let Some(crate::action::Action::WriteRecord { record, .. }) = actions.last_mut() {
        record.accepted = Some(order.id);
    }
    Verdict::Act(actions, Reason::LossAccepted { main: record.target, to })
}
