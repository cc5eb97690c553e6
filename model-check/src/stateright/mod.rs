//! The same model for stateright, an engine that we did not write: it explores the same states by
//! itself and must count as many. It also serves its Explorer, in which a person walks through a
//! configuration by hand.
//!
//! What stateright judges of a state is carried in the state: what the step into it broke. As long
//! as nothing breaks that is nothing, and the states are those of our own engine. Liveness is left
//! to our engine, because stateright judges `eventually` where a run ends only, and ours have no
//! end. Nor is a depth given to it: it would drop states without a word.

mod describe;
mod plain;
mod remember;

pub use plain::unique_states;
pub use remember::Remembering;

use crate::{
    explore::{Edge, System},
    model::Model,
    pack::Packed,
};
use stateright::{Checker, HasDiscoveries, Property};
use std::{
    collections::BTreeMap,
    hash::{Hash, Hasher},
    net::ToSocketAddrs,
    sync::Arc,
};

/// A configuration as stateright sees it.
#[derive(Debug, Clone)]
pub struct Adapter {
    model: Arc<Model>,
    remembering: Option<Arc<Remembering>>,
}

/// A state, and what the step into it broke.
#[derive(Clone)]
pub struct State {
    packed: Packed,
    broken: u64,
    /// So that a state can be read.
    model: Arc<Model>,
}

/// A transition that leads somewhere else, or breaks something.
#[derive(Clone)]
pub struct Action {
    from: Packed,
    /// Its number among all those of its state.
    edge: u16,
    to: Packed,
    broken: u64,
    /// So that it can be read.
    model: Arc<Model>,
}

/// What stateright counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// States that differ.
    pub unique_states: u64,
    /// The greatest distance from the initial state that it saw.
    pub depth: u64,
    /// Whether it saw every state, and not only those before something broke.
    pub is_done: bool,
    /// What broke, with the steps of a run that shows it.
    pub broken: BTreeMap<&'static str, Vec<String>>,
}

/// The one property that stateright judges: all of ours, and that the model is possible.
const NOTHING_BREAKS: &str = "no safety property breaks";

impl Adapter {
    /// The model, for stateright.
    #[must_use]
    pub const fn new(model: Arc<Model>) -> Self {
        Self { model, remembering: None }
    }

    /// The model with what it remembers.
    #[must_use]
    pub fn remembering(remembering: Arc<Remembering>) -> Self {
        let model = Arc::clone(remembering.model());
        Self { model, remembering: Some(remembering) }
    }

    fn state(&self, packed: Packed, broken: u64) -> State {
        State { packed, broken, model: Arc::clone(&self.model) }
    }

    fn action(&self, from: &Packed, edge: u16, to: Packed, broken: u64) -> Action {
        Action { from: *from, edge, to, broken, model: Arc::clone(&self.model) }
    }

    /// Explores everything, breadth first, or until something breaks.
    #[must_use]
    pub fn count(self, threads: usize) -> Count {
        use stateright::Model as _;
        let checker = self.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
        let checker = checker.spawn_bfs().join();
        let broken = checker.discoveries().into_iter().map(|(name, path)| {
            let steps = path.into_actions();
            (name, steps.iter().map(|action| format!("{action:?}")).collect())
        });
        let broken: BTreeMap<_, _> = broken.collect();
        Count {
            unique_states: checker.unique_state_count() as u64,
            // It counts the initial state as one.
            depth: (checker.max_depth() as u64).saturating_sub(1),
            is_done: checker.is_done() && broken.is_empty(),
            broken,
        }
    }

    /// Serves the Explorer, and does not return.
    pub fn serve(self, address: impl ToSocketAddrs) {
        use stateright::Model as _;
        let _served = self.checker().serve(address);
    }
}

impl stateright::Model for Adapter {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.state(self.model.initial(), 0)]
    }

    /// Each action knows where it leads: whether it leads elsewhere had to be found out anyway, and
    /// would be worked out a second time otherwise.
    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let from = &state.packed;
        let recall = |remembering: &Arc<Remembering>| remembering.recall(from);
        if let Some(known) = self.remembering.as_ref().and_then(recall) {
            actions.extend(known.into_iter().map(|(edge, to)| self.action(from, edge, to, 0)));
            return;
        }
        let mut edges = Vec::new();
        let facts = self.model.expand(from, &mut edges);
        for (number, Edge { to, broken, .. }) in (0..).zip(edges) {
            let broken = broken | facts.broken;
            if to != *from || broken != 0 {
                actions.push(self.action(from, number, to, broken));
            }
        }
    }

    fn next_state(&self, _: &State, action: Action) -> Option<State> {
        Some(self.state(action.to, action.broken))
    }

    fn format_step(&self, _: &State, action: Action) -> Option<String> {
        Some(format!("{:#?}", self.state(action.to, action.broken)))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(NOTHING_BREAKS, |_, state: &State| state.broken == 0)]
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        (self.from, self.edge, self.to) == (other.from, other.edge, other.to)
    }
}

impl Eq for Action {}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        (self.packed, self.broken) == (other.packed, other.broken)
    }
}

impl Eq for State {}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.packed.hash(state);
        self.broken.hash(state);
    }
}
