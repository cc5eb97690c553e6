//! One simulated Memgraph: a process that real drivers talk to, around the very machine that
//! `shell_sim::memgraph` is and the model checker checks.
//!
//! The first half is values in, values out, without clock, network, files and threads: [`graph`]
//! (a graph with snapshots), [`cypher`] and [`execute`] (the part of Cypher that applications and
//! Memgraph's own replication tests use), [`value`]. How a write goes through: `cypher::parse`
//! gives a statement, it runs on a `Transaction` of the `Store`, `Store::claim` refuses it if
//! another transaction changed the same object, and the `Delta` it staged is the payload that the
//! machine replicates. When the machine says that an entry is committed or applied, `Store::apply`
//! makes it visible, on the main and on replicas alike.
//!
//! The second half is the server: [`Server::start`] opens the data directory, starts the machine,
//! serves Bolt and replication, and gives a [`Running`] handle. One lock holds machine, graph and
//! data directory together: an input changes the machine, the change is made durable, and only
//! then answers and messages leave. It decides nothing about a cluster and knows no controller.

pub mod console;
pub mod cypher;
mod disk;
pub mod execute;
mod fault;
pub mod graph;
mod link;
mod node;
pub mod process;
mod server;
mod session;
mod settings;
pub mod value;

pub use disk::{DiskError, LogError};
pub use fault::{FailAt, Fault, Faults, Port, When};
pub use node::Ending;
pub use server::{Running, Server, StartError};
pub use session::TlsError;
pub use settings::{Settings, SettingsError, TlsFiles, User};
