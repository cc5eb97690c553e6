//! Promises between controllers, as stories of single processes: who gives one, what it is good
//! for, and who may take over a lease that ran out. All of them share one clock here.

use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Millis, Timing, Word},
    observation::{LeaseView, PromotionRight, PromotionWait},
};
use std::collections::BTreeSet;

const TIMING: Timing =
    Timing { lease_ms: 1_000, renew_ms: 200, grant_ms: 600, promise_ms: 800, drift_ppm: 1_000 };

const LEADER: ControllerId = ControllerId(1);
const SECOND: ControllerId = ControllerId(2);
const THIRD: ControllerId = ControllerId(3);

/// Long after everybody started.
const BEGIN: Millis = 100_000;

/// How long a waiting process counts a lease and a promise.
fn lease() -> Millis {
    TIMING.stretched(TIMING.lease_ms)
}

fn promise() -> Millis {
    TIMING.stretched(TIMING.promise_ms)
}

fn held(version: u64, members: &[ControllerId]) -> LeaseSample {
    let members = members.iter().copied().collect();
    LeaseSample { version: ResourceVersion(version), holder: Some(LEADER), members }
}

/// A process that reads the lease at the beginning.
fn reads(me: ControllerId, lease: LeaseSample) -> LeaderClock {
    let mut clock = LeaderClock::start(me, 0);
    clock.saw(BEGIN, lease, &TIMING);
    clock
}

/// It reads that value again and again until then.
fn reads_on(clock: &mut LeaderClock, lease: &LeaseSample, until: Millis) {
    let step = usize::try_from(TIMING.renew_ms).expect("a small number");
    for now in (BEGIN..until).step_by(step).chain([until]) {
        clock.saw(now, lease.clone(), &TIMING);
    }
}

/// A leader that renewed at the beginning, and these members with it.
fn leads(members: &[ControllerId]) -> LeaderClock {
    let mut clock = LeaderClock::start(LEADER, 0);
    clock.renewed(BEGIN, BEGIN, held(1, members));
    clock
}

fn set(ids: &[ControllerId]) -> BTreeSet<ControllerId> {
    ids.iter().copied().collect()
}

#[test]
fn promises_of_everybody_let_grants_go_on_and_nothing_else() {
    let mut clock = leads(&[LEADER, SECOND, THIRD]);
    let later = BEGIN + TIMING.lease_ms + 500;
    clock.told(later - 100, SECOND, Word::Promises, &TIMING);
    assert_eq!(clock.grant(later, &TIMING), None, "one of two is not everybody");
    clock.told(later - 300, THIRD, Word::Promises, &TIMING);
    assert_eq!(clock.grant(later, &TIMING), Some(TIMING.promise_ms - 300), "the earliest ends it");
    let view = clock.view(later, &TIMING);
    assert_eq!(view.lease, LeaseView::Promised);
    assert_eq!(view.promotion, PromotionRight::Waits(PromotionWait::NoLease));
    assert_eq!(clock.right(later, &TIMING), 0);
    let end = later - 300 + TIMING.promise_ms;
    assert_eq!(clock.grant(end, &TIMING), None);
    assert_eq!(clock.view(end, &TIMING).lease, LeaseView::Free);
}

#[test]
fn a_promise_counts_from_the_question_and_a_later_refusal_takes_nothing_back() {
    let mut clock = leads(&[LEADER, SECOND]);
    let asked = BEGIN + 900;
    clock.told(asked, SECOND, Word::Promises, &TIMING);
    clock.told(asked - 500, SECOND, Word::Promises, &TIMING);
    clock.told(asked + 100, SECOND, Word::Nothing, &TIMING);
    let now = asked + TIMING.promise_ms - 1;
    assert_eq!(clock.grant(now, &TIMING), Some(1));
    assert_eq!(clock.grant(now + 1, &TIMING), None);
}

#[test]
fn a_leader_that_knows_nobody_has_its_lease_only() {
    let mut clock = leads(&[LEADER]);
    clock.told(BEGIN + 900, SECOND, Word::Promises, &TIMING);
    assert_eq!(clock.grant(BEGIN + 999, &TIMING), Some(1));
    assert_eq!(clock.grant(BEGIN + 1_000, &TIMING), None);
}

#[test]
fn without_having_held_the_lease_promises_are_no_right() {
    let mut clock = LeaderClock::start(LEADER, 0);
    clock.saw(BEGIN, held(1, &[LEADER, SECOND]), &TIMING);
    clock.told(BEGIN, SECOND, Word::Promises, &TIMING);
    assert_eq!(clock.grant(BEGIN + 1, &TIMING), None, "that write of it was never confirmed");
}

#[test]
fn a_lease_given_up_or_lost_ends_the_right_of_promises() {
    for lost in [true, false] {
        let mut clock = leads(&[LEADER, SECOND]);
        clock.told(BEGIN + 100, SECOND, Word::Promises, &TIMING);
        if lost {
            let holder = Some(SECOND);
            let taken = LeaseSample { holder, ..held(2, &[SECOND]) };
            clock.saw(BEGIN + 200, taken, &TIMING);
        } else {
            clock.released();
        }
        assert_eq!(clock.grant(BEGIN + 201, &TIMING), None, "lost: {lost}");
    }
}

/// Until a write is confirmed, the lease may say either; whoever one of them names has to promise.
#[test]
fn whoever_a_write_under_way_names_is_asked_too() {
    let later = BEGIN + TIMING.lease_ms + 100;
    let mut clock = leads(&[LEADER, SECOND]);
    clock.told(later - 10, SECOND, Word::Promises, &TIMING);
    clock.writes(Some(ResourceVersion(1)), set(&[LEADER, SECOND, THIRD]));
    assert_eq!(clock.grant(later, &TIMING), None, "the third has not promised");
    clock.told(later - 10, THIRD, Word::Promises, &TIMING);
    assert!(clock.grant(later, &TIMING).is_some());

    let mut clock = leads(&[LEADER, SECOND, THIRD]);
    clock.told(later - 10, SECOND, Word::Promises, &TIMING);
    clock.writes(Some(ResourceVersion(1)), set(&[LEADER, SECOND]));
    assert_eq!(clock.grant(later, &TIMING), None, "the write without the third is not confirmed");
    clock.saw(later, held(2, &[LEADER, SECOND]), &TIMING);
    assert!(clock.grant(later, &TIMING).is_some(), "read, it is as good as confirmed");

    let mut clock = leads(&[LEADER]);
    clock.told(later - 10, SECOND, Word::Promises, &TIMING);
    clock.writes(Some(ResourceVersion(1)), set(&[LEADER, SECOND]));
    assert_eq!(clock.grant(later, &TIMING), None, "the lease may still say: nobody else");
}

/// Of two writes that expect the same, the earlier one may land last; if it names nobody else,
/// everybody may take over what it makes of the lease, without having promised anything.
#[test]
fn a_write_under_way_that_names_nobody_ends_the_right_of_promises() {
    let later = BEGIN + TIMING.lease_ms + 100;
    for alone_first in [true, false] {
        let mut clock = leads(&[LEADER, SECOND]);
        clock.told(later - 10, SECOND, Word::Promises, &TIMING);
        let mut lists = [set(&[LEADER]), set(&[LEADER, SECOND])];
        if !alone_first {
            lists.reverse();
        }
        for members in lists {
            clock.writes(Some(ResourceVersion(1)), members);
        }
        assert_eq!(clock.grant(later, &TIMING), None, "alone first: {alone_first}");
        clock.saw(later, held(2, &[LEADER, SECOND]), &TIMING);
        assert!(clock.grant(later, &TIMING).is_some(), "read, neither of them can land");
    }
}

/// A renewal landed, its holder read that and gave the lease up; then the confirmation arrives.
#[test]
fn a_late_confirmation_gives_no_right_back_that_was_given_up() {
    let mut clock = leads(&[LEADER, SECOND]);
    let renewed = held(2, &[LEADER, SECOND]);
    clock.saw(BEGIN + 10, renewed.clone(), &TIMING);
    assert_eq!(clock.renewal(), Some(ResourceVersion(2)));
    clock.released();
    clock.renewed(BEGIN + 20, BEGIN + 5, renewed);
    assert_eq!(clock.right(BEGIN + 20, &TIMING), 0);
    assert_eq!(clock.acquired(), None);
    assert_eq!(clock.view(BEGIN + 20, &TIMING).lease, LeaseView::Free);

    // Had the lease been written after what was read, the one that gave it up would have failed.
    clock.renewed(BEGIN + 30, BEGIN + 6, held(3, &[LEADER, SECOND]));
    assert!(clock.right(BEGIN + 30, &TIMING) > 0);
}

#[test]
fn a_lease_names_whoever_answered_lately() {
    let mut clock = leads(&[LEADER]);
    clock.told(BEGIN, SECOND, Word::Nothing, &TIMING);
    clock.told(BEGIN + 500, THIRD, Word::Promises, &TIMING);
    assert_eq!(clock.members(BEGIN + 1_000, &TIMING), set(&[LEADER, SECOND, THIRD]));
    assert_eq!(clock.members(BEGIN + 1_001, &TIMING), set(&[LEADER, THIRD]));
    clock.ended(BEGIN + 1_001, THIRD);
    assert_eq!(clock.members(BEGIN + 1_001, &TIMING), set(&[LEADER]));
}

#[test]
fn a_promise_is_given_to_the_holder_only_and_binds() {
    let mut clock = LeaderClock::start(SECOND, 0);
    assert_eq!(clock.asked(BEGIN, LEADER, &TIMING), Word::Nothing, "nothing was read");
    clock.saw(BEGIN, held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(BEGIN, THIRD, &TIMING), Word::Nothing);
    let at = BEGIN + 500;
    assert_eq!(clock.asked(at, LEADER, &TIMING), Word::Promises);

    // It may lead meanwhile and grant the same reign; a promotion waits.
    let now = BEGIN + lease();
    reads_on(&mut clock, &held(1, &[LEADER, SECOND]), now);
    assert_eq!(clock.campaign(now, &TIMING), Some(Some(ResourceVersion(1))));
    let mine = LeaseSample { holder: Some(SECOND), ..held(2, &[SECOND]) };
    clock.renewed(now, now, mine);
    assert!(clock.grant(now, &TIMING).is_some());
    let promotion = |clock: &LeaderClock, at| clock.view(at, &TIMING).promotion;
    assert_eq!(promotion(&clock, now), PromotionRight::Waits(PromotionWait::OwnPromise));
    clock.renewed(
        at + promise(),
        at + promise(),
        LeaseSample { holder: Some(SECOND), ..held(3, &[SECOND]) },
    );
    assert_eq!(
        promotion(&clock, at + promise() - 1),
        PromotionRight::Waits(PromotionWait::OwnPromise)
    );
    assert_eq!(promotion(&clock, at + promise()), PromotionRight::Granted);
    assert_eq!(clock.asked(at + promise(), LEADER, &TIMING), Word::Nothing, "it leads itself");
}

/// Its write may have landed, and then a third process may take the lease from it, which promised
/// nobody anything and waits for promises only that were given before.
#[test]
fn who_may_have_taken_the_lease_over_stands_against_it() {
    let mut clock = reads(SECOND, held(1, &[LEADER, SECOND]));
    assert_eq!(clock.asked(BEGIN, LEADER, &TIMING), Word::Promises);
    let now = BEGIN + lease();
    reads_on(&mut clock, &held(1, &[LEADER, SECOND]), now);
    assert_eq!(clock.campaign(now, &TIMING), Some(Some(ResourceVersion(1))));
    clock.writes(Some(ResourceVersion(1)), set(&[SECOND]));
    // Whoever could not look for so long gives the holder as much time again, but no promise, and says
    // so: a newcomer need not wait for a write that was lost.
    let back = now + 2 * lease();
    clock.saw(back, held(1, &[LEADER, SECOND]), &TIMING);
    let stands = Word::StandsAgainst(ResourceVersion(1));
    assert_eq!(clock.asked(back, LEADER, &TIMING), stands);
    clock.saw(back + 10, held(2, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(back + 10, LEADER, &TIMING), Word::Promises, "it did not land");
}

/// It would end its promises for a write that never arrives, and the holder's right with them.
#[test]
fn who_does_not_read_the_lease_does_not_campaign() {
    let mut clock = reads(SECOND, held(1, &[LEADER, SECOND]));
    let later = BEGIN + 10 * lease();
    assert_eq!(clock.campaign(later, &TIMING), None, "nobody said that it stands still");
    assert_eq!(clock.asked(later, LEADER, &TIMING), Word::Promises);
}

#[test]
fn a_released_lease_gets_no_promise() {
    let mut clock = reads(SECOND, LeaseSample { holder: None, ..held(1, &[LEADER, SECOND]) });
    assert_eq!(clock.asked(BEGIN, LEADER, &TIMING), Word::Nothing);
}

#[test]
fn who_saw_the_lease_stand_still_stands_against_it_and_never_promises_for_it_again() {
    let mut clock = reads(SECOND, held(1, &[LEADER, SECOND]));
    let still = BEGIN + lease();
    clock.saw(BEGIN + 500, held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(still, LEADER, &TIMING), Word::Promises, "it has not been read since");
    clock.saw(still, held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(still, LEADER, &TIMING), Word::Nothing, "a promise is alive");
    let free = still + promise();
    clock.saw(free, held(1, &[LEADER, SECOND]), &TIMING);
    let against = Word::StandsAgainst(ResourceVersion(1));
    assert_eq!(clock.asked(free, THIRD, &TIMING), against);

    // A gap would give the holder more time, but for what was said already.
    let after = free + 10 * lease();
    clock.saw(after, held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(after, LEADER, &TIMING), against);
    clock.saw(after, held(2, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(after, LEADER, &TIMING), Word::Promises, "a later value is another");
}

/// After an outage for all, the holder gets the time of a lease to renew it.
#[test]
fn a_gap_in_looking_gives_the_holder_time() {
    let mut clock = reads(SECOND, held(1, &[LEADER, SECOND]));
    let back = BEGIN + 10 * lease();
    clock.saw(back, held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.asked(back, LEADER, &TIMING), Word::Promises);
    assert_eq!(clock.campaign(back, &TIMING), None);
    clock.saw(back + lease(), held(1, &[LEADER, SECOND]), &TIMING);
    assert_eq!(clock.campaign(back + lease(), &TIMING), None, "that was a gap, too");
    for step in 1..=3 {
        clock.saw(back + lease() + step * 400, held(1, &[LEADER, SECOND]), &TIMING);
    }
    assert!(clock.campaign(back + lease() + 1_200, &TIMING).is_some());
}

#[test]
fn a_newcomer_waits_for_somebody_who_stands_against_the_lease() {
    let value = held(1, &[LEADER, SECOND]);
    let late = BEGIN + lease();
    let mut clock = reads(THIRD, value.clone());
    reads_on(&mut clock, &value, late);
    assert_eq!(clock.campaign(late, &TIMING), None, "its leader would not ask this process");
    clock.told(late, LEADER, Word::StandsAgainst(ResourceVersion(1)), &TIMING);
    assert_eq!(clock.campaign(late, &TIMING), None, "the holder's own word is none");
    clock.told(late, SECOND, Word::StandsAgainst(ResourceVersion(0)), &TIMING);
    assert_eq!(clock.campaign(late, &TIMING), None, "that was another value");
    clock.told(late, SECOND, Word::StandsAgainst(ResourceVersion(1)), &TIMING);
    assert_eq!(clock.campaign(late, &TIMING), Some(Some(ResourceVersion(1))));
    let another = ControllerId(9);
    clock.told(late, another, Word::StandsAgainst(ResourceVersion(1)), &TIMING);
    let kept = clock.campaign(late, &TIMING).is_some();
    assert!(kept, "the holder does not ask that one, and its word replaces nobody's");
    let changed = held(2, &[LEADER, SECOND]);
    clock.saw(late, changed.clone(), &TIMING);
    reads_on(&mut clock, &changed, late + lease());
    assert_eq!(clock.campaign(late + lease(), &TIMING), None, "the lease has changed");
}

#[test]
fn a_newcomer_waits_out_the_promises_of_those_who_ended() {
    let value = held(1, &[LEADER, SECOND, THIRD]);
    let mut clock = reads(ControllerId(9), value.clone());
    let known = BEGIN + 5 * lease();
    reads_on(&mut clock, &value, known + promise());
    clock.ended(known, SECOND);
    assert_eq!(clock.campaign(known + promise(), &TIMING), None, "the third may live");
    clock.ended(known + 100, THIRD);
    assert_eq!(clock.campaign(known + promise() + 99, &TIMING), None);
    assert!(clock.campaign(known + promise() + 100, &TIMING).is_some());
    assert_eq!(clock.campaign(known + promise() + 100, &TIMING), Some(Some(ResourceVersion(1))));
}

/// A member that is cut off from the API server answers nothing of use, for as long as it runs; the
/// holder's end is enough.
#[test]
fn who_knows_that_the_holder_has_ended_takes_over_once_its_grants_and_promises_are_past() {
    let value = held(1, &[LEADER, SECOND]);
    let known = BEGIN + 5 * lease();
    let past = known + promise();
    let mut clock = reads(THIRD, value.clone());
    reads_on(&mut clock, &value, past);
    clock.unlisted(known, LEADER);
    assert_eq!(clock.campaign(past, &TIMING), None, "deleted by force, it may run on");
    clock.replaced(known, BEGIN - 1, LEADER);
    assert_eq!(clock.campaign(past, &TIMING), None, "the lease may name a later process");
    clock.replaced(known, known - 10, LEADER);
    assert_eq!(clock.campaign(past - 1, &TIMING), None, "a promise of its own may run");
    assert_eq!(clock.campaign(past, &TIMING), Some(Some(ResourceVersion(1))));
    let renewed = held(2, &[LEADER, SECOND]);
    clock.saw(past, renewed.clone(), &TIMING);
    reads_on(&mut clock, &renewed, past + lease());
    assert!(
        clock.campaign(past + lease(), &TIMING).is_some(),
        "a late write of one that has ended"
    );
    let members = [SECOND, ControllerId(9)];
    let taken = LeaseSample { holder: Some(SECOND), ..held(3, &members) };
    clock.saw(past + lease(), taken.clone(), &TIMING);
    reads_on(&mut clock, &taken, past + 2 * lease());
    assert_eq!(clock.campaign(past + 2 * lease(), &TIMING), None, "another holds it");
}

#[test]
fn anybody_takes_over_what_names_nobody_else_or_was_given_up() {
    let late = BEGIN + lease();
    let mut clock = reads(THIRD, held(1, &[LEADER]));
    reads_on(&mut clock, &held(1, &[LEADER]), late - 1);
    assert_eq!(clock.campaign(late - 1, &TIMING), None);
    assert_eq!(clock.campaign(late, &TIMING), None, "it may have changed meanwhile");
    clock.saw(late, held(1, &[LEADER]), &TIMING);
    assert!(clock.campaign(late, &TIMING).is_some());
    let given_up = LeaseSample { holder: None, ..held(1, &[LEADER, SECOND]) };
    assert!(reads(THIRD, given_up).campaign(BEGIN, &TIMING).is_some());
}

#[test]
fn a_lease_names_no_more_than_its_bound() {
    let mut clock = leads(&[LEADER]);
    for id in 10..40 {
        clock.told(BEGIN, ControllerId(id), Word::Nothing, &TIMING);
    }
    let members = clock.members(BEGIN, &TIMING);
    assert_eq!(members.len(), ha_core::leadership::MEMBERS);
    assert!(members.contains(&LEADER));
}
