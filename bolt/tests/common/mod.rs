//! What several tests share: properties with a fixed seed, values of every kind, a host for the
//! server machine.

#![allow(dead_code, unreachable_pub)]

pub mod host;
#[path = "../../../core/tests/common/runs.rs"]
pub mod runs;
pub mod values;

use bolt::{Request, Response, Version};
use proptest::sample::Index;

/// The versions that differ.
pub const VERSIONS: [Version; 6] =
    [Version::V1_0, Version::V4_0, Version::V4_1, Version::V4_3, Version::V4_4, Version::V5_2];

/// A request in chunks.
pub fn request_bytes(request: &Request, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    request.send(version, &mut out).expect("a request of this version");
    out
}

/// An answer in chunks.
pub fn response_bytes(response: &Response, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    response.send(version, &mut out).expect("an answer");
    out
}

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
