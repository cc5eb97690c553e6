//! Where reads go: replicas with the fewest connections, those that nothing waits for first, and
//! never an instance that is main or is about to be.

use crate::{clock::Clock, controllers::wire::Reply, gate::Target};
use ha_core::{
    ids::{InstanceId, InstanceRef},
    leadership::Millis,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// For how long an instance is passed over that could not be reached.
const PASSED_OVER_MS: Millis = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    target: Target,
    votes: bool,
    /// It is the main, where that is allowed for want of a replica.
    is_fallback: bool,
}

#[derive(Debug, Default)]
struct State {
    members: Vec<Member>,
    /// When they were last told.
    told: Option<Millis>,
    connections: BTreeMap<InstanceId, usize>,
    passed_over: BTreeMap<InstanceId, Millis>,
}

/// The replicas, shared.
#[derive(Debug)]
pub struct Replicas {
    clock: Clock,
    /// Reads go to the main where there is no replica.
    fallback: bool,
    /// For how long what was told counts without another word; 0 for ever.
    stale_ms: Millis,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Replicas {
    /// None are known yet.
    #[must_use]
    pub fn new(fallback: bool, stale_ms: Millis, clock: Clock) -> Self {
        let changes = watch::Sender::new(0);
        Self { clock, fallback, stale_ms, state: Mutex::default(), changes }
    }

    /// Tells of every change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Changes with who they are.
    #[must_use]
    pub fn version(&self) -> u64 {
        *self.changes.borrow()
    }

    /// What a reply says that was not refused.
    pub fn update(&self, reply: &Reply) {
        let main = reply.main();
        let is_main = |instance: &InstanceRef| main.is_some_and(|main| main.id == instance.id);
        let mut members: Vec<Member> = reply
            .replicas
            .iter()
            .filter(|replica| !is_main(&replica.instance))
            .map(|replica| Member {
                target: Target { instance: replica.instance, address: replica.address },
                votes: replica.votes,
                is_fallback: false,
            })
            .collect();
        if let (true, Some(instance), Some(address)) = (self.fallback, main, reply.main_address) {
            let target = Target { instance, address };
            members.push(Member { target, votes: true, is_fallback: true });
        }
        let mut state = self.state();
        state.told = Some(self.clock.monotonic());
        if state.members == members {
            return;
        }
        state.members = members;
        drop(state);
        self.changes.send_modify(|version| *version += 1);
    }

    /// The clock moved: what was told may be too old.
    pub fn mind(&self) {
        let now = self.clock.monotonic();
        let mut state = self.state();
        let is_stale = self.stale_ms > 0
            && state.told.is_some_and(|told| now.saturating_sub(told) >= self.stale_ms);
        if !is_stale || state.members.is_empty() {
            return;
        }
        state.members.clear();
        drop(state);
        tracing::warn!(
            stale_ms = self.stale_ms,
            "no word of the replicas for too long; reads wait"
        );
        self.changes.send_modify(|version| *version += 1);
    }

    /// Whether reads may still go to it.
    #[must_use]
    pub fn contains(&self, target: &Target) -> bool {
        self.state().members.iter().any(|member| member.target == *target)
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().members.is_empty()
    }

    /// The one for a new connection, which is counted until [`Replicas::leave`].
    pub fn choose(&self) -> Option<Target> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        let rank = |member: &&Member| {
            let id = member.target.instance.id;
            let is_passed_over = state
                .passed_over
                .get(&id)
                .is_some_and(|at| now.saturating_sub(*at) < PASSED_OVER_MS);
            let connections = state.connections.get(&id).copied().unwrap_or(0);
            (is_passed_over, member.is_fallback, member.votes, connections, id)
        };
        let target = state.members.iter().min_by_key(rank)?.target;
        *state.connections.entry(target.instance.id).or_default() += 1;
        Some(target)
    }

    /// A connection that was counted is gone.
    pub fn leave(&self, target: &Target) {
        let mut state = self.state();
        if let Some(count) = state.connections.get_mut(&target.instance.id) {
            *count = count.saturating_sub(1);
        }
    }

    /// It closed or refused a connection: others are preferred for a while.
    pub fn pass_over(&self, target: &Target) {
        let now = self.clock.monotonic();
        self.state().passed_over.insert(target.instance.id, now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
