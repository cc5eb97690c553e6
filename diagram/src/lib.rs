//! Pictures and pages for whoever reviews the decision, generated from the code that decides.
//!
//! **Bird's-eye view.** [`states`] asks the engine of the model checker which shapes a cluster can
//! have, and draws them.

#![forbid(unsafe_code)]

mod canvas;
mod graph;
mod links;
mod mermaid;
pub mod states;
