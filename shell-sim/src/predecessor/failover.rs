//! A failover check and the failover that may follow. Its preconditions rest on the replica list
//! that the last pass cached. Nothing here demotes the old main or registers anybody.

use super::{Emitted, Predecessor, Seen, Trigger, Turn};
use crate::{
    incident::EventWord,
    memgraph::{RoleName, Statement, SyncMode},
};
use ha_core::ids::InstanceId;

/// A failover under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Failover {
    from: InstanceId,
    at: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Preconditions,
    Clear,
    Promote,
    Persist,
    Route,
}

impl Failover {
    pub(super) const fn begin(from: InstanceId) -> Self {
        Self { from, at: Step::Preconditions }
    }
}

impl Predecessor {
    pub(super) fn step_failover(&mut self, turn: &mut Turn<'_>) {
        if let Some(failover) = self.failover.take() {
            self.failover = self.advance_failover(turn, failover);
            return;
        }
        if self.queue.is_empty() {
            return;
        }
        match self.queue.remove(0) {
            // In the versions with a queue the worker's answer to the prober is always that no
            // failover is needed.
            Trigger::Prober if self.era.serialized => {}
            Trigger::Prober | Trigger::PodEvent(_) => {
                self.failover = Some(Failover::begin(self.target));
            }
        }
    }

    /// One step of a failover; none once it ended.
    pub(super) fn advance_failover(
        &mut self,
        turn: &mut Turn<'_>,
        failover: Failover,
    ) -> Option<Failover> {
        let Failover { from, at } = failover;
        let sync = Self::sync_of(from);
        let next = match at {
            Step::Preconditions => self.preconditions(turn, sync)?,
            Step::Clear => {
                self.close_gateway(turn);
                Step::Promote
            }
            Step::Promote => {
                turn.show(Emitted::new(EventWord::Promote, Some(sync)));
                let (on, _) = self.reach(turn.world, sync)?;
                if turn.role(on)? == RoleName::Replica && !turn.command(on, Statement::SetRoleMain)
                {
                    return None;
                }
                self.roles.insert(sync, RoleName::Main);
                Step::Persist
            }
            Step::Persist => {
                self.target = sync;
                turn.show(
                    Emitted::new(EventWord::TargetMainUpdated, None)
                        .number("target_main_index", sync.0)
                        .text("store", "ConfigMap"),
                );
                Step::Route
            }
            Step::Route => {
                self.write_upstream = Some(sync);
                turn.show(Emitted::new(EventWord::FailoverCompleted, None));
                return None;
            }
        };
        Some(Failover { from, at: next })
    }

    fn preconditions(&mut self, turn: &mut Turn<'_>, sync: InstanceId) -> Option<Step> {
        self.attempts = self.attempts.saturating_add(1);
        let refusal = self.refusal(turn, sync);
        self.show_check(turn, sync, refusal.is_some());
        let shown = |event| Emitted::new(event, None).number("attempt", self.attempts);
        if let Some(reason) = refusal {
            let shown = shown(EventWord::FailoverBlocked).text("reason", &reason);
            turn.show(shown);
            return None;
        }
        let all = shown(EventWord::FailoverAttemptSucceeded).text("replicas", "ready");
        turn.show(all);
        Some(Step::Clear)
    }

    /// What the check found in the list on which it rests.
    fn show_check(&self, turn: &mut Turn<'_>, sync: InstanceId, refused: bool) {
        let result = if refused { "unsafe" } else { "safe" };
        let seen = self.rows.iter().find(|seen| seen.replica == sync);
        let mut check = Emitted::new(EventWord::FailoverCheck, Some(sync)).text("result", result);
        if let Some(seen) = seen {
            check = check.text("status", seen.status());
            if let Some((_, behind)) = seen.data {
                check = check.number("behind", behind);
            }
        }
        if self.rows.iter().all(Seen::is_ready) {
            check = check.text("replicas", "ready");
        }
        turn.show(check);
    }

    fn refusal(&self, turn: &mut Turn<'_>, sync: InstanceId) -> Option<String> {
        let Some(seen) = self.rows.iter().find(|seen| seen.replica == sync) else {
            return Some("sync replica not in the list".into());
        };
        if seen.mode == SyncMode::Async {
            return Some("sync replica is not registered as sync".into());
        }
        if let Some(unready) = self.rows.iter().find(|seen| !seen.is_ready()) {
            return Some(format!("replicas {}", Seen::status(unready)));
        }
        let answers = self.ready.contains(&sync)
            && self.reach(turn.world, sync).is_some_and(|(on, _)| turn.role(on).is_some());
        (!answers).then(|| "sync replica does not answer".into())
    }
}
