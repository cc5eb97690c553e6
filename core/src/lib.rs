//! The decision of memgraph-ha: who is main, who votes, and what to do next, as one pure function
//! of what is known.
//!
//! **Bird's-eye view.** A shell takes [`history::Sample`]s; [`history::History`] folds them into a
//! [`observation::ClusterObservation`]; [`plan()`] judges the table [`rules::RULES`] against it,
//! lets [`guard::GUARDS`] refuse what they do not understand, and returns a [`plan::Plan`] of
//! actions, waits and reasons; the shell applies the actions in order and stops at the first that
//! is not done. Nothing calls back into a decision.
//!
//! **What is absent, by design.** No clock, no I/O, no randomness, no floats, no hash order, no
//! `async`. The crate is `no_std`, so that these are unspeakable here. Time enters as ages
//! ([`reading::Age`]); whoever leads is a fact among others ([`leadership`]).
//!
//! **The caller's contract.**
//! 1. Samples carry the moment at which their reading *began*, on one monotonic clock.
//! 2. A step is applied only after [`action::Action::preconditions`] were read again, on the
//!    connection of the command itself.
//! 3. Steps are applied in order; the first that is not done ends the plan, and every end is
//!    given back as [`history::Sample::Outcome`].
//! 4. The record is written by compare-and-set only.
//! 5. A grant is answered only within [`leadership::LeaderClock::grant`], and noted before it is
//!    sent.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod action;
pub mod decide;
pub mod desired;
pub mod explain;
pub mod grant;
pub mod guard;
pub mod history;
pub mod ids;
pub mod invariants;
pub mod journal;
pub mod leadership;
pub mod marks;
pub mod observation;
pub mod plan;
pub mod reading;
pub mod reason;
pub mod record;
pub mod reports;
pub mod rules;
pub mod situation;
pub mod visit;

pub use decide::{decide, plan, plan_with};
