//! The life of a process: start in Memgraph's order, end with and without power, an emptied
//! volume (MR 5). Which inputs come when is up to the caller.

use super::process::{Main, Process, Replica, Role, Timeline};
use super::types::{Epoch, MainUuid, Mint, Payload, PortState, Session, StorageUuid};
use super::volume::{Store, Volume};
use super::{Instance, Output, Rejection};
use std::collections::BTreeMap;

impl<P: Payload> Instance<P> {
    /// Recovers data, then the role; a main contacts its replicas before Bolt opens (MR 5.2).
    pub(super) fn start(&mut self, mint: &mut Mint, out: &mut Vec<Output<P>>) {
        if self.process.is_some() {
            out.push(Output::Rejected(Rejection::AlreadyRunning));
            return;
        }
        if !self.config.recover_data {
            self.volume.log.clear();
            self.volume.flushed = 0;
            self.volume.checkpoint = None;
        }
        self.volume.storage_uuid.get_or_insert_with(|| StorageUuid(mint.fresh()));
        let mut timeline = recover_timeline(&self.volume, mint);
        let role = self.restore_role(mint);
        if matches!(role, Role::Replica(_)) && self.port != PortState::Free {
            out.push(Output::Died);
            return;
        }
        // Restoring triggers takes one tick (MR 2.3).
        timeline.tick();
        self.process = Some(Process {
            bolt_open: false,
            role,
            timeline,
            transactions: BTreeMap::new(),
            busy: false,
        });
        match self.main_turn(mint, out) {
            Some(mut turn) => turn.start_up(0),
            None => {
                if let Some(process) = &mut self.process {
                    process.bolt_open = true;
                }
                out.push(Output::BoltOpen);
            }
        }
    }

    /// The stored role, or a main without registrations (MR 5.3).
    fn restore_role(&self, mint: &mut Mint) -> Role<P> {
        let store = if self.config.restore_state { self.volume.store.as_ref() } else { None };
        match store {
            None => Role::Main(Main::new(MainUuid(mint.fresh()))),
            Some(Store::Main { uuid, registrations }) => {
                let mut main = Main::new(*uuid);
                main.restore(registrations);
                Role::Main(main)
            }
            Some(Store::Replica { port, obeys }) => Role::Replica(Replica {
                port: *port,
                obeys: *obeys,
                listening: true,
                prepared: None,
            }),
        }
    }

    /// Ends the process: what was written stays, and a WAL-less log is gone (MR 4, 5.3).
    pub(super) fn kill(&mut self, out: &mut Vec<Output<P>>) {
        if self.process.take().is_none() {
            out.push(Output::Rejected(Rejection::NotRunning));
        }
        if !self.config.wal_enabled {
            self.volume.truncate(self.volume.covered());
        }
    }

    /// Ends the process, if one runs, and loses what was not flushed (MR 3.3).
    pub(super) fn lose_power(&mut self, keep: usize, out: &mut Vec<Output<P>>) {
        if self.process.is_some() {
            self.kill(out);
        }
        self.volume.truncate(keep.max(self.volume.flushed));
    }

    /// Empties the volume (MR 5.4).
    pub(super) fn wipe(&mut self, out: &mut Vec<Output<P>>) {
        if self.process.is_some() {
            out.push(Output::Rejected(Rejection::StillRunning));
            return;
        }
        self.volume = Volume::default();
    }

    /// A connection is gone: its transaction too, but not its commit.
    pub(super) fn abandon(&mut self, session: Session) {
        let Some(process) = &mut self.process else { return };
        process.transactions.remove(&session);
        if let Role::Main(main) = &mut process.role {
            main.forget(session);
        }
    }
}

/// Ticks, epoch and history as data recovery finds them (MR 3.3). Without data: a fresh epoch.
fn recover_timeline<P>(volume: &Volume<P>, mint: &mut Mint) -> Timeline {
    let (epoch, history) = volume.lineage();
    let ldt = volume.ldt();
    let clock = if volume.log.is_empty() { 0 } else { ldt + 1 };
    let epoch = epoch.unwrap_or_else(|| Epoch(mint.fresh()));
    Timeline { epoch, history, ldt, clock }
}
