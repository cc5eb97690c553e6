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
        Known, Node, Obeys, RECORDS, Role, STATES, STEPS, Topology, broken, broken_by,
        broken_record,
    },
    observation::{RecordContent, SyncMode},
    record::{Member, Record, Stage},
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
fn only(found: Vec<ha_core::invariants::Violation>, name: &str) {
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
