//! Where a session may go, for either listener, and whether bytes may pass right now.

use crate::{
    gate::{Gate, Readable, Target, View},
    replicas::Replicas,
    session::{Standing, Writes},
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
    /// The route of the upstream connection.
    route_no: Option<u64>,
    is_busy: bool,
}

#[derive(Debug)]
pub(super) struct ReadLane {
    replicas: Arc<Replicas>,
    shard: usize,
    from: Option<Source>,
}

/// The instance that is read from.
#[derive(Debug, Clone, Copy)]
struct Source {
    target: Target,
    /// As of which route it is this.
    route_no: u64,
    writes: Writes,
}

/// What has become of the instance of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is what it was, or there is none.
    Same,
    /// It may have been the main, and does this with writes now.
    Renewed(Writes),
    /// Its connection may not be used any more.
    Cut,
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
            Self::Grant(gate, route_no) => gate.void(route_no),
            Self::Replica(replicas, target) => replicas.pass_over(&target),
        }
    }
}

/// Waits for a change of the way; for ever, if none can come any more.
pub(super) async fn changed(changes: &mut watch::Receiver<View>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Lane {
    pub(super) fn write(gate: Arc<Gate>) -> Self {
        let shard = gate.join_shard();
        Self::Write(WriteLane { gate, shard, route_no: None, is_busy: false })
    }

    pub(super) fn read(replicas: Arc<Replicas>) -> Self {
        let shard = replicas.gate().join_shard();
        Self::Read(ReadLane { replicas, shard, from: None })
    }

    fn gate(&self) -> &Arc<Gate> {
        match self {
            Self::Write(lane) => &lane.gate,
            Self::Read(lane) => lane.replicas.gate(),
        }
    }

    /// Tells when the way has changed.
    pub(super) fn subscribe(&self) -> watch::Receiver<View> {
        self.gate().subscribe()
    }

    /// What has become of the instance that was taken, since this was asked last.
    pub(super) fn turn(&mut self) -> Turn {
        match self {
            Self::Write(lane) => {
                let is_cut =
                    lane.route_no.is_some_and(|route_no| route_no != lane.gate.view().route_no);
                if is_cut { Turn::Cut } else { Turn::Same }
            }
            Self::Read(lane) => {
                let Some(before) = lane.from else { return Turn::Same };
                lane.from = lane.look(&before.target);
                match lane.from {
                    Some(now) if now.route_no == before.route_no => Turn::Same,
                    Some(now) => Turn::Renewed(now.writes),
                    None => {
                        lane.replicas.leave(&before.target);
                        Turn::Cut
                    }
                }
            }
        }
    }

    /// What the instance that was taken does with writes, as far as is certain.
    pub(super) fn writes(&self) -> Writes {
        match self {
            Self::Write(_) => Writes::Taken,
            Self::Read(lane) => lane.from.map_or(Writes::Taken, |from| from.writes),
        }
    }

    /// The number of what there is to go to: it changes with the route, for reads with the replicas.
    pub(super) fn route_no(&self) -> u64 {
        let view = self.gate().view();
        match self {
            Self::Write(_) => view.route_no,
            Self::Read(_) => view.reads,
        }
    }

    /// What may be done, with the upstream there is or with a new one.
    pub(super) fn standing(&self) -> Standing {
        let gate = self.gate();
        match (self, gate.view().standing) {
            (Self::Write(_), standing) => standing,
            // A replica is left when it is no replica any more, and not while a main moves.
            (Self::Read(_), Standing::Closed | Standing::Frozen) => Standing::Frozen,
            (Self::Read(_), Standing::Open | Standing::Draining) if gate.readable().is_empty() => {
                Standing::Closed
            }
            (Self::Read(_), Standing::Open | Standing::Draining) => Standing::Open,
        }
    }

    /// The instance for a new connection, which is this session's from now on.
    pub(super) fn take_target(&mut self) -> Option<Target> {
        match self {
            Self::Write(lane) => {
                let view = lane.gate.view();
                let target = view.target.filter(|_| view.standing == Standing::Open)?;
                lane.route_no = Some(view.route_no);
                Some(target)
            }
            Self::Read(lane) => {
                let target = lane.replicas.choose()?;
                lane.from = lane.look(&target);
                if lane.from.is_none() {
                    lane.replicas.leave(&target);
                }
                lane.from.map(|from| from.target)
            }
        }
    }

    /// The connection is not used any more.
    pub(super) fn leave_target(&mut self) {
        match self {
            Self::Write(lane) => lane.route_no = None,
            Self::Read(lane) => {
                if let Some(from) = lane.from.take() {
                    lane.replicas.leave(&from.target);
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
            Self::Write(lane) => lane
                .route_no
                .map_or(Doubt::None, |route_no| Doubt::Grant(Arc::clone(&lane.gate), route_no)),
            Self::Read(lane) => lane.from.map_or(Doubt::None, |from| {
                Doubt::Replica(Arc::clone(&lane.replicas), from.target)
            }),
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
        self.gate().mind();
    }

    /// Runs `write` if bytes may pass this very moment; it must not wait for anything.
    pub(super) fn permit<R>(&self, write: impl FnOnce() -> R) -> Option<R> {
        match self {
            Self::Write(lane) => lane.gate.permit(lane.shard, lane.route_no?, write),
            Self::Read(lane) => {
                let Source { route_no, target, .. } = lane.from.as_ref()?;
                lane.replicas.gate().permit_read(lane.shard, *route_no, target, write)
            }
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

impl ReadLane {
    /// What this instance is now, if it may still be read from.
    fn look(&self, target: &Target) -> Option<Source> {
        let (route_no, Readable { target, is_main, .. }) =
            self.replicas.gate().reads_from(target)?;
        let writes = if is_main { Writes::Taken } else { Writes::Refused };
        Some(Source { target, route_no, writes })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.set_busy(false);
        self.leave_target();
    }
}
