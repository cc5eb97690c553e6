//! Is there a cluster at all? Without a record, a first main is chosen only among instances that
//! all answer and are all provably empty; everything else is left to a person.

use super::Verdict;
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef, Term},
    observation::{Content, InstanceView, RecordContent, RoleView, Route, Row, VolumeView},
    reason::{NotFresh, Reason},
    record::{Cause, Record, SCHEMA, Stage},
    situation::{MainNow, Situation},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};

/// What keeps `view` from being provably empty.
fn not_fresh(s: &Situation<'_>, id: InstanceId, view: &InstanceView) -> Option<NotFresh> {
    let Some(answer) = s.answer(id) else { return s.unheard(id).map(NotFresh::Unreachable) };
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

/// Whom an earlier controller named as main.
fn earlier(s: &Situation<'_>) -> Option<InstanceId> {
    match s.obs.record.known()?.content {
        RecordContent::Earlier { main } => Some(main),
        RecordContent::Absent
        | RecordContent::Record(_)
        | RecordContent::Newer { .. }
        | RecordContent::Unreadable { .. } => None,
    }
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
    let not_fresh = |(id, view): (&InstanceId, &_)| not_fresh(s, *id, view).is_some();
    if has_record(s) || earlier(s).is_some() || s.obs.instances.iter().any(not_fresh) {
        return Verdict::Pass;
    }
    let first = s.obs.instances.keys().copied().find(|id| !s.is_deleting(*id));
    let Some(at) = first.and_then(|id| s.lives(id)) else {
        return Verdict::Pass;
    };
    Verdict::Act(first_record(s, at, Cause::Bootstrap), Reason::AllFresh)
}

/// The record of the first reign, which begins like every other one: nobody forwards, the target
/// becomes a replica and is promoted, so that its epoch and uuid are its own. Whoever else may hold
/// registrations is a former main until it was read as a replica.
pub(super) fn first_record(s: &Situation<'_>, at: InstanceRef, cause: Cause) -> Vec<Action> {
    let accepted = s.obs.desired.accepts.map(|order| order.id);
    let record = Record {
        schema: SCHEMA,
        term: Term(1),
        stage: Stage::Intent,
        cause,
        target: at.id,
        incarnation: at.incarnation,
        members: BTreeMap::new(),
        before: None,
        former: s.others(at.id).collect(),
        resets: BTreeMap::new(),
        answered: s.obs.desired.switchover.map(|request| request.id),
        accepted,
        ordered: s.obs.desired.reset.map(|order| order.id),
        durability: s.obs.desired.durability,
    };
    let mut actions = vec![s.writes(record)];
    if s.obs.route.handed_out != Route::Closed {
        actions.insert(0, Action::SetRoute(Route::Closed));
    }
    actions
}

/// The one main that everybody follows, and that nobody has more than: every other instance is a
/// replica, and no row of the main shows one that outruns it. An earlier controller's word must
/// name it, where there is one.
fn adoptable<'a>(s: &Situation<'a>) -> Option<MainNow<'a>> {
    let mut mains = s.obs.instances.keys().filter_map(|id| s.main(*id));
    let (main, second) = (mains.next()?, mains.next());
    let strangers = match &main.view.role {
        RoleView::Main { strangers, .. } => strangers.len(),
        RoleView::Replica => 0,
    };
    let followed =
        main.rows.len() + strangers > 0 && s.others(main.at.id).all(|id| s.is_replica(id));
    let outrun = main.rows.values().any(Row::outruns_main);
    let named = earlier(s).is_none_or(|named| named == main.at.id);
    let stays = !s.is_deleting(main.at.id) && s.unsafe_engine(main.at.id).is_none();
    (second.is_none() && followed && !outrun && named && stays).then_some(main)
}

/// B30. A cluster that somebody built is taken over, not founded anew. Its clients see the pause of a
/// planned move.
pub(super) fn adopt(s: &Situation<'_>) -> Verdict {
    if has_record(s) || in_the_way(s, true).is_some() {
        return Verdict::Pass;
    }
    let Some(main) = adoptable(s) else { return Verdict::Pass };
    let reason =
        Reason::Adopted { main: main.at.id, replicas: main.rows.keys().copied().collect() };
    Verdict::Act(first_record(s, main.at, Cause::Adoption), reason)
}

/// B40. What is neither empty nor plainly a cluster is for a person to judge.
pub(super) fn refuse(s: &Situation<'_>) -> Verdict {
    if has_record(s) || in_the_way(s, true).is_some() || adoptable(s).is_some() {
        return Verdict::Pass;
    }
    let named = || earlier(s).map(|main| (main, NotFresh::NamedBefore));
    in_the_way(s, false).or_else(named).map_or(Verdict::Pass, |(instance, why)| {
        Verdict::Stop(Reason::BootstrapRefused { instance, why })
    })
}
