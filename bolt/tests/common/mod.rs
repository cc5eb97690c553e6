//! What several tests share: properties with a fixed seed, values of every kind, a host for the
//! server machine.

#![allow(dead_code, unreachable_pub)]

pub mod host;
pub mod values;

use bolt::{Request, Response, Version, chunk};
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner};
use proptest::{prelude::Strategy, sample::Index};

/// The seed, unless another one is asked for.
const SEED: RngSeed = RngSeed::Fixed(0x626f);

/// Holds a property against so many cases, unless other ones are asked for.
pub fn hold<S: Strategy>(usual: u32, cases: &S, property: impl Fn(&S::Value) -> TestCaseResult) {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let given = Config::default();
    let cases_count = if asked { given.cases } else { usual };
    let rng_seed = match given.rng_seed {
        RngSeed::Random => SEED,
        RngSeed::Fixed(_) => given.rng_seed,
    };
    let config = Config {
        cases: cases_count,
        failure_persistence: None,
        rng_seed,
        max_shrink_iters: 4_000,
        ..given
    };
    match TestRunner::new(config).run(cases, |case| property(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n{case:#?}"),
        Err(TestError::Abort(why)) => panic!("given up: {why}"),
    }
}

/// The versions that differ.
pub const VERSIONS: [Version; 6] =
    [Version::V1_0, Version::V4_0, Version::V4_1, Version::V4_3, Version::V4_4, Version::V5_2];

/// A request in chunks.
pub fn request_bytes(request: &Request, version: Version) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    request.encode(version, &mut body).expect("a request of this version");
    chunk::encode(&body, &mut out);
    out
}

/// An answer in chunks.
pub fn response_bytes(response: &Response, version: Version) -> Vec<u8> {
    let (mut body, mut out) = (Vec::new(), Vec::new());
    response.encode(version, &mut body).expect("an answer");
    chunk::encode(&body, &mut out);
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
