//! What lies behind the lock: machine, graph, names, data directory.

use super::{Answered, Broken, Names};
use crate::disk::{Disk, DiskError};
use crate::graph::{Delta, Store, Transaction};
use crate::settings::Settings;
use shell_sim::memgraph::{
    self, Answer, Endpoint, Entry, Input, Instance, Mint, Output, Rpc, RpcId, RpcResponse, Session,
};
use std::collections::BTreeMap;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Room for outputs that is kept from input to input.
const KEPT_OUTPUTS: usize = 64;

/// What must happen outside after one input.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// Requests to other instances.
    pub(super) sends: Vec<(RpcId, Endpoint, Rpc<Delta>)>,
    /// The answer to the request that came in; none refuses it.
    pub(super) response: Option<RpcResponse>,
    /// Clients can connect from now on.
    pub(super) bolt_open: bool,
    /// The machine could not go on.
    pub(super) died: bool,
    /// What a replica was sent, a whole recovery at a time.
    applied: Vec<Entry<Delta>>,
}

/// The machine with what belongs to it.
#[derive(Debug)]
pub(super) struct Core {
    machine: Instance<Delta>,
    mint: Mint,
    disk: Option<Disk>,
    waiting: BTreeMap<Session, oneshot::Sender<Answer>>,
    out: Vec<Output<Delta>>,
    broken: Option<Broken>,
    /// Entries that the last snapshot covered.
    snapshotted: usize,
    pub(super) store: Store,
    pub(super) names: Names,
    /// Ends the replication server that runs.
    pub(super) replication: Option<CancellationToken>,
}

impl Core {
    pub(super) fn open(settings: &Settings) -> Result<Self, DiskError> {
        let mut machine = Instance::new(settings.machine);
        let mut names = Names::default();
        let mut disk = None;
        if let Some(directory) = &settings.data_directory {
            let lose = settings.simulate_power_loss;
            let (mut opened, volume) = Disk::open(directory, lose, &mut names)?;
            machine.volume = volume;
            if !settings.machine.recover_data {
                opened.set_aside(&names)?;
                machine.volume.log.clear();
                machine.volume.flushed = 0;
                machine.volume.checkpoint = None;
            }
            disk = Some(opened);
        }
        let mut core = Self {
            snapshotted: machine.volume.log.len(),
            machine,
            mint: Mint(seed()),
            disk,
            waiting: BTreeMap::new(),
            out: Vec::new(),
            broken: None,
            store: Store::new(),
            names,
            replication: None,
        };
        core.rebuild();
        Ok(core)
    }

    pub(super) const fn machine(&self) -> &Instance<Delta> {
        &self.machine
    }

    /// A number that nobody else gives.
    pub(super) const fn fresh(&mut self) -> u64 {
        self.mint.fresh()
    }

    /// The port of a stored replica, if a start would restore it.
    pub(super) fn stored_port(&self) -> Option<u16> {
        match &self.machine.volume.store {
            Some(memgraph::Store::Replica { port, .. }) if self.machine.config.restore_state => {
                Some(*port)
            }
            Some(memgraph::Store::Replica { .. } | memgraph::Store::Main { .. }) | None => None,
        }
    }

    /// Where the answer to the next statement of a connection will be found.
    pub(super) fn await_answer(&mut self, session: Session) -> Answered {
        let (sender, receiver) = oneshot::channel();
        self.waiting.insert(session, sender);
        receiver
    }

    /// Nobody waits on this connection any more.
    pub(super) fn forget(&mut self, session: Session) {
        self.waiting.remove(&session);
    }

    /// Whether anything was committed since the last snapshot.
    pub(super) fn has_news(&self) -> bool {
        self.machine.log().len() > self.snapshotted
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(super) fn begin(&mut self) -> Result<Transaction, Broken> {
        match &self.broken {
            Some(broken) => Err(broken.clone()),
            None => Ok(self.store.begin()),
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), DiskError> {
        self.disk.as_mut().map_or(Ok(()), Disk::flush)
    }

    /// Takes one input: first it is made durable what it changed, then it is told what follows.
    pub(super) fn handle(&mut self, input: Input<Delta>) -> Result<Fed, DiskError> {
        let mut out = std::mem::take(&mut self.out);
        self.machine.handle_into(input, &mut self.mint, &mut out);
        let replaced = out.contains(&Output::Replaced);
        if let Some(disk) = &mut self.disk {
            let wal = self.machine.config.wal_enabled;
            disk.keep(&self.machine.volume, replaced, wal, &self.names)?;
        }
        if let Some(checkpoint) = &self.machine.volume.checkpoint {
            self.snapshotted = self.snapshotted.max(checkpoint.entries);
        }
        let mut fed = Fed::default();
        for output in out.drain(..) {
            self.tell(output, &mut fed);
        }
        self.apply(&std::mem::take(&mut fed.applied));
        // A recovery tells a great many at once, and its room is not kept for the rare next one.
        out.shrink_to(KEPT_OUTPUTS);
        self.out = out;
        Ok(fed)
    }

    fn tell(&mut self, output: Output<Delta>, fed: &mut Fed) {
        match output {
            Output::BoltOpen => fed.bolt_open = true,
            Output::Died => fed.died = true,
            Output::Answer { session, answer } => {
                if let Some(waiting) = self.waiting.remove(&session)
                    && waiting.send(answer).is_err()
                {
                    tracing::debug!(%session, "an answer came after its connection had gone");
                }
            }
            Output::Send { id, to, request } => fed.sends.push((id, to, request)),
            Output::Respond { response, .. } => fed.response = Some(response),
            Output::Refuse { id, .. } => tracing::debug!(%id, "refused: no replication server"),
            Output::Committed(entry) => self.apply(&[entry]),
            Output::Applied(entry) => fed.applied.push(entry),
            Output::Replaced => self.rebuild(),
            Output::Aborted { tick } => tracing::info!(tick, "transaction aborted everywhere"),
            Output::Prepared(entry) => tracing::trace!(tick = entry.tick, "prepared"),
            Output::Discarded { tick } => tracing::info!(tick, "prepared transaction dropped"),
            Output::Rejected(rejection) => {
                if let memgraph::Rejection::BoltClosed(session)
                | memgraph::Rejection::SessionBusy(session)
                | memgraph::Rejection::NoTransaction(session) = rejection
                {
                    self.waiting.remove(&session);
                }
                tracing::error!(%rejection, "the machine was asked for something impossible");
            }
        }
    }

    fn apply(&mut self, entries: &[Entry<Delta>]) {
        if self.broken.is_some() || entries.is_empty() {
            return;
        }
        let deltas: Vec<&Delta> = entries.iter().map(|entry| &entry.payload).collect();
        if let Err((at, misfit)) = self.store.apply_all(&deltas) {
            let tick = entries.get(at).map_or(0, |entry| entry.tick);
            self.break_at(&format!("the transaction with tick {tick}: {misfit}"));
        }
    }

    fn rebuild(&mut self) {
        let log = self.machine.log();
        match self.store.rebuild(log.iter().map(|entry| &entry.payload)) {
            Ok(()) => self.broken = None,
            Err(misfit) => self.break_at(&format!("the log: {misfit}")),
        }
    }

    /// The log holds what cannot be: as with a replica that took transactions of a main which had
    /// lost its tail (MR 3.3). Queries are refused from now on, replication goes on as the machine
    /// says.
    fn break_at(&mut self, what: &str) {
        tracing::error!(what, "the graph does not fit the log; queries are refused");
        self.broken = Some(Broken(what.to_owned()));
    }
}

/// Where this process's fresh numbers begin: far from those of every other process.
fn seed() -> u64 {
    let random = getrandom::u64().unwrap_or_else(|error| {
        tracing::warn!(%error, "no random numbers; the time of day stands in");
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        since.as_nanos() as u64 ^ (u64::from(std::process::id()) << 40)
    });
    random >> 2
}
