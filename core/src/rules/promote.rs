//! Make the target main, and keep the record of its life right until its reign is steady.

use super::Verdict;
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::PromotionRight,
    reason::Reason,
    record::{Cause, Record, Stage},
    situation::Situation,
};
use alloc::vec;

/// P10. Everything that a promotion needs is durable or proven now.
pub(super) fn promote(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|r| r.stage == Stage::Withdrawn) else {
        return Verdict::Pass;
    };
    let on = InstanceRef { id: record.target, incarnation: record.incarnation };
    if s.replica(record.target) != Some(on) {
        return Verdict::Pass;
    }
    if !s.nobody_forwards() {
        return Verdict::Stop(Reason::GatewaysOutstanding(s.obs.route.outstanding.clone()));
    }
    if let PromotionRight::Waits(wait) = s.obs.leadership.promotion {
        return Verdict::Stop(Reason::PromotionWaits(wait));
    }
    let old = record.before.map(|before| before.main);
    let planned = matches!(record.cause, Cause::Switchover { .. });
    let stays = |id: &InstanceId| s.main(*id).is_some() || s.may_answer_yet(*id);
    if let Some(old) = old.filter(|id| planned && stays(id)) {
        return Verdict::Stop(Reason::OldMainFirst(old));
    }
    Verdict::Act(
        vec![Action::Promote { on, term: record.term }],
        Reason::TargetReady(record.target),
    )
}

/// P20. A promoted main that restarts before its first commit falls back to the epoch before
/// (MR 3.3): it is made a replica, its life recorded, and promoted anew.
pub(super) fn restarted(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record else { return Verdict::Pass };
    if !matches!(record.stage, Stage::Withdrawn | Stage::Attached) {
        return Verdict::Pass;
    }
    let Ok(at) = s.target_fit(record) else { return Verdict::Pass };
    if at.incarnation == record.incarnation {
        return Verdict::Pass;
    }
    let action = if s.main(at.id).is_some() {
        Action::Demote { on: at, term: record.term }
    } else {
        let record =
            Record { stage: Stage::Withdrawn, incarnation: at.incarnation, ..record.clone() };
        s.writes_life(record)
    };
    Verdict::Act(vec![action], Reason::TargetRestarted(at.id))
}

/// P30. The promoted target is a replica again, by a command that came late: its registrations
/// are gone, so the reign begins once more in the same term.
pub(super) fn stepped_down(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|r| r.stage == Stage::Attached) else {
        return Verdict::Pass;
    };
    let same_life = s.replica(record.target).is_some_and(|at| at.incarnation == record.incarnation);
    if !same_life {
        return Verdict::Pass;
    }
    let record = Record { stage: Stage::Withdrawn, ..record.clone() };
    let target = record.target;
    Verdict::Act(vec![s.writes_life(record)], Reason::TargetMustBeReplica(target))
}
