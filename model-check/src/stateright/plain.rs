//! Any system for stateright, as far as it is counted.

use crate::explore::{Edge, System};
use stateright::{Checker, Model, Property};
use std::fmt::Debug;

struct Plain<S>(S);

impl<S: System<State: Debug>> Model for Plain<S> {
    type State = S::State;
    type Action = Edge<S::State>;

    fn init_states(&self) -> Vec<S::State> {
        vec![self.0.initial()]
    }

    fn actions(&self, state: &S::State, actions: &mut Vec<Edge<S::State>>) {
        self.0.expand(state, actions);
    }

    fn next_state(&self, _: &S::State, edge: Edge<S::State>) -> Option<S::State> {
        Some(edge.to)
    }

    /// Without a property it would look no further.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("all of it", |_, _| true)]
    }
}

/// How many states stateright finds by itself; `None` if it did not see all of them. What breaks is
/// left to our engine.
pub fn unique_states<S>(system: S, threads: usize) -> Option<u64>
where
    S: System<State: Debug> + Send + 'static,
{
    let checker = Plain(system).checker().threads(threads).spawn_bfs().join();
    checker.is_done().then_some(checker.unique_state_count() as u64)
}
