//! How random tests are run, in every crate: the same each time, and without files of their own.

#![allow(dead_code, reason = "each test takes what it needs")]

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner},
};

/// A run that is the same each time, unless `PROPTEST_RNG_SEED` asks for another; so many cases,
/// unless `PROPTEST_CASES` asks for others.
pub(crate) fn runs(cases: u32) -> Config {
    let from_environment = Config::default();
    let rng_seed = match from_environment.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x6d67),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    let cases =
        if std::env::var_os("PROPTEST_CASES").is_some() { from_environment.cases } else { cases };
    let (failure_persistence, max_shrink_iters) = (None, 4_000);
    Config { cases, rng_seed, failure_persistence, max_shrink_iters, ..from_environment }
}

/// Holds a property against so many cases, and says which one breaks it.
pub(crate) fn hold<S: Strategy>(
    usual: u32,
    cases: &S,
    property: impl Fn(&S::Value) -> TestCaseResult,
) {
    match TestRunner::new(runs(usual)).run(cases, |case| property(&case)) {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n{case:#?}"),
        Err(TestError::Abort(why)) => panic!("given up: {why}"),
    }
}
