//! Instances that refuse a login, are of a version without support, are older copies of themselves,
//! or are beyond the size of the cluster: what follows, each condition taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/said.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod said;

use bases::{BASES, base, bolt, even, life, main_with, mg, record};
use ha_core::{
    action::Action,
    desired::Durability,
    guard::{GUARDS, GuardId, Seen},
    history::{History, Sample},
    ids::InstanceId,
    observation::{
        ClusterObservation, Contact, Container, EngineVersion, PodView, Route, Row, RowState,
        SyncMode, Witness,
    },
    plan,
    plan::Step,
    reading::{Age, Why},
    reason::{Reason, Recipe, Unfit, VoteLoss},
    record::{Cause, Proof},
    rules::RuleId,
};
use said::steps;
use std::collections::BTreeSet;

fn unreached(obs: &mut ClusterObservation, id: InstanceId, why: Why, since: Age) {
    obs.instances.get_mut(&id).expect("an instance").contact = Contact::Unreached { why, since };
    obs.route.witness = Witness::Silent;
}

fn holds(obs: &ClusterObservation, rule: RuleId) -> Vec<Reason> {
    let holds = plan(obs).holds.into_iter();
    holds.filter(|hold| hold.rule == rule).map(|hold| hold.reason).collect()
}

fn downgrade(obs: &mut ClusterObservation, id: InstanceId) {
    bolt(obs, id).expect("an answer").engine.version = EngineVersion { major: 3, minor: 7 };
}

#[test]
fn a_main_that_refuses_the_login_is_not_lost() {
    let mut obs = base("settled");
    unreached(&mut obs, mg(0), Why::Unauthorized, Age::Expired);
    assert_eq!(plan(&obs).steps, []);
    let why = Why::Unauthorized;
    assert_eq!(holds(&obs, RuleId::X05), [Reason::MainUnheard { main: mg(0), why }]);
    unreached(&mut obs, mg(0), Why::Silent, Age::Expired);
    assert!(!steps(&obs, RuleId::E10).is_empty(), "silence is a loss");
    assert_eq!(holds(&obs, RuleId::X05), []);
}

#[test]
fn a_main_that_is_silent_and_not_lost_is_named() {
    for (since, witness) in [(Age::Suspect, Witness::Silent), (Age::Expired, Witness::Hears)] {
        let mut obs = base("settled");
        unreached(&mut obs, mg(0), Why::Silent, since);
        obs.route.witness = witness;
        assert_eq!(plan(&obs).steps, []);
        let why = Why::Silent;
        assert_eq!(holds(&obs, RuleId::X05), [Reason::MainUnheard { main: mg(0), why }]);
    }
    assert_eq!(holds(&base("settled"), RuleId::X05), []);
}

#[test]
fn a_move_to_who_refuses_the_login_goes_back() {
    let mut obs = base("switchover-intent");
    let target = record(&mut obs).expect("a record").target;
    unreached(&mut obs, target, Why::Unauthorized, Age::Suspect);
    assert_eq!(steps(&obs, RuleId::E60), [], "it may answer yet");
    unreached(&mut obs, target, Why::Unauthorized, Age::Expired);
    let steps = steps(&obs, RuleId::E60);
    let Some(Action::WriteRecord { record, .. }) = steps.last().map(|step| &step.action) else {
        panic!("a way back was expected, found {steps:?}")
    };
    assert_eq!((record.cause, record.target), (Cause::Return, mg(0)));
}

#[test]
fn a_target_that_is_main_before_its_time_asks_for_a_person() {
    let mut obs = base("failover-intent");
    let target = record(&mut obs).expect("a record").target;
    bolt(&mut obs, target).expect("an answer").role = main_with(&[]);
    let held = holds(&obs, RuleId::E70);
    assert!(matches!(held[..], [Reason::TargetWaits { why: Unfit::NotReplica, .. }]), "{held:?}");
    assert_eq!(held[0].recipe(), Some(Recipe::LossAccepted));
}

#[test]
fn a_voter_without_support_is_no_candidate() {
    let mut obs = base("failover-begins");
    let intent = steps(&obs, RuleId::E10).pop().expect("an intent").action;
    downgrade(&mut obs, mg(1));
    assert_eq!(steps(&obs, RuleId::E10), []);
    let held = holds(&obs, RuleId::E15);
    assert!(matches!(held[..], [Reason::NoCandidate { why: Unfit::Engine, .. }]), "{held:?}");
    let guard = GUARDS.iter().find(|guard| guard.id == GuardId::CandidateIsProven).unwrap();
    let refused = |obs: &ClusterObservation| {
        let seen = Seen::first(obs);
        !(guard.allows)(&seen, &intent)
    };
    assert!(refused(&obs));
    assert!(!refused(&base("failover-begins")));
}

#[test]
fn a_voter_without_support_takes_nothing_over_from_a_main_that_lost_its_tail() {
    let mut obs = base("tail-lost");
    assert!(!steps(&obs, RuleId::E20).is_empty());
    downgrade(&mut obs, mg(1));
    assert_eq!(plan(&obs).steps, []);
    let held = holds(&obs, RuleId::E35);
    assert!(matches!(held[..], [Reason::MainUnproven { state: Some(_), .. }]), "{held:?}");
}

#[test]
fn the_vote_leaves_a_voter_without_support() {
    let mut obs = base("settled");
    assert_eq!(steps(&obs, RuleId::E45), []);
    downgrade(&mut obs, mg(1));
    let loss = VoteLoss::Unsupported;
    let expected = Reason::VoterLost { voter: mg(1), loss, to: mg(2) };
    assert_eq!(steps(&obs, RuleId::E45)[0].reason, expected);
    downgrade(&mut obs, mg(2));
    assert_eq!(steps(&obs, RuleId::E45), [], "nobody may take it");
    assert_eq!(holds(&obs, RuleId::X20), [Reason::NobodyToVote { voter: mg(1), loss }]);
}

#[test]
fn a_voter_without_support_is_kept_until_the_reign_has_begun() {
    let mut obs = base("attached");
    let voter = record(&mut obs).expect("a record").voters().next().expect("a voter");
    downgrade(&mut obs, voter);
    assert_eq!(steps(&obs, RuleId::E43), []);
}

#[test]
fn a_replica_that_has_more_shows_an_older_copy() {
    let mut obs = base("main-confirmed");
    assert!(!steps(&obs, RuleId::E40).is_empty());
    let mut row = even(SyncMode::Async);
    row.behind = 1;
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row.clone())];
    bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    assert_eq!(steps(&obs, RuleId::E40), []);
    let expected = Reason::OlderCopy { main: mg(0), replica: mg(2) };
    assert_eq!(holds(&obs, RuleId::E35), [expected]);
    row.state = RowState::Diverged;
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
    bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    assert!(!steps(&obs, RuleId::E40).is_empty(), "a branch tells nothing of the main");
}

#[test]
fn a_voter_whose_row_was_missing_while_writes_went_on_is_no_candidate() {
    let mut obs = base("settled");
    bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&[(mg(2), even(SyncMode::Async))]);
    let steps = steps(&obs, RuleId::F10);
    let [Action::SetRoute(_), Action::WriteRecord { record, .. }] =
        [&steps[0].action, &steps[1].action]
    else {
        panic!("the route closes and the proof ends, found {steps:?}")
    };
    assert!(record.is_voter(mg(1)));
    assert_eq!(record.proof(mg(1)), None);
    assert_eq!(record.proof(mg(2)), base_proof(mg(2)).as_ref());
}

fn base_proof(id: InstanceId) -> Option<Proof> {
    record(&mut base("settled")).expect("a record").proof(id).copied()
}

#[test]
fn a_complete_main_that_cannot_be_confirmed_begins_anew() {
    let confirmed = base("main-confirmed");
    assert_eq!(steps(&confirmed, RuleId::E25), []);
    let mut stuck = even(SyncMode::StrictSync);
    stuck.state = RowState::Invalid;
    let with_row = |row: Row| {
        let mut obs = base("main-confirmed");
        bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&[(mg(1), row)]);
        obs
    };
    assert_eq!(steps(&with_row(stuck.clone()), RuleId::E25), [], "they may get in touch yet");
    stuck.since = Age::Expired;
    assert!(!steps(&with_row(stuck.clone()), RuleId::E25).is_empty());
    stuck.state = RowState::Phantom;
    let mut forgotten = with_row(stuck);
    assert!(!steps(&forgotten, RuleId::E20).is_empty(), "its voter is proven and takes over");
    record(&mut forgotten).expect("a record").members.get_mut(&mg(1)).expect("a member").proof =
        None;
    assert!(!steps(&forgotten, RuleId::E25).is_empty());
}

#[test]
fn the_row_of_who_is_beyond_the_size_goes() {
    let mut obs = base("settled");
    obs.desired.instances = 2;
    let steps = steps(&obs, RuleId::A20);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].reason, Reason::BeyondSize(mg(2)));
    assert!(matches!(steps[0].action, Action::Drop { replica, .. } if replica == mg(2)));
    bolt(&mut obs, mg(0)).expect("an answer").role =
        main_with(&[(mg(1), even(SyncMode::StrictSync))]);
    assert_eq!(plan(&obs).steps, [], "it is not registered again");
}

#[test]
fn a_voter_beyond_the_size_keeps_its_row_until_its_vote_has_moved() {
    let mut obs = base("settled");
    obs.desired.instances = 1;
    assert!(steps(&obs, RuleId::A20).iter().all(|step| step.reason == Reason::BeyondSize(mg(2))));
    let loss = VoteLoss::Leaves;
    assert_eq!(holds(&obs, RuleId::X20), [Reason::NobodyToVote { voter: mg(1), loss }]);
}

#[test]
fn a_former_main_that_is_beyond_the_size_and_gone_is_not_waited_for() {
    let mut obs = base("settled");
    obs.desired.instances = 2;
    bolt(&mut obs, mg(0)).expect("an answer").role =
        main_with(&[(mg(1), even(SyncMode::StrictSync))]);
    record(&mut obs).expect("a record").former = BTreeSet::from([mg(2)]);
    assert!(!plan(&obs).settled, "its pod is there");
    obs.instances.remove(&mg(2));
    assert!(plan(&obs).settled);
}

#[test]
fn who_is_beyond_the_size_is_looked_at_while_it_has_a_pod() {
    let mut history = History::start(0);
    let pod = PodView {
        uid: life(mg(2)).pod,
        address: None,
        deleting: true,
        container: Container::Running,
    };
    assert_eq!(history.concerned(2), BTreeSet::from([mg(0), mg(1)]));
    history.take(1, Sample::Pod { id: mg(2), pod: Some(pod) });
    assert_eq!(history.concerned(2), BTreeSet::from([mg(0), mg(1), mg(2)]));
    history.take(2, Sample::Pod { id: mg(2), pod: None });
    assert_eq!(history.concerned(2), BTreeSet::from([mg(0), mg(1)]));
}

/// By hand, or by whatever went before: nobody's vote counts, so nothing is routed until one does again.
#[test]
fn a_voter_registered_async_by_hand_is_registered_anew() {
    for all in [false, true] {
        let mut obs = base("settled");
        let third = if all { SyncMode::Async } else { SyncMode::StrictSync };
        let rows = [(mg(1), even(SyncMode::Async)), (mg(2), even(third))];
        bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
        let withdraws = steps(&obs, RuleId::F10);
        assert!(!withdraws.is_empty(), "{}", plan(&obs));
        obs.route.handed_out = Route::Closed;
        obs.route.outstanding.clear();
        let drops = |id| {
            let of =
                |step: &Step| matches!(step.action, Action::Drop { replica, .. } if replica == id);
            steps(&obs, RuleId::A20).iter().any(of)
        };
        assert!(drops(mg(1)), "{}", plan(&obs));
        assert_eq!(drops(mg(2)), !all, "the one whose mode is right stays: {}", plan(&obs));
        let rows = [(mg(2), even(SyncMode::Async))];
        bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
        let registers = |step: &Step| {
            matches!(step.action, Action::Register { replica, mode, .. }
                if replica.id == mg(1) && mode == SyncMode::StrictSync)
        };
        assert!(steps(&obs, RuleId::A30).iter().any(registers), "{}", plan(&obs));
    }
}

/// Whoever wants every vote waited for gets nothing less, whatever an earlier reign promised.
#[test]
fn sync_is_never_asked_for_where_every_vote_is_waited_for() {
    for (name, build) in BASES {
        let mut obs = build();
        let Some(recorded) = record(&mut obs) else { continue };
        recorded.durability = Durability::Required;
        let plan = plan(&obs);
        let by_sync =
            |step: &Step| matches!(step.action, Action::Register { mode: SyncMode::Sync, .. });
        assert!(!plan.steps.iter().any(by_sync), "{name}: {plan}");
    }
}
