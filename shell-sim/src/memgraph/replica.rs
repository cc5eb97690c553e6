//! The replication server: what a replica accepts from which main, and what it does with it
//! (MR 3.4, 4, 9.2). It knows nothing of how the main sees it.

use super::process::{Process, Replica, Role, Timeline};
use super::rpc::{Rpc, RpcResponse};
use super::types::{Config, Endpoint, MainUuid, Payload, RpcId, StorageUuid};
use super::volume::{Entry, Store, Volume};
use super::{Instance, Output};

/// What a running replica works with while it serves one request.
pub(super) struct ReplicaTurn<'a, P> {
    pub(super) config: Config,
    pub(super) volume: &'a mut Volume<P>,
    pub(super) timeline: &'a mut Timeline,
    pub(super) busy: bool,
    pub(super) replica: &'a mut Replica<P>,
    pub(super) out: &'a mut Vec<Output<P>>,
}

impl<P: Payload> Instance<P> {
    /// Serves a request of another instance; a main, a stopped process and a replica without a
    /// server refuse the connection.
    pub(super) fn serve(
        &mut self,
        id: RpcId,
        to: Endpoint,
        request: Rpc<P>,
        out: &mut Vec<Output<P>>,
    ) {
        let Some(Process { role: Role::Replica(replica), timeline, busy, .. }) = &mut self.process
        else {
            out.push(Output::Refuse { id, to });
            return;
        };
        if !replica.listening {
            out.push(Output::Refuse { id, to });
            return;
        }
        let (config, busy) = (self.config, *busy);
        let volume = &mut self.volume;
        let mut turn = ReplicaTurn { config, volume, timeline, busy, replica, out };
        let response = turn.serve(request);
        turn.out.push(Output::Respond { id, to, response });
    }
}

impl<P: Payload> ReplicaTurn<'_, P> {
    fn serve(&mut self, request: Rpc<P>) -> RpcResponse {
        match request {
            Rpc::FrequentHeartbeat => RpcResponse::Alive,
            Rpc::Heartbeat { main_uuid, storage_uuid } => {
                let known = self.accepts(main_uuid, storage_uuid);
                RpcResponse::Standing(known.then(|| self.timeline.standing()))
            }
            Rpc::SwapMainUuid { main_uuid } => {
                self.obey(main_uuid);
                RpcResponse::Swapped
            }
            Rpc::SystemRecovery { main_uuid, storage_uuid } => {
                RpcResponse::Aligned(self.align(main_uuid, storage_uuid))
            }
            Rpc::PrepareCommit { main_uuid, storage_uuid, prev_ldt, entry, two_phase } => {
                let accepted = self.accepts(main_uuid, storage_uuid)
                    && !self.busy
                    && prev_ldt <= self.timeline.ldt;
                if accepted {
                    self.prepare(entry, two_phase);
                }
                RpcResponse::Prepared(accepted)
            }
            Rpc::FinalizeCommit { main_uuid, storage_uuid, tick, commit } => {
                let accepted = self.accepts(main_uuid, storage_uuid);
                if accepted {
                    self.finalize(tick, commit);
                }
                RpcResponse::Finalized(accepted)
            }
            Rpc::Recover { main_uuid, storage_uuid, after, entries } => {
                if !self.accepts(main_uuid, storage_uuid) || self.busy {
                    return RpcResponse::Recovered(None);
                }
                RpcResponse::Recovered(self.recover(after, entries))
            }
        }
    }

    fn accepts(&self, main_uuid: MainUuid, storage_uuid: StorageUuid) -> bool {
        self.replica.obeys == main_uuid && self.volume.storage_uuid == Some(storage_uuid)
    }

    /// From anyone, unconditionally, and stored (MR 3.4).
    fn obey(&mut self, main_uuid: MainUuid) {
        self.replica.obeys = main_uuid;
        if self.config.restore_state {
            self.volume.store = Some(Store::Replica { port: self.replica.port, obeys: main_uuid });
        }
    }

    /// Adopts the main's database identity if nothing was ever committed here (MR 3.1).
    fn align(&mut self, main_uuid: MainUuid, storage_uuid: StorageUuid) -> bool {
        if self.replica.obeys != main_uuid {
            return false;
        }
        if self.timeline.ldt == 0 {
            self.volume.storage_uuid = Some(storage_uuid);
        }
        self.volume.storage_uuid == Some(storage_uuid)
    }

    /// A transaction that waited for its decision is dropped by the next one (MR 4.3).
    fn prepare(&mut self, entry: Entry<P>, two_phase: bool) {
        self.discard_prepared();
        if two_phase {
            self.adopt(&entry);
            self.out.push(Output::Prepared(entry.clone()));
            self.replica.prepared = Some(entry);
        } else {
            self.apply(entry);
        }
    }

    /// A decision about an unknown tick is a success without an effect (MR 4.3).
    fn finalize(&mut self, tick: u64, commit: bool) {
        match self.replica.prepared.take_if(|entry| entry.tick == tick) {
            Some(entry) if commit => {
                self.apply(entry);
            }
            Some(entry) => self.out.push(Output::Discarded { tick: entry.tick }),
            None => {}
        }
    }

    /// Applies one transaction of the main; another epoch ends the own one first (MR 3.3).
    pub(super) fn apply(&mut self, entry: Entry<P>) {
        self.adopt(&entry);
        self.timeline.ldt = entry.tick;
        self.out.push(Output::Applied(entry.clone()));
        self.volume.append(entry, self.config.flush_every);
    }

    fn adopt(&mut self, entry: &Entry<P>) {
        if self.timeline.epoch != entry.epoch {
            self.timeline.enter(entry.epoch);
        }
    }

    /// Drops a transaction that waits for its decision.
    pub(super) fn discard_prepared(&mut self) {
        if let Some(entry) = self.replica.prepared.take() {
            self.out.push(Output::Discarded { tick: entry.tick });
        }
    }
}
