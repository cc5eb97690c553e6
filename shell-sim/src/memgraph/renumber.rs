//! Gives fresh ids other numbers, so that a model can tell states apart by their shape alone. It
//! reaches every id that a mint has given, and nothing else.

use super::Instance;
use super::process::{Beat, Main, Process, Purpose, Role, Running, Task};
use super::rpc::{Rpc, RpcResponse};
use super::types::{Epoch, MainUuid, RpcId, Session, StorageUuid};
use super::volume::{Entry, Store, Volume};

/// The new number of each id. Equal ids must stay equal, and different ones different.
pub trait Renumber {
    /// Of a main's UUID.
    fn main_uuid(&mut self, old: MainUuid) -> MainUuid;
    /// Of a database.
    fn storage_uuid(&mut self, old: StorageUuid) -> StorageUuid;
    /// Of an epoch.
    fn epoch(&mut self, old: Epoch) -> Epoch;
    /// Of a request.
    fn rpc(&mut self, old: RpcId) -> RpcId;
    /// Of a Bolt connection.
    fn session(&mut self, old: Session) -> Session;
}

impl<P> Instance<P> {
    /// Renumbers the volume, then the process, always in the same order.
    pub fn renumber(&mut self, by: &mut impl Renumber) {
        self.volume.renumber(by);
        if let Some(process) = &mut self.process {
            process.renumber(by);
        }
    }
}

fn renumber_log<P>(log: &mut [Entry<P>], by: &mut impl Renumber) {
    for entry in log {
        entry.epoch = by.epoch(entry.epoch);
    }
}

impl<P> Volume<P> {
    /// The same for what is durable alone.
    pub fn renumber(&mut self, by: &mut impl Renumber) {
        self.storage_uuid = self.storage_uuid.map(|old| by.storage_uuid(old));
        renumber_log(&mut self.log, by);
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.epoch = by.epoch(checkpoint.epoch);
            for branch in &mut checkpoint.history {
                branch.epoch = by.epoch(branch.epoch);
            }
        }
        match &mut self.store {
            Some(Store::Main { uuid, .. } | Store::Replica { obeys: uuid, .. }) => {
                *uuid = by.main_uuid(*uuid);
            }
            None => {}
        }
    }
}

impl<P> Process<P> {
    fn renumber(&mut self, by: &mut impl Renumber) {
        for branch in &mut self.timeline.history {
            branch.epoch = by.epoch(branch.epoch);
        }
        self.timeline.epoch = by.epoch(self.timeline.epoch);
        let transactions = std::mem::take(&mut self.transactions);
        self.transactions =
            transactions.into_iter().map(|(session, open)| (by.session(session), open)).collect();
        match &mut self.role {
            Role::Main(main) => main.renumber(by),
            Role::Replica(replica) => {
                replica.obeys = by.main_uuid(replica.obeys);
                renumber_log(replica.prepared.as_mut_slice(), by);
            }
        }
    }
}

impl<P> Main<P> {
    fn renumber(&mut self, by: &mut impl Renumber) {
        self.uuid = by.main_uuid(self.uuid);
        if let Some(attach) = &mut self.attach {
            attach.rpc = by.rpc(attach.rpc);
            if let Purpose::Register(Some(session)) = &mut attach.purpose {
                *session = by.session(*session);
            }
        }
        if let Some(commit) = &mut self.commit {
            commit.entry.epoch = by.epoch(commit.entry.epoch);
            commit.awaiting = commit.awaiting.map(|old| by.rpc(old));
            commit.session = commit.session.map(|old| by.session(old));
        }
        for queued in &mut self.queued {
            queued.session = queued.session.map(|old| by.session(old));
        }
        for live in self.clients.iter_mut().filter_map(|client| client.live.as_mut()) {
            match &mut live.beat {
                Some(Beat::Frequent(id) | Beat::System(id)) => *id = by.rpc(*id),
                None => {}
            }
            match &mut live.running {
                Some(Running::Asked(id, _)) => *id = by.rpc(*id),
                Some(Running::Judging(_)) | None => {}
            }
            for task in &mut live.queue {
                match task {
                    Task::Ship { entry, .. } => entry.epoch = by.epoch(entry.epoch),
                    Task::Check | Task::Recover { .. } => {}
                }
            }
        }
    }
}

impl<P> Rpc<P> {
    /// Renumbers a request under way.
    pub fn renumber(&mut self, by: &mut impl Renumber) {
        let mut identity = |main: &mut MainUuid, storage: &mut StorageUuid| {
            *main = by.main_uuid(*main);
            *storage = by.storage_uuid(*storage);
        };
        match self {
            Self::FrequentHeartbeat => {}
            Self::SwapMainUuid { main_uuid } => *main_uuid = by.main_uuid(*main_uuid),
            Self::Heartbeat { main_uuid, storage_uuid }
            | Self::SystemRecovery { main_uuid, storage_uuid }
            | Self::FinalizeCommit { main_uuid, storage_uuid, .. } => {
                identity(main_uuid, storage_uuid);
            }
            Self::PrepareCommit { main_uuid, storage_uuid, entry, .. } => {
                identity(main_uuid, storage_uuid);
                entry.epoch = by.epoch(entry.epoch);
            }
            Self::Recover { main_uuid, storage_uuid, entries, .. } => {
                identity(main_uuid, storage_uuid);
                renumber_log(entries, by);
            }
        }
    }
}

impl RpcResponse {
    /// Renumbers an answer under way.
    pub fn renumber(&mut self, by: &mut impl Renumber) {
        match self {
            Self::Standing(Some(standing)) => standing.epoch = by.epoch(standing.epoch),
            Self::Standing(None)
            | Self::Alive
            | Self::Swapped
            | Self::Aligned(_)
            | Self::Prepared(_)
            | Self::Finalized(_)
            | Self::Recovered(_) => {}
        }
    }
}
