//! What several tests share.

#![allow(dead_code, unreachable_pub, unused_imports, clippy::unwrap_used)]

pub mod client;
pub mod host;
pub mod laws;
pub mod net;
pub mod recorded;
pub mod requests;
pub mod rig;
#[path = "../../../core/tests/common/runs.rs"]
pub mod runs;
#[path = "../../../bolt/tests/common/wire.rs"]
mod wire;

pub use wire::{request_bytes, response_bytes};
