//! What an exploration found, and how to get there again.

use super::{
    Edge, Liveness, Projection, StateNo, System, Trap, Witness, at, count, hash::hash, number,
    visited::Visited, witness::Witnesses,
};
use std::time::Duration;

/// Everything that an exploration found.
pub struct Exploration<'a, S: System> {
    /// Why it ended; whether everything was explored.
    pub end: End,
    /// How many transitions the expanded states have.
    pub transitions: u64,
    /// How many states were found at each distance from the initial one, which is the first.
    pub levels: Vec<u64>,
    /// What becomes of the system if nothing comes from outside; `None` if that was not asked for
    /// or not everything was explored.
    pub liveness: Option<Liveness>,
    /// For each part, how many states are left without it, among those found; empty if that was
    /// not asked for.
    pub projections: Vec<Projection>,
    /// Bytes in use for states and edges at the end of the exploration.
    pub bytes: u64,
    /// How long the exploration took, without the judgement of liveness and the projections.
    pub explored: Duration,
    pub(super) found: Found<'a, S>,
}

/// What traces are made of.
pub(super) struct Found<'a, S: System> {
    pub(super) system: &'a S,
    pub(super) visited: Visited<S::State>,
    pub(super) broken: Witnesses,
    pub(super) seen: Witnesses,
}

/// Why an exploration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every state that can be reached was expanded.
    Closed,
    /// A safety property broke, and it was told to stop then, at the end of the level.
    Violation,
    /// There was no room for another state.
    StateLimit,
    /// The system gave something that it must not.
    Malformed(Malformed),
}

/// What a system must not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Edge numbers have 16 bits.
    #[error("state {state} has {edges} edges; at most 65536 can be numbered")]
    TooManyEdges {
        /// The state.
        state: StateNo,
        /// How many it has.
        edges: usize,
    },
    /// Classes are kept in sets of 128 bits.
    #[error("edge {edge} of state {state} has class {class}; classes are 0..=127")]
    Class {
        /// The state.
        state: StateNo,
        /// Its edge.
        edge: usize,
        /// The class of that.
        class: u8,
    },
}

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    /// Which transition is taken: its position in the list that the expansion of the state gives.
    pub edge: u16,
}

/// A run that never ends: a path, and a cycle from where it leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lasso {
    /// From the initial state.
    pub path: Vec<Step>,
    /// From the end of the path back to it; empty if nothing moves there by itself.
    pub cycle: Vec<Step>,
}

/// A path that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// No state has this number.
    #[error("state {state} does not exist; {states} states were found")]
    NoState {
        /// The number asked for.
        state: StateNo,
        /// How many there are.
        states: u64,
    },
    /// A step takes a transition that its state does not have.
    #[error("step {step} takes edge {edge}, of {edges}")]
    NoEdge {
        /// Which step, from 0.
        step: usize,
        /// The edge that it takes.
        edge: u16,
        /// How many there are.
        edges: usize,
    },
    /// The system gave other transitions than it gave before.
    #[error("state {from}, expanded again, no longer leads to state {to}")]
    NotRepeatable {
        /// The state expanded.
        from: StateNo,
        /// The state that it led to.
        to: StateNo,
    },
}

/// Walks a path from the initial state: the transitions that it takes, each with the state that it
/// leads to.
///
/// # Errors
/// The first step that the system does not offer.
pub fn walk<S: System>(system: &S, path: &[Step]) -> Result<Vec<Edge<S::State>>, TraceError> {
    let mut here = system.initial();
    let mut taken = Vec::with_capacity(path.len());
    let mut edges = Vec::new();
    for (step, Step { edge }) in path.iter().enumerate() {
        edges.clear();
        system.expand(&here, &mut edges);
        let missing = || TraceError::NoEdge { step, edge: *edge, edges: edges.len() };
        let found = *edges.get(usize::from(*edge)).ok_or_else(missing)?;
        here = found.to;
        taken.push(found);
    }
    Ok(taken)
}

impl<S: System> Exploration<'_, S> {
    /// Whether every state that can be reached was explored.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end == End::Closed
    }

    /// The states in the order in which they were found.
    #[must_use]
    pub fn states(&self) -> &[S::State] {
        self.found.visited.states()
    }

    /// The number of a state, if it was found.
    #[must_use]
    pub fn number_of(&self, state: &S::State) -> Option<StateNo> {
        self.found.visited.find(hash(state), state)
    }

    /// The state from which each was found first; the initial state is its own.
    #[must_use]
    pub fn parents(&self) -> &[StateNo] {
        self.found.visited.parents()
    }

    /// How many steps lead to a state at least, if it was found.
    #[must_use]
    pub fn depth(&self, state: StateNo) -> Option<u32> {
        let mut states = 0;
        let depth = self.levels.iter().position(|level| {
            states += level;
            u64::from(state) < states
        });
        depth.map(number)
    }

    /// The safety properties that break somewhere, a set of bits.
    #[must_use]
    pub const fn broken(&self) -> u64 {
        self.found.broken.bits()
    }

    /// Where a safety property breaks first; `property` is the number of its bit.
    #[must_use]
    pub fn violation(&self, property: u8) -> Option<Witness> {
        self.found.broken.of(property)
    }

    /// The things that came about somewhere, a set of bits.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.found.seen.bits()
    }

    /// Where a thing came about first; `sight` is the number of its bit.
    #[must_use]
    pub fn sight(&self, sight: u8) -> Option<Witness> {
        self.found.seen.of(sight)
    }

    /// A shortest path to a state.
    ///
    /// # Errors
    /// The state does not exist, or the system is not the same as before.
    pub fn path_to(&self, state: StateNo) -> Result<Vec<Step>, TraceError> {
        let mut path = Vec::new();
        let mut here = state;
        loop {
            let parent = self.parents().get(at(here)).copied();
            let states = count(self.states().len());
            let parent = parent.ok_or(TraceError::NoState { state: here, states })?;
            if here == 0 {
                path.reverse();
                return Ok(path);
            }
            path.push(self.step(parent, here, |_| true)?);
            here = parent;
        }
    }

    /// A shortest path to what a witness saw, its own step included.
    ///
    /// # Errors
    /// As [`Self::path_to`].
    pub fn trace(&self, witness: &Witness) -> Result<Vec<Step>, TraceError> {
        let mut path = self.path_to(witness.state)?;
        path.extend(witness.edge.map(|edge| Step { edge }));
        Ok(path)
    }

    /// A shortest path to a trap, and a fair cycle there.
    ///
    /// # Errors
    /// As [`Self::path_to`].
    pub fn lasso(&self, trap: &Trap) -> Result<Lasso, TraceError> {
        let path = self.path_to(trap.entry)?;
        let mut cycle = Vec::with_capacity(trap.cycle.len());
        let mut here = trap.entry;
        for hop in &trap.cycle {
            let fits = |edge: &Edge<S::State>| edge.progress && edge.class == hop.class;
            cycle.push(self.step(here, hop.to, fits)?);
            here = hop.to;
        }
        Ok(Lasso { path, cycle })
    }

    /// The first transition from one state to another that fits.
    fn step(
        &self,
        from: StateNo,
        to: StateNo,
        fits: impl Fn(&Edge<S::State>) -> bool,
    ) -> Result<Step, TraceError> {
        let states = self.states();
        let state = |state| {
            let missing = TraceError::NoState { state, states: count(states.len()) };
            states.get(at(state)).ok_or(missing)
        };
        let (source, target) = (state(from)?, state(to)?);
        let mut edges = Vec::new();
        self.found.system.expand(source, &mut edges);
        let found = edges.iter().position(|edge| edge.to == *target && fits(edge));
        let edge = found.and_then(|edge| u16::try_from(edge).ok());
        edge.map(|edge| Step { edge }).ok_or(TraceError::NotRepeatable { from, to })
    }
}
