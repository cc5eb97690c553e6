//! What several tests share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

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

/// The bytes that two digits each stand for.
pub fn of_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|two| str::from_utf8(two).expect("text"));
    digits.map(|two| u8::from_str_radix(two, 16).expect("two digits")).collect()
}
