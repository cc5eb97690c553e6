//! The policy of the controller that this project succeeds, as a deterministic machine over the
//! [`World`]: a reconcile pass, a failover, a health prober and a preStop wait, each a sequence of
//! small steps that may interleave wherever no lock forbids it. It decides what the Go program would
//! do next in each thread; it deliberately does not know which incident it is in, what comes
//! afterwards, or which thread is to move.

mod clients;
mod discovery;
mod emitted;
mod era;
mod failover;
mod pass;
mod prestop;
#[cfg(test)]
mod tests;
mod turn;

pub use clients::Door;
pub use emitted::{Emitted, Seen, pod_of, replica_name};
pub use era::Era;
pub use turn::Turn;

use crate::{
    incident::{EventWord, Value},
    memgraph::{RoleName, SyncMode},
    world::World,
};
use failover::Failover;
use ha_core::ids::InstanceId;
use pass::Pass;
use prestop::Prestop;
use std::collections::{BTreeMap, BTreeSet};

/// Consecutive failed pings after which the prober gives the main up.
pub const PROBER_THRESHOLD: u8 = 3;

/// One line of work of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thread {
    /// The reconcile loop.
    Pass,
    /// The worker of failover checks.
    Failover,
    /// The request of a preStop hook.
    Prestop,
    /// The health prober.
    Prober,
    /// The look at an unknown cluster at the start of the program.
    Discovery,
}

impl Thread {
    /// Every thread, in the order in which a search tries them.
    pub const ALL: [Self; 5] =
        [Self::Discovery, Self::Prestop, Self::Failover, Self::Pass, Self::Prober];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Failover => "failover",
            Self::Prestop => "preStop",
            Self::Prober => "prober",
            Self::Discovery => "discovery",
        }
    }
}

/// Why a failover check waits to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// The prober gave the main up.
    Prober,
    /// The pod of the main was deleted, or lost its readiness.
    PodEvent(InstanceId),
}

/// What the program knows and is doing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Predecessor {
    /// Which version.
    pub era: Era,
    /// How many instances there are in its cluster.
    pub members: u8,
    /// The target main index in the ConfigMap; the cached one follows every write of its own.
    pub target: InstanceId,
    /// The mode in which the sync replica is registered.
    pub sync_mode: SyncMode,
    /// Cached roles.
    pub roles: BTreeMap<InstanceId, RoleName>,
    /// The replica list of the last pass that could read it.
    pub rows: Vec<Seen>,
    /// Pods that Kubernetes calls Ready.
    pub ready: BTreeSet<InstanceId>,
    /// Pods that are marked for deletion.
    pub terminating: BTreeSet<InstanceId>,
    /// The instance that answers where the address of a pod is empty.
    pub localhost: Option<InstanceId>,
    /// Where writes are routed to.
    pub write_upstream: Option<InstanceId>,
    /// Pings of the main that failed in a row.
    pub failed_pings: u8,
    /// Failover checks that wait.
    pub queue: Vec<Trigger>,
    /// Failover checks made so far.
    pub attempts: u8,
    /// Passes that may still begin.
    pub passes_left: u8,
    /// The pod whose preStop hook calls, if one does.
    pub prestop_of: Option<InstanceId>,
    /// Where a controller that does not lead routes writes to, in versions in which it serves.
    pub follower_upstream: Option<InstanceId>,
    /// The program has just started and knows no target.
    pub discovers: bool,
    /// The instance whose answer to the question for its role has no row.
    pub odd: Option<InstanceId>,
    /// Whether pods call a preStop hook.
    pub hooks: bool,
    /// Writes of clients so far.
    pub writes: u16,
    pass: Option<Pass>,
    failover: Option<Failover>,
    prestop: Option<Prestop>,
}

impl Predecessor {
    /// A controller that leads, knows its target, and has read nothing yet.
    #[must_use]
    pub const fn new(era: Era, members: u8, target: InstanceId) -> Self {
        Self {
            era,
            members,
            target,
            sync_mode: SyncMode::StrictSync,
            roles: BTreeMap::new(),
            rows: Vec::new(),
            ready: BTreeSet::new(),
            terminating: BTreeSet::new(),
            localhost: None,
            write_upstream: Some(target),
            failed_pings: 0,
            queue: Vec::new(),
            attempts: 0,
            passes_left: 0,
            prestop_of: None,
            follower_upstream: if era.only_leader_serves { None } else { Some(target) },
            discovers: false,
            odd: None,
            hooks: false,
            writes: 0,
            pass: None,
            failover: None,
            prestop: None,
        }
    }

    /// Threads that can take a step now.
    #[must_use]
    pub fn enabled(&self, world: &World) -> Vec<Thread> {
        Thread::ALL.into_iter().filter(|thread| self.can_step(*thread, world)).collect()
    }

    fn can_step(&self, thread: Thread, world: &World) -> bool {
        match thread {
            Thread::Pass => {
                self.pass.is_some()
                    || (self.passes_left > 0 && !self.is_locked_by(self.failover.is_some()))
            }
            Thread::Failover => {
                self.failover.is_some()
                    || (!self.queue.is_empty() && !self.is_locked_by(self.pass.is_some()))
            }
            Thread::Prestop => self.prestop.is_some() || self.prestop_of.is_some(),
            Thread::Discovery => self.discovers,
            Thread::Prober => {
                self.failed_pings < PROBER_THRESHOLD && !self.main_answers(world)
                    || (self.failed_pings == PROBER_THRESHOLD && self.prober_may_fire())
            }
        }
    }

    /// Whether the one lock of later versions is taken by the other kind of work.
    const fn is_locked_by(&self, other_works: bool) -> bool {
        self.era.serialized && other_works
    }

    fn prober_may_fire(&self) -> bool {
        self.failover.is_none() && !self.queue.contains(&Trigger::Prober)
    }

    fn main_answers(&self, world: &World) -> bool {
        world.body(self.target).is_ok_and(|body| {
            body.powered && !body.frozen && body.instance.is_bolt_open() && body.pod.is_some()
        })
    }

    /// Lets one thread take one step, and tells what it showed.
    pub fn step(&mut self, world: &mut World, thread: Thread) -> Vec<Emitted> {
        let mut turn = Turn::new(world);
        match thread {
            Thread::Pass => self.step_pass(&mut turn),
            Thread::Failover => self.step_failover(&mut turn),
            Thread::Prestop => self.step_prestop(&mut turn),
            Thread::Prober => self.step_prober(&mut turn),
            Thread::Discovery => self.step_discovery(&mut turn),
        }
        turn.settle();
        turn.shown
    }

    fn step_prober(&mut self, turn: &mut Turn<'_>) {
        if self.failed_pings < PROBER_THRESHOLD {
            self.failed_pings += 1;
            return;
        }
        // It does not fire again before a ping succeeds.
        self.failed_pings = PROBER_THRESHOLD + 1;
        self.queue.push(Trigger::Prober);
        turn.show(
            Emitted::new(EventWord::FailoverTriggered, None)
                .text("by", "health prober")
                .text("goroutine", if self.era.serialized { "queue" } else { "separate" }),
        );
    }

    /// Kubernetes tells that a pod is gone.
    pub fn pod_deleted(&mut self, id: InstanceId) -> Vec<Emitted> {
        self.ready.remove(&id);
        self.terminating.remove(&id);
        if id != self.target || self.era.ignores_deletion {
            return Vec::new();
        }
        self.queue.push(Trigger::PodEvent(id));
        vec![Emitted::new(EventWord::FailoverTriggered, Some(id))]
    }

    /// Kubernetes marks a pod for deletion: that of the target main asks for a failover check.
    pub fn pod_marked(&mut self, id: InstanceId) -> Vec<Emitted> {
        let first = self.terminating.insert(id);
        self.ready.remove(&id);
        if self.hooks {
            self.prestop_of = Some(id);
        }
        if !first || id != self.target {
            return Vec::new();
        }
        self.queue.push(Trigger::PodEvent(id));
        vec![Emitted::new(EventWord::FailoverTriggered, Some(id))]
    }

    /// Whether a thread is in the middle of its work.
    #[must_use]
    pub const fn is_at_work(&self, thread: Thread) -> bool {
        match thread {
            Thread::Pass => self.pass.is_some(),
            Thread::Failover => self.failover.is_some(),
            Thread::Prestop => self.prestop.is_some(),
            Thread::Prober | Thread::Discovery => false,
        }
    }

    /// Whether nothing is under way and nothing waits.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.pass.is_none() && self.failover.is_none() && self.queue.is_empty()
    }

    /// The other pod of the pair that may be main: the one that is to be the sync replica.
    #[must_use]
    pub const fn sync_of(target: InstanceId) -> InstanceId {
        if target.0 == 0 { InstanceId(1) } else { InstanceId(0) }
    }

    /// Whom a query for a pod reaches, and at which address; none if nothing is asked.
    fn reach(&self, world: &World, id: InstanceId) -> Option<(InstanceId, String)> {
        let pod = world.body(id).ok()?.pod.as_ref()?;
        match pod.address {
            Some(address) => Some((id, format!("{address}:7687"))),
            None if self.era.guards_address => None,
            None => Some((self.localhost?, ":7687".to_owned())),
        }
    }

    /// Reads the role of a pod and keeps it.
    fn read_role(&mut self, turn: &mut Turn<'_>, id: InstanceId) -> Option<RoleName> {
        let (on, address) = self.reach(turn.world, id)?;
        let Some(role) = turn.role(on) else {
            turn.show(Emitted::new(EventWord::ConnectAttemptFailed, Some(id)));
            return None;
        };
        self.roles.insert(id, role);
        let read = Emitted::new(EventWord::RoleObserved, Some(id)).text("role", role.as_str());
        let asked = read.clone().text("bolt_address", &address);
        turn.show(if address == ":7687" { asked.text("answered_by", "localhost") } else { asked });
        turn.show(read);
        Some(role)
    }

    fn rows_value(&self) -> Value {
        Value::List(self.rows.iter().map(Seen::value).collect())
    }

    /// The cached pods that are not gone.
    fn pods(&self, world: &World) -> Vec<InstanceId> {
        let there = |id: &InstanceId| world.body(*id).is_ok_and(|body| body.pod.is_some());
        (0..self.members).map(InstanceId).filter(there).collect()
    }
}
