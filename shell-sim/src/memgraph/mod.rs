//! One Memgraph instance as a value: inputs in, outputs out (MR 9). It decides what Memgraph would
//! do and say. It has no clock, no network and no chance: timers, delivery and fresh ids belong to
//! the caller, which may be the model, the simulator or a server that speaks real Bolt.
//!
//! The caller's duties: each `Send` ends in exactly one `Response` or `Failed` with its id, unless
//! the process ended first; a `Refuse` becomes `Failed` with `Refused` at the sender; `Heartbeat`
//! comes about once a second for each name of `beating`; answers to sessions that are gone are lost.

mod answer;
mod client;
mod commit;
mod error;
mod life;
mod process;
mod recovery;
mod register;
mod renumber;
mod replica;
mod rpc;
mod statement;
#[cfg(test)]
mod tests;
mod ticks;
mod types;
mod volume;

pub use answer::{Answer, DataInfo, Notice, ReplicaState, RoleName, Row, SystemState};
pub use error::{CLIENT_ERROR, Failure, NameOf, Reason, RegisterError, ServerError, Topic};
pub use process::{
    Attach, AttachStep, Beat, Client, Commit, Finding, Live, Main, Part, Phase, Process, Purpose,
    Queued, Replica, Role, Running, Task, Timeline, Transaction, Work,
};
pub use renumber::Renumber;
pub use rpc::{CONNECT_SECONDS, Rpc, RpcFailure, RpcResponse, Standing};
pub use statement::Statement;
pub use ticks::Ticks;
pub use types::{
    Config, Endpoint, Epoch, MainUuid, Mint, Payload, PortState, RecoveryPath, ReplicaName, RpcId,
    Session, StorageUuid, SyncMode, Version,
};
pub use volume::{Branch, Checkpoint, Entry, Registration, Store, Volume};

use client::MainTurn;
use serde::{Deserialize, Serialize};

/// One instance: settings, disk, and the process if one runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance<P> {
    /// Settings of the next or current process.
    pub config: Config,
    /// What survives the process.
    pub volume: Volume<P>,
    /// The running process.
    pub process: Option<Process<P>>,
    /// What a replication server finds at its port.
    pub port: PortState,
}

/// What happens to an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Input<P> {
    /// The process starts (MR 5.2).
    Start,
    /// The process ends, by signal or by itself; what was written stays.
    Kill,
    /// The node loses power: of the log at least what was flushed stays.
    PowerLoss {
        /// How many entries stay at least.
        keep: usize,
    },
    /// The volume is emptied while no process runs (MR 5.4).
    Wipe,
    /// A client runs a statement.
    Execute {
        /// Its connection.
        session: Session,
        /// The statement.
        statement: Statement<P>,
    },
    /// A client's connection closed: its open transaction is rolled back, a commit under way goes
    /// on without an answer.
    Abandon {
        /// The connection.
        session: Session,
    },
    /// A request of another instance arrives.
    Request {
        /// Its id.
        id: RpcId,
        /// Who asks.
        from: Endpoint,
        /// The request.
        request: Rpc<P>,
    },
    /// An own request is answered; one that nobody waits for any more is ignored.
    Response {
        /// Its id.
        id: RpcId,
        /// The answer.
        response: RpcResponse,
    },
    /// An own request will not be answered.
    Failed {
        /// Its id.
        id: RpcId,
        /// Why.
        why: RpcFailure,
    },
    /// The frequent-heartbeat timer of one client fires (MR 2.4).
    Heartbeat {
        /// Which client.
        name: ReplicaName,
    },
    /// Something else takes or leaves the instance lock (MR 1.2).
    Busy(bool),
    /// The replication port becomes free or taken.
    Port(PortState),
}

/// What an instance does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Output<P> {
    /// Clients can connect from now on.
    BoltOpen,
    /// The process could not go on and is gone (MR 5.2: a replica whose port is taken).
    Died,
    /// An answer to a client.
    Answer {
        /// Its connection.
        session: Session,
        /// The answer.
        answer: Answer,
    },
    /// A request to another instance.
    Send {
        /// Its id.
        id: RpcId,
        /// Where to.
        to: Endpoint,
        /// The request.
        request: Rpc<P>,
    },
    /// The answer to a request.
    Respond {
        /// The request's id.
        id: RpcId,
        /// Who asked.
        to: Endpoint,
        /// The answer.
        response: RpcResponse,
    },
    /// Nobody listens at the replication port.
    Refuse {
        /// The request's id.
        id: RpcId,
        /// Who asked.
        to: Endpoint,
    },
    /// Event: a main committed this and shows it.
    Committed(Entry<P>),
    /// Event: a main gave up the transaction with this tick.
    Aborted {
        /// Its tick.
        tick: u64,
    },
    /// Event: a replica keeps this until the decision.
    Prepared(Entry<P>),
    /// Event: a replica dropped the transaction it kept.
    Discarded {
        /// Its tick.
        tick: u64,
    },
    /// Event: a replica applied this and shows it.
    Applied(Entry<P>),
    /// Event: the log is another one than before; whoever follows it reads it whole.
    Replaced,
    /// The input made no sense; nothing changed.
    Rejected(Rejection),
}

/// Why an input made no sense.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    thiserror::Error,
)]
pub enum Rejection {
    /// A start while a process runs.
    #[error("start: a process runs already; end it first")]
    AlreadyRunning,
    /// Something for a process, and none runs.
    #[error("no process runs; start one first")]
    NotRunning,
    /// A wipe while a process runs.
    #[error("wipe: a process still runs; end it first")]
    StillRunning,
    /// A statement before Bolt opened, or without a process.
    #[error("{0}: the Bolt port is closed; wait for it to open")]
    BoltClosed(Session),
    /// A second statement before the first was answered.
    #[error("{0}: the statement before is not answered yet; a connection asks one at a time")]
    SessionBusy(Session),
    /// A staged write without a transaction.
    #[error("{0}: a staged write needs BEGIN first")]
    NoTransaction(Session),
}

impl<P> Instance<P> {
    /// An instance with an empty volume and no process.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, volume: Volume::default(), process: None, port: PortState::Free }
    }

    /// Whether clients can connect.
    #[must_use]
    pub fn is_bolt_open(&self) -> bool {
        self.process.as_ref().is_some_and(|process| process.bolt_open)
    }

    /// Whether a replication server listens.
    #[must_use]
    pub const fn is_listening(&self) -> bool {
        match &self.process {
            Some(Process { role: Role::Replica(replica), .. }) => replica.listening,
            Some(Process { role: Role::Main(_), .. }) | None => false,
        }
    }

    /// The role at work; none without a process.
    #[must_use]
    pub fn role(&self) -> Option<RoleName> {
        self.process.as_ref().map(|process| process.role.name())
    }

    /// The part of a main; none on a replica or without a process.
    #[must_use]
    pub const fn as_main(&self) -> Option<&Main<P>> {
        match &self.process {
            Some(Process { role: Role::Main(main), .. }) => Some(main),
            Some(Process { role: Role::Replica(_), .. }) | None => None,
        }
    }

    /// The part of a replica; none on a main or without a process.
    #[must_use]
    pub const fn as_replica(&self) -> Option<&Replica<P>> {
        match &self.process {
            Some(Process { role: Role::Replica(replica), .. }) => Some(replica),
            Some(Process { role: Role::Main(_), .. }) | None => None,
        }
    }

    /// The rows of SHOW REPLICAS, in its order; empty on a replica or without a process.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.as_main().map_or_else(Vec::new, |main| main.rows(self.ldt(), self.config.licensed))
    }

    /// Names whose frequent-heartbeat thread runs.
    pub fn beating(&self) -> impl Iterator<Item = ReplicaName> {
        let clients = self.as_main().map_or(&[][..], |main| &main.clients);
        clients
            .iter()
            .filter(|client| client.live.is_some() && client.registration.heartbeats)
            .map(|client| client.registration.name)
    }

    /// Last durable tick: the visible one of a process, else that of the log.
    #[must_use]
    pub fn ldt(&self) -> u64 {
        self.process.as_ref().map_or_else(|| self.volume.ldt(), |process| process.timeline.ldt)
    }

    /// What readers see; without a process, what a start would recover.
    #[must_use]
    pub fn log(&self) -> &[Entry<P>] {
        let hidden = self.as_main().map_or(0, Main::unpublished);
        let visible = self.volume.log.len().saturating_sub(hidden);
        self.volume.log.get(..visible).unwrap_or_default()
    }

    /// The transaction that a replica keeps until its decision.
    #[must_use]
    pub const fn prepared(&self) -> Option<&Entry<P>> {
        match self.as_replica() {
            Some(replica) => replica.prepared.as_ref(),
            None => None,
        }
    }

    /// Epoch and history of the running process.
    #[must_use]
    pub const fn timeline(&self) -> Option<&Timeline> {
        match &self.process {
            Some(process) => Some(&process.timeline),
            None => None,
        }
    }
}

impl<P: Payload> Instance<P> {
    /// Takes one input and gives what follows from it.
    pub fn handle(&mut self, input: Input<P>, mint: &mut Mint) -> Vec<Output<P>> {
        let mut out = Vec::new();
        self.handle_into(input, mint, &mut out);
        out
    }

    /// As `handle`, into a list that the caller may use again.
    pub fn handle_into(&mut self, input: Input<P>, mint: &mut Mint, out: &mut Vec<Output<P>>) {
        match input {
            Input::Start => self.start(mint, out),
            Input::Kill => self.kill(out),
            Input::PowerLoss { keep } => self.lose_power(keep, out),
            Input::Wipe => self.wipe(out),
            Input::Execute { session, statement } => self.execute(session, statement, mint, out),
            Input::Abandon { session } => self.abandon(session),
            Input::Request { id, from, request } => self.serve(id, from, request, out),
            Input::Response { id, response } => {
                if let Some(mut turn) = self.main_turn(mint, out) {
                    turn.answered(id, Ok(response));
                }
            }
            Input::Failed { id, why } => {
                if let Some(mut turn) = self.main_turn(mint, out) {
                    turn.answered(id, Err(why));
                }
            }
            Input::Heartbeat { name } => {
                if let Some(mut turn) = self.main_turn(mint, out) {
                    turn.beat(name);
                }
            }
            Input::Busy(busy) => match &mut self.process {
                Some(process) => process.busy = busy,
                None => out.push(Output::Rejected(Rejection::NotRunning)),
            },
            Input::Port(port) => self.port = port,
        }
    }

    /// What a running main works with; none on a replica or without a process.
    fn main_turn<'a>(
        &'a mut self,
        mint: &'a mut Mint,
        out: &'a mut Vec<Output<P>>,
    ) -> Option<MainTurn<'a, P>> {
        let storage_uuid = self.volume.storage_uuid?;
        let process = self.process.as_mut()?;
        let Role::Main(main) = &mut process.role else { return None };
        Some(MainTurn {
            config: self.config,
            storage_uuid,
            volume: &mut self.volume,
            timeline: &mut process.timeline,
            bolt_open: &mut process.bolt_open,
            busy: process.busy,
            main,
            mint,
            out,
        })
    }
}
