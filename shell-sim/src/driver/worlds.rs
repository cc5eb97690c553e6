//! The worlds in which walks are made: engines, sizes, promises and what people may ask for.

use crate::{
    memgraph::{Config, Version},
    world::Settings,
};
use ha_core::desired::{Authority, Durability};

/// Each kind of world that random walks are made in, in turn by seed.
#[must_use]
pub fn worlds() -> Vec<Settings> {
    let of = |version, flush_every, gateways| Settings {
        gateways,
        config: Config { version, flush_every, ..Config::default() },
        ..Settings::default()
    };
    let fast = |settings| Settings { durability: Durability::Fast, ..settings };
    let two = |settings| Settings { instances: 2, ..settings };
    vec![
        of(Version::V3_10, 1, 1),
        of(Version::V3_10, 100_000, 1),
        of(Version::V3_8, 100_000, 2),
        of(Version::V3_12, 1, 2),
        of(Version::Head, 100_000, 1),
        fast(of(Version::V3_10, 1, 1)),
        fast(two(of(Version::Head, 100_000, 1))),
        two(of(Version::V3_10, 100_000, 1)),
        Settings { authority: Authority::Pair, ..of(Version::V3_12, 100_000, 1) },
        Settings { instances: 4, vote_returns: false, ..of(Version::V3_10, 1, 2) },
    ]
}
