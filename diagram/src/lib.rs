//! Pictures and pages for whoever reviews the decision, generated from the code that decides.
//!
//! **Bird's-eye view.** [`states`] asks the engine of the model checker which shapes a cluster can
//! have, and draws them. [`sequence`] draws what happened in a schedule or in a journal.
//! [`evidence`] observes what each rule really does, and [`rules`] makes a catalogue of it.
//! [`pages`] puts everything into the pages of `design/generated`. Below are a layout of graphs and
//! a canvas for SVG, which know nothing of clusters.
//!
//! **What is absent, by design.** No network, no script, no font and no second list of what the
//! core knows of itself. The same code gives the same bytes.

#![forbid(unsafe_code)]

mod canvas;
pub mod evidence;
mod graph;
mod invariants;
mod links;
mod mermaid;
pub mod pages;
pub mod rules;
pub mod sequence;
mod settings;
pub mod states;
