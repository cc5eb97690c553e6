//! What must be seen in a configuration: it follows from its budget. Were it not seen, nothing that
//! is said of its states would be false, but it would be said of fewer than it seems.

use crate::model::{Configuration, Moment, Outside};
use ha_core::desired::Durability;
use std::collections::BTreeSet;

/// Each row: what has to be in the budget, how many faults that takes, and what must be seen then.
const ROWS: &[(&[Outside], u8, &[Moment])] = &[
    (&[Outside::Write], 0, &[Moment::Acked]),
    (&[Outside::Switchover], 0, &[Moment::Switchover]),
    (&[Outside::Crash], 1, &[Moment::Failover]),
    (&[Outside::Order], 0, &[Moment::Switchover, Moment::VoteMoved]),
    (&[Outside::Main], 1, &[Moment::Failover]),
    (&[Outside::Voter], 1, &[Moment::VoteMoved]),
    (&[Outside::Node], 1, &[Moment::Failover, Moment::VoteMoved]),
    (&[Outside::Pod], 1, &[Moment::Failover]),
    (&[Outside::Controller], 1, &[Moment::LeaseTaken]),
    (&[Outside::Freeze], 1, &[Moment::LeaseTaken]),
    (&[Outside::Main, Outside::Together], 2, &[Moment::LedAway]),
    (&[Outside::Write, Outside::Decision], 1, &[Moment::DecisionLost]),
    (&[Outside::Crash, Outside::Late], 2, &[Moment::LatePromotion]),
    (&[Outside::Main, Outside::Late], 2, &[Moment::LatePromotion]),
    (&[Outside::Voter, Outside::Late], 2, &[Moment::LateDemotion, Moment::LatePromotion]),
    (&[Outside::Switchover, Outside::Late], 1, &[Moment::LateDemotion]),
    (&[Outside::Roll], 0, &[Moment::Switchover, Moment::VoteMoved]),
    (&[Outside::Write, Outside::Both, Outside::Accept], 1, &[Moment::LostByPower]),
    (&[Outside::Write, Outside::Decision, Outside::Main], 2, &[Moment::LostByDecision]),
];

/// What must be seen.
#[must_use]
pub fn expected(configuration: &Configuration) -> BTreeSet<Moment> {
    let budget = &configuration.budget;
    let has = |kinds: &[Outside], faults: u8| {
        budget.faults >= faults && kinds.iter().all(|kind| budget.of(*kind) > 0)
    };
    let rows = ROWS.iter().filter(|(kinds, faults, _)| has(kinds, *faults));
    let mut moments: BTreeSet<Moment> =
        rows.flat_map(|(.., moments)| moments.iter().copied()).collect();
    if configuration.settings.vote_returns && has(&[Outside::Voter], 1) {
        moments.insert(Moment::VoteReturns);
    }
    if configuration.settings.sets_aside && has(&[Outside::Write], 1) {
        moments.extend([Moment::SetAside, Moment::BeganAnew]);
    }
    let alone = configuration.settings.durability == Durability::Fast
        && configuration.settings.instances == 2;
    if alone && has(&[Outside::Crash], 1) {
        moments.extend([Moment::Alone, Moment::Protected]);
    }
    moments
}
