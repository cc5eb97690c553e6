//! Is there a cluster at all? Without a record, a first main is chosen only among instances that
//! all answer and are all provably empty; everything else is left to a person.

use super::Verdict;
use crate::{
    action::Action,
    ids::InstanceId,
    ids::Term,
    observation::{Contact, Content, InstanceView, RoleView, Route, VolumeView},
    reading::Why,
    reason::{NotFresh, Reason, Recipe},
    record::{Cause, Record, SCHEMA, Stage},
    situation::Situation,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
};

/// What keeps `view` from being provably empty.
fn not_fresh(s: &Situation<'_>, id: InstanceId, view: &InstanceView) -> Option<NotFresh> {
    let Some(answer) = s.answer(id) else {
        let why = match &view.contact {
            Contact::Answering => Why::NoAddress,
            Contact::Closed { .. } => Why::Refused,
            Contact::Unreached { why, .. } => why.clone(),
        };
        return Some(NotFresh::Unreachable(why));
    };
    match &answer.role {
        RoleView::Replica => return Some(NotFresh::Replica),
        RoleView::Main { rows, strangers } if !rows.is_empty() || !strangers.is_empty() => {
            return Some(NotFresh::Registrations);
        }
        RoleView::Main { .. } => {}
    }
    match answer.content {
        Content::Empty => {}
        Content::Data => return Some(NotFresh::Data),
        Content::Uncounted => return Some(NotFresh::Uncounted),
    }
    match view.volume.proven() {
        Some(VolumeView::New) => None,
        Some(VolumeView::Used) | None => Some(NotFresh::UsedVolume),
    }
}

fn in_the_way(s: &Situation<'_>, unknown: bool) -> Option<(InstanceId, NotFresh)> {
    s.obs.instances.iter().find_map(|(id, view)| {
        not_fresh(s, *id, view)
            .filter(|why| matches!(why, NotFresh::Unreachable(_)) == unknown)
            .map(|why| (*id, why))
    })
}

fn has_record(s: &Situation<'_>) -> bool {
    s.record.is_some()
}

/// B10. An instance that does not answer may hold anything.
pub(super) fn wait_for_all(s: &Situation<'_>) -> Verdict {
    if has_record(s) {
        return Verdict::Pass;
    }
    in_the_way(s, true).map_or(Verdict::Pass, |(instance, why)| {
        Verdict::Stop(Reason::BootstrapWaits { instance, why })
    })
}

/// B20. The lowest ordinal that is to stay becomes the first main. It goes through the same
/// stages as every other one: its reign begins with an epoch and a uuid of its own.
pub(super) fn first_main(s: &Situation<'_>) -> Verdict {
    if has_record(s) || s.obs.instances.iter().any(|(id, view)| not_fresh(s, *id, view).is_some()) {
        return Verdict::Pass;
    }
    let first = s.obs.instances.keys().copied().find(|id| !s.is_deleting(*id));
    let Some(at) = first.and_then(|id| s.lives(id)) else {
        return Verdict::Pass;
    };
    let record = Record {
        schema: SCHEMA,
        term: Term(1),
        stage: Stage::Intent,
        cause: Cause::Bootstrap,
        target: at.id,
        incarnation: at.incarnation,
        members: BTreeMap::new(),
        before: None,
        former: s.others(at.id).collect(),
        resets: BTreeMap::new(),
        answered: s.obs.desired.switchover.map(|request| request.id),
        accepted: s.obs.desired.accepts.map(|order| order.id),
        controllers: BTreeSet::from([s.obs.leadership.me]),
    };
    let mut actions = vec![s.writes(record)];
    if s.obs.route.handed_out != Route::Closed {
        actions.insert(0, Action::SetRoute(Route::Closed));
    }
    Verdict::Act(actions, Reason::AllFresh)
}

/// Exactly one main with replicas attached, and every other instance a replica.
fn is_adoptable(s: &Situation<'_>) -> bool {
    let mains = s.obs.instances.keys().filter_map(|id| s.main(*id));
    let mut attached = 0;
    let mut count = 0;
    for main in mains {
        count += 1;
        attached += main.rows.len();
    }
    count == 1 && attached > 0
}

/// B30. A cluster that somebody built is taken over, not founded anew.
pub(super) fn adopt(s: &Situation<'_>) -> Verdict {
    if has_record(s) || in_the_way(s, true).is_some() || !is_adoptable(s) {
        return Verdict::Pass;
    }
    Verdict::Stop(Reason::RecipeMissing { recipe: Recipe::Adoption, instance: None })
}

/// B40. What is neither empty nor plainly a cluster is for a person to judge.
pub(super) fn refuse(s: &Situation<'_>) -> Verdict {
    if has_record(s) || in_the_way(s, true).is_some() || is_adoptable(s) {
        return Verdict::Pass;
    }
    in_the_way(s, false).map_or(Verdict::Pass, |(instance, why)| {
        Verdict::Stop(Reason::BootstrapRefused { instance, why })
    })
}
