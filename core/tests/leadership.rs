//! The one property of leases and grants, on simulated processes whose clocks drift: while a
//! controller may promote and has no grant outstanding, no gateway holds a grant that is alive.
//! Messages are late, lost and out of order; the lease object is written by compare-and-set.
//! Records, routes and instances are not known here.

#[path = "common/leases.rs"]
mod leases;
#[path = "common/runs.rs"]
mod runs;

use leases::{Mistake, Rates, TIMING, World};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use runs::runs;

type Schedule = Vec<(u8, usize, usize)>;

/// Everything for itself, or in periods: what takes many steps to come about is met in the latter.
fn schedule() -> impl Strategy<Value = Schedule> {
    let of = |kinds: std::ops::Range<u8>, length| {
        proptest::collection::vec((kinds, 0_usize..3, 0_usize..32), length)
    };
    prop_oneof![of(0..88, 100..500), of(0..100, 100..500), of(10..130, 50..200)]
}

/// Rates of the clocks, within the drift that is allowed for; the ends are tried most.
fn rates() -> impl Strategy<Value = Rates> {
    let allowed = 1_000_000 - u64::from(TIMING.drift_ppm)..=1_000_000 + u64::from(TIMING.drift_ppm);
    let ends = [*allowed.start(), *allowed.end()];
    proptest::array::uniform4(prop_oneof![
        3 => proptest::sample::select(ends.to_vec()),
        1 => allowed,
    ])
}

fn run(mistake: Mistake, rates: Rates, schedule: &Schedule) -> Result<(u32, u32), String> {
    let mut world = World::start(mistake, rates);
    for (kind, which, choice) in schedule {
        world.step(*kind, *which, *choice)?;
    }
    Ok((world.takeovers, world.on_promises))
}

proptest! {
    #![proptest_config(runs(20_000))]

    #[test]
    fn no_grant_is_alive_while_promotion_is_open(rates in rates(), schedule in schedule()) {
        if let Err(why) = run(Mistake::None, rates, &schedule) {
            return Err(TestCaseError::fail(why));
        }
    }
}

/// Runs schedules until one breaks the property. How often a right passed to another process
/// before, and how often one was granted on promises alone; nothing if one broke it.
fn tried(mistake: Mistake, count: usize) -> Option<(u32, u32)> {
    let mut runner =
        TestRunner::new_with_rng(runs(1), TestRng::from_seed(RngAlgorithm::ChaCha, &[0x67; 32]));
    let both = (rates(), schedule());
    let (mut takeovers, mut on_promises) = (0, 0);
    for _ in 0..count {
        let (rates, schedule) = both.new_tree(&mut runner).expect("always made").current();
        let (passed, promised) = run(mistake, rates, &schedule).ok()?;
        takeovers += passed;
        on_promises += promised;
    }
    Some((takeovers, on_promises))
}

#[test]
fn the_simulation_reaches_takeovers() {
    let (takeovers, on_promises) = tried(Mistake::None, 2_000).expect("none is broken");
    assert!(takeovers > 200, "only {takeovers} takeovers in 2000 runs");
    assert!(on_promises > 200, "only {on_promises} grants on promises in 2000 runs");
}

#[test]
fn each_mistake_is_found() {
    for mistake in [
        Mistake::GrantUnclipped,
        Mistake::DriftIgnored,
        Mistake::GrantForgotten,
        Mistake::AnyAnswerTaken,
        Mistake::PromiseForgotten,
        Mistake::PromiseCountedLate,
        Mistake::MembersUnwritten,
        Mistake::GoneByObject,
        Mistake::NobodyToAsk,
    ] {
        assert_eq!(tried(mistake, 60_000), None, "{mistake:?} goes unseen");
    }
}
