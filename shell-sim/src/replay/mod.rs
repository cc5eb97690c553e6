//! Replay of recorded incidents: what the record shows broken, whether the predecessor's policy does
//! again what was recorded, and what our controllers do in its place.

mod facts;
mod html;
mod inject;
mod matching;
mod moves;
mod ours;
mod report;
mod reproduce;
mod search;
mod setup;
mod told;
mod words;

pub use facts::{Answered, Localhost, OpenFacts, Storage, Suspicion};
pub use html::page;
pub use matching::UNSTATED;
pub use ours::{ORDERS, Ours, ours};
pub use report::{Replay, replay};
pub use reproduce::{Bounds, Reproduction, Step, reproduce};
pub use told::{ByRule, Lane, Told};
