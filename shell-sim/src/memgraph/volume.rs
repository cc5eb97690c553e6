//! What survives a process: the log with its epochs, the checkpoint of a snapshot, and the stored
//! role with its registrations (MR 9.1). It does not know who may write to it or when.

use super::types::{Endpoint, Epoch, MainUuid, ReplicaName, StorageUuid, SyncMode};
use serde::{Deserialize, Serialize};

/// Most entries a history keeps (MR 3.3).
const HISTORY_LIMIT: usize = 1000;

/// One committed transaction in the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry<P> {
    /// Epoch of the main that committed it.
    pub epoch: Epoch,
    /// Commit tick (MR 2.3).
    pub tick: u64,
    /// What it changes.
    pub payload: P,
}

/// An epoch that came to an end, and the last tick in it (MR 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Branch {
    /// The epoch.
    pub epoch: Epoch,
    /// Last durable tick at its end.
    pub ldt: u64,
}

/// What a snapshot adds to the log: the epoch and history of its time (MR 3.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Epoch when it was taken.
    pub epoch: Epoch,
    /// History when it was taken.
    pub history: Vec<Branch>,
    /// How many entries of the log it covers.
    pub entries: usize,
}

/// One stored registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Registration {
    /// Its name.
    pub name: ReplicaName,
    /// How it takes part in commits.
    pub mode: SyncMode,
    /// Where it is reached.
    pub endpoint: Endpoint,
    /// Whether frequent heartbeats run; read at REGISTER and stored with it (MR 2.4).
    pub heartbeats: bool,
}

/// The stored replication state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Store {
    /// Written at the first REGISTER or at a promotion (MR 3.4).
    Main {
        /// What its replicas obey.
        uuid: MainUuid,
        /// In order of registration, phantoms included (MR 3.2).
        registrations: Vec<Registration>,
    },
    /// Written at a demotion, and at each swap of the main obeyed.
    Replica {
        /// Replication port.
        port: u16,
        /// The only main it obeys.
        obeys: MainUuid,
    },
}

/// Everything durable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Volume<P> {
    /// Stored role; none until one was first written.
    pub store: Option<Store>,
    /// Identity of the database; none on an empty volume.
    pub storage_uuid: Option<StorageUuid>,
    /// The log, oldest first.
    pub log: Vec<Entry<P>>,
    /// How many entries survive a loss of power.
    pub flushed: usize,
    /// The newest snapshot.
    pub checkpoint: Option<Checkpoint>,
}

impl<P> Default for Volume<P> {
    fn default() -> Self {
        Self { store: None, storage_uuid: None, log: Vec::new(), flushed: 0, checkpoint: None }
    }
}

impl<P> Volume<P> {
    /// Last durable tick of the log.
    #[must_use]
    pub fn ldt(&self) -> u64 {
        self.log.last().map_or(0, |entry| entry.tick)
    }

    /// Stored registrations; empty on a replica.
    #[must_use]
    pub fn registrations(&self) -> &[Registration] {
        match &self.store {
            Some(Store::Main { registrations, .. }) => registrations,
            Some(Store::Replica { .. }) | None => &[],
        }
    }

    /// Gives stored registrations other numbers, for an edge that numbers names in byte order
    /// again before a start. Only sensible while no process runs.
    pub fn rename_replicas(&mut self, mut rename: impl FnMut(ReplicaName) -> ReplicaName) {
        match &mut self.store {
            Some(Store::Main { registrations, .. }) => {
                for registration in registrations {
                    registration.name = rename(registration.name);
                }
            }
            Some(Store::Replica { .. }) | None => {}
        }
    }

    /// Drops the stored registrations. Only sensible while no process runs.
    pub fn forget_registrations(&mut self) {
        match &mut self.store {
            Some(Store::Main { registrations, .. }) => registrations.clear(),
            Some(Store::Replica { .. }) | None => {}
        }
    }

    /// Writes one entry, and flushes when enough have gathered (MR 5.1).
    pub(super) fn append(&mut self, entry: Entry<P>, flush_every: u32) {
        self.log.push(entry);
        let waiting = self.log.len() - self.flushed;
        if u32::try_from(waiting).unwrap_or(u32::MAX) >= flush_every.max(1) {
            self.flushed = self.log.len();
        }
    }

    /// Drops what lies behind the first `keep` entries.
    pub(super) fn truncate(&mut self, keep: usize) {
        self.log.truncate(keep);
        self.flushed = self.flushed.min(self.log.len());
    }

    /// Entries that a snapshot covers.
    pub(super) fn covered(&self) -> usize {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.entries)
    }

    /// Epoch and history as data recovery finds them: the checkpoint's, then each entry's epoch,
    /// which stands in the history itself with its last tick (MR 3.3, 5.3).
    pub(super) fn lineage(&self) -> (Option<Epoch>, Vec<Branch>) {
        let (mut epoch, mut history) = match &self.checkpoint {
            Some(checkpoint) => (Some(checkpoint.epoch), checkpoint.history.clone()),
            None => (None, Vec::new()),
        };
        for entry in self.log.iter().skip(self.covered()) {
            epoch = Some(entry.epoch);
            match history.last_mut() {
                Some(last) if last.epoch == entry.epoch => last.ldt = entry.tick,
                Some(_) | None => history.push(Branch { epoch: entry.epoch, ldt: entry.tick }),
            }
        }
        (epoch, history)
    }
}

/// Ends an epoch in a history, unless its last entry already has that tick (MR 3.3).
pub(super) fn close_epoch(history: &mut Vec<Branch>, epoch: Epoch, ldt: u64) {
    if history.last().is_some_and(|last| last.ldt == ldt) {
        return;
    }
    if history.len() == HISTORY_LIMIT {
        history.remove(0);
    }
    history.push(Branch { epoch, ldt });
}
