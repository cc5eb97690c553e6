//! What lives only as long as the process: the role at work, its clients and tasks, open
//! transactions (MR 9.1). It holds no rule but the views that others ask for.

use super::answer::{DataInfo, ReplicaState, RoleName, Row, SystemState};
use super::error::Failure;
use super::rpc::Standing;
use super::types::{Epoch, MainUuid, ReplicaName, RpcId, Session};
use super::volume::{Branch, Entry, Registration, close_epoch};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process<P> {
    /// Whether clients can connect (MR 5.2).
    pub bolt_open: bool,
    /// The role at work.
    pub role: Role<P>,
    /// Where the data stands.
    pub timeline: Timeline,
    /// Explicit transactions, by connection.
    pub transactions: BTreeMap<Session, Transaction<P>>,
    /// The instance lock is held by something outside of this machine.
    pub busy: bool,
}

/// Epoch, history and ticks of the data in memory (MR 2.3, 3.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timeline {
    /// Current epoch.
    pub epoch: Epoch,
    /// Epochs that came to an end.
    pub history: Vec<Branch>,
    /// Last durable tick that is visible.
    pub ldt: u64,
    /// Next tick.
    pub clock: u64,
}

impl Timeline {
    /// Takes the next tick.
    pub(super) const fn tick(&mut self) -> u64 {
        let tick = self.clock;
        self.clock += 1;
        tick
    }

    /// Ends the current epoch, for another one.
    pub(super) fn enter(&mut self, epoch: Epoch) {
        close_epoch(&mut self.history, self.epoch, self.ldt);
        self.epoch = epoch;
    }

    /// How a replica describes itself to a check (MR 3.3).
    pub(super) fn standing(&self) -> Standing {
        let epoch = match self.history.last() {
            Some(last) if last.ldt == self.ldt => last.epoch,
            Some(_) | None => self.epoch,
        };
        Standing { ldt: self.ldt, epoch }
    }
}

/// An explicit transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Transaction<P> {
    /// What it has changed so far; none if it only read.
    pub payload: Option<P>,
    /// A statement in it failed: only a rollback is accepted.
    pub failed: bool,
}

/// The role at work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role<P> {
    /// Takes writes, has clients.
    Main(Main<P>),
    /// Follows.
    Replica(Replica<P>),
}

impl<P> Role<P> {
    /// Which one.
    #[must_use]
    pub const fn name(&self) -> RoleName {
        match self {
            Self::Main(_) => RoleName::Main,
            Self::Replica(_) => RoleName::Replica,
        }
    }
}

/// A main at work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Main<P> {
    /// What its replicas must obey.
    pub uuid: MainUuid,
    /// Registered replicas, in the order in which commits meet them.
    pub clients: Vec<Client<P>>,
    /// A client that is being set up.
    pub attach: Option<Attach>,
    /// The commit that holds the engine lock.
    pub commit: Option<Commit<P>>,
    /// Commits that wait for a lock, first come first served.
    pub queued: VecDeque<Queued<P>>,
}

impl<P> Main<P> {
    /// A main without replicas.
    pub(super) const fn new(uuid: MainUuid) -> Self {
        Self { uuid, clients: Vec::new(), attach: None, commit: None, queued: VecDeque::new() }
    }

    /// Position of a name in the list.
    pub(super) fn position(&self, name: ReplicaName) -> Option<usize> {
        self.clients.iter().position(|client| client.registration.name == name)
    }

    /// The live client at a position.
    pub(super) fn live(&mut self, index: usize) -> Option<&mut Live<P>> {
        self.clients.get_mut(index)?.live.as_mut()
    }

    /// The list as it is stored.
    pub(super) fn registrations(&self) -> Vec<Registration> {
        self.clients.iter().map(|client| client.registration).collect()
    }

    /// The rows of SHOW REPLICAS (MR 1.4).
    pub(super) fn rows(&self, ldt: u64, licensed: bool) -> Vec<Row> {
        let row = |client: &Client<P>| Row {
            name: client.registration.name,
            endpoint: client.registration.endpoint,
            mode: client.registration.mode,
            system: licensed
                .then(|| client.live.as_ref().map_or(SystemState::Behind, |live| live.system)),
            data: client.live.as_ref().map(|live| DataInfo {
                ts: live.ts,
                behind: live.ts.cast_signed() - ldt.cast_signed(),
                status: live.state,
            }),
        };
        self.clients.iter().map(row).collect()
    }
}

/// One registered replica; a phantom has no live part (MR 3.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Client<P> {
    /// As stored.
    pub registration: Registration,
    /// Connection, state and tasks.
    pub live: Option<Live<P>>,
}

/// The live part of a client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Live<P> {
    /// State of the data.
    pub state: ReplicaState,
    /// State of the instance-level client.
    pub system: SystemState,
    /// Cached tick of the replica: 0 until it has answered once (MR 2.3).
    pub ts: u64,
    /// Frequent heartbeats failed in a row, counted up to the third.
    pub failures: u8,
    /// The heartbeat thread's request under way.
    pub beat: Option<Beat>,
    /// Tasks that wait for the only worker (MR 9.3).
    pub queue: VecDeque<Task<P>>,
    /// What the worker does.
    pub running: Option<Running>,
}

/// A request of the heartbeat thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Beat {
    /// The frequent heartbeat.
    Frequent(RpcId),
    /// System recovery after a good one.
    System(RpcId),
}

/// A task of a client's worker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Task<P> {
    /// Ask where the replica stands.
    Check,
    /// Send what follows this tick.
    Recover {
        /// Where the replica stood.
        after: u64,
    },
    /// Send a transaction to an ASYNC replica.
    Ship {
        /// The main's tick before it.
        prev_ldt: u64,
        /// The transaction.
        entry: Entry<P>,
    },
}

/// What a worker does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Running {
    /// It waits for an answer.
    Asked(RpcId, Work),
    /// It has an answer to judge and waits for the engine lock, which a commit holds.
    Judging(Finding),
}

/// What the awaited answer is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Work {
    /// A check.
    Check,
    /// A recovery.
    Recover,
    /// A transaction with this tick.
    Ship {
        /// Its tick.
        tick: u64,
    },
}

/// An answer to be held against the main's own tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Finding {
    /// The replica stands here, with a continuous history.
    Stands(u64),
    /// Recovery took it here.
    Recovered(u64),
}

/// A client on its way into service (MR 3.1, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Attach {
    /// On whose behalf.
    pub purpose: Purpose,
    /// Position in the list.
    pub client: usize,
    /// The step whose answer is awaited.
    pub step: AttachStep,
    /// That request.
    pub rpc: RpcId,
    /// What system recovery ended with.
    pub system: SystemState,
}

/// Why a client is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// REGISTER; none if the connection that asked is gone.
    Register(Option<Session>),
    /// The start of a main, before Bolt opens.
    StartUp,
}

/// Steps of setting up a client, one round trip each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttachStep {
    /// Make the replica obey; REGISTER only.
    Swap,
    /// Align the database's identity.
    System,
    /// The first check.
    Check,
}

/// A commit that waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Queued<P> {
    /// Who gets the answer; none if that connection is gone.
    pub session: Option<Session>,
    /// What it changes.
    pub payload: P,
}

/// The commit that holds the engine lock (MR 4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Commit<P> {
    /// Who gets the answer; none if that connection is gone.
    pub session: Option<Session>,
    /// The transaction.
    pub entry: Entry<P>,
    /// The main's tick before it.
    pub prev_ldt: u64,
    /// A STRICT_SYNC client is registered.
    pub two_phase: bool,
    /// How far it is.
    pub phase: Phase,
    /// Each client's part, by position in the list.
    pub parts: Vec<Part>,
    /// The client that is awaited or next.
    pub at: usize,
    /// The request under way.
    pub awaiting: Option<RpcId>,
    /// Who failed, ASYNC left out.
    pub failures: Vec<Failure>,
}

/// Phase of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Shipping, before the local commit.
    Ship,
    /// Telling the decision.
    Decide {
        /// Committed, or aborted.
        commit: bool,
    },
}

/// Part of one client in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// No stream.
    Out,
    /// A stream is open.
    Streaming,
    /// It keeps the transaction until the decision.
    Prepared,
}

/// A replica at work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Replica<P> {
    /// Replication port.
    pub port: u16,
    /// The only main it obeys; random, so nobody, after a demotion (MR 3.4).
    pub obeys: MainUuid,
    /// Whether the replication server runs.
    pub listening: bool,
    /// A transaction that waits for its decision (MR 4.3).
    pub prepared: Option<Entry<P>>,
}
