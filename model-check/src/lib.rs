//! The model checker: every order of events within bounds, judged exactly.
//!
//! **Bird's-eye view.** [`explore`] is the engine: it visits every state of any finite transition
//! system, keeps the shortest way to whatever is found, and judges whether everything comes to
//! rest. It knows nothing of clusters. [`model`] is whole clusters, [`leases`] is leadership alone, in
//! which every message of it is late.

#![forbid(unsafe_code)]

pub mod canonical;
pub mod explore;
pub mod leases;
pub mod model;
pub mod pack;
pub mod report;
pub mod stateright;
mod table;
