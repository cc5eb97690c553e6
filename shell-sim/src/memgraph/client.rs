//! The main's side of one replica: frequent heartbeats, the check, the worker with its queue, and
//! the state they lead to (MR 2.2 to 2.4, 3.3). It does not know how a commit or a registration
//! goes on; it only passes their answers to them.

use super::answer::{ReplicaState, SystemState};
use super::process::{Beat, Client, Finding, Live, Main, Running, Task, Timeline, Work};
use super::rpc::{Rpc, RpcFailure, RpcResponse, Standing};
use super::types::{Config, MainUuid, Mint, Payload, ReplicaName, RpcId, StorageUuid};
use super::volume::{Registration, Volume};
use super::{Output, recovery};
use std::collections::VecDeque;

/// The failed frequent heartbeat in a row that makes a replica `invalid` (MR 2.4).
const FAILURES_TO_INVALID: u8 = 3;

/// An answered or failed request.
pub(super) type Reply = Result<RpcResponse, RpcFailure>;

/// What a running main works with while it takes one input.
pub(super) struct MainTurn<'a, P> {
    pub(super) config: Config,
    pub(super) storage_uuid: StorageUuid,
    pub(super) volume: &'a mut Volume<P>,
    pub(super) timeline: &'a mut Timeline,
    pub(super) bolt_open: &'a mut bool,
    pub(super) busy: bool,
    pub(super) main: &'a mut Main<P>,
    pub(super) mint: &'a mut Mint,
    pub(super) out: &'a mut Vec<Output<P>>,
}

/// What a check found (MR 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// No answer, or "no".
    Unknown {
        /// It answered, and refused.
        refused: bool,
    },
    /// A branching point.
    Diverged,
    /// A continuous history, up to this tick.
    Continuous(u64),
}

impl<P> Live<P> {
    /// A client that nobody has checked yet.
    pub(super) const fn new(system: SystemState) -> Self {
        Self {
            state: ReplicaState::MaybeBehind,
            system,
            ts: 0,
            failures: 0,
            beat: None,
            queue: VecDeque::new(),
            running: None,
        }
    }

    /// Queues a check, unless one is queued or under way.
    pub(super) fn want_check(&mut self) {
        let asked = matches!(self.running, Some(Running::Asked(_, Work::Check)));
        if !asked && !self.queue.iter().any(|task| matches!(task, Task::Check)) {
            self.queue.push_back(Task::Check);
        }
    }
}

impl<P> Main<P> {
    /// Clients for the stored registrations, in the store's order of keys (MR 1.4).
    pub(super) fn restore(&mut self, registrations: &[Registration]) {
        self.clients = registrations
            .iter()
            .map(|registration| Client { registration: *registration, live: None })
            .collect();
        self.clients.sort_by_key(|client| client.registration.name);
    }
}

impl<P: Payload> MainTurn<'_, P> {
    /// Routes an answer to whoever waits for it.
    pub(super) fn answered(&mut self, id: RpcId, reply: Reply) {
        if self.main.attach.is_some_and(|attach| attach.rpc == id) {
            self.attach_answered(reply);
            return;
        }
        if self.main.commit.as_ref().is_some_and(|commit| commit.awaiting == Some(id)) {
            self.commit_answered(reply);
            return;
        }
        for index in 0..self.main.clients.len() {
            let Some(live) = self.main.live(index) else { continue };
            match (live.beat, live.running) {
                (Some(Beat::Frequent(beat)), _) if beat == id => {
                    return self.beat_answered(index, reply);
                }
                (Some(Beat::System(beat)), _) if beat == id => {
                    return self.system_answered(index, &reply);
                }
                (_, Some(Running::Asked(asked, work))) if asked == id => {
                    return self.work_answered(index, work, reply);
                }
                (Some(_) | None, Some(_) | None) => {}
            }
        }
    }

    /// Sends a request to the replica at a position.
    pub(super) fn send(&mut self, index: usize, request: Rpc<P>) -> RpcId {
        let id = RpcId(self.mint.fresh());
        if let Some(client) = self.main.clients.get(index) {
            self.out.push(Output::Send { id, to: client.registration.endpoint, request });
        }
        id
    }

    /// Name and mode of the client at a position.
    pub(super) fn registration(&self, index: usize) -> Option<Registration> {
        self.main.clients.get(index).map(|client| client.registration)
    }

    /// What the replica must obey and hold.
    pub(super) const fn identity(&self) -> (MainUuid, StorageUuid) {
        (self.main.uuid, self.storage_uuid)
    }

    /// The check request.
    pub(super) fn check_request(&self) -> Rpc<P> {
        let (main_uuid, storage_uuid) = self.identity();
        Rpc::Heartbeat { main_uuid, storage_uuid }
    }

    /// The system recovery request.
    pub(super) fn system_request(&self) -> Rpc<P> {
        let (main_uuid, storage_uuid) = self.identity();
        Rpc::SystemRecovery { main_uuid, storage_uuid }
    }

    /// The heartbeat timer of one client fires (MR 2.4); a thread that still waits skips a round.
    pub(super) fn beat(&mut self, name: ReplicaName) {
        let Some(index) = self.main.position(name) else { return };
        let beats = self.registration(index).is_some_and(|registration| registration.heartbeats);
        if !beats || self.main.live(index).is_none_or(|live| live.beat.is_some()) {
            return;
        }
        let id = self.send(index, Rpc::FrequentHeartbeat);
        if let Some(live) = self.main.live(index) {
            live.beat = Some(Beat::Frequent(id));
        }
    }

    /// Exactly the third failure in a row makes a replica `invalid`; a success leads to system
    /// recovery where it is due, then to the check of a replica that is `invalid` (MR 2.4).
    fn beat_answered(&mut self, index: usize, reply: Reply) {
        let Some(live) = self.main.live(index) else { return };
        live.beat = None;
        if reply != Ok(RpcResponse::Alive) {
            if live.failures < FAILURES_TO_INVALID {
                live.failures += 1;
                if live.failures == FAILURES_TO_INVALID {
                    live.state = ReplicaState::MaybeBehind;
                    live.system = SystemState::Behind;
                }
            }
            return;
        }
        live.failures = 0;
        if live.system == SystemState::Ready {
            self.check_if_invalid(index);
            return;
        }
        live.system = SystemState::Recovery;
        let id = self.send(index, self.system_request());
        if let Some(live) = self.main.live(index) {
            live.beat = Some(Beat::System(id));
        }
    }

    fn system_answered(&mut self, index: usize, reply: &Reply) {
        let Some(live) = self.main.live(index) else { return };
        live.beat = None;
        live.system = system_state(reply);
        self.check_if_invalid(index);
    }

    fn check_if_invalid(&mut self, index: usize) {
        let Some(live) = self.main.live(index) else { return };
        if live.state == ReplicaState::MaybeBehind {
            live.want_check();
            self.pump(index);
        }
    }

    /// Lets the worker take tasks until one needs an answer.
    pub(super) fn pump(&mut self, index: usize) {
        loop {
            let Some(live) = self.main.live(index) else { return };
            if live.running.is_some() {
                return;
            }
            let state = live.state;
            let Some(task) = live.queue.pop_front() else { return };
            let (request, work) = match task {
                Task::Check if state == ReplicaState::MaybeBehind => {
                    (self.check_request(), Work::Check)
                }
                Task::Recover { after } if state == ReplicaState::Recovery => {
                    match self.recovery_request(after) {
                        Some(request) => (request, Work::Recover),
                        None => {
                            self.set_state(index, ReplicaState::MaybeBehind);
                            continue;
                        }
                    }
                }
                Task::Check | Task::Recover { .. } => continue,
                Task::Ship { prev_ldt, entry } => {
                    let work = Work::Ship { tick: entry.tick };
                    let (main_uuid, storage_uuid) = self.identity();
                    let two_phase = false;
                    let request =
                        Rpc::PrepareCommit { main_uuid, storage_uuid, prev_ldt, entry, two_phase };
                    (request, work)
                }
            };
            let id = self.send(index, request);
            if let Some(live) = self.main.live(index) {
                live.running = Some(Running::Asked(id, work));
            }
        }
    }

    /// The slice for a replica that stands at a tick, as far as readers see the log now (MR 3.5).
    fn recovery_request(&self, after: u64) -> Option<Rpc<P>> {
        let visible = self.volume.log.len() - self.main.unpublished();
        let shippable = if self.config.wal_enabled { visible } else { self.volume.covered() };
        let log = self.volume.log.get(..shippable)?;
        let (after, entries) = recovery::slice(log, after, self.config.recovery)?;
        let (main_uuid, storage_uuid) = self.identity();
        Some(Rpc::Recover { main_uuid, storage_uuid, after, entries })
    }

    fn work_answered(&mut self, index: usize, work: Work, reply: Reply) {
        let finding = match work {
            Work::Check => match self.read_check(&reply) {
                Checked::Unknown { refused } => {
                    if let Some(live) = self.main.live(index).filter(|_| refused) {
                        live.system = SystemState::Behind;
                    }
                    None
                }
                Checked::Diverged => {
                    self.set_state(index, ReplicaState::Diverged);
                    None
                }
                Checked::Continuous(ldt) => Some(Finding::Stands(ldt)),
            },
            Work::Recover => match reply {
                Ok(RpcResponse::Recovered(Some(ldt))) => Some(Finding::Recovered(ldt)),
                Ok(_) | Err(_) => {
                    self.set_state(index, ReplicaState::MaybeBehind);
                    None
                }
            },
            Work::Ship { tick } => {
                self.ship_answered(index, tick, &reply);
                None
            }
        };
        if let Some(live) = self.main.live(index) {
            live.running = finding.map(Running::Judging);
        }
        self.judge(index);
        self.pump(index);
    }

    /// Holds a finding against the main's tick. That needs the engine lock, so a commit under way
    /// comes first: a replica that missed it never becomes `ready`.
    pub(super) fn judge(&mut self, index: usize) {
        if self.main.commit.is_some() {
            return;
        }
        let ldt = self.timeline.ldt;
        let Some(live) = self.main.live(index) else { return };
        let Some(Running::Judging(finding)) = live.running else { return };
        live.running = None;
        match finding {
            Finding::Stands(reached) => self.settle_check(index, reached),
            Finding::Recovered(reached) => {
                live.ts = live.ts.max(reached);
                live.state =
                    if reached >= ldt { ReplicaState::Ready } else { ReplicaState::MaybeBehind };
            }
        }
    }

    /// A continuous history: current, or in need of recovery (MR 3.3, rule 7).
    pub(super) fn settle_check(&mut self, index: usize, reached: u64) {
        let ldt = self.timeline.ldt;
        let Some(live) = self.main.live(index) else { return };
        live.ts = live.ts.max(reached);
        if reached >= ldt {
            live.state = ReplicaState::Ready;
        } else {
            live.state = ReplicaState::Recovery;
            live.queue.push_back(Task::Recover { after: reached });
        }
    }

    /// The rules of the check, in order (MR 3.3).
    pub(super) fn read_check(&self, reply: &Reply) -> Checked {
        let standing = match reply {
            Ok(RpcResponse::Standing(Some(standing))) => standing,
            Ok(RpcResponse::Standing(None)) => return Checked::Unknown { refused: true },
            Ok(_) | Err(_) => return Checked::Unknown { refused: false },
        };
        if branches(self.timeline, standing) {
            Checked::Diverged
        } else {
            Checked::Continuous(standing.ldt)
        }
    }

    /// An ASYNC replica took a transaction, or did not. One that has missed a later transaction
    /// meanwhile is no longer `replicating`, and stays as it is (MR 2.2).
    fn ship_answered(&mut self, index: usize, tick: u64, reply: &Reply) {
        let Some(live) = self.main.live(index) else { return };
        match reply {
            Ok(RpcResponse::Prepared(taken)) if live.state == ReplicaState::Replicating => {
                if *taken {
                    live.state = ReplicaState::Ready;
                    live.ts = live.ts.max(tick);
                } else {
                    live.state = ReplicaState::MaybeBehind;
                }
            }
            Ok(RpcResponse::Prepared(_)) => {}
            Ok(_) | Err(_) => live.state = ReplicaState::MaybeBehind,
        }
    }

    pub(super) fn set_state(&mut self, index: usize, state: ReplicaState) {
        if let Some(live) = self.main.live(index) {
            live.state = state;
        }
    }

    pub(super) fn advance_cache(&mut self, index: usize, tick: u64) {
        if let Some(live) = self.main.live(index) {
            live.ts = live.ts.max(tick);
        }
    }
}

/// What system recovery leaves behind.
pub(super) const fn system_state(reply: &Reply) -> SystemState {
    if matches!(reply, Ok(RpcResponse::Aligned(true))) {
        SystemState::Ready
    } else {
        SystemState::Behind
    }
}

/// Rules 3 to 6 of MR 3.3. In the same epoch nothing is compared, so a replica that is ahead of a
/// main which lost its tail goes unnoticed.
fn branches(main: &Timeline, replica: &Standing) -> bool {
    if replica.epoch == main.epoch || replica.ldt == 0 {
        return false;
    }
    match main.history.iter().rev().find(|branch| branch.epoch == replica.epoch) {
        None => true,
        Some(branch) => branch.ldt < replica.ldt,
    }
}
