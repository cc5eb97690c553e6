//! What else should people know? These rules never act, and are judged in every pass.

use super::Verdict;
use crate::{
    ids::InstanceId,
    observation::{RoleView, RowState},
    reason::Reason,
    record::Stage,
    situation::Situation,
};

/// X05. The main does not answer, and nothing says that it is gone: patience is not over, gateways
/// hear from it, or it refuses the login. Nothing moves meanwhile.
pub(super) fn main_unheard(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record else { return Verdict::Pass };
    let main = record.target;
    let Some(why) = s.unheard(main) else { return Verdict::Pass };
    if s.loss(main, record.incarnation).is_some() {
        return Verdict::Pass;
    }
    Verdict::Hold(Reason::MainUnheard { main, why })
}

/// X10. Settled means every replica up to date and proven, not the voter alone.
pub(super) fn replica_waits(s: &Situation<'_>, id: InstanceId) -> Verdict {
    if s.record.is_none_or(|record| record.stage != Stage::Steady) || !s.is_replica(id) {
        return Verdict::Pass;
    }
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let row = main.rows.get(&id);
    let other_rule = row.is_none_or(|row| match row.state {
        RowState::Diverged | RowState::Phantom => true,
        RowState::Ready
        | RowState::Replicating
        | RowState::Recovery
        | RowState::Invalid
        | RowState::Unrecognized(_) => false,
    });
    let done = row.is_some_and(|row| row.is_even()) && s.proof(id).is_some();
    if other_rule || done {
        return Verdict::Pass;
    }
    Verdict::Hold(Reason::ReplicaWaits { state: row.map(|row| row.state.clone()) })
}

/// X30. A registration by hand is shown and left alone.
pub(super) fn strangers(s: &Situation<'_>) -> Verdict {
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    match &main.view.role {
        RoleView::Main { strangers, .. } if !strangers.is_empty() => {
            Verdict::Hold(Reason::Strangers(strangers.clone()))
        }
        RoleView::Main { .. } | RoleView::Replica => Verdict::Pass,
    }
}

/// X40. Before opening it also keeps the route closed (R10); later it is an alarm.
pub(super) fn unsafe_engine(s: &Situation<'_>) -> Verdict {
    if s.record.is_none() {
        return Verdict::Pass;
    }
    s.obs
        .instances
        .keys()
        .find_map(|id| s.unsafe_engine(*id))
        .map_or(Verdict::Pass, |engine| Verdict::Hold(Reason::UnsafeEngine(engine)))
}
