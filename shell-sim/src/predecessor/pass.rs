//! A reconcile pass: failover check, then roles, then registrations, then the gateway. Each query,
//! command and write is a step of its own. It knows its target from its start, and from the first
//! version with a lock on again after its own failover check.

use super::{Emitted, Predecessor, Seen, Turn, failover::Failover, replica_name};
use crate::{
    incident::EventWord,
    memgraph::{
        Answer, Endpoint, RegisterError, ReplicaName, ReplicaState, RoleName, ServerError,
        Statement, SyncMode,
    },
};
use ha_core::ids::InstanceId;

/// The port of replication servers.
const PORT: u16 = 10_000;

/// A pass under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pass {
    target: InstanceId,
    at: Step,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    /// Is the target main there?
    Check,
    /// It is not: a failover within the pass.
    Failover(Failover),
    /// Role and replicas of the target main.
    ReadMain,
    /// The role of another pod.
    ReadPod(u8),
    /// It is main and should not be.
    Demote(u8, RoleName),
    /// It is registered in a way in which it should not be.
    Drop(u8),
    /// It is not registered and should be.
    Register(u8),
    /// The gateway.
    Open,
}

impl Predecessor {
    pub(super) fn step_pass(&mut self, turn: &mut Turn<'_>) {
        let Some(pass) = self.pass.take() else {
            self.passes_left = self.passes_left.saturating_sub(1);
            turn.show(
                Emitted::new(EventWord::ReconcileStarted, None)
                    .number("target_main_index_read", self.target.0),
            );
            self.pass = Some(Pass { target: self.target, at: Step::Check });
            return;
        };
        let Pass { target, at } = pass;
        let next = match at {
            Step::Check => self.check_main(target),
            Step::Failover(failover) => self.fail_over_within(turn, failover),
            Step::ReadMain => self.read_main(turn, target),
            Step::ReadPod(index) => self.read_pod(turn, target, index),
            Step::Demote(index, role) => self.demote(turn, target, index, role),
            Step::Drop(index) => self.drop_misfit(turn, target, index),
            Step::Register(index) => self.register(turn, target, index),
            Step::Open => self.open(target),
        };
        let rereads = self.era.serialized && next == Some(Step::ReadMain);
        let target = if rereads { self.target } else { target };
        self.pass = next.map(|at| Pass { target, at });
    }

    fn check_main(&self, target: InstanceId) -> Option<Step> {
        let is_main = self.roles.get(&target) == Some(&RoleName::Main);
        if is_main && self.ready.contains(&target) {
            return Some(Step::ReadMain);
        }
        Some(Step::Failover(Failover::begin(target)))
    }

    /// A failed check is logged, and the pass goes on.
    fn fail_over_within(&mut self, turn: &mut Turn<'_>, failover: Failover) -> Option<Step> {
        Some(self.advance_failover(turn, failover).map_or(Step::ReadMain, Step::Failover))
    }

    fn read_main(&mut self, turn: &mut Turn<'_>, target: InstanceId) -> Option<Step> {
        self.read_role(turn, target)?;
        let (on, _) = self.reach(turn.world, target)?;
        let before = std::mem::replace(&mut self.rows, turn.replicas(on)?);
        let voted = self.rows.iter().filter(|seen| seen.mode != SyncMode::Async).count();
        turn.show(
            Emitted::new(EventWord::ReplicasListed, Some(target))
                .number("count", count(self.rows.len()))
                .number("sync_count", count(voted)),
        );
        for seen in &self.rows {
            let earlier = before.iter().find(|old| old.replica == seen.replica).map(Seen::status);
            let shown = Emitted::new(EventWord::ReplicaStatusObserved, Some(seen.replica))
                .text("status", seen.status());
            let behind = seen.data.map_or(0, |(state, behind)| {
                if state == ReplicaState::Diverged {
                    held_more(turn, seen.replica, on)
                } else {
                    behind
                }
            });
            let shown = shown.number("behind", behind);
            turn.show(match earlier.filter(|word| *word != seen.status()) {
                Some(word) => shown.text("previous", word),
                None => shown,
            });
            if self.era.keeps_misfits && !seen.is_ready() {
                turn.show(Emitted::new(EventWord::NoCorrectiveAction, Some(seen.replica)));
            }
        }
        Some(Step::ReadPod(0))
    }

    fn read_pod(&mut self, turn: &mut Turn<'_>, target: InstanceId, index: u8) -> Option<Step> {
        let id = InstanceId(index);
        if index >= self.members {
            return Some(Step::Open);
        }
        let next = Some(Step::ReadPod(index + 1));
        let there = turn.world.body(id).is_ok_and(|body| body.pod.is_some());
        let waits =
            self.era.skips_unready && !self.ready.contains(&id) && !self.terminating.contains(&id);
        if id == target || !there || waits {
            return next;
        }
        let Some(role) = self.read_role(turn, id) else { return next };
        if role != RoleName::Replica {
            return Some(Step::Demote(index, role));
        }
        Some(self.registration_of(index))
    }

    /// What a pod that is a replica still lacks.
    fn registration_of(&self, index: u8) -> Step {
        let id = InstanceId(index);
        let fits = |seen: &Seen| {
            let waited_for = seen.mode != SyncMode::Async;
            seen.is_ready() && waited_for == (id == Self::sync_of(self.target))
        };
        match self.rows.iter().find(|seen| seen.replica == id) {
            Some(seen) if self.era.keeps_misfits || fits(seen) => Step::ReadPod(index + 1),
            _ if self.terminating.contains(&id) => Step::ReadPod(index + 1),
            Some(_) => Step::Drop(index),
            None => Step::Register(index),
        }
    }

    fn demote(
        &mut self,
        turn: &mut Turn<'_>,
        target: InstanceId,
        index: u8,
        role: RoleName,
    ) -> Option<Step> {
        let id = InstanceId(index);
        turn.show(
            Emitted::new(EventWord::Demote, Some(id))
                .text("current_role", role.as_str())
                .number("decided_with_target_main_index", target.0),
        );
        let next = Some(Step::ReadPod(index + 1));
        let Some((on, address)) = self.reach(turn.world, id) else { return next };
        if !turn.command(on, Statement::SetRoleReplica { port: PORT }) {
            return next;
        }
        turn.show(
            Emitted::new(EventWord::Demote, Some(id))
                .text("bolt_address", &address)
                .text("result", "ok"),
        );
        self.roles.insert(id, RoleName::Replica);
        Some(self.registration_of(index))
    }

    /// A replica that is unwell, or registered in another mode than the wanted one, loses its
    /// registration and gets a new one.
    fn drop_misfit(&mut self, turn: &mut Turn<'_>, target: InstanceId, index: u8) -> Option<Step> {
        let id = InstanceId(index);
        if let Some((on, _)) = self.reach(turn.world, target) {
            turn.show(
                Emitted::new(EventWord::DropReplica, Some(id))
                    .text("replica_name", &replica_name(id)),
            );
            turn.command(on, Statement::Drop { name: ReplicaName(id.0.into()) });
        }
        Some(Step::Register(index))
    }

    /// The mode follows the target as it is now, the main the target of the start.
    fn register(&mut self, turn: &mut Turn<'_>, target: InstanceId, index: u8) -> Option<Step> {
        let id = InstanceId(index);
        let next = Some(Step::ReadPod(index + 1));
        let guarded = self.era.guards_registration;
        let another_main = guarded
            && self.roles.iter().any(|(other, role)| {
                *other != self.target && *other != target && *role == RoleName::Main
            });
        if another_main {
            turn.show(Emitted::new(EventWord::RegistrationBlockedDualMain, Some(id)));
            return next;
        }
        let pods = self.pods(turn.world).len();
        if guarded && pods != usize::from(self.members) {
            return next;
        }
        let Some((on, _)) = self.reach(turn.world, target) else { return next };
        let sync = id == Self::sync_of(self.target);
        let mode = if sync { self.sync_mode } else { SyncMode::Async };
        let (name, endpoint) = (ReplicaName(id.0.into()), Endpoint(id.0.into()));
        if guarded {
            turn.show(
                Emitted::new(EventWord::RegistrationAllowed, Some(id))
                    .text("replica_name", &replica_name(id))
                    .text("target_main", &super::pod_of(target).to_string())
                    .number("pod_count", count(pods)),
            );
        }
        let answer = turn.run(on, Statement::Register { name, mode, endpoint });
        let event = match &answer {
            Some(Answer::Done(_)) => EventWord::RegisterReplica,
            Some(Answer::Failed(ServerError::Register {
                error: RegisterError::Diverged, ..
            })) => EventWord::RegisterRejectedDiverged,
            Some(_) | None => EventWord::RegisterFailed,
        };
        let shown = Emitted::new(event, Some(id))
            .text("replica_name", &replica_name(id))
            .text("sync_mode", mode.keyword())
            .text("registered_on", &super::pod_of(target).to_string());
        let refused = event == EventWord::RegisterRejectedDiverged;
        turn.show(if refused { shown.text("error", "Error: 3") } else { shown });
        if event == EventWord::RegisterFailed {
            turn.command(on, Statement::Drop { name });
        }
        next
    }

    fn open(&mut self, target: InstanceId) -> Option<Step> {
        let all_ready = (0..self.members).all(|id| self.ready.contains(&InstanceId(id)));
        if all_ready && self.cluster_is_healthy() {
            self.write_upstream = Some(target);
        }
        None
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many ticks a replica's volume holds beyond its main's.
fn held_more(turn: &Turn<'_>, replica: InstanceId, main: InstanceId) -> i64 {
    let ldt = |id| turn.world.body(id).map_or(0, |body| body.instance.ldt().cast_signed());
    ldt(replica) - ldt(main)
}
