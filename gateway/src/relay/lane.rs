//! Where a session may go, for either listener, and whether bytes may pass right now.

use crate::{
    gate::{Gate, Target, View},
    replicas::Replicas,
    session::Standing,
};
use ha_core::leadership::Millis;
use std::sync::Arc;
use tokio::sync::watch;

/// The way of one session.
#[derive(Debug)]
pub(super) enum Lane {
    /// To the main.
    Write(WriteLane),
    /// To a replica.
    Read(ReadLane),
}

#[derive(Debug)]
pub(super) struct WriteLane {
    gate: Arc<Gate>,
    shard: usize,
    /// The epoch of the upstream connection.
    epoch: Option<u64>,
    is_busy: bool,
}

#[derive(Debug)]
pub(super) struct ReadLane {
    replicas: Arc<Replicas>,
    target: Option<Target>,
    /// Whether bytes may pass, as of the last change.
    is_open: bool,
}

/// What rests on an instance of which it is not known whether it is there.
#[derive(Debug)]
pub(super) enum Doubt {
    /// Nothing any more.
    None,
    /// The grant under which its connection was opened.
    Grant(Arc<Gate>, u64),
    /// Reads that prefer it.
    Replica(Arc<Replicas>, Target),
}

impl Doubt {
    /// The instance closed or refused a connection, or is not the one meant.
    pub(super) fn void(self) {
        match self {
            Self::None => {}
            Self::Grant(gate, epoch) => gate.void(epoch),
            Self::Replica(replicas, target) => replicas.pass_over(&target),
        }
    }
}

/// Tells when the way has changed.
#[derive(Debug)]
pub(super) enum Changes {
    Write(watch::Receiver<View>),
    Read(watch::Receiver<u64>),
}

impl Changes {
    /// Waits for a change; for ever, if none can come any more.
    pub(super) async fn changed(&mut self) {
        let changed = match self {
            Self::Write(changes) => changes.changed().await,
            Self::Read(changes) => changes.changed().await,
        };
        if changed.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Lane {
    pub(super) fn write(gate: Arc<Gate>) -> (Self, Changes) {
        let changes = Changes::Write(gate.subscribe());
        let shard = gate.join_shard();
        (Self::Write(WriteLane { gate, shard, epoch: None, is_busy: false }), changes)
    }

    pub(super) fn read(replicas: Arc<Replicas>) -> (Self, Changes) {
        let changes = Changes::Read(replicas.subscribe());
        (Self::Read(ReadLane { replicas, target: None, is_open: false }), changes)
    }

    /// Whether the upstream connection, if there is one, may not be used any more.
    pub(super) fn is_cut(&mut self) -> bool {
        match self {
            Self::Write(lane) => lane.epoch.is_some_and(|epoch| epoch != lane.gate.view().epoch),
            Self::Read(lane) => {
                lane.is_open =
                    lane.target.as_ref().is_some_and(|target| lane.replicas.contains(target));
                lane.target.is_some() && !lane.is_open
            }
        }
    }

    /// Changes with what there is to go to.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Self::Write(lane) => lane.gate.view().epoch,
            Self::Read(lane) => lane.replicas.version(),
        }
    }

    /// What may be done, with the upstream there is or with a new one.
    pub(super) fn standing(&self) -> Standing {
        match self {
            Self::Write(lane) => lane.gate.view().standing,
            Self::Read(lane) if lane.replicas.is_empty() => Standing::Closed,
            Self::Read(_) => Standing::Open,
        }
    }

    /// The instance for a new connection, which is this session's from now on.
    pub(super) fn take_target(&mut self) -> Option<Target> {
        match self {
            Self::Write(lane) => {
                let view = lane.gate.view();
                let target = view.target.filter(|_| view.standing == Standing::Open)?;
                lane.epoch = Some(view.epoch);
                Some(target)
            }
            Self::Read(lane) => {
                let target = lane.replicas.choose()?;
                lane.target = Some(target);
                lane.is_open = true;
                Some(target)
            }
        }
    }

    /// The connection is not used any more.
    pub(super) fn leave_target(&mut self) {
        match self {
            Self::Write(lane) => lane.epoch = None,
            Self::Read(lane) => {
                lane.is_open = false;
                if let Some(target) = lane.target.take() {
                    lane.replicas.leave(&target);
                }
            }
        }
    }

    /// The instance closed or refused the connection, or is not the one meant.
    pub(super) fn void(&self) {
        self.doubt().void();
    }

    /// What is to be ended if the instance of the present connection is gone.
    pub(super) fn doubt(&self) -> Doubt {
        match self {
            Self::Write(lane) => {
                lane.epoch.map_or(Doubt::None, |epoch| Doubt::Grant(Arc::clone(&lane.gate), epoch))
            }
            Self::Read(lane) => lane
                .target
                .map_or(Doubt::None, |target| Doubt::Replica(Arc::clone(&lane.replicas), target)),
        }
    }

    /// The instance could not be reached, for whatever reason: reads prefer others for a while. The
    /// grant stays as it is.
    pub(super) fn pass_over(&self) {
        if let Self::Read(_) = self {
            self.void();
        }
    }

    /// It was found that bytes may not pass: others are to know.
    pub(super) fn mind(&self) {
        if let Self::Write(lane) = self {
            lane.gate.mind();
        }
    }

    /// Runs `write` if bytes may pass this very moment; it must not wait for anything.
    pub(super) fn permit<R>(&self, write: impl FnOnce() -> R) -> Option<R> {
        match self {
            Self::Write(lane) => lane.gate.permit(lane.shard, lane.epoch?, write),
            Self::Read(lane) => lane.is_open.then(write),
        }
    }

    /// A byte of the instance arrived.
    pub(super) fn heard(&self, now: Millis) {
        if let Self::Write(lane) = self {
            lane.gate.shard(lane.shard).heard(now);
        }
    }

    /// Whether something is open at the instance.
    pub(super) fn set_busy(&mut self, is_busy: bool) {
        let Self::Write(lane) = self else { return };
        if lane.is_busy == is_busy {
            return;
        }
        lane.is_busy = is_busy;
        if is_busy {
            lane.gate.busy(lane.shard);
        } else {
            lane.gate.idle(lane.shard);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.set_busy(false);
        self.leave_target();
    }
}
