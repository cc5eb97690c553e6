//! Every invariant holds in a sound cluster and breaks by one changed fact.

#[path = "common/bases.rs"]
mod bases;

use bases::base;
use ha_core::{
    action::Action,
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    invariants::{
        Known, Node, Obeys, RECORDS, Role, STATES, STEPS, Topology, Violation, broken, broken_by,
        broken_record,
    },
    observation::{RecordContent, SyncMode},
    record::{Cause, Member, Record, Reset, Stage},
};
use std::collections::BTreeMap;

fn life(n: u128) -> Incarnation {
    Incarnation { pod: PodUid(n), start: StartId(n), boot: BootId(n), volume: VolumeId(n) }
}

fn at(n: u8) -> InstanceRef {
    InstanceRef { id: InstanceId(n), incarnation: life(n.into()) }
}

fn record() -> Record {
    let stored = base("settled").record.known().cloned().expect("a settled base has a record");
    let RecordContent::Record(record) = stored.content else {
        panic!("a settled base is recorded")
    };
    let voter = Member { votes: true, proof: None };
    Record {
        target: InstanceId(0),
        incarnation: life(0),
        members: BTreeMap::from([(InstanceId(1), voter)]),
        ..*record
    }
}

/// mg-0 is main of two replicas and routed to.
fn sound() -> Topology {
    let node = |n: u8| Node {
        incarnation: Some(life(n.into())),
        role: if n == 0 { Role::Main } else { Role::Replica },
        obeys: if n == 0 { Obeys::Nobody } else { Obeys::Instance(InstanceId(0)) },
        rows: BTreeMap::new(),
        addressed: true,
        holds_data: true,
        complete: Known::Yes,
    };
    let mut t = Topology {
        record: Some(record()),
        instances: (0..3).map(|n| (InstanceId(n), node(n))).collect(),
        forwards: BTreeMap::from([(GatewayId(0), (record().term, at(0)))]),
    };
    change(&mut t, 0).rows = BTreeMap::from([
        (InstanceId(1), (SyncMode::StrictSync, true)),
        (InstanceId(2), (SyncMode::Async, true)),
    ]);
    t
}

fn change(t: &mut Topology, n: u8) -> &mut Node {
    t.instances.get_mut(&InstanceId(n)).expect("one of three")
}

fn register(on: u8, replica: u8) -> Action {
    let term = record().term;
    Action::Register { on: at(on), replica: at(replica), mode: SyncMode::Async, term }
}

fn promote(n: u8) -> Action {
    Action::Promote { on: at(n), term: record().term }
}

/// The one invariant that `found` names.
fn only(found: Vec<Violation>, name: &str) {
    let names: Vec<_> = found.iter().map(|violation| violation.invariant.as_str()).collect();
    assert_eq!(names, vec![name], "{found:?}");
}

#[test]
fn states() {
    assert_eq!(STATES.len(), 3, "a new invariant needs its case here");
    assert_eq!(broken(&sound()), vec![]);

    let mut t = sound();
    change(&mut t, 2).obeys = Obeys::Instance(InstanceId(1));
    only(broken(&t), "one-main-per-replica");

    let mut t = sound();
    let stale = t.record.as_ref().map_or(Term(0), |record| record.term);
    t.record = t.record.map(|r| Record { term: stale.next(), stage: Stage::Intent, ..r });
    t.forwards.insert(GatewayId(1), (stale, at(1)));
    only(broken(&t), "one-routed-main");

    let mut t = sound();
    t.forwards = BTreeMap::from([(GatewayId(0), (record().term, at(1)))]);
    only(broken(&t), "gateway-routes-only-to-target-main");
}

#[test]
fn steps() {
    assert_eq!(STEPS.len(), 8, "a new invariant needs its case here");
    assert_eq!(broken_by(&sound(), &register(0, 2)), vec![]);

    let mut t = sound();
    change(&mut t, 0).addressed = false;
    only(broken_by(&t, &register(0, 2)), "no-empty-address");
    only(broken_by(&sound(), &register(1, 2)), "dual-main-guard");

    let mut t = sound();
    change(&mut t, 2).role = Role::Main;
    only(broken_by(&t, &register(0, 2)), "demote-before-register");

    let drop = Action::Drop { on: at(0), replica: InstanceId(1), term: record().term };
    only(broken_by(&sound(), &drop), "never-drop-sync");

    let mut t = sound();
    t.forwards.clear();
    assert_eq!(broken_by(&t, &drop), vec![]);
    only(broken_by(&t, &promote(1)), "intent-precedes-promotion");

    t.record = t.record.map(|r| Record { stage: Stage::Withdrawn, target: InstanceId(1), ..r });
    assert_eq!(broken_by(&t, &promote(1)), vec![]);
    change(&mut t, 1).complete = Known::No;
    only(broken_by(&t, &promote(1)), "promote-only-caught-up");
    change(&mut t, 1).complete = Known::Yes;
    t.forwards.insert(GatewayId(0), (record().term, at(0)));
    only(broken_by(&t, &promote(1)), "gateway-fencing");

    let first =
        Action::WriteRecord { expected: None, record: Box::new(record()), reads_target: false };
    let mut t = Topology { record: None, ..sound() };
    only(broken_by(&t, &first), "bootstrap-refuses-ambiguity");
    (0..3).for_each(|n| change(&mut t, n).holds_data = false);
    assert_eq!(broken_by(&t, &first), vec![]);
}

#[test]
fn records() {
    assert_eq!(RECORDS.len(), 2, "a new invariant needs its case here");
    let old = record();
    let next = Record { term: old.term.next(), stage: Stage::Intent, ..old.clone() };
    assert_eq!(broken_record(Some(&old), &next), vec![]);
    only(
        broken_record(Some(&next), &Record { stage: Stage::Intent, ..old.clone() }),
        "term-never-falls",
    );
    let hasty = Record { stage: Stage::Steady, ..next };
    only(broken_record(Some(&old), &hasty), "intent-before-effect");
}

/// What is different in a sound cluster, and the invariants that are broken then.
type Fact = (&'static str, fn(&mut Topology), &'static [&'static str]);

fn each_fact_counts(facts: &[Fact], found: impl Fn(&Topology) -> Vec<Violation>) {
    for (what, change, names) in facts {
        let mut t = sound();
        change(&mut t);
        let found = found(&t);
        let broken: Vec<_> = found.iter().map(|it| it.invariant.as_str()).collect();
        assert_eq!(broken, *names, "{what}: {found:?}");
    }
}

fn stored(t: &mut Topology) -> &mut Record {
    t.record.as_mut().expect("a sound cluster is recorded")
}

/// mg-2 is registered on mg-0 and obeys mg-1.
fn stray(t: &mut Topology) {
    change(t, 2).obeys = Obeys::Instance(InstanceId(1));
}

#[test]
fn a_replica_that_obeys_another_main() {
    each_fact_counts(
        &[
            ("as it is", stray, &["one-main-per-replica"]),
            (
                "the reign is not steady",
                |t| {
                    stray(t);
                    stored(t).stage = Stage::Attached;
                },
                &[],
            ),
            (
                "the target restarted",
                |t| {
                    stray(t);
                    change(t, 0).incarnation = Some(life(9));
                },
                &[],
            ),
            (
                "the target is down, and was main in its recorded life",
                |t| {
                    stray(t);
                    change(t, 0).role = Role::Down;
                },
                &[],
            ),
            (
                "its data is set aside, and it is not proven yet",
                |t| {
                    stray(t);
                    let (volume, term) = (VolumeId(7), record().term);
                    let reset = Reset { volume, term, by: None, restores: None };
                    stored(t).resets.insert(InstanceId(2), reset);
                },
                &[],
            ),
            (
                "its main is not in touch with it",
                |t| {
                    stray(t);
                    change(t, 0).rows.insert(InstanceId(2), (SyncMode::Async, false));
                },
                &[],
            ),
        ],
        broken,
    );
}

/// A second gateway that forwards to that instance in that term.
fn forward(t: &mut Topology, term: Term, to: u8) {
    t.forwards.insert(GatewayId(1), (term, at(to)));
}

#[test]
fn a_gateway_that_forwards() {
    const ELSEWHERE: &str = "gateway-routes-only-to-target-main";
    each_fact_counts(
        &[
            ("to the main, as another one does", |t| forward(t, record().term, 0), &[]),
            (
                "to another one than another gateway",
                |t| forward(t, record().term, 1),
                &["one-routed-main", ELSEWHERE],
            ),
            (
                "to the main before, until the intent is followed by its withdrawal",
                |t| {
                    stored(t).term = record().term.next();
                    stored(t).stage = Stage::Intent;
                    stored(t).target = InstanceId(1);
                },
                &[],
            ),
            (
                "to the main before, after the withdrawal",
                |t| {
                    stored(t).term = record().term.next();
                    stored(t).stage = Stage::Withdrawn;
                    stored(t).target = InstanceId(1);
                },
                &[ELSEWHERE],
            ),
            (
                "to the main before, in the term of the intent",
                |t| {
                    stored(t).stage = Stage::Intent;
                    stored(t).target = InstanceId(1);
                },
                &[ELSEWHERE],
            ),
        ],
        broken,
    );
}

#[test]
fn a_promotion_without_its_record() {
    fn withdrawn(t: &mut Topology) {
        t.forwards.clear();
        stored(t).stage = Stage::Withdrawn;
        stored(t).target = InstanceId(1);
    }
    const UNRECORDED: &[&str] = &["intent-precedes-promotion"];
    each_fact_counts(
        &[
            ("as it should be", withdrawn, &[]),
            (
                "it is of another term",
                |t| {
                    withdrawn(t);
                    stored(t).term = record().term.next();
                },
                UNRECORDED,
            ),
            (
                "another target is recorded",
                |t| {
                    withdrawn(t);
                    stored(t).target = InstanceId(2);
                },
                UNRECORDED,
            ),
            (
                "it is not recorded that nobody forwards",
                |t| {
                    withdrawn(t);
                    stored(t).stage = Stage::Intent;
                },
                UNRECORDED,
            ),
        ],
        |t| broken_by(t, &promote(1)),
    );
}

#[test]
fn a_record_where_there_is_data() {
    let write = |cause| {
        let record = Box::new(Record { cause, ..record() });
        Action::WriteRecord { expected: None, record, reads_target: false }
    };
    const AMBIGUOUS: &[&str] = &["bootstrap-refuses-ambiguity"];
    each_fact_counts(
        &[
            ("it is the first of one main that all others follow", |t| t.record = None, &[]),
            (
                "it is the first, and there are two mains",
                |t| {
                    t.record = None;
                    change(t, 2).role = Role::Main;
                },
                AMBIGUOUS,
            ),
            (
                "there are two mains, and it is not the first",
                |t| change(t, 2).role = Role::Main,
                &[],
            ),
        ],
        |t| broken_by(t, &write(Cause::Adoption)),
    );
    each_fact_counts(
        &[
            ("it is the first of an empty cluster", |t| t.record = None, AMBIGUOUS),
            ("it is not the first", |_| {}, &[]),
        ],
        |t| broken_by(t, &write(Cause::Bootstrap)),
    );
}

#[test]
fn another_target_means_another_term() {
    let old = record();
    let goes_on = Record { stage: Stage::Steady, ..old.clone() };
    assert_eq!(broken_record(Some(&old), &goes_on), vec![]);
    let moved = Record { target: InstanceId(1), ..old.clone() };
    only(broken_record(Some(&old), &moved), "term-never-falls");
}
