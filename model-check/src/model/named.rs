//! The configurations that are checked, each with its budget: `ci` in every run of the tests,
//! `long` when somebody has an hour.

use super::configuration::{Budget, COARSE, Configuration, Outside, world};
use shell_sim::{memgraph::Version, world::Settings};
use std::fmt;

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bounds {
    /// Minutes.
    Ci,
    /// An hour.
    Long,
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ci => "ci",
            Self::Long => "long",
        })
    }
}

use Outside::{
    Alone, Answer, Api, Controller, Crash, Cut, Decision, Freeze, Gateway, Late, Mark, Part, Pod,
    Power, Release, Slow, Switchover, Volume, Write,
};

fn configuration(
    name: &'static str,
    about: &'static str,
    faults: u8,
    each: &[(Outside, u8)],
) -> Configuration {
    Configuration {
        name,
        about,
        settings: world(),
        budget: Budget { each: each.to_vec(), faults },
        decide: ha_core::plan,
        fine: false,
        grain: COARSE,
        main: false,
    }
}

/// One of those whose number of states counts.
fn main(
    name: &'static str,
    about: &'static str,
    faults: u8,
    each: &[(Outside, u8)],
) -> Configuration {
    Configuration { main: true, ..configuration(name, about, faults, each) }
}

fn with(configuration: Configuration, change: impl FnOnce(&mut Settings)) -> Configuration {
    let mut configuration = configuration;
    change(&mut configuration.settings);
    configuration
}

/// The configurations of these bounds, the small ones first.
#[must_use]
pub fn configurations(bounds: Bounds) -> Vec<Configuration> {
    match bounds {
        Bounds::Ci => ci(),
        Bounds::Long => vec![
            main(
                "late-commands-long",
                "a crash, a command that lands late, a leader that dies, a gateway that stands still",
                4,
                &[(Write, 2), (Crash, 1), (Late, 1), (Controller, 1), (Gateway, 1)],
            ),
        ],
    }
}

fn ci() -> Vec<Configuration> {
    vec![
        configuration("quiet", "nothing but writes", 0, &[(Write, 2)]),
        configuration(
            "stale-leader",
            "a leader stands still at any moment, another one takes over",
            2,
            &[(Write, 1), (Freeze, 1), (Gateway, 1), (Switchover, 1)],
        ),
    ]
}
