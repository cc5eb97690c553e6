//! `durability: fast`: when a main goes on without a vote, what is recorded first, and that nobody is
//! promoted in its place. Each condition is taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/said.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod said;

use bases::{base, mg, record, with_rows};
use ha_core::{
    action::Action,
    desired::Durability,
    guard::{GUARDS, GuardId, Seen},
    ids::InstanceId,
    observation::{ClusterObservation, Contact, Route, RowState, SyncMode},
    plan,
    plan::Step,
    reading::{Age, Why},
    reason::{Reason, Unfit},
    record::{Cause, Stage},
    rules::RuleId,
};
use said::{steps, written};

const VOTER: InstanceId = mg(1);
const THIRD: InstanceId = mg(2);

fn left_alone(since: Age) -> ClusterObservation {
    let mut obs = base("fast-left-alone");
    for id in [VOTER, THIRD] {
        obs.instances.get_mut(&id).expect("an instance").contact =
            Contact::Unreached { why: Why::Silent, since };
    }
    obs
}

fn allows(obs: &ClusterObservation, id: GuardId, action: &Action) -> bool {
    let guard = GUARDS.iter().find(|guard| guard.id == id).expect("the guard");
    (guard.allows)(&Seen::first(obs), action)
}

#[test]
fn a_settled_cluster_of_fast_has_nothing_to_do() {
    let plan = plan(&base("fast"));
    assert!(plan.settled, "{plan:?}");
}

#[test]
fn that_nobody_votes_is_recorded_before_the_row_goes() {
    assert_eq!(steps(&left_alone(Age::Suspect), RuleId::E46), [], "the voter may answer yet");
    let obs = left_alone(Age::Expired);
    let (e46, all) = (steps(&obs, RuleId::E46), plan(&obs));
    let next = written(&e46);
    assert_eq!((next.stage, next.voters().count()), (Stage::Steady, 0));
    assert!(next.proof(VOTER).is_none());
    let drops = |step: &Step| matches!(step.action, Action::Drop { .. });
    assert!(!all.steps.iter().any(drops), "{all:?}");
    // Once it is recorded the row goes, for SYNC fails every commit until it does.
    let dropped = steps(&base("fast-alone"), RuleId::A20);
    assert!(dropped.iter().any(drops), "{dropped:?}");
}

#[test]
fn whoever_waits_for_votes_goes_on_waiting() {
    let mut obs = left_alone(Age::Expired);
    obs.desired.durability = Durability::Required;
    record(&mut obs).expect("a record").durability = Durability::Required;
    with_rows(&mut obs, |rows| rows.get_mut(&VOTER).expect("a row").mode = SyncMode::StrictSync);
    assert_eq!(steps(&obs, RuleId::E46), []);
    let says = |hold: &plan::Hold| matches!(hold.reason, Reason::NobodyToVote { .. });
    assert!(plan(&obs).holds.iter().any(says));
}

#[test]
fn a_voter_that_still_votes_is_kept() {
    let mut obs = left_alone(Age::Expired);
    // Out of our reach, and in touch with its main.
    with_rows(&mut obs, |rows| rows.get_mut(&VOTER).expect("a row").state = RowState::Ready);
    assert_eq!(steps(&obs, RuleId::E46), []);
    // The guard says the same of the record that the rule would have written.
    let mut unsound = left_alone(Age::Expired);
    let e46 = steps(&unsound, RuleId::E46);
    let write = &e46.last().expect("a step").action;
    assert!(allows(&unsound, GuardId::StagesAreEarned, write));
    with_rows(&mut unsound, |rows| rows.get_mut(&VOTER).expect("a row").state = RowState::Ready);
    assert!(!allows(&unsound, GuardId::StagesAreEarned, write));
}

#[test]
fn a_reign_keeps_the_promise_that_it_began_with() {
    let mut obs = left_alone(Age::Expired);
    let e46 = steps(&obs, RuleId::E46);
    let write = &e46.last().expect("a step").action;
    assert!(allows(&obs, GuardId::StagesAreEarned, write));
    // Its commits waited for votes so far: nobody may give them up in the same term.
    record(&mut obs).expect("a record").durability = Durability::Required;
    assert!(!allows(&obs, GuardId::StagesAreEarned, write));
}

#[test]
fn sync_is_asked_for_by_fast_alone() {
    let mode = |durability| {
        let mut obs = base("promoted");
        obs.desired.durability = durability;
        record(&mut obs).expect("a record").durability = durability;
        let registers = |step: Step| {
            if let Action::Register { mode, .. } = step.action { Some(mode) } else { None }
        };
        plan(&obs).steps.into_iter().filter_map(registers).collect::<Vec<_>>()
    };
    let (required, fast) = (mode(Durability::Required), mode(Durability::Fast));
    assert!(required.contains(&SyncMode::StrictSync) && !required.contains(&SyncMode::Sync));
    assert!(fast.contains(&SyncMode::Sync) && !fast.contains(&SyncMode::StrictSync));
}

#[test]
fn the_route_is_open_and_unprotected_is_said() {
    let mut obs = base("fast-alone");
    obs.route.handed_out = Route::Closed;
    let opened = steps(&obs, RuleId::R10);
    assert!(matches!(opened[0].action, Action::SetRoute(Route::Open { .. })), "{opened:?}");
    let all = plan(&base("fast-alone"));
    let says = |hold: &plan::Hold| matches!(hold.reason, Reason::Unprotected(_));
    assert!(all.holds.iter().any(says) && !all.settled);
    // The same record in a reign that waits for votes opens nothing.
    record(&mut obs).expect("a record").durability = Durability::Required;
    assert_eq!(steps(&obs, RuleId::R10), []);
}

#[test]
fn nobody_takes_over_from_a_main_that_was_alone() {
    let mut obs = base("fast-alone");
    let main = record(&mut obs).expect("a record").target;
    for id in [VOTER, THIRD] {
        obs.instances.get_mut(&id).expect("an instance").contact = Contact::Answering;
    }
    obs.instances.get_mut(&main).expect("an instance").contact =
        Contact::Closed { since: Age::Expired };
    let plan = plan(&obs);
    let holds = plan.holds.iter().filter(|hold| hold.rule == RuleId::E15);
    let why: Vec<_> = holds.map(|hold| hold.reason.clone()).collect();
    assert!(matches!(why[..], [Reason::NoCandidate { why: Unfit::Alone, .. }]), "{plan:?}");
}

#[test]
fn a_vote_comes_back_in_a_term_of_its_own() {
    let mut obs = base("fast-alone");
    obs.instances.get_mut(&THIRD).expect("an instance").contact = Contact::Answering;
    assert_eq!(steps(&obs, RuleId::E47), [], "it does not keep up");
    with_rows(&mut obs, |rows| {
        let row = rows.get_mut(&THIRD).expect("a row");
        (row.state, row.behind) = (RowState::Ready, 0);
    });
    obs.route.handed_out = Route::Closed;
    let e47 = steps(&obs, RuleId::E47);
    let next = written(&e47);
    let before = record(&mut obs).expect("a record").clone();
    assert_eq!((next.stage, next.cause, next.before), (Stage::Intent, Cause::Renewal, None));
    assert_eq!((next.term, next.target), (before.term.next(), before.target));
}

#[test]
fn another_promise_begins_another_reign() {
    let mut obs = base("fast");
    obs.desired.durability = Durability::Required;
    obs.route.handed_out = Route::Closed;
    let e48 = steps(&obs, RuleId::E48);
    assert_eq!(written(&e48).durability, Durability::Required);
    // Not without somebody who votes: that would close the route for nothing.
    let mut obs = left_alone(Age::Expired);
    obs.desired.durability = Durability::Required;
    assert_eq!(steps(&obs, RuleId::E48), []);
}

#[test]
fn a_voter_out_of_touch_loses_its_proof_at_once() {
    let mut obs = base("fast");
    with_rows(&mut obs, |rows| rows.get_mut(&VOTER).expect("a row").state = RowState::Invalid);
    let f45 = steps(&obs, RuleId::F45);
    assert!(written(&f45).proof(VOTER).is_none());
    // Where commits wait for its vote, nothing was committed without it.
    record(&mut obs).expect("a record").durability = Durability::Required;
    obs.desired.durability = Durability::Required;
    assert_eq!(steps(&obs, RuleId::F45), []);
}
