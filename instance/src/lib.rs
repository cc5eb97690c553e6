//! What one simulated Memgraph stores and understands: a graph with snapshots, and the part of
//! Cypher that applications and Memgraph's own replication tests use. Values in, values out: no
//! clock, no network, no files, no threads; the time that `datetime()` gives is an argument.
//!
//! How a write goes through: `cypher::parse` gives a statement, `execute::run` runs it on a
//! `Transaction` of the `Store`, `Store::claim` refuses it if another transaction changed the same
//! object, and the `Delta` it staged is the payload that the machine of `shell_sim::memgraph`
//! replicates. When the machine says that an entry is committed or applied, `Store::apply` makes
//! it visible, on the main and on replicas alike.

pub mod cypher;
pub mod execute;
pub mod graph;
pub mod value;
