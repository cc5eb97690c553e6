//! What gateways say, where questions overtake each other on their way: each has a connection of its
//! own.

#[path = "common/bases.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod bases;

use ha_core::{
    grant::{Answer, Question},
    ids::{ControllerId, GatewayId, ResourceVersion},
    leadership::{LeaderClock, LeaseSample, Timing},
    observation::Route,
    record::Record,
    reports::Reports,
};
use std::collections::BTreeSet;

const ME: ControllerId = ControllerId(1);
const GATEWAY: GatewayId = GatewayId(7);

/// A leader whose lease lasts, and what gateways told it.
struct Leader {
    clock: LeaderClock,
    reports: Reports,
    record: Record,
    route: Route,
}

impl Leader {
    fn start() -> Self {
        let mut observation = bases::base("settled");
        let record = bases::record(&mut observation).expect("a record").clone();
        let (version, members) = (ResourceVersion(1), BTreeSet::from([ME]));
        let mut clock = LeaderClock::start(ME, 0);
        clock.writes(None, members.clone());
        clock.renewed(0, 0, LeaseSample { version, holder: Some(ME), members });
        let main = bases::at(record.target);
        let route = Route::Open { term: record.term, main };
        Self { clock, reports: Reports::default(), record, route }
    }

    fn drain(&mut self) {
        let (term, main) = (self.record.term, bases::at(self.record.target));
        self.reports.drain_begins();
        self.route = Route::Draining { term, main };
    }

    /// The gateway asks this, having taken that answer last, while nothing is open there.
    fn hear(&mut self, number: u64, accepted: Option<u64>) {
        let _taken = self.reports.hear(&asked(number), accepted, 1);
    }

    fn answer(&mut self, number: u64) -> Option<Answer> {
        let (question, timing) = (asked(number), Timing::default());
        let record = Some(&self.record);
        self.reports.answer(&question, &mut self.clock, record, self.route, (1, &timing))
    }

    /// Whether a transaction may be open.
    fn waits(&self) -> bool {
        self.reports.open_transactions(self.route, &BTreeSet::from([GATEWAY]))
    }
}

const fn asked(number: u64) -> Question {
    Question { gateway: GATEWAY, number, holds: None, open_transactions: false, last_byte_ms: None }
}

#[test]
fn a_drain_is_told_once_its_answer_was_taken() {
    let mut leader = Leader::start();
    leader.hear(1, None);
    assert!(leader.answer(1).is_some_and(|answer| answer.lasts_ms > 0));
    leader.drain();
    leader.hear(2, Some(1));
    assert!(leader.waits(), "it was not told yet");
    assert!(leader.answer(2).is_some());
    assert!(leader.waits(), "it has not taken it yet");
    leader.hear(3, Some(2));
    assert!(!leader.waits());
}

#[test]
fn a_question_that_was_overtaken_takes_nothing_back() {
    let mut leader = Leader::start();
    leader.drain();
    leader.hear(2, None);
    assert!(leader.answer(2).is_some());
    leader.hear(4, Some(2));
    assert!(!leader.waits());
    leader.hear(3, None);
    assert!(!leader.waits(), "it said so before");
    assert_eq!(leader.answer(3), None, "nobody waits for that any more");
    assert!(!leader.waits());
}

#[test]
fn the_answer_to_a_question_that_was_overtaken_tells_nobody_of_a_drain() {
    let mut leader = Leader::start();
    leader.hear(2, None);
    assert!(leader.answer(2).is_some());
    leader.drain();
    leader.hear(1, None);
    let _answer = leader.answer(1);
    // It took the answer to a later question, which was given before the drain.
    leader.hear(3, Some(2));
    assert!(leader.waits(), "it was not told");
    leader.reports.forget(GATEWAY);
    assert!(leader.waits() && leader.reports.is_empty(), "of another process nothing is known");
    leader.hear(1, None);
    assert_eq!(leader.reports.len(), 1, "it has numbers of its own");
}
