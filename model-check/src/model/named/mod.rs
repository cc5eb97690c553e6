//! The configurations that are checked, each with its budget: `ci` in every run of the tests,
//! `long` when somebody has an hour.

mod ci;
mod long;

use super::configuration::{
    Budget, COARSE, Configuration, LEASES, Outside, world, world_of_leases,
};
use ha_core::desired::Durability;
use shell_sim::{mutants, world::Settings};
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
        Bounds::Ci => ci::all(),
        Bounds::Long => long::all(),
    }
}

/// A part of a lease at a time.
fn leases(
    name: &'static str,
    about: &'static str,
    faults: u8,
    each: &[(Outside, u8)],
) -> Configuration {
    Configuration {
        settings: world_of_leases(),
        grain: LEASES,
        ..configuration(name, about, faults, each)
    }
}

/// Controllers ask each other for promises.
fn promised(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.promises = true)
}

/// The vote goes back to the preferred pair by itself.
fn returning(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.vote_returns = true)
}

/// Data that branched off is set aside by itself.
fn resetting(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.sets_aside = true)
}

/// Commits are not flushed one by one, so that power takes some of them along.
fn loose(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.config.flush_every = 1_000)
}

/// Commits do not wait for a vote for ever: the main may go on alone.
fn fast(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.durability = Durability::Fast)
}

/// Settings that production refuses are let pass, to see what they do.
fn believing(configuration: Configuration) -> Configuration {
    Configuration { decide: mutants::believes_any_engine, ..configuration }
}

/// Two instances, so that nobody can vote in the place of one that is lost.
fn of_two(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.instances = 2)
}

/// Four instances, two of them without a vote.
fn of_four(configuration: Configuration) -> Configuration {
    with(configuration, |settings| settings.instances = 4)
}
