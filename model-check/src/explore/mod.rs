//! The engine: breadth first through the whole state space of a transition system, exactly. States
//! are compared, never only their fingerprints, so that nothing is left out by chance.
//!
//! A system gives packed states and their transitions; the engine numbers the states in the order
//! in which they are found. The numbers, and with them every count and trace, are the same for any
//! number of threads. Nothing is stored of a path but each state's parent: a trace is found again
//! by expanding the parents, and is a list of edge numbers that anybody can walk again.
//!
//! What the engine looks for: safety properties that break, things worth seeing that come about
//! ("sometimes"), and, over the transitions that go on by themselves, whether everything comes to
//! rest under weak fairness ([`Liveness`]).

mod components;
mod cycle;
mod exploration;
mod hash;
mod liveness;
mod parallel;
mod projection;
mod round;
mod rows;
mod run;
mod table;
mod visited;
mod within;
mod witness;

pub(crate) use hash::Folding;

pub use cycle::Hop;
pub use exploration::{End, Exploration, Lasso, Malformed, Step, TraceError, walk};
pub use liveness::{Liveness, Trap};
pub use projection::Projection;
pub use run::explore;
pub use within::Within;
pub use witness::Witness;

use std::{hash::Hash, time::Duration};

/// The number of a state: its place in the order of discovery. The initial state is 0, and a state
/// with a higher number is never nearer to it.
pub type StateNo = u32;

/// How many classes of edges there are at most; they are numbered from 0.
pub const CLASSES: u8 = 128;

/// A finite transition system with packed states.
pub trait System: Sync {
    /// A packed state, small and comparable, such as `[u32; 12]`.
    type State: Copy + Eq + Hash + Ord + Send + Sync;

    /// The state in which everything begins.
    fn initial(&self) -> Self::State;

    /// Pushes every transition of a state, always in the same order, to `edges`, which is empty
    /// before; returns facts about the state itself. An edge's number is its position in this
    /// list, of at most 65 536.
    fn expand(&self, state: &Self::State, edges: &mut Vec<Edge<Self::State>>) -> Facts;

    /// The names of the parts that a state consists of.
    fn parts(&self) -> Vec<String>;

    /// A state with one part blanked; the part is an index into [`Self::parts`].
    fn without(&self, state: &Self::State, part: usize) -> Self::State;
}

/// One transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge<S> {
    /// The state that it leads to, which may be the one that it leaves.
    pub to: S,
    /// Who moves, for fairness: below [`CLASSES`].
    pub class: u8,
    /// Whether it goes on by itself. What comes from outside (a fault, an order, a new write) does
    /// not, and nobody may rely on it: liveness follows progress only.
    pub progress: bool,
    /// The safety properties that the step, or the state that it leads to, breaks: a set of bits.
    pub broken: u64,
    /// The things worth seeing that came about in this step: a set of bits.
    pub seen: u64,
}

/// What a system says of a state itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Facts {
    /// Whether it is at rest.
    pub rest: Rest,
    /// The safety properties that it breaks: a set of bits.
    pub broken: u64,
}

/// Whether a state is where things should come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rest {
    /// Something is still to be done: nothing may stay here for ever.
    Moving,
    /// All is as it should be.
    Settled,
    /// As well as it can be without an instance that is gone for good.
    Degraded,
    /// Not as it should be, for a reason that is named and left to people.
    Held,
}

impl Rest {
    /// Whether things may stay so for ever.
    #[must_use]
    pub const fn is_rest(self) -> bool {
        match self {
            Self::Moving => false,
            Self::Settled | Self::Degraded | Self::Held => true,
        }
    }
}

/// How far to explore and what to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many threads expand states; 0 is taken for 1. The result does not depend on it.
    pub threads: usize,
    /// How many states are kept at most, the initial one included, which is kept anyway. The engine
    /// itself ends at 3 221 225 472.
    pub max_states: u64,
    /// Whether to stop after the level in which a safety property first breaks.
    pub stop_at_first_violation: bool,
    /// Whether to keep the edges of progress and judge liveness once everything is explored.
    pub liveness: bool,
    /// Whether to count the states with each part blanked.
    pub projections: bool,
}

impl Default for Limits {
    /// One thread, no limit, everything explored, liveness judged, no projections.
    fn default() -> Self {
        Self {
            threads: 1,
            max_states: u64::MAX,
            stop_at_first_violation: false,
            liveness: true,
            projections: false,
        }
    }
}

/// How far an exploration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// States found.
    pub states: u64,
    /// States found and not expanded yet.
    pub queue: u64,
    /// Transitions of the states expanded.
    pub transitions: u64,
    /// The level that is being expanded: steps from the initial state.
    pub level: u64,
    /// States found in a second, on average since the beginning.
    pub rate: u64,
    /// Bytes in use for states and edges.
    pub bytes: u64,
    /// The time since the beginning.
    pub elapsed: Duration,
}

/// The number of a state as an index.
const fn at(state: StateNo) -> usize {
    state as usize
}

/// A position in memory as the number of a state. The limit of states keeps it from saturating.
fn number(index: usize) -> StateNo {
    StateNo::try_from(index).unwrap_or(StateNo::MAX)
}

/// A length in memory as a count.
const fn count(length: usize) -> u64 {
    length as u64
}
