//! When data is set aside, and when not: each condition alone is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use bases::{at, base, even, life, main_with, mg, record};
use ha_core::{
    action::Action,
    guard::{self, GUARDS, GuardId},
    ids::{Incarnation, InstanceId, Term, VolumeId},
    observation::{
        ClusterObservation, Contact, PodView, RegisterResult, Registration, Route, RowState,
        SyncMode,
    },
    plan,
    plan::Step,
    reading::{Age, Reading, Why},
    reason::{Reason, Recipe},
    record::{Aside, Record, Reset, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
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
    record.resets.insert(mg(2), Reset { volume, term: Term(1), by: None, restores: None });
    record.members.remove(&mg(2));
}

/// What rule A40 says of mg-2, whatever other rules say: its steps, and what it waits for.
fn said(obs: &ClusterObservation) -> (Vec<Action>, Option<Reason>) {
    said_of(obs, mg(2))
}

fn said_of(obs: &ClusterObservation, id: InstanceId) -> (Vec<Action>, Option<Reason>) {
    match RuleId::A40.rule().judge {
        Judge::Each(judge) => match judge(&Situation::of(obs), id) {
            Verdict::Act(actions, _) => (actions, None),
            Verdict::Hold(reason) | Verdict::Stop(reason) => (Vec::new(), Some(reason)),
            Verdict::Pass => (Vec::new(), None),
        },
        Judge::Once(_) => panic!("it is judged of each instance"),
    }
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
    let expected = Reset { volume: life(mg(2)).volume, term: Term(1), by: None, restores: None };
    assert_eq!(record.resets.get(&mg(2)), Some(&expected));
    assert_eq!(record.proof(mg(2)), None);
}

/// It is demoted, and the voter's proof stands.
#[test]
fn what_begins_anew_is_a_main_by_order() {
    let mut obs = branched();
    let ordered = written(&said(&obs).0).clone();
    let proof = ordered.proof(mg(1)).copied();
    *record(&mut obs).expect("a record") = ordered;
    let view = bases::bolt(&mut obs, mg(2)).expect("an answer");
    view.incarnation = Incarnation { volume: OTHER, ..bases::restarted(view.incarnation) };
    view.role = main_with(&[]);
    let plan = plan(&obs);
    let demotes = |step: &Step| matches!(step.action, Action::Demote { on, .. } if on.id == mg(2));
    assert!(plan.steps.iter().any(demotes), "{plan}");
    assert!(proof.is_some() && plan.steps.iter().all(|step| step.rule != RuleId::F50), "{plan}");
}

/// It is a replica with its old data yet, whatever reign comes between.
#[test]
fn a_new_reign_remembers_who_is_to_begin_anew() {
    for is_ordered in [true, false] {
        let mut obs = base("committed");
        // The old main is there again, as a replica.
        let mut view = obs.instances[&mg(2)].clone();
        let pod = view.pod.known().copied().flatten().expect("a pod");
        view.pod = Reading::fresh(Some(PodView { uid: life(mg(0)).pod, ..pod }));
        obs.instances.insert(mg(0), view);
        bases::bolt(&mut obs, mg(0)).expect("an answer").incarnation = life(mg(0));
        let it = record(&mut obs).expect("a record");
        it.former.insert(mg(0));
        if is_ordered {
            let (volume, term) = (life(mg(0)).volume, it.term);
            it.resets.insert(mg(0), Reset { volume, term, by: None, restores: None });
        }
        let plan = plan(&obs);
        let mut steps = plan.steps.iter().filter(|step| step.rule == RuleId::V30);
        let Some(Step { action: Action::WriteRecord { record, .. }, .. }) = steps.next() else {
            panic!("the reign is not steady: {plan}");
        };
        assert_eq!(record.former.contains(&mg(0)), is_ordered, "{plan}");
    }
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
fn a_pod_that_is_to_go_already_is_waited_for() {
    let mut obs = branched();
    order(&mut obs, life(mg(2)).volume);
    let view = obs.instances.get_mut(&mg(2)).expect("an instance");
    let pod = view.pod.known().copied().flatten().expect("a pod");
    view.pod = Reading::fresh(Some(PodView { deleting: true, ..pod }));
    assert_eq!(said(&obs), (Vec::new(), Some(Reason::ResetOrdered(mg(2)))));
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
    let drops = |step: &Step| {
        step.rule == RuleId::A20
            && matches!(step.action, Action::Drop { replica, .. } if replica == mg(2))
    };
    for state in [RowState::Diverged, RowState::Invalid] {
        let mut obs = branched();
        order(&mut obs, OTHER);
        let mut row = even(SyncMode::Async);
        row.state = state;
        let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
        bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
        let plan = plan(&obs);
        assert!(plan.steps.iter().any(drops), "{plan}");
        assert_eq!(said(&obs), (Vec::new(), None));
    }
}

#[test]
fn one_main_orders_it_once() {
    let mut obs = branched();
    order(&mut obs, OTHER);
    // The new data was refused twice as well.
    let made = Registration {
        term: Term(1),
        main: life(mg(0)),
        replica: life(mg(2)),
        result: RegisterResult::Branched,
        attempts: 2,
        branched: 2,
    };
    obs.memory.registered.insert(mg(2), made);
    assert_eq!(said(&obs), (Vec::new(), Some(Reason::ResetInVain(mg(2)))));
    // What a person put back is told as such, and is left to people.
    let set = |obs: &mut ClusterObservation, restores| {
        let record = record(obs).expect("a record");
        record.resets.values_mut().for_each(|reset| reset.restores = restores);
    };
    set(&mut obs, Some(Aside::Latest));
    let (actions, reason) = said(&obs);
    assert_eq!((actions, &reason), (Vec::new(), &Some(Reason::PutBackBranched(mg(2)))));
    assert_eq!(reason.and_then(|reason| reason.recipe()), Some(Recipe::DataReset));
    set(&mut obs, None);
    // In another reign it is ordered again.
    record(&mut obs).expect("a record").resets.values_mut().for_each(|it| it.term = Term(0));
    assert_eq!(written(&said(&obs).0).resets[&mg(2)].volume, life(mg(2)).volume);
}

#[test]
fn two_refusals_tell_as_much_as_the_row() {
    let mut obs = base("settled");
    let mut made = Registration {
        term: Term(1),
        main: life(mg(0)),
        replica: life(mg(2)),
        result: RegisterResult::Branched,
        attempts: 2,
        branched: 1,
    };
    obs.memory.registered.insert(mg(2), made);
    assert_eq!(said(&obs), (Vec::new(), None));
    made.branched = 2;
    obs.memory.registered.insert(mg(2), made);
    assert!(written(&said(&obs).0).resets.contains_key(&mg(2)));
}

/// mg-1 is promoted and was left by its voter; mg-0, the main before, branched off, and mg-2 is gone.
fn alone() -> ClusterObservation {
    let mut obs = branched();
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
    let record = record(&mut obs).expect("a record");
    record.stage = Stage::Withdrawn;
    record.members.clear();
    silence(&mut obs, mg(1), Age::Suspect);
    obs
}

fn silence(obs: &mut ClusterObservation, id: InstanceId, since: Age) {
    let view = obs.instances.get_mut(&id).expect("an instance");
    view.contact = Contact::Unreached { why: Why::Silent, since };
}

#[test]
fn before_anybody_votes_whoever_is_gone_is_not_waited_for() {
    let obs = alone();
    assert_eq!(said(&obs), (Vec::new(), Some(Reason::ResetWaits(mg(2)))));
    let mut gone = obs;
    silence(&mut gone, mg(1), Age::Expired);
    assert!(written(&said(&gone).0).resets.contains_key(&mg(2)));
    // Whoever comes back while that goes on does not change it, but is not set aside as well.
    let mut both = alone();
    order(&mut both, life(mg(2)).volume);
    let mut row = even(SyncMode::StrictSync);
    row.state = RowState::Diverged;
    let rows = [(mg(1), row)];
    bases::bolt(&mut both, mg(0)).expect("an answer").role = main_with(&rows);
    both.instances.get_mut(&mg(1)).expect("an instance").contact = Contact::Answering;
    assert!(matches!(said(&both).0[..], [Action::SetAside { .. }]));
    assert_eq!(said_of(&both, mg(1)), (Vec::new(), Some(Reason::ResetWaits(mg(1)))));
}

#[test]
fn who_does_not_want_it_is_told() {
    let mut obs = branched();
    obs.desired.sets_aside = false;
    let (actions, reason) = said(&obs);
    assert!(actions.is_empty(), "{actions:?}");
    assert_eq!(reason.and_then(|reason| reason.recipe()), Some(Recipe::DataReset));
}

#[test]
fn an_order_ends_with_a_proof() {
    let mut obs = base("settled");
    let ends =
        |obs: &ClusterObservation| plan(obs).steps.iter().any(|step| step.rule == RuleId::V60);
    record(&mut obs)
        .expect("a record")
        .resets
        .insert(mg(2), Reset { volume: OTHER, term: Term(1), by: None, restores: None });
    assert!(ends(&obs));
    record(&mut obs).expect("a record").members.remove(&mg(2));
    assert!(!ends(&obs));
}

#[test]
fn nothing_is_set_aside_before_the_reign_is_steady() {
    let mut obs = branched();
    record(&mut obs).expect("a record").stage = Stage::Attached;
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
    assert_eq!(said(&obs), (Vec::new(), Some(Reason::ResetWaits(mg(2)))));
}

#[test]
fn a_voter_is_never_set_aside() {
    let mut obs = branched();
    let record = record(&mut obs).expect("a record");
    for (id, member) in &mut record.members {
        member.votes = *id == mg(2);
    }
    assert_eq!(said(&obs), (Vec::new(), Some(Reason::VoterBranched(mg(2)))));
}

#[test]
fn a_main_that_is_not_proven_orders_nothing() {
    let mut obs = branched();
    bases::bolt(&mut obs, mg(0)).expect("an answer").incarnation = bases::restarted(life(mg(0)));
    assert_eq!(said(&obs), (Vec::new(), None));
}

/// The guards that refuse this action.
fn refused(obs: &ClusterObservation, action: &Action) -> Vec<GuardId> {
    let seen = guard::Seen::first(obs);
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
        let reset = Reset { volume: life(mg(id)).volume, term: Term(1), by: None, restores: None };
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
    // Another volume than the one that answered; another reign; the voter as well.
    assert!(refuses(&branched(), |record| {
        record.resets.values_mut().for_each(|reset| reset.volume = OTHER);
    }));
    assert!(refuses(&branched(), |record| {
        record.resets.values_mut().for_each(|reset| reset.term = Term(7));
    }));
    assert!(refuses(&branched(), |record| {
        let reset = record.resets[&mg(2)];
        record.resets.insert(mg(1), Reset { volume: life(mg(1)).volume, ..reset });
    }));
    // Nor a second time in one reign.
    let mut again = branched();
    self::order(&mut again, OTHER);
    assert!(refuses(&again, |_| {}));
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
    // Nor before whoever began anew is proven.
    let mut begun = base("settled");
    self::order(&mut begun, OTHER);
    let version = begun.record.known().and_then(|stored| stored.version);
    let ends = |record: Record| Action::WriteRecord {
        expected: version,
        record: Box::new(record),
        reads_target: false,
    };
    let mut over = bases::record(&mut begun).expect("a record").clone();
    over.resets.clear();
    assert!(refused(&begun, &ends(over)).contains(&GuardId::ResetsAreEarned));
    let mut proven = base("settled");
    self::order(&mut proven, OTHER);
    let members = bases::record(&mut base("settled")).expect("a record").members.clone();
    bases::record(&mut proven).expect("a record").members.clone_from(&members);
    let mut over = bases::record(&mut proven).expect("a record").clone();
    over.resets.clear();
    assert!(!refused(&proven, &ends(over)).contains(&GuardId::ResetsAreEarned));
}

#[test]
fn the_guard_lets_one_begin_anew_before_anybody_votes() {
    let mut obs = alone();
    silence(&mut obs, mg(1), Age::Expired);
    let actions = said(&obs).0;
    assert_eq!(refused(&obs, &actions[0]), []);
    let mut both = written(&actions).clone();
    let reset = both.resets[&mg(2)];
    both.resets.insert(mg(1), Reset { volume: life(mg(1)).volume, ..reset });
    let mut row = even(SyncMode::Async);
    row.state = RowState::Diverged;
    let rows = [(mg(1), row.clone()), (mg(2), row)];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    obs.instances.get_mut(&mg(1)).expect("an instance").contact = Contact::Answering;
    let expected = obs.record.known().and_then(|stored| stored.version);
    let write = Action::WriteRecord { expected, record: Box::new(both), reads_target: false };
    assert!(refused(&obs, &write).contains(&GuardId::ResetsAreEarned));
    // While somebody may answer yet, nobody begins anew.
    let mut obs = alone();
    silence(&mut obs, mg(1), Age::Suspect);
    assert!(refused(&obs, &actions[0]).contains(&GuardId::ResetsAreEarned));
}
