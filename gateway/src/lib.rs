//! The Bolt gateway: clients connect to it and always reach the right instance. Writes go to the main
//! under a live grant only, reads to replicas.
//!
//! | module | what it is |
//! |---|---|
//! | [`session`] | one client's session as a machine without I/O: forward, hold, move, answer, close |
//! | [`gate`] | the write grant as all sessions see it, after `ha_core::grant` |
//! | [`replicas`] | where reads go |
//! | [`controllers`] | how grants are asked for: trait, wire form, HTTP, within a process |
//! | [`keeper`] | the task that asks |
//! | [`relay`] | the task of a session: sockets around the machine |
//! | [`run`] | a whole gateway: listeners, keeper, admin port |
//! | [`settings`] | every setting in one table, judged at once |
//! | [`admission`], [`tls`], [`metrics`], [`admin`] | what users of a database proxy expect |
//!
//! **What is absent, by design.** No Kubernetes: what it learns of a cluster comes through
//! [`controllers::Controllers`] and [`controllers::StoredTarget`]. No decision: who is main is said by
//! the grant. No assembled messages after the login, but for a FAILURE and a ROUTE.

#![forbid(unsafe_code)]

pub mod admin;
pub mod admission;
pub mod clock;
pub mod controllers;
pub mod gate;
pub mod keeper;
pub mod metrics;
pub mod relay;
pub mod replicas;
pub mod run;
pub mod session;
pub mod settings;
mod shard;
pub mod tls;

pub use run::{Gateway, drawn_id};
pub use settings::Settings;
