//! The configurations that are checked, each with its budget: `ci` in every run of the tests,
//! `long` when somebody has an hour.

use super::configuration::{
    Budget, COARSE, Configuration, LEASES, Outside, world, world_of_leases,
};
use ha_core::desired::Authority;
use shell_sim::{
    memgraph::{RecoveryPath, Version},
    world::Settings,
};
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
    Alone, Answer, Api, Clock, Controller, Crash, Cut, Decision, Freeze, Gateway, Glance, Late,
    Main, Mark, Node, Order, Part, Pod, Power, Release, Slow, Switchover, Unheard, Volume, Voter,
    Write,
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
        Bounds::Long => long(),
    }
}

fn ci() -> Vec<Configuration> {
    let mut all = vec![configuration("quiet", "nothing but writes", 0, &[(Write, 2)])];
    all.extend(instances());
    all.extend(networks());
    all.extend(leaders());
    all.extend(engines());
    all.extend(of_leases());
    all.extend(votes());
    all.extend(resets());
    all.extend(mains());
    all
}

/// What becomes of votes: they move to the third instance, and back where they return.
fn votes() -> Vec<Configuration> {
    let returning = |name, about, faults, each: &[(Outside, u8)]| {
        with(configuration(name, about, faults, each), |settings| settings.vote_returns = true)
    };
    vec![
        returning(
            "voter-gone",
            "an instance is lost for good with its node",
            1,
            &[(Write, 2), (Node, 1)],
        ),
        configuration(
            "gone-in-a-move",
            "an instance is lost for good with its node, at any moment of a switchover",
            1,
            &[(Switchover, 1), (Node, 1)],
        ),
        configuration(
            "gone-in-an-order",
            "the same, while an instance without a vote is wanted as main",
            1,
            &[(Order, 1), (Node, 1)],
        ),
        returning(
            "voter-lost",
            "the voter's process ends, and the leader dies between any two effects",
            2,
            &[(Voter, 1), (Controller, 1)],
        ),
        configuration(
            "vote-ordered",
            "an operator wants an instance without a vote as main, and a process ends",
            1,
            &[(Write, 1), (Order, 1), (Crash, 1)],
        ),
        with(
            configuration(
                "pair",
                "only two may vote, and a process ends",
                1,
                &[(Write, 2), (Crash, 1)],
            ),
            |settings| settings.authority = Authority::Pair,
        ),
        returning(
            "voter-lost-late",
            "the voter's process ends, and a command lands late",
            2,
            &[(Write, 1), (Voter, 1), (Late, 1)],
        ),
    ]
}

/// What becomes of data that branched off, where it is set aside by itself.
fn resets() -> Vec<Configuration> {
    let resetting = |name, about, faults, each: &[(Outside, u8)]| {
        with(configuration(name, about, faults, each), |settings| settings.sets_aside = true)
    };
    vec![
        resetting(
            "data-reset",
            "a process ends in the middle of a write, and what branched off is set aside",
            1,
            &[(Write, 2), (Crash, 1)],
        ),
        resetting(
            "data-reset-late",
            "the same, and an order to set data aside lands late",
            2,
            &[(Write, 1), (Main, 1), (Late, 1)],
        ),
    ]
}

/// What befalls instances.
fn instances() -> Vec<Configuration> {
    let loose = |configuration| with(configuration, |settings| settings.config.flush_every = 1_000);
    vec![
        configuration(
            "two-crashes",
            "two processes of instances end at any moments",
            2,
            &[(Crash, 2)],
        ),
        loose(configuration(
            "power-lost",
            "a node loses power, and with it what was not flushed",
            1,
            &[(Write, 2), (Power, 1)],
        )),
        configuration(
            "pods-replaced",
            "a pod is taken away and made anew, and a process ends",
            2,
            &[(Pod, 1), (Crash, 1)],
        ),
        configuration("volume-lost", "a volume is lost", 1, &[(Write, 2), (Volume, 1)]),
        configuration(
            "pod-deleted",
            "the pod of the main or of the voter is marked for deletion, and the leader dies",
            1,
            &[(Write, 1), (Mark, 1), (Controller, 1)],
        ),
    ]
}

/// What befalls links and the API server.
fn networks() -> Vec<Configuration> {
    vec![
        with(
            configuration(
                "main-unseen",
                "a controller loses sight of an instance that gateways reach",
                1,
                &[(Write, 2), (Cut, 1)],
            ),
            |settings| settings.patience.witness_limit_ms = 6_000,
        ),
        configuration(
            "instances-parted",
            "two instances do not reach each other",
            1,
            &[(Write, 2), (Part, 1)],
        ),
        configuration(
            "api-gone",
            "the API server is gone for a while, during a switchover too",
            1,
            &[(Write, 1), (Api, 1), (Switchover, 1)],
        ),
        configuration(
            "api-gone-for-one",
            "the leader alone does not reach the API server, during a switchover too",
            1,
            &[(Alone, 1), (Switchover, 1)],
        ),
        configuration(
            "answers-lost",
            "the answer to an effect is lost, in a switchover and after a crash",
            2,
            &[(Answer, 1), (Crash, 1), (Switchover, 1)],
        ),
        configuration(
            "slow-messages",
            "a message takes longer than anybody's patience",
            2,
            &[(Write, 1), (Slow, 1), (Crash, 1)],
        ),
    ]
}

/// What befalls controllers.
fn leaders() -> Vec<Configuration> {
    vec![
        configuration(
            "torn-looks",
            "a reading is older than the others when the leader decides",
            2,
            &[(Write, 1), (Crash, 1), (Glance, 1)],
        ),
        configuration(
            "leader-dies",
            "a process of an instance ends, and the leader dies between any two effects",
            2,
            &[(Write, 1), (Crash, 1), (Controller, 1)],
        ),
        configuration(
            "stale-leader",
            "a leader stands still between its last look and its send, and wakes at any time",
            2,
            &[(Crash, 1), (Freeze, 1)],
        ),
        configuration(
            "lease-given-up",
            "a leader gives its lease up at any moment of a failover",
            1,
            &[(Crash, 1), (Release, 1)],
        ),
    ]
}

/// What the engine leaves open, and where its versions differ.
fn engines() -> Vec<Configuration> {
    let crash = |name, about| configuration(name, about, 1, &[(Write, 2), (Crash, 1)]);
    vec![
        with(
            crash("snapshots", "recovery sends the whole state, never a part of the log"),
            |settings| settings.config.recovery = RecoveryPath::Snapshot,
        ),
        with(crash("engine-head", "a failed registration leaves nothing behind"), |settings| {
            settings.config.version = Version::Head
        }),
    ]
}

/// What befalls the lease.
fn of_leases() -> Vec<Configuration> {
    vec![
        leases(
            "lease-lost",
            "the leader dies before or after the main, and a clock loses a tick",
            3,
            &[(Crash, 1), (Controller, 1), (Clock, 1)],
        ),
        leases(
            "lease-cut",
            "the leader alone does not reach the API server, and a clock loses a tick",
            2,
            &[(Switchover, 1), (Alone, 1), (Clock, 1)],
        ),
        leases(
            "lease-frozen",
            "a leader and a gateway stand still while leases and grants end, and the main is lost",
            3,
            &[(Crash, 1), (Freeze, 1), (Gateway, 1)],
        ),
        promised(leases(
            "lease-promised",
            "the leader alone does not reach the API server and goes on by promises",
            1,
            &[(Switchover, 1), (Alone, 1)],
        )),
        leases(
            "lease-released",
            "a leader gives its lease up and may not hear that it did, and the main is lost",
            2,
            &[(Crash, 1), (Unheard, 1)],
        ),
    ]
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

/// Those whose number of states counts: three instances, two controllers, late commands, two
/// writes, three faults, a gateway that stands still.
fn mains() -> Vec<Configuration> {
    vec![
        main(
            "second-phase-lost",
            "a decision is lost on its way, a process ends, commands of a dead leader land late",
            3,
            &[(Write, 2), (Decision, 1), (Crash, 1), (Gateway, 1)],
        ),
        main(
            "failover",
            "the main's process ends, a command lands late, a gateway stands still",
            3,
            &[(Write, 2), (Main, 1), (Late, 1), (Gateway, 1)],
        ),
        main(
            "switchover",
            "a switchover, a decision that is lost, a late command, a gateway that stands still",
            3,
            &[(Write, 2), (Switchover, 1), (Decision, 1), (Late, 1), (Gateway, 1)],
        ),
    ]
}

fn long() -> Vec<Configuration> {
    let resetting = configuration(
        "data-reset-leader-dies",
        "a process ends in the middle of a write, what branched off is set aside, the leader dies",
        2,
        &[(Write, 1), (Main, 1), (Controller, 1)],
    );
    vec![
        with(resetting, |settings| settings.sets_aside = true),
        promised(leases(
            "lease-promised-clock",
            "the leader alone does not reach the API server, and a clock loses a tick",
            2,
            &[(Switchover, 1), (Alone, 1), (Clock, 1)],
        )),
        promised(leases(
            "lease-promised-api-gone",
            "the API server is gone for a while, and a controller ends",
            2,
            &[(Switchover, 1), (Api, 1), (Controller, 1)],
        )),
        main(
            "switchover-long",
            "a switchover, a leader that dies, a late command, a gateway that stands still",
            3,
            &[(Write, 2), (Switchover, 1), (Controller, 1), (Late, 1), (Gateway, 1)],
        ),
        main(
            "failover-long",
            "a process ends, a command lands late, the leader dies, a gateway stands still",
            3,
            &[(Write, 2), (Crash, 1), (Late, 1), (Controller, 1), (Gateway, 1)],
        ),
    ]
}
