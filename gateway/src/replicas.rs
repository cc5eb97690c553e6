//! Which replica a new reader gets: one with the fewest connections, those that nothing waits for
//! first. Who may be read from at all is the grant's to say ([`Gate::readable`]).

use crate::gate::{Gate, Readable, Target};
use ha_core::{ids::InstanceId, leadership::Millis};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// For how long an instance is passed over that could not be reached.
const PASSED_OVER_MS: Millis = 1_000;

#[derive(Debug, Default)]
struct State {
    connections: BTreeMap<InstanceId, usize>,
    passed_over: BTreeMap<InstanceId, Millis>,
}

/// Connections of those who read, shared.
#[derive(Debug)]
pub struct Replicas {
    gate: Arc<Gate>,
    state: Mutex<State>,
}

impl Replicas {
    /// Nobody reads yet.
    #[must_use]
    pub fn new(gate: Arc<Gate>) -> Self {
        Self { gate, state: Mutex::default() }
    }

    /// The grant.
    #[must_use]
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The one for a new connection, which is counted until [`Replicas::leave`].
    pub fn choose(&self) -> Option<Target> {
        let now = self.gate.clock().monotonic();
        let readable = self.gate.readable();
        let mut state = self.state();
        let rank = |it: &&Readable| {
            let id = it.target.instance.id;
            let is_passed_over = state
                .passed_over
                .get(&id)
                .is_some_and(|at| now.saturating_sub(*at) < PASSED_OVER_MS);
            let connections = state.connections.get(&id).copied().unwrap_or(0);
            (is_passed_over, it.is_main, it.votes, connections, id)
        };
        let target = readable.iter().min_by_key(rank)?.target;
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
        let now = self.gate.clock().monotonic();
        self.state().passed_over.insert(target.instance.id, now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
