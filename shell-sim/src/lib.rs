//! A cluster as a value.
#![forbid(unsafe_code)]
pub mod audit;
pub mod driver;
pub mod incident;
pub mod memgraph;
pub mod mutants;
pub mod oracle;
pub mod predecessor;
pub mod replay;
pub mod schedule;
pub mod topology;
pub mod world;
