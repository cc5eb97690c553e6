//! The production shell: the loop around the decision, with the API server and Memgraph behind it. It
//! observes, asks `ha_core::plan`, carries out, and journals; it takes no decision of its own.

#![forbid(unsafe_code)]

#[cfg(feature = "api-server")]
pub mod api_server;
pub mod cluster;
pub mod controller;
pub mod entrypoint;
pub mod http;
#[cfg(feature = "api-server")]
pub mod kubelet;
pub mod memgraph;
pub mod operator;
pub mod peers;
pub mod production;
