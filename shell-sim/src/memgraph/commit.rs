//! Commits on a main: one at a time under the engine lock, clients in the order of registration,
//! each by its mode, in one phase or two (MR 4). How a replica fares between commits is not its
//! concern.

use super::Output;
use super::answer::{Answer, Notice, ReplicaState};
use super::client::{MainTurn, Reply};
use super::error::{Failure, Reason, ServerError};
use super::process::{Commit, Main, Part, Phase, Queued, Running, Task};
use super::rpc::{Rpc, RpcFailure, RpcResponse};
use super::types::{Payload, RpcId, Session, SyncMode, Version};
use super::volume::Entry;

impl<P> Main<P> {
    /// Entries at the end of the log that readers do not see yet: without two phases the local
    /// log is written before anything is shipped (MR 4).
    pub(super) fn unpublished(&self) -> usize {
        usize::from(self.commit.as_ref().is_some_and(|commit| !commit.two_phase))
    }

    /// Whether any client that is not a phantom is STRICT_SYNC (MR 3.2, 4.3).
    fn runs_two_phases(&self) -> bool {
        self.clients
            .iter()
            .any(|client| client.live.is_some() && client.registration.mode == SyncMode::StrictSync)
    }
}

impl<P: Payload> MainTurn<'_, P> {
    /// Takes a write transaction for commit; it waits for the commits before it, and for a
    /// REGISTER under way.
    pub(super) fn submit(&mut self, session: Session, payload: P) {
        self.main.queued.push_back(Queued { session: Some(session), payload });
        self.run_commits();
    }

    /// Goes on with commits until one awaits an answer or none is left.
    pub(super) fn run_commits(&mut self) {
        loop {
            let Some(commit) = &self.main.commit else {
                if self.main.is_registering() || !self.open_next() {
                    return;
                }
                continue;
            };
            if commit.awaiting.is_some() {
                return;
            }
            let (at, phase) = (commit.at, commit.phase);
            if at == commit.parts.len() {
                self.end_phase();
                continue;
            }
            let request = match phase {
                Phase::Ship => self.ship_to(at),
                Phase::Decide { commit } => self.tell(at, commit),
            };
            let awaiting = request.map(|request| self.send(at, request));
            self.step_over(awaiting);
        }
    }

    /// Awaits a request, or goes on to the next client.
    fn step_over(&mut self, awaiting: Option<RpcId>) {
        if let Some(commit) = &mut self.main.commit {
            commit.awaiting = awaiting;
            if awaiting.is_none() {
                commit.at += 1;
            }
        }
    }

    /// Takes the commit tick and opens the streams (MR 9.2, CommitStart); false if none waits.
    fn open_next(&mut self) -> bool {
        let Some(Queued { session, payload }) = self.main.queued.pop_front() else { return false };
        let tick = self.timeline.tick();
        let entry = Entry { epoch: self.timeline.epoch, tick, payload };
        if !self.config.wal_enabled {
            // Without WAL a commit returns before any streaming, silently (MR 4).
            self.volume.append(entry.clone(), u32::MAX);
            self.publish(entry);
            self.answer(session, Answer::Committed { tick, notices: Vec::new() });
            return true;
        }
        let two_phase = self.main.runs_two_phases();
        if !two_phase {
            self.volume.append(entry.clone(), self.config.flush_every);
        }
        self.main.commit = Some(Commit {
            session,
            entry,
            prev_ldt: self.timeline.ldt,
            two_phase,
            phase: Phase::Ship,
            parts: Vec::with_capacity(self.main.clients.len()),
            at: 0,
            awaiting: None,
            failures: Vec::new(),
        });
        for index in 0..self.main.clients.len() {
            let opened = self.open_stream(index);
            let part = if opened == Ok(()) { Part::Streaming } else { Part::Out };
            if let Some(commit) = &mut self.main.commit {
                commit.parts.push(part);
            }
            if let Err(Some(reason)) = opened {
                self.fail(index, reason);
            }
        }
        true
    }

    /// What the state of one client makes of a new commit (MR 4.1); a phantom is ignored.
    fn open_stream(&mut self, index: usize) -> Result<(), Option<Reason>> {
        let Some(live) = self.main.live(index) else { return Err(None) };
        match live.state {
            ReplicaState::Ready => {
                live.state = ReplicaState::Replicating;
                Ok(())
            }
            ReplicaState::Replicating => {
                live.state = ReplicaState::MaybeBehind;
                Err(Some(Reason::NotInSync))
            }
            ReplicaState::MaybeBehind => {
                live.want_check();
                self.pump(index);
                Err(Some(Reason::NotInSync))
            }
            ReplicaState::Recovery => Err(Some(Reason::NotInSync)),
            ReplicaState::Diverged => Err(Some(Reason::Diverged)),
        }
    }

    /// The first phase for one client: STRICT_SYNC is asked for its vote; in a commit without
    /// votes SYNC is waited for and ASYNC queued. With votes SYNC is left out (MR 4.5) and ASYNC
    /// comes after the decision.
    fn ship_to(&mut self, at: usize) -> Option<Rpc<P>> {
        let mode = self.registration(at)?.mode;
        let commit = self.main.commit.as_ref()?;
        let (two_phase, part) = (commit.two_phase, commit.parts.get(at).copied()?);
        if part != Part::Streaming || (two_phase && mode != SyncMode::StrictSync) {
            return None;
        }
        if mode == SyncMode::Async {
            self.queue_shipment(at);
            return None;
        }
        if self.main.live(at)?.state != ReplicaState::Replicating {
            // Heartbeats gave it up while another replica was awaited.
            self.set_part(at, Part::Out);
            self.fail(at, Reason::RpcError);
            return None;
        }
        let (main_uuid, storage_uuid) = self.identity();
        let commit = self.main.commit.as_ref()?;
        let (prev_ldt, entry) = (commit.prev_ldt, commit.entry.clone());
        Some(Rpc::PrepareCommit { main_uuid, storage_uuid, prev_ldt, entry, two_phase })
    }

    /// Hands the transaction to the worker of an ASYNC client, unless heartbeats gave it up.
    fn queue_shipment(&mut self, at: usize) {
        let Main { clients, commit: Some(commit), .. } = &mut *self.main else { return };
        let Some(live) = clients.get_mut(at).and_then(|client| client.live.as_mut()) else {
            return;
        };
        if live.state != ReplicaState::Replicating {
            return;
        }
        let (prev_ldt, entry) = (commit.prev_ldt, commit.entry.clone());
        live.queue.push_back(Task::Ship { prev_ldt, entry });
        self.pump(at);
    }

    /// The second phase for one client: the decision for those that voted, and the transaction for
    /// ASYNC. After an abort the stream of an ASYNC client is only closed: it stays `replicating`.
    fn tell(&mut self, at: usize, decision: bool) -> Option<Rpc<P>> {
        let mode = self.registration(at)?.mode;
        let commit = self.main.commit.as_ref()?;
        let (tick, part) = (commit.entry.tick, commit.parts.get(at).copied()?);
        match (mode, part) {
            (SyncMode::StrictSync, Part::Prepared) => {
                let (main_uuid, storage_uuid) = self.identity();
                Some(Rpc::FinalizeCommit { main_uuid, storage_uuid, tick, commit: decision })
            }
            (SyncMode::Async, Part::Streaming) => {
                if decision {
                    self.queue_shipment(at);
                }
                None
            }
            (SyncMode::StrictSync | SyncMode::Sync | SyncMode::Async, _) => None,
        }
    }

    /// The awaited client answered, or will not.
    pub(super) fn commit_answered(&mut self, reply: Reply) {
        let Some(commit) = &mut self.main.commit else { return };
        commit.awaiting = None;
        let (at, phase, tick) = (commit.at, commit.phase, commit.entry.tick);
        match phase {
            Phase::Ship => self.voted(at, tick, reply),
            Phase::Decide { commit } => {
                // A failure is reported to nobody, and the state stays `ready` (MR 4.3).
                if commit && reply == Ok(RpcResponse::Finalized(true)) {
                    self.advance_cache(at, tick);
                }
            }
        }
        self.step_over(None);
        self.run_commits();
    }

    /// A vote or an acknowledgement (MR 9.2, Ack and Nack).
    fn voted(&mut self, at: usize, tick: u64, reply: Reply) {
        let strict = self.registration(at).is_some_and(|r| r.mode == SyncMode::StrictSync);
        let Some(live) = self.main.live(at) else { return };
        let replicating = live.state == ReplicaState::Replicating;
        let (part, failed) = match reply {
            Ok(RpcResponse::Prepared(true)) => {
                if replicating {
                    live.state = ReplicaState::Ready;
                    live.ts = if strict { live.ts } else { live.ts.max(tick) };
                }
                let part = if strict { Part::Prepared } else { Part::Out };
                (part, (!replicating).then_some(Reason::RpcError))
            }
            Ok(RpcResponse::Prepared(false)) => {
                if replicating {
                    live.state = ReplicaState::MaybeBehind;
                }
                (Part::Out, Some(Reason::RpcError))
            }
            Ok(_) => {
                live.state = ReplicaState::MaybeBehind;
                (Part::Out, Some(Reason::RpcError))
            }
            Err(why) => {
                live.state = ReplicaState::MaybeBehind;
                (Part::Out, Some(reason(why)))
            }
        };
        self.set_part(at, part);
        if let Some(reason) = failed {
            self.fail(at, reason);
        }
    }

    /// All clients are through: commit here, or give up; then the decision; then the answer.
    fn end_phase(&mut self) {
        let Some(commit) = &mut self.main.commit else { return };
        let (phase, two_phase) = (commit.phase, commit.two_phase);
        let entry = commit.entry.clone();
        match (phase, two_phase) {
            (Phase::Ship, false) => {
                self.publish(entry);
                self.finish(true);
            }
            (Phase::Ship, true) => {
                let decision = commit.failures.is_empty();
                commit.phase = Phase::Decide { commit: decision };
                commit.at = 0;
                if decision {
                    self.volume.append(entry.clone(), self.config.flush_every);
                    self.publish(entry);
                } else {
                    self.out.push(Output::Aborted { tick: entry.tick });
                }
            }
            (Phase::Decide { commit }, _) => self.finish(commit),
        }
    }

    /// Makes the newest entry of the log visible.
    fn publish(&mut self, entry: Entry<P>) {
        self.timeline.ldt = entry.tick;
        self.out.push(Output::Committed(entry));
    }

    /// Releases the engine lock: the client is answered, and findings that waited are judged.
    fn finish(&mut self, committed: bool) {
        let Some(commit) = self.main.commit.take() else { return };
        let (version, failures) = (self.config.version, commit.failures);
        let tick = commit.entry.tick;
        let answer = if !committed {
            Answer::Failed(ServerError::StrictSyncFailed { version, failures })
        } else if failures.is_empty() {
            Answer::Committed { tick, notices: Vec::new() }
        } else if version == Version::Head {
            Answer::Committed { tick, notices: vec![Notice::SyncReplicationFailure(failures)] }
        } else {
            Answer::Failed(ServerError::SyncFailed { version, failures })
        };
        self.answer(commit.session, answer);
        for index in 0..self.main.clients.len() {
            let waits = self.main.live(index).map(|live| live.running);
            if matches!(waits, Some(Some(Running::Judging(_)))) {
                self.judge(index);
                self.pump(index);
            }
        }
    }

    /// Answers a client that is still there.
    pub(super) fn answer(&mut self, session: Option<Session>, answer: Answer) {
        if let Some(session) = session {
            self.out.push(Output::Answer { session, answer });
        }
    }

    fn set_part(&mut self, at: usize, part: Part) {
        let commit = self.main.commit.as_mut();
        if let Some(slot) = commit.and_then(|commit| commit.parts.get_mut(at)) {
            *slot = part;
        }
    }

    /// Counts a failure, unless the client is ASYNC (MR 4.1).
    fn fail(&mut self, at: usize, reason: Reason) {
        let Some(registration) = self.registration(at) else { return };
        if registration.mode == SyncMode::Async {
            return;
        }
        if let Some(commit) = &mut self.main.commit {
            let (name, mode) = (registration.name, registration.mode);
            commit.failures.push(Failure { name, mode, reason });
        }
    }
}

/// What a failed request means to the client of the commit (MR 4.2).
const fn reason(why: RpcFailure) -> Reason {
    match why {
        RpcFailure::Refused => Reason::NotInSync,
        RpcFailure::TimedOut => Reason::Timeout,
        RpcFailure::Broken => Reason::RpcError,
        RpcFailure::LockBusy => Reason::LockBusy,
    }
}
