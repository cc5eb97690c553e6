//! Recorded incidents as values: what a file in `shell-sim/incidents/` says, checked and typed.
//! This module decides what a well-formed incident is; it deliberately does not know whose fault
//! anything was. The verdicts that a file carries (`original_outcome`, `invariant_violated`,
//! `what_a_correct_controller_does`) are dropped while reading: no type here has a place for them,
//! so nothing that runs on an [`Incident`] can look at the answer.

mod error;
mod event;
mod facts;
pub mod import;
mod model;
mod pod;
mod read;
mod stamp;
#[cfg(test)]
mod tests;
mod value;
mod words;

pub use error::{Place, Problem, ReadError};
pub use event::EventWord;
pub use facts::{Facts, Replicas, Row};
pub use model::{Clock, Config, Incident, Item, PodBefore, Source};
pub use pod::{Family, PodName};
pub use value::{Data, Value};
pub(crate) use words::words;
pub use words::{Actor, Evidence, Kind, Role, Status, SyncMode, UnknownWord};
