//! What several tests share.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod host;
pub mod net;
pub mod rig;

use bolt::{Request, Response, Version, chunk};
use proptest::{
    prelude::Strategy,
    test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner},
};

const SEED: RngSeed = RngSeed::Fixed(0x6761_7465);

/// Holds a property against so many cases, unless other ones are asked for.
pub fn hold<S: Strategy>(usual: u32, cases: &S, property: impl Fn(&S::Value) -> TestCaseResult) {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let given = Config::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => SEED,
        RngSeed::Fixed(_) => given.rng_seed,
    };
    let config = Config {
        cases: if asked { given.cases } else { usual },
        failure_persistence: None,
        rng_seed,
        ..given
    };
    match TestRunner::new(config).run(cases, |case| property(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n{case:#?}"),
        Err(TestError::Abort(why)) => panic!("given up: {why}"),
    }
}

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
