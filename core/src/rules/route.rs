//! Where do writes go? Only these rules open a route, and only to a main and a voter that are
//! both proven.

use super::{Verdict, prove, vote};
use crate::{
    action::Action,
    ids::InstanceId,
    observation::Route,
    reason::Reason,
    record::{Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::vec;

/// The voter whose vote counts and whose present life is proven.
fn voting(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> Option<InstanceId> {
    record.voters().find(|id| vote::votes(s, main, *id))
}

fn is_open(s: &Situation<'_>) -> bool {
    matches!(s.obs.route.handed_out, Route::Open { .. })
}

/// R10. Opens the route, also after a drain that came to nothing.
pub(super) fn open(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Steady) else { return Verdict::Pass };
    let voter = voting(s, record, &main);
    if voter.is_none() && !record.is_alone() {
        return Verdict::Pass;
    }
    let mut needed = voter.into_iter().chain([main.at.id]);
    if is_open(s) || needed.any(|id| s.unsafe_engine(id).is_some()) {
        return Verdict::Pass;
    }
    let open = Action::SetRoute(Route::Open { term: record.term, main: main.at });
    let main = main.at.id;
    let reason =
        voter.map_or(Reason::Unprotected(main), |voter| Reason::RouteProven { main, voter });
    Verdict::Act(vec![open], reason)
}

/// R20. Writes wait.
pub(super) fn waits(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Steady) else { return Verdict::Pass };
    if is_open(s) || record.is_alone() || voting(s, record, &main).is_some() {
        return Verdict::Pass;
    }
    Verdict::Hold(prove::voter_waits(record, &main))
}
