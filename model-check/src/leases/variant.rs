//! What is explored: how many controllers, which durations, and what may happen how often.

use super::{
    act::Outside,
    mistake::Mistake,
};
use ha_core::leadership::Timing;

/// Who asks others for promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Nobody.
    Nobody,
    /// Whoever holds the lease, or is kept out of it.
    Needing,
    /// Everybody.
    Everybody,
}

/// What of that which arrives at any later moment is under way in states. Where it is not, it arrives
/// when it is sent, or never; what that leaves out is said in `design/model-checking.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late {
    /// Questions and their answers.
    pub questions: bool,
    /// Confirmations of writes of the lease.
    pub confirmations: bool,
    /// Writes of the lease that their sender waits for no more.
    pub writes: bool,
}

/// One variant.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// How many controllers there are.
    pub places: u8,
    /// How many of them the lease names in the beginning.
    pub named: u8,
    /// How many of them run in the beginning.
    pub running: u8,
    /// Who asks for promises.
    pub asking: Asking,
    /// What may be late.
    pub late: Late,
    /// The durations.
    pub timing: Timing,
    /// What may happen from outside, and how often.
    pub budget: &'static [(Outside, u8)],
    /// What is done wrong.
    pub mistake: Option<Mistake>,
}

impl Variant {
    /// How often something may come from outside.
    #[must_use]
    pub fn most(&self, kind: Outside) -> u8 {
        self.budget.iter().find(|(of, _)| *of == kind).map_or(0, |(_, most)| *most)
    }
}

/// Durations in ticks, each a moment short. Whoever waits for the end of one waits as many ticks.
#[must_use]
pub const fn ticks(lease: u64, promise: u64, grant: u64) -> Timing {
    Timing {
        lease_ms: lease * 1_000 - 100,
        renew_ms: 400,
        grant_ms: grant * 1_000 - 100,
        promise_ms: promise * 1_000 - 100,
        drift_ppm: 0,
    }
}

/// The same, and whoever waits counts a tick more, which is what a clock may lose.
#[must_use]
pub const fn drifting(timing: Timing) -> Timing {
    Timing { drift_ppm: 130_000, ..timing }
}

/// Two controllers, nobody asks, everything but writes arrives at once.
const PAIR: Variant = Variant {
    name: "pair",
    about: "two controllers and a failover",
    places: 2,
    named: 2,
    running: 2,
    asking: Asking::Nobody,
    late: Late { questions: false, confirmations: false, writes: false },
    timing: ticks(2, 2, 2),
    budget: &[(Outside::Failover, 1)],
    mistake: None,
};

const LATE: Late = Late { questions: true, confirmations: true, writes: true };
const WRITES: Late = Late { writes: true, ..PAIR.late };

/// Every variant.
#[must_use]
pub fn variants() -> Vec<Variant> {
    use Outside::{Crash, Failover, Release, Slow};
    let of = |name, asking, timing, late, budget| Variant { name, asking, timing, late, budget, ..PAIR };
    let asking = Asking::Needing;
    let three = |name, asking, timing, late, budget| Variant { places: 3, running: 3, ..of(name, asking, timing, late, budget) };
    let one: &[_] = &[(Failover, 1)];
    vec![
        of("n222", Asking::Nobody, ticks(2, 2, 2), PAIR.late, one),
        of("n322", Asking::Nobody, ticks(3, 2, 2), PAIR.late, one),
        of("n222w", Asking::Nobody, ticks(2, 2, 2), WRITES, one),
        of("n222l", Asking::Nobody, ticks(2, 2, 2), LATE, one),
        of("n111l", Asking::Nobody, ticks(1, 1, 1), LATE, one),
        of("a111", asking, ticks(1, 1, 1), PAIR.late, one),
        of("a111w", asking, ticks(1, 1, 1), WRITES, one),
        of("a111l", asking, ticks(1, 1, 1), LATE, one),
        of("a212", asking, ticks(2, 1, 2), PAIR.late, one),
        of("n222r", Asking::Nobody, ticks(2, 2, 2), PAIR.late, &[(Failover, 1), (Release, 1)]),
        of("n222c", Asking::Nobody, ticks(2, 2, 2), PAIR.late, &[(Failover, 1), (Crash, 1)]),
        of("n222s", Asking::Nobody, drifting(ticks(2, 2, 2)), PAIR.late, &[(Failover, 1), (Slow, 1)]),
        of("a111s", asking, drifting(ticks(1, 1, 1)), PAIR.late, &[(Failover, 1), (Slow, 1)]),
        three("t111", asking, ticks(1, 1, 1), PAIR.late, one),
        three("t111w", asking, ticks(1, 1, 1), WRITES, one),
        of("a222", asking, ticks(2, 2, 2), PAIR.late, one),
    ]
}
