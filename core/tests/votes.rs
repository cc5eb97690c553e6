//! When a vote moves and when an order to move the main is refused: each condition taken away once.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;
#[path = "common/said.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod said;

use bases::{base, even, life, main_with, mg, record};
use ha_core::{
    action::Action,
    desired::{AcceptedLoss, Authority, Durability, SwitchoverRequest},
    guard::{GUARDS, GuardId, Seen},
    ids::{InstanceId, RequestId, Term},
    observation::{
        ClusterObservation, Contact, Drain, PodView, PromotionRight, PromotionWait, Route,
        RowState, SyncMode,
    },
    plan,
    plan::Leave,
    reading::{Age, Reading, Why},
    reason::{Reason, Unfit, VoteLoss},
    record::{Before, Cause, Record, Stage},
    rules::RuleId,
};
use said::{steps, written};

fn silence(obs: &mut ClusterObservation, id: InstanceId, since: Age) {
    let view = obs.instances.get_mut(&id).expect("an instance");
    view.contact = Contact::Unreached { why: Why::Silent, since };
}

fn mark(obs: &mut ClusterObservation, id: InstanceId) {
    let view = obs.instances.get_mut(&id).expect("an instance");
    let pod = view.pod.known().copied().flatten().expect("a pod");
    view.pod = Reading::fresh(Some(PodView { deleting: true, ..pod }));
}

#[test]
fn a_voter_lost_before_the_first_commit_is_given_up() {
    let mut obs = base("attached");
    let recorded = record(&mut obs).expect("a record").clone();
    let voter = recorded.voters().next().expect("a voter");
    silence(&mut obs, voter, Age::Suspect);
    assert_eq!(steps(&obs, RuleId::E43), [], "it may answer yet");
    silence(&mut obs, voter, Age::Expired);
    let steps = steps(&obs, RuleId::E43);
    let next = written(&steps);
    assert_eq!(
        (next.stage, next.cause, next.target),
        (Stage::Intent, Cause::Renewal, recorded.target)
    );
    // It has everything that the reign has, and is the way back.
    let proof = recorded.proof(voter).expect("a proof");
    assert_eq!(next.before, Some(Before { main: voter, incarnation: proof.replica }));
    assert_eq!(steps[0].reason, Reason::VoterLostEarly { voter, loss: VoteLoss::Unreached });
}

#[test]
fn a_vote_does_not_move_to_who_is_still_being_told() {
    let mut obs = base("settled");
    silence(&mut obs, mg(1), Age::Expired);
    assert!(!steps(&obs, RuleId::E45).is_empty());
    let mut row = even(SyncMode::Async);
    row.state = RowState::Recovery;
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    assert_eq!(steps(&obs, RuleId::E45), []);
}

/// The main finds its voter ready: clients' transactions go on, so they are let finish.
#[test]
fn a_voter_that_only_the_controller_lost_is_drained_first() {
    let mut obs = base("settled");
    silence(&mut obs, mg(1), Age::Expired);
    let drains = steps(&obs, RuleId::E45);
    assert!(matches!(drains[0].action, Action::SetRoute(Route::Draining { .. })), "{drains:?}");
    let mut row = even(SyncMode::StrictSync);
    row.state = RowState::Invalid;
    let rows = [(mg(1), row), (mg(2), even(SyncMode::Async))];
    bases::bolt(&mut obs, mg(0)).expect("an answer").role = main_with(&rows);
    assert_eq!(written(&steps(&obs, RuleId::E45)).stage, Stage::Intent);
}

#[test]
fn a_voter_that_leaves_is_the_way_back_until_the_next_one_is_proven() {
    let mut obs = base("drained");
    obs.desired.switchover = None;
    mark(&mut obs, mg(1));
    assert_eq!(plan(&obs).leave[&mg(1)], Leave::VoteMoves);
    let next = written(&steps(&obs, RuleId::E45)).clone();
    assert_eq!(next.before, Some(Before { main: mg(1), incarnation: life(mg(1)) }));
    *record(&mut obs).expect("a record") = next;
    obs.route.handed_out = Route::Closed;
    obs.route.outstanding.clear();
    obs.route.drain = Drain::Idle;
    assert_eq!(plan(&obs).leave[&mg(1)], Leave::MainMoves);
    // As is whoever votes in a reign that is not finished.
    let mut attached = base("attached");
    let voter = record(&mut attached).and_then(|record| record.voters().next()).expect("a voter");
    mark(&mut attached, voter);
    assert_eq!(plan(&attached).leave[&voter], Leave::VoteMoves);
}

/// What follows could not be carried out, and nobody would write meanwhile.
#[test]
fn nothing_is_drained_for_a_move_while_promotions_wait() {
    type Wish<'a> = &'a dyn Fn(&mut ClusterObservation);
    let wait = PromotionWait::EarlierLease;
    // Nothing is handed out without a voter that answers.
    let moves: [(RuleId, &str, bool, Wish<'_>); 4] = [
        (RuleId::E45, "settled", false, &|obs| silence(obs, mg(1), Age::Expired)),
        (RuleId::E45, "settled", true, &|obs| mark(obs, mg(1))),
        (RuleId::E48, "fast", true, &|obs| obs.desired.durability = Durability::Required),
        (RuleId::E50, "settled", true, &|obs| mark(obs, mg(0))),
    ];
    for (rule, found, opens, wish) in moves {
        let mut obs = base(found);
        wish(&mut obs);
        let drains = steps(&obs, rule);
        assert!(matches!(drains[0].action, Action::SetRoute(Route::Draining { .. })), "{drains:?}");
        obs.leadership.promotion = PromotionRight::Waits(wait);
        let plan = plan(&obs);
        assert_eq!(plan.actions(), [], "{rule}: {plan}");
        let holds: Vec<_> = plan.holds.iter().filter(|hold| hold.rule == rule).collect();
        assert_eq!(holds[0].reason, Reason::PromotionWaits(wait), "{rule}: {plan}");
        assert!(plan.stopped_at.is_none() && !plan.is_move_waiting(), "{rule}: {plan}");
        // A new leader that finds the wish has handed out nothing: it lets clients write meanwhile.
        obs.route.handed_out = Route::Closed;
        let plan = self::plan(&obs);
        let said: Vec<_> = plan.steps.iter().map(|step| (step.rule, &step.action)).collect();
        let is_open = matches!(said[..], [(RuleId::R10, Action::SetRoute(Route::Open { .. }))]);
        assert_eq!((is_open, said.is_empty()), (opens, !opens), "{rule}: {plan}");
        assert_eq!(plan.holds[0].reason, Reason::PromotionWaits(wait), "{rule}: {plan}");
    }
}

/// It has everything as long as it is there.
#[test]
fn a_voter_that_leaves_takes_over_from_a_lost_main_and_never_by_plan() {
    let mut obs = base("failover-begins");
    mark(&mut obs, mg(1));
    assert_eq!(written(&steps(&obs, RuleId::E10)).target, mg(1));
    let mut planned = base("drained");
    mark(&mut planned, mg(1));
    mark(&mut planned, mg(2));
    assert_eq!(steps(&planned, RuleId::E50), []);
}

/// The main is lost and its voter is in a life that nothing proves.
fn nobody_is_proven() -> ClusterObservation {
    let mut obs = base("failover-begins");
    bases::bolt(&mut obs, mg(1)).expect("an answer").incarnation = bases::restarted(life(mg(1)));
    obs
}

fn accepts(obs: &mut ClusterObservation, main: InstanceId) {
    obs.desired.accepts = Some(AcceptedLoss { id: RequestId(6), main, of: Some(Term(1)) });
}

#[test]
fn a_persons_word_takes_the_place_of_a_proof() {
    for (to, is_there) in [(mg(1), true), (mg(2), true), (mg(0), false)] {
        let mut obs = nobody_is_proven();
        assert_eq!(steps(&obs, RuleId::E05), []);
        accepts(&mut obs, to);
        let steps = steps(&obs, RuleId::E05);
        if !is_there {
            let waits = Reason::AcceptedWaits { to, why: Unfit::Unreachable };
            assert!(plan(&obs).holds.iter().any(|hold| hold.reason == waits));
            continue;
        }
        let next = written(&steps);
        assert_eq!((next.target, next.stage, next.before), (to, Stage::Intent, None));
        assert_eq!(next.cause, Cause::Accepted { request: RequestId(6) });
        assert_eq!(next.accepted, Some(RequestId(6)));
        assert!(next.former.contains(&mg(0)));
        // It is said once, and what it says is used up.
        let next = next.clone();
        *record(&mut obs).expect("a record") = Record { accepted: next.accepted, ..next };
        assert_eq!(self::steps(&obs, RuleId::E05), []);
    }
}

/// Where somebody is proven there is no loss to accept, whoever is named.
#[test]
fn a_word_that_would_cost_something_for_nothing_is_refused() {
    for name in ["settled", "failover-begins", "main-confirmed", "tail-lost"] {
        let mut obs = base(name);
        accepts(&mut obs, mg(2));
        let steps = steps(&obs, RuleId::E05);
        let refused = Reason::OrderRefused { to: mg(2), why: Unfit::NothingLost };
        assert_eq!(steps.first().map(|step| step.reason.clone()), Some(refused), "{name}");
        let next = written(&steps);
        let before = record(&mut obs).expect("a record").clone();
        assert_eq!(*next, Record { accepted: Some(RequestId(6)), ..before }, "{name}");
    }
    let mut moving = base("failover-intent");
    accepts(&mut moving, mg(2));
    assert_eq!(steps(&moving, RuleId::E05), [], "the move that is under way is left alone");
    // What was said of another term counts for nothing.
    for of in [None, Some(Term(2))] {
        let mut late = nobody_is_proven();
        late.desired.accepts = Some(AcceptedLoss { id: RequestId(6), main: mg(1), of });
        let refused = Reason::OrderRefused { to: mg(1), why: Unfit::OtherTerm };
        assert_eq!(steps(&late, RuleId::E05)[0].reason, refused);
    }
    let mut nobody = nobody_is_proven();
    accepts(&mut nobody, mg(7));
    assert!(matches!(
        steps(&nobody, RuleId::E05)[0].reason,
        Reason::OrderRefused { why: Unfit::NoInstance, .. }
    ));
}

#[test]
fn the_guard_takes_nobodys_word_twice_and_no_other_persons() {
    let mut obs = nobody_is_proven();
    accepts(&mut obs, mg(2));
    let write = steps(&obs, RuleId::E05).last().expect("a step").action.clone();
    let allows = |obs: &ClusterObservation| {
        let seen = Seen { route: Route::Closed, ..Seen::first(obs) };
        let guard = GUARDS.iter().find(|guard| guard.id == GuardId::CandidateIsProven);
        (guard.expect("a guard").allows)(&seen, &write)
    };
    assert!(allows(&obs));
    let mut other = obs.clone();
    accepts(&mut other, mg(1));
    assert!(!allows(&other));
    let mut used = obs.clone();
    record(&mut used).expect("a record").accepted = Some(RequestId(6));
    assert!(!allows(&used));
    obs.desired.accepts = None;
    assert!(!allows(&obs));
}

fn ordered(to: Option<InstanceId>) -> ClusterObservation {
    let mut obs = base("drained");
    obs.desired.switchover = Some(SwitchoverRequest { id: RequestId(5), to });
    obs
}

#[test]
fn an_order_that_nothing_can_carry_out_is_refused() {
    for (to, pair) in [(mg(7), false), (mg(2), true)] {
        let mut obs = ordered(Some(to));
        if pair {
            obs.desired.authority = Authority::Pair;
        }
        let steps = steps(&obs, RuleId::E50);
        assert!(matches!(steps[0].reason, Reason::OrderRefused { to: named, .. } if named == to));
        let next = written(&steps);
        assert_eq!((next.answered, next.stage), (Some(RequestId(5)), Stage::Steady));
        assert_eq!(next.target, mg(0));
    }
}

/// The main leaves for its voter; who asked for another one gets that one afterwards.
#[test]
fn an_order_outlives_the_deletion_of_the_main() {
    for (to, answered) in [(None, true), (Some(mg(1)), true), (Some(mg(2)), false)] {
        let mut obs = ordered(to);
        mark(&mut obs, mg(0));
        let next = written(&steps(&obs, RuleId::E50)).clone();
        assert_eq!((next.target, next.stage), (mg(1), Stage::Intent));
        assert_eq!(next.answered == Some(RequestId(5)), answered, "{to:?}");
    }
}
