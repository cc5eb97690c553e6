//! Who drives a world: a fair scheduler and random walks, and what they keep of a run. They choose
//! events; what an event does is for the world alone.

mod chance;
mod circumstances;
mod counters;
mod due;
mod fair;
mod noted;
mod pattern;
mod situations;
#[cfg(test)]
mod tests;
mod timers;
mod trace;
mod wake;
mod walk;
mod worlds;

pub use chance::Chance;
pub use counters::Counters;
pub use fair::{End, Fair, is_a_look};
pub use noted::Journal;
pub use pattern::Pattern;
pub use situations::Situations;
pub use trace::{Line, Trace, What};
pub use walk::{Limits, Walk, WalkReport};
pub use worlds::worlds;
