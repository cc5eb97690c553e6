//! Clusters of three instances, each at one moment of a story: complete observations, made by
//! hand. What should be decided in them is said elsewhere.

use ha_core::{
    desired::{Desired, Durability, SwitchoverRequest},
    ids::{
        BootId, ControllerId, DatabaseUuid, GatewayId, Incarnation, InstanceId, InstanceRef,
        PodUid, RequestId, ResourceVersion, StartId, Term, VolumeId,
    },
    observation::{
        BoltView, ClusterObservation, Contact, Container, Content, Drain, Engine, EngineVersion,
        InstanceView, Leadership, LeaseView, Memory, OwnCommit, PodView, PromotionRight,
        RecordContent, RegisterResult, Registration, RoleView, Route, RouteView, Row, RowState,
        StoredRecord, SyncMode, VolumeView, Witness,
    },
    reading::{Age, Reading, Why},
    record::{Before, Cause, Member, Proof, Record, SCHEMA, Stage},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};

/// A name and the observation under it.
pub(crate) type Base = (&'static str, fn() -> ClusterObservation);

/// Every base.
pub(crate) const BASES: &[Base] = &[
    ("settled", settled),
    ("failover-begins", failover_begins),
    ("drained", drained),
    ("bootstrap", bootstrap),
    ("bootstrap-intent", bootstrap_intent),
    ("switchover-asked", switchover_asked),
    ("failover-intent", failover_intent),
    ("switchover-intent", switchover_intent),
    ("switchover-withdrawn", switchover_withdrawn),
    ("withdrawn", withdrawn),
    ("promoted", promoted),
    ("registered", registered),
    ("attached", attached),
    ("committed", committed),
    ("reopening", reopening),
    ("old-main-returns", old_main_returns),
    ("main-restarted", main_restarted),
    ("main-confirmed", main_confirmed),
    ("tail-lost", tail_lost),
    ("power-lost", power_lost),
    ("voter-restarted", voter_restarted),
    ("phantom-row", phantom_row),
    ("main-made-replica", main_made_replica),
    ("foreign-main", foreign_main),
    ("standby", standby),
    ("unrecorded", unrecorded),
    ("fast", fast),
    ("fast-left-alone", fast_left_alone),
    ("fast-alone", fast_alone),
    ("fast-vote-back", fast_vote_back),
];

/// The observation of that name.
pub(crate) fn base(name: &str) -> ClusterObservation {
    let found = BASES.iter().find(|(known, _)| *known == name);
    found.map(|(_, build)| build()).expect("a name in BASES")
}

/// An instance by its ordinal.
pub(crate) const fn mg(ordinal: u8) -> InstanceId {
    InstanceId(ordinal)
}

/// The first life of an instance.
pub(crate) fn life(id: InstanceId) -> Incarnation {
    let base = u128::from(id.0);
    Incarnation {
        pod: PodUid(0xa0 + base),
        start: StartId(0xb0 + base),
        boot: BootId(0xc0 + base),
        volume: VolumeId(0xd0 + base),
    }
}

/// The life after a restart of the process alone.
pub(crate) fn restarted(life: Incarnation) -> Incarnation {
    Incarnation { start: StartId(life.start.0 + 0x100), ..life }
}

/// The life after the node lost power.
pub(crate) fn rebooted(life: Incarnation) -> Incarnation {
    Incarnation { boot: BootId(life.boot.0 + 0x100), ..restarted(life) }
}

/// An instance in its first life.
pub(crate) fn at(id: InstanceId) -> InstanceRef {
    InstanceRef { id, incarnation: life(id) }
}

/// A row of SHOW REPLICAS that is up to date.
pub(crate) const fn even(mode: SyncMode) -> Row {
    Row { mode, state: RowState::Ready, behind: 0, since: Age::Fresh, still: Age::Fresh }
}

/// A main with these rows.
pub(crate) fn main_with(rows: &[(InstanceId, Row)]) -> RoleView {
    RoleView::Main { rows: rows.iter().cloned().collect(), strangers: BTreeSet::new() }
}

pub(crate) fn pod(id: InstanceId) -> PodView {
    PodView {
        uid: life(id).pod,
        address: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, id.0 + 1))),
        deleting: false,
        container: Container::Running,
    }
}

fn instance(id: InstanceId, role: RoleView, content: Content) -> InstanceView {
    let engine = Engine {
        version: EngineVersion { major: 3, minor: 10 },
        wal: true,
        transactional: true,
        recovers_data: true,
        restores_state: true,
        flushes_each_commit: false,
        check_period_s: 1,
    };
    let volume = if content == Content::Empty { VolumeView::New } else { VolumeView::Used };
    let database = Some(DatabaseUuid(0xdb));
    let bolt = BoltView { incarnation: life(id), engine, role, content, database };
    InstanceView {
        pod: Reading::fresh(Some(pod(id))),
        bolt: Reading::fresh(bolt),
        contact: Contact::Answering,
        volume: Reading::fresh(volume),
    }
}

/// The answer of an instance that has one.
pub(crate) fn bolt(obs: &mut ClusterObservation, id: InstanceId) -> Option<&mut BoltView> {
    match &mut obs.instances.get_mut(&id)?.bolt {
        Reading::Known { value, .. } => Some(value),
        Reading::Unknown { .. } => None,
    }
}

/// The record, where there is one.
pub(crate) fn record(obs: &mut ClusterObservation) -> Option<&mut Record> {
    match &mut obs.record {
        Reading::Known { value, .. } => value.record_mut(),
        Reading::Unknown { .. } => None,
    }
}

fn edit(obs: &mut ClusterObservation, change: impl FnOnce(&mut Record)) {
    change(record(obs).expect("a base with a record"));
}

fn answer(obs: &mut ClusterObservation, id: InstanceId, change: impl FnOnce(&mut BoltView)) {
    change(bolt(obs, id).expect("a base in which it answers"));
}

/// The main is gone: its socket closed, its address refuses.
fn close(obs: &mut ClusterObservation, id: InstanceId) {
    let view = obs.instances.get_mut(&id).expect("an instance of the base");
    view.contact = Contact::Closed { since: Age::Fresh };
    if let Reading::Known { age, .. } = &mut view.bolt {
        *age = Age::Suspect;
    }
}

/// Steady in term 1: mg-0 is main, mg-1 votes, mg-2 follows; nothing is left to do.
fn settled() -> ClusterObservation {
    let (main, voter, third) = (mg(0), mg(1), mg(2));
    let proven = |id| Some(Proof { main: life(main), replica: life(id) });
    let record = Record {
        schema: SCHEMA,
        term: Term(1),
        stage: Stage::Steady,
        cause: Cause::Bootstrap,
        target: main,
        incarnation: life(main),
        members: BTreeMap::from([
            (voter, Member { votes: true, proof: proven(voter) }),
            (third, Member { votes: false, proof: proven(third) }),
        ]),
        before: None,
        former: BTreeSet::new(),
        resets: BTreeMap::new(),
        answered: None,
        accepted: None,
        ordered: None,
        durability: Durability::Required,
    };
    let rows = [(voter, even(SyncMode::StrictSync)), (third, even(SyncMode::Async))];
    ClusterObservation {
        desired: Desired::default(),
        leadership: Leadership {
            me: ControllerId(1),
            lease: LeaseView::Held,
            promotion: PromotionRight::Granted,
        },
        record: Reading::fresh(StoredRecord {
            version: Some(ResourceVersion(7)),
            content: RecordContent::Record(Box::new(record)),
        }),
        instances: BTreeMap::from([
            (main, instance(main, main_with(&rows), Content::Data)),
            (voter, instance(voter, RoleView::Replica, Content::Data)),
            (third, instance(third, RoleView::Replica, Content::Data)),
        ]),
        route: RouteView {
            handed_out: Route::Open { term: Term(1), main: at(main) },
            outstanding: BTreeSet::from([GatewayId(0)]),
            drain: Drain::Idle,
            witness: Witness::Silent,
        },
        memory: Memory::default(),
    }
}

/// The rows of mg-0, which is main.
pub(crate) fn with_rows(
    obs: &mut ClusterObservation,
    change: impl FnOnce(&mut BTreeMap<InstanceId, Row>),
) {
    if let Some(RoleView::Main { rows, .. }) = bolt(obs, mg(0)).map(|view| &mut view.role) {
        change(rows);
    }
}

/// The same in `fast`.
fn fast() -> ClusterObservation {
    let mut obs = settled();
    obs.desired.durability = Durability::Fast;
    record(&mut obs).expect("a record").durability = Durability::Fast;
    with_rows(&mut obs, |rows| rows.get_mut(&mg(1)).expect("a row").mode = SyncMode::Sync);
    obs
}

/// Nobody but the main answers, and its voter's proof has ended.
fn fast_left_alone() -> ClusterObservation {
    let mut obs = fast();
    for id in [mg(1), mg(2)] {
        obs.instances.get_mut(&id).expect("an instance").contact =
            Contact::Unreached { why: Why::Silent, since: Age::Expired };
        with_rows(&mut obs, |rows| {
            let row = rows.get_mut(&id).expect("a row");
            (row.state, row.since) = (RowState::Invalid, Age::Expired);
        });
    }
    let member = Member { votes: true, proof: None };
    record(&mut obs).expect("a record").members.insert(mg(1), member);
    obs
}

/// The main goes on alone.
fn fast_alone() -> ClusterObservation {
    let mut obs = fast_left_alone();
    let member = Member { votes: false, proof: None };
    record(&mut obs).expect("a record").members.insert(mg(1), member);
    obs
}

/// The same, and mg-2 is there and keeps up.
fn fast_vote_back() -> ClusterObservation {
    let mut obs = fast_alone();
    obs.instances.get_mut(&mg(2)).expect("an instance").contact = Contact::Answering;
    with_rows(&mut obs, |rows| {
        rows.insert(mg(2), even(SyncMode::Async));
        rows.remove(&mg(1));
    });
    obs
}

fn failover_begins() -> ClusterObservation {
    let mut obs = settled();
    close(&mut obs, mg(0));
    obs
}

fn withdraw(obs: &mut ClusterObservation) {
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
}

fn switchover_asked() -> ClusterObservation {
    let mut obs = settled();
    obs.desired.switchover = Some(SwitchoverRequest { id: RequestId(5), to: None });
    obs
}

fn own_commit(term: u32, main: InstanceId, replicas: &[InstanceId]) -> OwnCommit {
    OwnCommit {
        term: Term(term),
        main: life(main),
        replicas: replicas.iter().map(|id| (*id, life(*id))).collect(),
        drained: true,
        acknowledged: true,
    }
}

/// In a switchover: no transaction is open, and the candidate was proven since.
fn drained() -> ClusterObservation {
    let mut obs = switchover_asked();
    obs.route.handed_out = Route::Draining { term: Term(1), main: at(mg(0)) };
    obs.route.drain = Drain::Drained;
    obs.memory.commit = Some(own_commit(1, mg(0), &[mg(1), mg(2)]));
    obs
}

fn bootstrap() -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    obs.record = Reading::fresh(StoredRecord { version: None, content: RecordContent::Absent });
    for id in [mg(0), mg(1), mg(2)] {
        obs.instances.insert(id, instance(id, main_with(&[]), Content::Empty));
    }
    obs
}

fn bootstrap_intent() -> ClusterObservation {
    let empty = bootstrap();
    let mut obs = settled();
    withdraw(&mut obs);
    obs.instances = empty.instances;
    edit(&mut obs, |record| {
        record.stage = Stage::Intent;
        record.members.clear();
        record.former = BTreeSet::from([mg(1), mg(2)]);
    });
    obs
}

/// The intent to make mg-1 main in term 2, after mg-0.
fn moved(cause: Cause, stage: Stage) -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    edit(&mut obs, |record| {
        record.term = Term(2);
        record.stage = stage;
        record.cause = cause;
        record.target = mg(1);
        record.incarnation = life(mg(1));
        record.members.clear();
        record.before = Some(Before { main: mg(0), incarnation: life(mg(0)) });
        record.former = BTreeSet::from([mg(0)]);
    });
    obs
}

fn failover_intent() -> ClusterObservation {
    let mut obs = moved(Cause::Failover, Stage::Intent);
    close(&mut obs, mg(0));
    obs
}

fn switchover_intent() -> ClusterObservation {
    moved(Cause::Switchover { request: Some(RequestId(5)) }, Stage::Intent)
}

fn switchover_withdrawn() -> ClusterObservation {
    moved(Cause::Switchover { request: Some(RequestId(5)) }, Stage::Withdrawn)
}

fn withdrawn() -> ClusterObservation {
    let mut obs = moved(Cause::Failover, Stage::Withdrawn);
    close(&mut obs, mg(0));
    obs
}

fn promoted() -> ClusterObservation {
    let mut obs = withdrawn();
    answer(&mut obs, mg(1), |view| view.role = main_with(&[]));
    obs
}

fn registered() -> ClusterObservation {
    let mut obs = promoted();
    let row = (mg(2), even(SyncMode::StrictSync));
    answer(&mut obs, mg(1), |view| view.role = main_with(&[row]));
    let made = Registration {
        term: Term(2),
        main: life(mg(1)),
        replica: life(mg(2)),
        result: RegisterResult::Done,
        attempts: 1,
        branched: 0,
    };
    obs.memory.registered.insert(mg(2), made);
    obs
}

fn vote(record: &mut Record, id: InstanceId) {
    let proof = Some(Proof { main: record.incarnation, replica: life(id) });
    record.members.insert(id, Member { votes: true, proof });
}

fn attached() -> ClusterObservation {
    let mut obs = registered();
    edit(&mut obs, |record| {
        record.stage = Stage::Attached;
        record.before = None;
        vote(record, mg(2));
    });
    obs
}

fn committed() -> ClusterObservation {
    let mut obs = attached();
    obs.memory.commit = Some(own_commit(2, mg(1), &[mg(2)]));
    obs
}

fn reopening() -> ClusterObservation {
    let mut obs = committed();
    edit(&mut obs, |record| record.stage = Stage::Steady);
    obs
}

fn old_main_returns() -> ClusterObservation {
    let mut obs = reopening();
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), even(SyncMode::Async))];
    obs.instances.insert(mg(0), instance(mg(0), main_with(&rows), Content::Data));
    answer(&mut obs, mg(0), |view| view.incarnation = restarted(life(mg(0))));
    obs
}

fn main_restarted() -> ClusterObservation {
    let mut obs = settled();
    let invalid = |mode| Row { state: RowState::Invalid, ..even(mode) };
    answer(&mut obs, mg(0), |view| {
        view.incarnation = restarted(life(mg(0)));
        let rows = [(mg(1), invalid(SyncMode::StrictSync)), (mg(2), invalid(SyncMode::Async))];
        view.role = main_with(&rows);
    });
    obs
}

fn main_confirmed() -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    answer(&mut obs, mg(0), |view| view.incarnation = restarted(life(mg(0))));
    obs
}

fn power_lost() -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    answer(&mut obs, mg(0), |view| view.incarnation = rebooted(life(mg(0))));
    obs
}

fn tail_lost() -> ClusterObservation {
    let mut obs = power_lost();
    let ahead = Row { behind: 3, ..even(SyncMode::StrictSync) };
    let rows = [(mg(1), ahead), (mg(2), even(SyncMode::Async))];
    answer(&mut obs, mg(0), |view| view.role = main_with(&rows));
    obs
}

fn voter_restarted() -> ClusterObservation {
    let mut obs = settled();
    answer(&mut obs, mg(1), |view| view.incarnation = restarted(life(mg(1))));
    obs
}

fn phantom_row() -> ClusterObservation {
    let mut obs = settled();
    let phantom = Row { state: RowState::Phantom, ..even(SyncMode::Async) };
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), phantom)];
    answer(&mut obs, mg(0), |view| view.role = main_with(&rows));
    obs
}

fn main_made_replica() -> ClusterObservation {
    let mut obs = settled();
    answer(&mut obs, mg(0), |view| view.role = RoleView::Replica);
    obs
}

fn foreign_main() -> ClusterObservation {
    let mut obs = settled();
    answer(&mut obs, mg(2), |view| view.role = main_with(&[]));
    obs
}

fn standby() -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    obs.leadership.lease = LeaseView::Other(ControllerId(2));
    obs
}

/// A cluster that somebody built by hand.
fn unrecorded() -> ClusterObservation {
    let mut obs = settled();
    withdraw(&mut obs);
    obs.record = Reading::fresh(StoredRecord { version: None, content: RecordContent::Absent });
    obs
}
