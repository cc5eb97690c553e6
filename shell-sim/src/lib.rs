//! A cluster as a value.
#![forbid(unsafe_code)]
pub mod audit;
pub mod incident;
pub mod memgraph;
pub mod world;
pub mod driver;
pub mod oracle;
pub mod topology;
pub mod schedule;
pub mod mutants;
