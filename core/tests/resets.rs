//! When data is set aside, and when not: each condition alone is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use bases::{at, base, even, life, main_with, mg, record};
use ha_core::{
    action::Action,
    guard::{self, GUARDS, GuardId},
    ids::VolumeId,
    observation::{ClusterObservation, Route, RowState, SyncMode},
    plan,
    plan::Step,
    record::{Record, Reset, Stage},
    rules::RuleId,
};

const OTHER: VolumeId = VolumeId(0xee);

/// mg-0 is main, mg-1 votes, and the row of mg-2 says diverged.
fn branched() -> ClusterObservation {
    let mut obs = base("settled");
    let mut row = even(SyncMode::Async);
    row.state = RowState::Diverged;
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    obs
}

fn order(obs: &mut ClusterObservation, volume: VolumeId) {
    let record = record(obs).expect("a record");
    let main = record.incarnation;
    record.resets.insert(mg(2), Reset { volume, main });
    record.members.remove(&mg(2));
}

/// What rule A40 says: its steps, and the rules that hold.
fn said(obs: &ClusterObservation) -> (Vec<Action>, Vec<String>) {
    let plan = plan(obs);
    assert!(plan.vetoes.is_empty(), "{plan}");
    let steps = plan.steps.iter().filter(|step| step.rule == RuleId::A40);
    let holds = plan.holds.iter().filter(|hold| hold.rule == RuleId::A40);
    (steps.map(|step| step.action.clone()).collect(), holds.map(ToString::to_string).collect())
}

fn written(actions: &[Action]) -> &Record {
    match actions {
        [Action::WriteRecord { record, .. }] => record,
        other => panic!("a write of the record was expected, found {other:?}"),
    }
}

#[test]
fn the_record_says_so_first() {
    let (actions, _) = said(&branched());
    let record = written(&actions);
    let expected = Reset { volume: life(mg(2)).volume, main: life(mg(0)) };
    assert_eq!(record.resets.get(&mg(2)), Some(&expected));
    assert_eq!(record.proof(mg(2)), None);
}

#[test]
fn then_its_pod_ends_however_often_that_takes() {
    let mut obs = branched();
    order(&mut obs, life(mg(2)).volume);
    let (actions, _) = said(&obs);
    let term = record(&mut obs).expect("a record").term;
    assert_eq!(actions, [Action::SetAside { on: at(mg(2)), term }]);
    // Also where nobody remembers how it branched off.
    let rows = [(mg(1), even(SyncMode::StrictSync))];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    assert_eq!(said(&obs).0, actions);
}

#[test]
fn what_is_ordered_is_not_registered() {
    let mut obs = branched();
    order(&mut obs, life(mg(2)).volume);
    let rows = [(mg(1), even(SyncMode::StrictSync))];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    let registers = |step: &Step| matches!(step.action, Action::Register { .. });
    assert!(!plan(&obs).steps.iter().any(registers));
}

#[test]
fn a_row_of_data_that_was_set_aside_is_cleared_and_not_believed() {
    let mut obs = branched();
    order(&mut obs, OTHER);
    let plan = plan(&obs);
    let drops = |step: &Step| {
        step.rule == RuleId::A20
            && matches!(step.action, Action::Drop { replica, .. } if replica == mg(2))
    };
    assert!(plan.steps.iter().any(drops), "{plan}");
    assert!(said(&obs).0.is_empty());
}

#[test]
fn nothing_is_set_aside_before_the_reign_is_steady() {
    let mut obs = branched();
    record(&mut obs).expect("a record").stage = Stage::Attached;
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
    let (actions, holds) = said(&obs);
    assert!(actions.is_empty() && holds.len() == 1, "{actions:?} {holds:?}");
}

#[test]
fn a_voter_is_never_set_aside() {
    let mut obs = branched();
    let record = record(&mut obs).expect("a record");
    for (id, member) in &mut record.members {
        member.votes = *id == mg(2);
    }
    let (actions, _) = said(&obs);
    assert!(actions.is_empty(), "{actions:?}");
}

#[test]
fn a_main_that_is_not_proven_orders_nothing() {
    let mut obs = branched();
    bases::bolt(&mut obs, mg(0)).expect("an answer").incarnation = bases::restarted(life(mg(0)));
    assert!(said(&obs).0.is_empty());
}

/// The guards that refuse this action.
fn refused(obs: &ClusterObservation, action: &Action) -> Vec<GuardId> {
    let seen = guard::Seen { observation: obs, route: obs.route.handed_out };
    GUARDS.iter().filter(|guard| !(guard.allows)(&seen, action)).map(|guard| guard.id).collect()
}

#[test]
fn the_guard_lets_only_what_is_recorded_be_set_aside() {
    let mut obs = branched();
    let term = record(&mut obs).expect("a record").term;
    let set_aside = |id| Action::SetAside { on: at(mg(id)), term };
    assert_eq!(refused(&obs, &set_aside(2)), [GuardId::ResetIsRecorded]);
    order(&mut obs, life(mg(2)).volume);
    assert_eq!(refused(&obs, &set_aside(2)), []);
    for id in [0, 1] {
        assert!(refused(&obs, &set_aside(id)).contains(&GuardId::ResetIsRecorded), "mg-{id}");
        let main = life(mg(0));
        let reset = Reset { volume: life(mg(id)).volume, main };
        record(&mut obs).expect("a record").resets.insert(mg(id), reset);
        assert!(refused(&obs, &set_aside(id)).contains(&GuardId::ResetIsRecorded), "mg-{id}");
    }
}

#[test]
fn the_guard_lets_only_what_branched_off_be_ordered() {
    let order = |obs: &ClusterObservation, change: fn(&mut Record)| {
        let actions = said(&branched()).0;
        let mut record = written(&actions).clone();
        change(&mut record);
        let expected = obs.record.known().and_then(|stored| stored.version);
        Action::WriteRecord { expected, record: Box::new(record), reads_target: false }
    };
    let refuses = |obs: &ClusterObservation, change| {
        refused(obs, &order(obs, change)).contains(&GuardId::ResetsAreEarned)
    };
    assert!(!refuses(&branched(), |_| {}));
    // Its row is even: it did not branch off.
    assert!(refuses(&base("settled"), |_| {}));
    // Another volume than the one that answered; another main; the voter as well.
    assert!(refuses(&branched(), |record| {
        record.resets.values_mut().for_each(|reset| reset.volume = OTHER);
    }));
    assert!(refuses(&branched(), |record| {
        record.resets.values_mut().for_each(|reset| reset.main = life(mg(1)));
    }));
    assert!(refuses(&branched(), |record| {
        let reset = record.resets[&mg(2)];
        record.resets.insert(mg(1), Reset { volume: life(mg(1)).volume, ..reset });
    }));
    // An order is not taken back while its data may still count for nothing.
    let mut ordered = branched();
    let actions = said(&ordered).0;
    *record(&mut ordered).expect("a record") = written(&actions).clone();
    let mut taken_back = written(&actions).clone();
    taken_back.resets.clear();
    let expected = ordered.record.known().and_then(|stored| stored.version);
    let record = Box::new(taken_back);
    let write = Action::WriteRecord { expected, record, reads_target: false };
    assert!(refused(&ordered, &write).contains(&GuardId::ResetsAreEarned));
}
