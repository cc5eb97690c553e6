//! What is explored: a world, which faults may befall it and how often, and which reads may lag.

use crate::canonical::Grain;
use ha_core::{history::Patience, leadership::Timing};
use shell_sim::{
    memgraph::Config,
    world::{Decide, Settings},
};

/// A fault, or something else that comes from outside. Each happens at most as often as its budget
/// allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outside {
    /// A client writes something new.
    Write,
    /// A process of an instance ends.
    Crash,
    /// The process of the main ends.
    Main,
    /// The process of the voter ends.
    Voter,
    /// A node of an instance loses power, and with it what was not flushed.
    Power,
    /// The nodes of the main and of a voter lose power at once.
    Both,
    /// A pod is taken away, and its process with it.
    Pod,
    /// A volume is lost, and the process with it.
    Volume,
    /// A node is lost with its instance, for good.
    Node,
    /// A controller process ends.
    Controller,
    /// A controller process stands still for a while: a stale leader.
    Freeze,
    /// A controller stops waiting for an effect that may happen yet: a late command.
    Late,
    /// A gateway stands still, with what it holds: a stale gateway.
    Gateway,
    /// A leader stands still, and with it the target that it waits for: a late command.
    Together,
    /// A controller and an instance do not reach each other.
    Cut,
    /// Two instances do not reach each other.
    Part,
    /// A controller does not reach the API server.
    Alone,
    /// The API server is gone.
    Api,
    /// The decision about a transaction is lost on its way.
    Decision,
    /// The answer to an effect is lost on its way.
    Answer,
    /// An operator orders a switchover.
    Switchover,
    /// An operator orders a switchover to an instance that has no vote.
    Order,
    /// The pod of the main or of the voter is marked for deletion.
    Mark,
    /// The next pod of a rolling restart is marked for deletion.
    Roll,
    /// An operator accepts what an instance lacks, and wants the cluster to go on with it.
    Accept,
    /// Operators want the other promise.
    Promise,
    /// A leader gives its lease up.
    Release,
    /// A leader gives its lease up, and does not hear that it did.
    Unheard,
    /// A message that somebody waits for takes longer than a tick.
    Slow,
    /// A look that leaves an instance out, whose last reading stands.
    Glance,
    /// A clock that stands still while a tick passes for everybody else.
    Clock,
}

impl Outside {
    /// Every kind, with its word.
    pub const WORDS: &[(Self, &'static str)] = &[
        (Self::Write, "writes"),
        (Self::Crash, "crashes of instances"),
        (Self::Main, "crashes of the main"),
        (Self::Voter, "crashes of the voter"),
        (Self::Power, "losses of power"),
        (Self::Both, "losses of power of main and voter at once"),
        (Self::Pod, "pods taken away"),
        (Self::Volume, "volumes lost"),
        (Self::Node, "nodes lost for good"),
        (Self::Controller, "crashes of controllers"),
        (Self::Freeze, "controllers that stand still"),
        (Self::Late, "late commands"),
        (Self::Gateway, "stale gateways"),
        (Self::Together, "leaders that stand still with the target"),
        (Self::Cut, "cuts between controller and instance"),
        (Self::Part, "cuts between instances"),
        (Self::Alone, "cuts between controller and API server"),
        (Self::Api, "outages of the API server"),
        (Self::Decision, "second phases lost"),
        (Self::Answer, "answers lost"),
        (Self::Switchover, "switchovers"),
        (Self::Order, "switchovers to one without a vote"),
        (Self::Mark, "pods marked for deletion"),
        (Self::Roll, "pods of a rolling restart"),
        (Self::Accept, "losses accepted"),
        (Self::Promise, "changes of what is promised"),
        (Self::Release, "leases given up"),
        (Self::Unheard, "leases given up unheard"),
        (Self::Slow, "slow messages"),
        (Self::Glance, "looks that leave an instance out"),
        (Self::Clock, "clocks that lose a tick"),
    ];

    /// Whether it is a fault; the rest is what users do.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(
            self,
            Self::Write
                | Self::Switchover
                | Self::Order
                | Self::Mark
                | Self::Roll
                | Self::Accept
                | Self::Promise
                | Self::Release
        )
    }
}

/// How often each may happen, and how many faults in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The most of each kind; what is missing does not happen.
    pub each: Vec<(Outside, u8)>,
    /// The most faults together.
    pub faults: u8,
}

impl Budget {
    /// The most of this kind.
    #[must_use]
    pub fn of(&self, kind: Outside) -> u8 {
        self.each.iter().find(|(of, _)| *of == kind).map_or(0, |(_, most)| *most)
    }

    /// Whether all that may be spent of it can be counted.
    pub(super) fn is_countable(&self) -> bool {
        self.each.len() <= KINDS && self.each.iter().all(|(_, most)| *most <= MOST)
    }
}

/// How many kinds a budget may have: what is spent of it stands beside four more bits in one number.
const KINDS: usize = 14;

/// How often each may happen at most, as two bits can count.
const MOST: u8 = 3;

/// What was spent of a budget: two bits for each kind that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Spent(pub u32);

impl Spent {
    fn bits(budget: &Budget, kind: Outside) -> Option<u32> {
        let position = budget.each.iter().position(|(of, _)| *of == kind)?;
        Some(position as u32 * 2)
    }

    /// How often this kind happened.
    #[must_use]
    pub fn of(self, budget: &Budget, kind: Outside) -> u8 {
        Self::bits(budget, kind).map_or(0, |shift| ((self.0 >> shift) & 3) as u8)
    }

    /// How many faults happened.
    #[must_use]
    pub fn faults(self, budget: &Budget) -> u8 {
        budget.each.iter().filter(|(of, _)| of.is_fault()).map(|(of, _)| self.of(budget, *of)).sum()
    }

    /// Whether it may happen once more.
    #[must_use]
    pub fn allows(self, budget: &Budget, kind: Outside) -> bool {
        self.of(budget, kind) < budget.of(kind)
            && (!kind.is_fault() || self.faults(budget) < budget.faults)
    }

    /// After it happened once more.
    #[must_use]
    pub fn and(self, budget: &Budget, kind: Outside) -> Self {
        Self::bits(budget, kind).map_or(self, |shift| Self(self.0 + (1 << shift)))
    }
}

/// One configuration.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The world.
    pub settings: Settings,
    /// What may happen from outside.
    pub budget: Budget,
    /// The decision.
    pub decide: Decide,
    /// How moments are told apart.
    pub grain: Grain,
    /// Whether it is one of those whose size counts: everything that the floor asks for is in it.
    pub main: bool,
}

/// Durations that make one tick the end of whatever was begun before it: a lease that is not
/// renewed, a grant that is not asked for anew, patience with silence.
pub const TICK: u64 = 3_100;

/// The world that configurations begin from. A vote that moved stays where it is: going back takes
/// a reign of its own after each failover, which configurations have that are about it.
#[must_use]
pub fn world() -> Settings {
    let timing = Timing {
        lease_ms: 3_000,
        renew_ms: 1_000,
        grant_ms: 2_000,
        promise_ms: 3_000,
        drift_ppm: 1_000,
    };
    let patience = Patience {
        fresh_ms: 1_500,
        silence_ms: 3_000,
        row_suspect_ms: 3_000,
        row_expired_ms: 3_000,
        drain_ms: 2_000,
        witness_ms: 1_500,
        witness_limit_ms: 0,
    };
    let usual = Settings::default();
    Settings {
        instances: 3,
        controllers: 2,
        gateways: 1,
        clients: 1,
        config: Config { flush_every: 1, ..usual.config },
        timing,
        patience,
        vote_returns: false,
        promises: false,
        sets_aside: false,
        ..usual
    }
}

/// The world of leases and grants: a lease lasts three ticks short of a moment, a grant two, and
/// whoever waits for either waits a tick more than that, which is what one clock may lose.
#[must_use]
pub fn world_of_leases() -> Settings {
    let timing = Timing {
        lease_ms: 2_900,
        renew_ms: 1_000,
        grant_ms: 1_900,
        promise_ms: 2_900,
        drift_ppm: 130_000,
    };
    let patience = Patience {
        fresh_ms: 500,
        silence_ms: 1_000,
        row_suspect_ms: 1_000,
        row_expired_ms: 1_000,
        drain_ms: 900,
        witness_ms: 500,
        witness_limit_ms: 0,
    };
    Settings { timing, patience, clients: 0, ..world() }
}

/// A tick is a part of a lease.
pub const LEASES: Grain =
    Grain { tick: 1_000, lease_ticks: 4, row_ticks: 1, instances_at_once: true, ..COARSE };

/// One tick is the end of everything.
pub const COARSE: Grain = Grain {
    tick: TICK,
    lease_ticks: 1,
    row_ticks: 1,
    stale: 0,
    api_answers: true,
    looks_are_whole: true,
    instances_at_once: false,
    volumes_last: true,
};
