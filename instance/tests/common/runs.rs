//! How random tests are run: the same each time, and without files of their own.

use proptest::test_runner::{Config, RngSeed};

/// A run that is the same each time, unless `PROPTEST_RNG_SEED` asks for another.
pub(crate) fn runs(cases: u32) -> Config {
    let from_environment = Config::default();
    let rng_seed = match from_environment.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x6d67),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    let cases =
        if std::env::var_os("PROPTEST_CASES").is_some() { from_environment.cases } else { cases };
    Config { cases, rng_seed, failure_persistence: None, ..from_environment }
}
