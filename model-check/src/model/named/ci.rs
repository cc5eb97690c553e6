//! Those of every run of the tests.

use super::{
    super::configuration::{Configuration, Outside},
    believing, configuration, fast, leases, loose, main, of_four, of_two, promised, resetting,
    returning, with,
};
use Outside::{
    Accept, Alone, Answer, Api, Both, Clock, Controller, Crash, Cut, Decision, Freeze, Gateway,
    Glance, Late, Main, Mark, Node, Order, Part, Pod, Power, Promise, Release, Roll, Slow,
    Switchover, Together, Unheard, Volume, Voter, Write,
};
use ha_core::desired::Authority;
use shell_sim::{
    memgraph::{RecoveryPath, Version},
    world::Settings,
};

pub(super) fn all() -> Vec<Configuration> {
    let mut all = vec![configuration("quiet", "nothing but writes", 0, &[(Write, 2)])];
    all.extend(instances());
    all.extend(networks());
    all.extend(leaders());
    all.extend(engines());
    all.extend(of_leases());
    all.extend(votes());
    all.extend(people());
    all.extend(resets());
    all.extend(unvoted());
    all.extend(of_fast());
    all.extend(mains());
    all
}

/// What becomes of votes: they move to the third instance, and back where they return.
fn votes() -> Vec<Configuration> {
    let pair = configuration(
        "pair",
        "only two may vote, and a process ends",
        1,
        &[(Write, 2), (Crash, 1)],
    );
    vec![
        returning(configuration(
            "voter-gone",
            "an instance is lost for good with its node",
            1,
            &[(Write, 2), (Node, 1)],
        )),
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
        returning(configuration(
            "voter-lost",
            "the voter's process ends, and the leader dies between any two effects",
            2,
            &[(Voter, 1), (Controller, 1)],
        )),
        configuration(
            "vote-ordered",
            "an operator wants an instance without a vote as main, and a process ends",
            1,
            &[(Write, 1), (Order, 1), (Crash, 1)],
        ),
        with(pair, |settings| settings.authority = Authority::Pair),
        returning(configuration(
            "voter-lost-late",
            "the voter's process ends, and a command lands late",
            2,
            &[(Write, 1), (Voter, 1), (Late, 1)],
        )),
    ]
}

/// What people do: restarts of everything, and their word in the place of a proof.
fn people() -> Vec<Configuration> {
    vec![
        configuration(
            "rolling",
            "every pod is replaced in turn, and a process ends",
            1,
            &[(Roll, 3), (Crash, 1)],
        ),
        configuration(
            "rolling-writes",
            "every pod is replaced in turn while clients write",
            0,
            &[(Write, 2), (Roll, 3)],
        ),
        configuration(
            "loss-accepted",
            "a volume is lost, and a person names whom to go on with, at any moment",
            1,
            &[(Write, 1), (Volume, 1), (Accept, 1)],
        ),
        loose(configuration(
            "two-nodes",
            "main and voter lose power at once, and a person names whom to go on with",
            1,
            &[(Write, 1), (Both, 1), (Accept, 1)],
        )),
    ]
}

/// What becomes of data that branched off, where it is set aside by itself.
fn resets() -> Vec<Configuration> {
    vec![
        resetting(configuration(
            "data-reset",
            "a process ends in the middle of a write, and what branched off is set aside",
            1,
            &[(Write, 2), (Crash, 1)],
        )),
        resetting(configuration(
            "data-reset-late",
            "the same, and an order to set data aside lands late",
            2,
            &[(Write, 1), (Main, 1), (Late, 1)],
        )),
    ]
}

/// A main that was promoted and that nobody can vote for, where the one before it lost power: it may
/// lack something itself, so that its data is set aside.
fn unvoted() -> Vec<Configuration> {
    let power = resetting(loose(configuration(
        "unvoted",
        "of three only two may vote, and one loses power in the middle of a write",
        1,
        &[(Write, 2), (Power, 1)],
    )));
    vec![
        with(power, |settings| settings.authority = Authority::Pair),
        resetting(loose(of_two(configuration(
            "unvoted-power",
            "of two instances a process ends in the middle of a write, and one loses power",
            2,
            &[(Write, 2), (Crash, 1), (Power, 1)],
        )))),
    ]
}

/// `durability: fast`.
fn of_fast() -> Vec<Configuration> {
    let head = |settings: &mut Settings| settings.config.version = Version::Head;
    vec![
        fast(configuration(
            "fast",
            "commits do not wait for the vote of one that is lost; a process ends",
            1,
            &[(Write, 2), (Crash, 1)],
        )),
        fast(of_two(configuration(
            "fast-alone",
            "of two instances a process ends, and a person may name whom to go on with",
            1,
            &[(Write, 1), (Crash, 1), (Accept, 1)],
        ))),
        with(
            fast(of_two(configuration(
                "fast-parted",
                "the main of two loses its voter, and then its process; clients are told success",
                2,
                &[(Write, 1), (Part, 1), (Main, 1)],
            ))),
            head,
        ),
        of_two(configuration(
            "durability-changes",
            "the promise is changed, twice, and a process ends",
            1,
            &[(Write, 1), (Promise, 2), (Crash, 1)],
        )),
    ]
}

/// What befalls instances.
fn instances() -> Vec<Configuration> {
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
            &[(Write, 1), (Power, 1)],
        )),
        configuration(
            "pods-replaced",
            "a pod is taken away and made anew, and a process ends",
            2,
            &[(Pod, 1), (Crash, 1)],
        ),
        configuration("volume-lost", "a volume is lost", 1, &[(Write, 2), (Volume, 1)]),
        configuration(
            "second-phase-lost",
            "a decision is lost on its way, and the main's process ends",
            2,
            &[(Write, 2), (Decision, 1), (Main, 1)],
        ),
        configuration(
            "second-phase-lost-late",
            "the same, and a command lands late",
            3,
            &[(Write, 1), (Decision, 1), (Main, 1), (Late, 1)],
        ),
        configuration(
            "pod-deleted",
            "the pod of the main or of the voter is marked for deletion, and the leader dies",
            1,
            &[(Mark, 1), (Controller, 1)],
        ),
        of_four(configuration(
            "four-instances",
            "of four instances a process ends",
            1,
            &[(Write, 1), (Crash, 1)],
        )),
        of_four(configuration(
            "four-in-a-move",
            "a switchover among four instances while a client writes",
            0,
            &[(Write, 1), (Switchover, 1)],
        )),
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
            &[(Crash, 1), (Controller, 1)],
        ),
        configuration(
            "stale-leader",
            "a leader stands still between its last look and its send, and wakes at any time",
            2,
            &[(Crash, 1), (Freeze, 1)],
        ),
        configuration(
            "stands-still-together",
            "the main is lost, and a leader stands still together with the target it waits for",
            2,
            &[(Main, 1), (Together, 1)],
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
        believing(with(
            configuration(
                "restore-off",
                "an instance that starts is a main without replicas; a process ends",
                1,
                &[(Write, 1), (Crash, 1)],
            ),
            |settings| settings.config.restore_state = false,
        )),
        believing(with(
            configuration(
                "checks-off",
                "no main looks for its replicas by itself; two instances do not reach each other",
                1,
                &[(Write, 1), (Part, 1)],
            ),
            |settings| settings.config.heartbeats = false,
        )),
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
            "the leader alone does not reach the API server",
            1,
            &[(Switchover, 1), (Alone, 1)],
        ),
        leases(
            "lease-frozen",
            "a leader stands still while its lease and its grants end, and the main is lost",
            2,
            &[(Main, 1), (Freeze, 1)],
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
            &[(Main, 1), (Unheard, 1)],
        ),
    ]
}

/// Those whose number of states counts: three instances, two controllers, late commands, two
/// writes, three faults, a gateway that stands still.
fn mains() -> Vec<Configuration> {
    vec![
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
        main(
            "switchover-unheard",
            "a switchover, answers to effects that are lost, a late command, a gateway that stands \
             still",
            3,
            &[(Write, 2), (Switchover, 1), (Answer, 2), (Late, 1), (Gateway, 1)],
        ),
    ]
}
