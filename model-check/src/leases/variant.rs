//! What is explored: how many controllers, which durations, and what may happen how often.

use super::{
    act::{Act, Outside},
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Who does not reach the API server, ever: a set of places. If the first leader is among them,
    /// two writes of the lease by it are under way in the beginning.
    pub cut: u8,
    /// Whether only that happens which goes on by itself, and what comes from outside: nothing is late,
    /// and a tick passes once all that is due was done.
    pub timely: bool,
    /// Whether the gateway asks.
    pub gateway: bool,
    /// Who asks for promises.
    pub asking: Asking,
    /// What may be late.
    pub late: Late,
    /// The durations.
    pub timing: Timing,
    /// What may happen from outside, and how often.
    pub budget: &'static [(Outside, u8)],
    /// What happened before everything else.
    pub before: &'static [Act],
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

const AT_ONCE: Late = Late { questions: false, confirmations: false, writes: false };
const WRITES: Late = Late { writes: true, ..AT_ONCE };

/// Two controllers of which nobody asks for promises; what everything else begins from.
const TURNS: Variant = Variant {
    name: "turns",
    about: "two controllers that take over from each other, and a failover; nobody asks for promises",
    places: 2,
    named: 2,
    running: 2,
    cut: 0,
    timely: false,
    gateway: true,
    asking: Asking::Nobody,
    late: WRITES,
    timing: ticks(2, 2, 2),
    budget: &[(Outside::Failover, 1)],
    before: &[],
    mistake: None,
};

const RELEASED: Variant = Variant {
    name: "released",
    about: "a lease given up",
    timing: ticks(2, 1, 1),
    budget: &[(Outside::Failover, 1), (Outside::Release, 1)],
    ..TURNS
};

const RESTARTED: Variant = Variant {
    name: "restarted",
    about: "a process that ends and starts anew",
    timing: ticks(2, 1, 1),
    budget: &[(Outside::Failover, 1), (Outside::Crash, 1)],
    ..TURNS
};

const SLOW_CLOCK: Variant = Variant {
    name: "slow-clock",
    about: "a clock that loses a tick, and whoever waits counts one more",
    late: AT_ONCE,
    timing: drifting(ticks(2, 1, 1)),
    budget: &[(Outside::Failover, 1), (Outside::Slow, 1)],
    ..TURNS
};

const PROMISES: Variant = Variant {
    name: "promises",
    about: "a leader cut off from the API server that goes on with promises, and one that takes over",
    cut: 1,
    asking: Asking::Needing,
    ..TURNS
};

const NEWCOMER: Variant = Variant {
    name: "newcomer",
    about: "two that are cut off from the API server and hold on to promises, and a third that neither knows",
    places: 3,
    running: 3,
    cut: 0b11,
    timing: ticks(2, 1, 1),
    ..PROMISES
};

const OUTAGE: Variant = Variant {
    name: "outage",
    about: "everything that goes on by itself, in every order: what is left of the API server's end",
    cut: 0,
    timely: true,
    late: AT_ONCE,
    budget: &[
        (Outside::Failover, 1),
        (Outside::Crash, 1),
        (Outside::Release, 1),
        (Outside::Outage, 1),
    ],
    ..PROMISES
};

/// The variants that every run of the tests explores.
pub const VARIANTS: &[Variant] = &[TURNS, SLOW_CLOCK, PROMISES, OUTAGE];

/// Larger ones, of one to five million states.
pub const LARGER: &[Variant] = &[
    RELEASED,
    RESTARTED,
    NEWCOMER,
    Variant { name: "longer-lease", timing: ticks(3, 2, 2), ..TURNS },
    Variant { name: "longer-slow-clock", timing: drifting(ticks(2, 1, 2)), ..SLOW_CLOCK },
    Variant {
        name: "late-confirmations",
        late: Late { confirmations: true, ..WRITES },
        ..RELEASED
    },
    Variant {
        name: "late-questions",
        late: Late { questions: true, ..AT_ONCE },
        timing: ticks(2, 1, 1),
        ..TURNS
    },
    Variant {
        name: "two-failovers",
        timing: ticks(2, 1, 1),
        late: AT_ONCE,
        budget: &[(Outside::Failover, 2)],
        ..TURNS
    },
    Variant {
        name: "promises-slow-clock",
        timing: drifting(ticks(2, 2, 2)),
        budget: &[(Outside::Failover, 1), (Outside::Slow, 1)],
        ..PROMISES
    },
    Variant {
        name: "promises-restarted",
        budget: &[(Outside::Failover, 1), (Outside::Crash, 1)],
        ..PROMISES
    },
    Variant { name: "promises-uncut", cut: 0, late: AT_ONCE, timing: ticks(2, 1, 1), ..PROMISES },
];

/// The variant of a name.
#[must_use]
pub fn variant(name: &str) -> Option<Variant> {
    VARIANTS.iter().chain(LARGER).find(|variant| variant.name == name).cloned()
}
