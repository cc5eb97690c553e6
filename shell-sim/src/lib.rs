//! A cluster as a value.
#![forbid(unsafe_code)]
pub mod audit;
pub mod incident;
pub mod memgraph;
