//! When data is set aside because a person says so: what is in the way is taken away once each.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use bases::{at, base, even, life, main_with, mg, record};
use ha_core::{
    action::Action,
    desired::ResetRequest,
    guard::{self, GUARDS, GuardId},
    ids::{InstanceId, RequestId, VolumeId},
    observation::{ClusterObservation, Contact, Route, RowState, SyncMode},
    plan,
    plan::Plan,
    reading::{Age, Why},
    reason::{NoReset, Reason, VoteLoss},
    record::{Aside, Record, Reset, Stage},
    rules::RuleId,
};

const WORD: RequestId = RequestId(6);
const OTHER: VolumeId = VolumeId(0xee);

/// mg-0 is main, mg-1 votes, all is well, and a person wants the data of `of` set aside.
fn asked(of: InstanceId) -> ClusterObservation {
    let mut obs = base("settled");
    obs.desired.reset =
        Some(ResetRequest { id: WORD, of, volume: life(of).volume, restores: None });
    obs
}

/// The record that rule A35 writes, and why.
fn ordered(plan: &Plan) -> Option<(&Record, &Reason)> {
    plan.steps.iter().filter(|step| step.rule == RuleId::A35).find_map(|step| {
        let Action::WriteRecord { record, .. } = &step.action else { return None };
        Some((&**record, &step.reason))
    })
}

/// What rule A35 waits for.
fn waits(obs: &ClusterObservation) -> Option<NoReset> {
    let plan = plan(obs);
    assert_eq!(ordered(&plan), None, "{plan}");
    let hold = plan.holds.iter().find(|hold| hold.rule == RuleId::A35);
    hold.map(|hold| {
        let Reason::ResetAskedWaits { why, .. } = &hold.reason else { panic!("{}", hold.reason) };
        *why
    })
}

/// For what reason it refuses for good.
fn refuses(obs: &ClusterObservation) -> Option<NoReset> {
    let plan = plan(obs);
    let (record, reason) = ordered(&plan)?;
    assert!(record.resets.is_empty(), "nothing is ordered: {plan}");
    assert_eq!(record.ordered, Some(WORD), "it is answered: {plan}");
    let Reason::ResetRefused { why, .. } = reason else { panic!("another reason: {reason}") };
    Some(*why)
}

fn silence(obs: &mut ClusterObservation, id: InstanceId, since: Age) {
    let view = obs.instances.get_mut(&id).expect("an instance");
    view.contact = Contact::Unreached { why: Why::Silent, since };
}

#[test]
fn a_person_orders_it_once_whatever_is_known_of_the_data() {
    let mut obs = asked(mg(2));
    let plan_now = plan(&obs);
    let (record_now, _) = ordered(&plan_now).expect("an order");
    let expected = Reset {
        volume: life(mg(2)).volume,
        term: ha_core::ids::Term(1),
        by: Some(WORD),
        restores: None,
    };
    assert_eq!(record_now.resets.get(&mg(2)), Some(&expected));
    assert_eq!(record_now.proof(mg(2)), None, "from now on it counts for nothing");
    assert_eq!(plan_now.vetoes, [], "{plan_now}");
    // Then its pod ends, also where nothing is set aside by itself.
    *record(&mut obs).expect("a record") = record_now.clone();
    obs.desired.sets_aside = false;
    let next = plan(&obs);
    assert_eq!(ordered(&next), None, "once: {next}");
    let term = record(&mut obs).expect("a record").term;
    let ends = Action::SetAside { on: at(mg(2)), term };
    assert!(next.actions().contains(&ends) && next.vetoes.is_empty(), "{next}");
}

#[test]
fn it_is_ordered_of_whoever_does_not_start_any_more() {
    let mut obs = asked(mg(2));
    silence(&mut obs, mg(2), Age::Suspect);
    assert_eq!(waits(&obs), Some(NoReset::Unheard));
    silence(&mut obs, mg(2), Age::Expired);
    let plan = plan(&obs);
    assert!(ordered(&plan).is_some() && plan.vetoes.is_empty(), "{plan}");
}

#[test]
fn a_second_time_in_one_reign_takes_a_person() {
    let mut obs = asked(mg(2));
    let earlier = Reset { volume: OTHER, term: ha_core::ids::Term(1), by: None, restores: None };
    record(&mut obs).expect("a record").resets.insert(mg(2), earlier);
    let plan = plan(&obs);
    let (record, _) = ordered(&plan).expect("an order");
    assert_eq!(record.resets[&mg(2)].volume, life(mg(2)).volume);
    assert_eq!(plan.vetoes, [], "{plan}");
}

#[test]
fn what_never_can_be_is_refused_at_once() {
    assert_eq!(refuses(&asked(mg(0))), Some(NoReset::Main));
    let mut nobody = asked(mg(2));
    nobody.desired.reset =
        Some(ResetRequest { id: WORD, of: mg(7), volume: OTHER, restores: None });
    assert_eq!(refuses(&nobody), Some(NoReset::Unnamed));
    let mut other = asked(mg(2));
    other.desired.reset = Some(ResetRequest { id: WORD, of: mg(2), volume: OTHER, restores: None });
    assert_eq!(refuses(&other), Some(NoReset::OtherVolume));
}

#[test]
fn the_last_two_copies_are_left_alone() {
    // The voter does not answer, or answers unproven: mg-2 is the second copy.
    let mut silent = asked(mg(2));
    silence(&mut silent, mg(1), Age::Fresh);
    assert_eq!(waits(&silent), Some(NoReset::NobodyBeside));
    let mut unproven = asked(mg(2));
    for member in record(&mut unproven).expect("a record").members.values_mut() {
        member.proof = None;
    }
    assert_eq!(waits(&unproven), Some(NoReset::NobodyBeside));
    let mut unsteady = asked(mg(2));
    unsteady.route.handed_out = Route::Closed;
    unsteady.route.outstanding.clear();
    record(&mut unsteady).expect("a record").stage = Stage::Attached;
    assert_eq!(waits(&unsteady), Some(NoReset::Unsteady));
    let mut stray = asked(mg(2));
    bases::bolt(&mut stray, mg(2)).expect("an answer").role = main_with(&[]);
    record(&mut stray).expect("a record").former.insert(mg(2));
    assert_eq!(waits(&stray), Some(NoReset::Stray));
}

#[test]
fn the_vote_moves_before_the_voters_data() {
    let obs = asked(mg(1));
    let plan_now = plan(&obs);
    assert_eq!(ordered(&plan_now), None, "{plan_now}");
    let moves = |plan: &Plan| plan.steps.iter().any(|step| step.rule == RuleId::E45);
    assert!(moves(&plan_now), "{plan_now}");
    // Nobody is there to take it.
    let mut alone = obs;
    silence(&mut alone, mg(2), Age::Expired);
    assert!(!moves(&plan(&alone)));
    assert_eq!(waits(&alone), Some(NoReset::Votes));
    let stays = Reason::NobodyToVote { voter: mg(1), loss: VoteLoss::BeginsAnew };
    assert!(plan(&alone).holds.iter().any(|hold| hold.reason == stays), "{}", plan(&alone));
    // Whoever is to begin anew takes no vote over.
    let mut back = asked(mg(1));
    back.desired.vote_returns = true;
    let members = &mut record(&mut back).expect("a record").members;
    for (id, member) in members.iter_mut() {
        member.votes = *id == mg(2);
    }
    let rows = [(mg(1), even(SyncMode::Async)), (mg(2), even(SyncMode::StrictSync))];
    bases::bolt(&mut back, mg(0)).expect("an answer").role = main_with(&rows);
    assert!(!moves(&plan(&back)), "{}", plan(&back));
    assert!(ordered(&plan(&back)).is_some());
}

/// A voter of an unfinished reign that is lost for another reason is given up, whatever is ordered of it.
#[test]
fn an_order_hides_no_loss_of_a_voter() {
    let mut obs = base("attached");
    let recorded = record(&mut obs).expect("a record").clone();
    let voter = recorded.voters().next().expect("a voter");
    let volume = bases::bolt(&mut obs, voter).expect("an answer").incarnation.volume;
    obs.desired.reset = Some(ResetRequest { id: WORD, of: voter, volume, restores: None });
    let given_up = |obs: &ClusterObservation| {
        let plan = plan(obs);
        let reasons = plan.steps.into_iter().filter(|step| step.rule == RuleId::E43);
        reasons.map(|step| step.reason).next()
    };
    assert_eq!(given_up(&obs), None, "its vote may be needed");
    let mut row = even(SyncMode::StrictSync);
    row.state = RowState::Diverged;
    bases::bolt(&mut obs, recorded.target).expect("an answer").role = main_with(&[(voter, row)]);
    let loss = VoteLoss::Diverged;
    assert_eq!(given_up(&obs), Some(Reason::VoterLostEarly { voter, loss }));
}

/// Whoever begins anew, or gets older data back by the same order, may come back as a main: until it is
/// seen it counts as a former one.
#[test]
fn what_was_set_aside_comes_back_as_a_former_main() {
    let mut obs = asked(mg(2));
    let anew = plan(&obs);
    assert!(ordered(&anew).expect("an order").0.former.contains(&mg(2)), "{anew}");
    let restores = Some(Aside::Of(OTHER));
    obs.desired.reset = obs.desired.reset.map(|word| ResetRequest { restores, ..word });
    let plan_now = plan(&obs);
    let (record_now, _) = ordered(&plan_now).expect("an order");
    assert_eq!(record_now.resets[&mg(2)].restores, restores);
    assert!(record_now.former.contains(&mg(2)) && plan_now.vetoes.is_empty(), "{plan_now}");
    // It is a replica now, which says nothing of what comes.
    *record(&mut obs).expect("a record") = record_now.clone();
    let forgets = |plan: &Plan| plan.steps.iter().any(|step| step.rule == RuleId::V40);
    assert!(!forgets(&plan(&obs)), "{}", plan(&obs));
    let life = bases::bolt(&mut obs, mg(2)).map(|view| &mut view.incarnation).expect("an answer");
    life.volume = OTHER;
    assert!(forgets(&plan(&obs)), "{}", plan(&obs));
}

/// The guard stands where the rule is wrong: of each order one fact is taken away.
#[test]
fn the_guard_asks_for_the_word_and_for_two_other_copies() {
    let allows = |obs: &ClusterObservation, change: fn(&mut Record)| {
        let plan = plan(&asked(mg(2)));
        let (record, _) = ordered(&plan).expect("an order");
        let mut record = record.clone();
        change(&mut record);
        let expected = obs.record.known().and_then(|stored| stored.version);
        let write = Action::WriteRecord { expected, record: Box::new(record), reads_target: false };
        let seen = guard::Seen::first(obs);
        let guard = GUARDS.iter().find(|guard| guard.id == GuardId::ResetsAreEarned);
        (guard.expect("a guard").allows)(&seen, &write)
    };
    assert!(allows(&asked(mg(2)), |_| {}));
    assert!(!allows(&base("settled"), |_| {}), "nobody said so");
    assert!(!allows(&asked(mg(1)), |_| {}), "it was said of another");
    assert!(!allows(&asked(mg(2)), |record| record.ordered = None), "the word is not used up");
    let used = |obs: &mut ClusterObservation| record(obs).expect("a record").ordered = Some(WORD);
    let mut again = asked(mg(2));
    used(&mut again);
    assert!(!allows(&again, |_| {}), "it was used before");
    let mut silent = asked(mg(2));
    silence(&mut silent, mg(1), Age::Fresh);
    assert!(!allows(&silent, |_| {}), "the voter is not there");
    let mut unheard = asked(mg(2));
    silence(&mut unheard, mg(2), Age::Suspect);
    assert!(!allows(&unheard, |_| {}), "it may answer yet");
    assert!(!allows(&asked(mg(2)), |record| {
        record.resets.values_mut().for_each(|reset| reset.restores = Some(Aside::Latest));
    }));
    // Of the main, of the voter.
    assert!(!allows(&asked(mg(2)), |record| {
        let reset = record.resets[&mg(2)];
        record.resets.insert(mg(0), Reset { volume: life(mg(0)).volume, ..reset });
    }));
    assert!(!allows(&asked(mg(2)), |record| {
        let reset = record.resets[&mg(2)];
        record.resets.insert(mg(1), Reset { volume: life(mg(1)).volume, ..reset });
    }));
    // A row that says diverged is no word of a person.
    let mut branched = base("settled");
    let mut row = even(SyncMode::Async);
    row.state = RowState::Diverged;
    let rows = [(mg(1), even(SyncMode::StrictSync)), (mg(2), row)];
    bases::bolt(&mut branched, mg(0)).expect("an answer").role = main_with(&rows);
    assert!(!allows(&branched, |_| {}));
}
