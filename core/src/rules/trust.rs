//! May this controller act, and does it know enough? Each rule here ends the pass.

use super::{Verdict, fence, route};
use crate::{
    action::Action,
    observation::{LeaseView, RecordContent, Route},
    reading::Reading,
    reason::Reason,
    situation::Situation,
};
use alloc::vec;

/// T10. Without the lease nothing is granted and nothing is done. On promises of everybody else
/// the route of the recorded main goes on, as long as nothing speaks against it.
pub(super) fn lease(s: &Situation<'_>) -> Verdict {
    match s.obs.leadership.lease {
        LeaseView::Held => Verdict::Pass,
        LeaseView::Promised if s.obs.desired.paused => Verdict::Stop(Reason::Paused),
        LeaseView::Promised => {
            let goes_on = [fence::withdraw(s), route::open(s)];
            let act = goes_on.into_iter().find(|verdict| matches!(verdict, Verdict::Act(..)));
            act.unwrap_or(Verdict::Stop(Reason::LeaseUnrenewed))
        }
        LeaseView::Other(_) | LeaseView::Free | LeaseView::Unknown => {
            stop_and_close(s, Reason::NotLeader)
        }
    }
}

/// Nothing is known well enough to grant anything.
fn stop_and_close(s: &Situation<'_>, reason: Reason) -> Verdict {
    if s.obs.route.handed_out == Route::Closed {
        return Verdict::Stop(reason);
    }
    Verdict::Act(vec![Action::SetRoute(Route::Closed)], reason)
}

/// T20. A record read before the lease was acquired may have been changed by the leader before.
pub(super) fn record_unread(s: &Situation<'_>) -> Verdict {
    match &s.obs.record {
        Reading::Known { .. } => Verdict::Pass,
        Reading::Unknown { why, .. } => stop_and_close(s, Reason::RecordUnread(why.clone())),
    }
}

/// T30. What a newer program wrote is looked at and not touched.
pub(super) fn record_foreign(s: &Situation<'_>) -> Verdict {
    match s.obs.record.known().map(|stored| &stored.content) {
        Some(RecordContent::Newer { schema }) => {
            Verdict::Stop(Reason::NewerRecord { schema: *schema })
        }
        Some(RecordContent::Unreadable { why }) => {
            Verdict::Stop(Reason::UnreadableRecord(why.clone()))
        }
        Some(RecordContent::Absent | RecordContent::Earlier { .. } | RecordContent::Record(_))
        | None => Verdict::Pass,
    }
}

/// T50. A pause changes nothing, in particular not the route.
pub(super) fn paused(s: &Situation<'_>) -> Verdict {
    if s.obs.desired.paused { Verdict::Stop(Reason::Paused) } else { Verdict::Pass }
}

/// T60. A write that was sent by an earlier leader, or by this one with no answer, may name another
/// main while effects of this record are under way. The record as it is, written once more, makes
/// each such write miss.
pub(super) fn record_in_doubt(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|_| s.obs.memory.writes_may_land) else {
        return Verdict::Pass;
    };
    Verdict::Act(vec![s.writes(record.clone())], Reason::RecordInDoubt)
}
