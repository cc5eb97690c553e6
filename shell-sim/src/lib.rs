//! A Memgraph cluster as a value, and everything that is done with it: scheduling, judging,
//! recorded incidents, replay.
//!
//! **Bird's-eye view.** [`memgraph`] is one instance as a sans-IO machine. [`world`] is the whole
//! cluster: pods, volumes, API server, network, controllers, gateways, clients, with one step
//! function. [`driver`] chooses events, fairly or at random; [`schedule`] is the text that drives
//! one. [`oracle`] and [`topology`] judge. [`incident`] and [`audit`] read recorded incidents;
//! [`predecessor`] is the controller that they happened to; [`replay`] runs both it and ours.
//! [`journal`] is what our own controllers write down.
//!
//! **What is absent, by design.** No clock, no I/O, no threads, no hash order. Chance comes from a
//! seed. The decision is an argument: ours, a mutant, or somebody else's.

#![forbid(unsafe_code)]

pub mod audit;
pub mod driver;
pub mod incident;
pub mod journal;
pub mod memgraph;
pub mod mutants;
pub mod oracle;
pub mod predecessor;
pub mod replay;
pub mod schedule;
pub mod topology;
pub mod world;
