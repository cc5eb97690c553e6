//! Ways in which an observation differs from a sensible one: one fact at a time, each drawn from
//! the few values that rules tell apart. Sequences of them make the cases of the laws.

use super::bases::{BASES, at, bolt, even, life, main_with, mg, rebooted, record, restarted};
use ha_core::{
    desired::{Durability, ResetRequest, SwitchoverRequest},
    ids::{ControllerId, GatewayId, Incarnation, InstanceId, PodUid, RequestId, Term, VolumeId},
    observation::{
        ClusterObservation, Contact, Container, Content, Drain, EngineVersion, InstanceView,
        LeaseView, OwnCommit, PodView, PromotionRight, PromotionWait, RegisterResult, Registration,
        RoleView, Route, RowState, SyncMode, VolumeView, Witness,
    },
    reading::{Age, Reading, Why},
    record::{Aside, Before, Cause, Member, Proof, Reset, Stage},
};
use proptest::prelude::*;
use std::fmt;

/// A base and what is changed in it, in order.
#[derive(Clone)]
pub(crate) struct Case {
    base: usize,
    changes: Vec<(usize, u8, u8)>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", BASES[self.base].0)?;
        for (spoil, id, choice) in &self.changes {
            write!(f, ", {} of {} ({choice})", SPOILS[*spoil].0, mg(*id))?;
        }
        Ok(())
    }
}

impl Case {
    /// The observation.
    pub(crate) fn build(&self) -> ClusterObservation {
        let mut obs = BASES[self.base].1();
        for (spoil, id, choice) in &self.changes {
            (SPOILS[*spoil].1)(&mut obs, mg(*id), usize::from(*choice));
        }
        obs
    }
}

/// Every base, with up to five facts changed.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    let change = (0..SPOILS.len(), 0_u8..3, 0_u8..24);
    let changes = proptest::collection::vec(change, 0..6);
    (0..BASES.len(), changes).prop_map(|(base, changes)| Case { base, changes })
}

type Spoil = fn(&mut ClusterObservation, InstanceId, usize);

const SPOILS: &[(&str, Spoil)] = &[
    ("contact", contact),
    ("answer-age", answer_age),
    ("role", role),
    ("row-state", row_state),
    ("row-mode", row_mode),
    ("row-behind", row_behind),
    ("row-gone", row_gone),
    ("row-added", row_added),
    ("strangers", strangers),
    ("life", new_life),
    ("pod", pod),
    ("volume", volume),
    ("content", content),
    ("engine", engine),
    ("stage", stage),
    ("cause", cause),
    ("target", target),
    ("recorded-life", recorded_life),
    ("member", member),
    ("before", before),
    ("former", former),
    ("reset", reset),
    ("record-age", record_age),
    ("route", route),
    ("outstanding", outstanding),
    ("drain", drain),
    ("witness", witness),
    ("registration", registration),
    ("own-commit", own_commit),
    ("lease", lease),
    ("promotion", promotion),
    ("wish", wish),
];

const AGES: [Age; 3] = [Age::Fresh, Age::Suspect, Age::Expired];

fn pick<T: Clone>(choice: usize, of: &[T]) -> T {
    of[choice % of.len()].clone()
}

fn view(obs: &mut ClusterObservation, id: InstanceId) -> &mut InstanceView {
    obs.instances.entry(id).or_insert_with(InstanceView::unseen)
}

fn contact(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let since = pick(choice / 6, &AGES);
    view(obs, id).contact = pick(
        choice,
        &[
            Contact::Closed { since },
            Contact::Unreached { why: Why::Silent, since },
            Contact::Unreached { why: Why::Refused, since },
            Contact::Unreached { why: Why::NeverRead, since },
            Contact::Unreached { why: Why::NoAddress, since },
            Contact::Answering,
        ],
    );
}

fn answer_age(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Reading::Known { age, .. } = &mut view(obs, id).bolt {
        *age = pick(choice, &AGES);
    }
}

fn role(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let others: Vec<_> = [mg(0), mg(1), mg(2)].into_iter().filter(|other| *other != id).collect();
    let rows = [
        (others[choice / 3 % 2], even(SyncMode::StrictSync)),
        (others[1 - choice / 3 % 2], even(SyncMode::Async)),
    ];
    if let Some(view) = bolt(obs, id) {
        view.role = pick(choice, &[RoleView::Replica, main_with(&[]), main_with(&rows)]);
    }
}

/// The row of `id` on every main that has one.
fn rows(
    obs: &mut ClusterObservation,
    id: InstanceId,
    change: impl Fn(&mut ha_core::observation::Row),
) {
    for main in [mg(0), mg(1), mg(2)] {
        if let Some(RoleView::Main { rows, .. }) = bolt(obs, main).map(|view| &mut view.role)
            && let Some(row) = rows.get_mut(&id)
        {
            change(row);
        }
    }
}

fn row_state(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let states = [
        RowState::Ready,
        RowState::Replicating,
        RowState::Recovery,
        RowState::Invalid,
        RowState::Diverged,
        RowState::Phantom,
        RowState::Unrecognized("strange".into()),
    ];
    rows(obs, id, |row| {
        row.state = pick(choice, &states);
        row.since = pick(choice / 7, &AGES);
    });
}

fn row_mode(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let modes = [SyncMode::StrictSync, SyncMode::Async, SyncMode::Sync];
    rows(obs, id, |row| row.mode = pick(choice, &modes));
}

fn row_behind(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    rows(obs, id, |row| row.behind = pick(choice, &[0, -2, 3]));
}

fn row_gone(obs: &mut ClusterObservation, id: InstanceId, _: usize) {
    for main in [mg(0), mg(1), mg(2)] {
        if let Some(RoleView::Main { rows, .. }) = bolt(obs, main).map(|view| &mut view.role) {
            rows.remove(&id);
        }
    }
}

fn row_added(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let mode = pick(choice, &[SyncMode::StrictSync, SyncMode::Async]);
    for main in [mg(0), mg(1), mg(2)] {
        if let Some(RoleView::Main { rows, .. }) = bolt(obs, main).map(|view| &mut view.role)
            && main != id
        {
            rows.insert(id, even(mode));
        }
    }
}

fn strangers(obs: &mut ClusterObservation, id: InstanceId, _: usize) {
    if let Some(RoleView::Main { strangers, .. }) = bolt(obs, id).map(|view| &mut view.role) {
        strangers.insert("by-hand".into());
    }
}

fn lives(id: InstanceId) -> [Incarnation; 4] {
    let first = life(id);
    let new_pod = Incarnation { pod: PodUid(0xf0 + first.pod.0), ..restarted(first) };
    [first, restarted(first), rebooted(first), new_pod]
}

fn new_life(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Some(view) = bolt(obs, id) {
        view.incarnation = pick(choice, &lives(id));
    }
}

fn pod(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let Reading::Known { value, age } = &mut view(obs, id).pod else { return };
    let change = |old: PodView| match choice % 7 {
        0 => None,
        1 => Some(PodView { deleting: true, ..old }),
        2 => Some(PodView { address: None, ..old }),
        3 => Some(PodView { container: Container::Terminated, ..old }),
        4 => Some(PodView { container: Container::Waiting, ..old }),
        5 => Some(PodView { uid: PodUid(0xf0 + old.uid.0), ..old }),
        _ => Some(old),
    };
    *value = value.and_then(change);
    if choice % 7 == 6 {
        *age = Age::Expired;
    }
}

fn volume(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    view(obs, id).volume = pick(
        choice,
        &[Reading::fresh(VolumeView::New), Reading::fresh(VolumeView::Used), Reading::never()],
    );
}

fn content(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Some(view) = bolt(obs, id) {
        view.content = pick(choice, &[Content::Empty, Content::Data, Content::Uncounted]);
    }
}

fn engine(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let Some(engine) = bolt(obs, id).map(|view| &mut view.engine) else { return };
    match choice % 7 {
        0 => engine.flushes_each_commit = true,
        1 => engine.version = EngineVersion { major: 3, minor: 7 },
        2 => engine.wal = false,
        3 => engine.transactional = false,
        4 => engine.restores_state = false,
        5 => engine.recovers_data = false,
        _ => engine.check_period_s = 0,
    }
}

fn stage(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    if let Some(record) = record(obs) {
        record.stage =
            pick(choice, &[Stage::Intent, Stage::Withdrawn, Stage::Attached, Stage::Steady]);
    }
}

fn cause(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    if let Some(record) = record(obs) {
        record.cause = pick(
            choice,
            &[
                Cause::Bootstrap,
                Cause::Failover,
                Cause::Switchover { request: None },
                Cause::Return,
                Cause::Renewal,
            ],
        );
    }
}

fn target(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Some(record) = record(obs) {
        record.target = id;
        record.incarnation = pick(choice, &lives(id));
        record.members.remove(&id);
        record.former.remove(&id);
        record.before = record.before.filter(|before| before.main != id);
    }
}

fn recorded_life(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    if let Some(record) = record(obs) {
        record.incarnation = pick(choice, &lives(record.target));
    }
}

fn member(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let Some(record) = record(obs).filter(|record| record.target != id) else { return };
    let replica = pick(choice / 4, &lives(id));
    if choice % 4 == 1 || choice % 4 == 2 {
        // A record names at most one voter as long as votes are not moved.
        record.members.values_mut().for_each(|member| member.votes = false);
    }
    let proof = Some(Proof { main: record.incarnation, replica });
    match choice % 4 {
        0 => record.members.remove(&id),
        1 => record.members.insert(id, Member { votes: true, proof: None }),
        2 => record.members.insert(id, Member { votes: true, proof }),
        _ => record.members.insert(id, Member { votes: false, proof }),
    };
}

fn before(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Some(record) = record(obs).filter(|record| record.target != id) {
        let incarnation = pick(choice / 2, &lives(id));
        record.before = pick(choice, &[None, Some(Before { main: id, incarnation })]);
    }
}

fn former(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    if let Some(record) = record(obs).filter(|record| record.target != id) {
        if choice.is_multiple_of(2) {
            record.former.insert(id);
        } else {
            record.former.remove(&id);
        }
    }
}

fn reset(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let volume = pick(choice, &[life(id).volume, VolumeId(0xee)]);
    let by = pick(choice / 2, &[None, Some(RequestId(8))]);
    if let Some(record) = record(obs) {
        let term = record.term;
        record.resets.insert(id, Reset { volume, term, by, restores: None });
    }
}

fn record_age(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    if choice == 0 {
        obs.record = Reading::Unknown { why: Why::BeforeLease, since: Age::Fresh };
    } else if let Reading::Known { age, .. } = &mut obs.record {
        *age = pick(choice, &AGES);
    }
}

fn route(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let term = record(obs).map_or(Term(1), |record| record.term);
    let old = Term(term.0.saturating_sub(1));
    obs.route.handed_out = pick(
        choice,
        &[
            Route::Closed,
            Route::Open { term, main: at(id) },
            Route::Draining { term, main: at(id) },
            Route::Open { term: old, main: at(id) },
        ],
    );
}

fn outstanding(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    if choice.is_multiple_of(2) {
        obs.route.outstanding.insert(GatewayId(0));
    } else {
        obs.route.outstanding.clear();
    }
}

fn drain(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    obs.route.drain = pick(choice, &[Drain::Idle, Drain::Waiting, Drain::Drained, Drain::Overdue]);
}

fn witness(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    obs.route.witness = pick(choice, &[Witness::Hears, Witness::Silent]);
}

fn registration(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let reign = record(obs).map(|record| (record.term, record.incarnation));
    let (term, main) = reign.unwrap_or((Term(1), life(mg(0))));
    let result = pick(
        choice,
        &[
            RegisterResult::Done,
            RegisterResult::Branched,
            RegisterResult::Unreachable,
            RegisterResult::Unclear,
        ],
    );
    let tries = u8::try_from(choice / 4 % 3).unwrap_or(0);
    let branched = if result == RegisterResult::Branched { tries } else { 0 };
    let replica = bolt(obs, id).map_or(life(id), |view| view.incarnation);
    let made = Registration { term, main, replica, result, attempts: tries.max(1), branched };
    obs.memory.registered.insert(id, made);
}

fn own_commit(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let reign = record(obs).map(|record| (record.term, record.incarnation));
    let (term, main) = reign.unwrap_or((Term(1), life(mg(0))));
    let replicas = [mg(0), mg(1), mg(2)]
        .into_iter()
        .filter(|other| choice.is_multiple_of(3) || *other != id)
        .map(|other| (other, bolt(obs, other).map_or(life(other), |view| view.incarnation)))
        .collect();
    let made =
        OwnCommit { term, main, replicas, drained: choice % 4 < 2, acknowledged: choice % 5 < 4 };
    obs.memory.commit = (choice != 7).then_some(made);
}

fn lease(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    obs.leadership.lease = pick(
        choice,
        &[LeaseView::Held, LeaseView::Other(ControllerId(2)), LeaseView::Free, LeaseView::Unknown],
    );
}

fn promotion(obs: &mut ClusterObservation, _: InstanceId, choice: usize) {
    obs.leadership.promotion = pick(
        choice,
        &[PromotionRight::Granted, PromotionRight::Waits(PromotionWait::EarlierLease)],
    );
}

fn wish(obs: &mut ClusterObservation, id: InstanceId, choice: usize) {
    let asked = |to| Some(SwitchoverRequest { id: RequestId(9), to });
    let (id_of, volume) = (RequestId(8), life(id).volume);
    match choice % 8 {
        0 => obs.desired.paused = true,
        3 => {
            let restores = pick(choice / 8, &[None, Some(Aside::Latest)]);
            obs.desired.reset = Some(ResetRequest { id: id_of, of: id, volume, restores });
        }
        4 => {
            let volume = VolumeId(0xee);
            obs.desired.reset = Some(ResetRequest { id: id_of, of: id, volume, restores: None });
        }
        5 => obs.desired.durability = Durability::Fast,
        6 => obs.desired.durability = Durability::Required,
        1 => obs.desired.switchover = asked(None),
        2 => obs.desired.switchover = asked(Some(id)),
        _ => obs.desired.switchover = None,
    }
}
