//! What several tests share: properties with a fixed seed, values of every kind, a host for the
//! server machine.

#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod change;
pub mod host;
#[path = "../../../core/tests/common/runs.rs"]
pub mod runs;
pub mod values;
mod wire;

pub use wire::{request_bytes, response_bytes};

use bolt::Version;
use proptest::sample::Index;

/// The versions that differ.
pub const VERSIONS: [Version; 6] =
    [Version::V1_0, Version::V4_0, Version::V4_1, Version::V4_3, Version::V4_4, Version::V5_2];

/// `bytes` in pieces, split where `cuts` say.
pub fn pieces<'b>(bytes: &'b [u8], cuts: &[Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.push(bytes.len());
    places.sort_unstable();
    let mut from = 0;
    let mut pieces = Vec::new();
    for to in places {
        pieces.push(&bytes[from..to]);
        from = to;
    }
    pieces
}
