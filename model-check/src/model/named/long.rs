//! Those for which somebody has an hour.

use super::{
    super::configuration::{Configuration, Outside},
    configuration, fast, leases, loose, main, of_four, of_two, promised, resetting,
};
use Outside::{
    Accept, Alone, Api, Clock, Controller, Crash, Decision, Freeze, Gateway, Late, Main, Power,
    Roll, Switchover, Unheard, Volume, Write,
};

pub(super) fn all() -> Vec<Configuration> {
    let mut all = wider();
    all.extend(of_leases());
    all.extend(mains());
    all
}

/// Those of every run, with more of what may happen.
fn wider() -> Vec<Configuration> {
    vec![
        resetting(configuration(
            "data-reset-leader-dies",
            "a process ends in the middle of a write, what branched off is set aside, the leader \
             dies",
            2,
            &[(Write, 1), (Main, 1), (Controller, 1)],
        )),
        configuration(
            "leader-dies-in-a-write",
            "a process of an instance ends, and the leader dies between any two effects",
            2,
            &[(Write, 1), (Crash, 1), (Controller, 1)],
        ),
        loose(configuration(
            "power-lost-in-writes",
            "a node loses power, and with it what was not flushed",
            1,
            &[(Write, 2), (Power, 1)],
        )),
        loose(configuration(
            "power-lost-twice",
            "two nodes lose power, at any moments",
            2,
            &[(Power, 2)],
        )),
        configuration(
            "volumes-lost",
            "two volumes are lost, and a person names whom to go on with, at any moment",
            2,
            &[(Volume, 2), (Accept, 1)],
        ),
        configuration(
            "rolling-leader-dies",
            "every pod is replaced in turn, and the leader dies between any two effects",
            1,
            &[(Roll, 3), (Controller, 1)],
        ),
        fast(of_two(configuration(
            "fast-alone-twice",
            "of two instances processes end, and a person may name whom to go on with",
            2,
            &[(Write, 2), (Crash, 2), (Accept, 1)],
        ))),
        of_four(configuration(
            "four-moved-and-lost",
            "a switchover among four instances, and a process ends",
            1,
            &[(Switchover, 1), (Crash, 1)],
        )),
    ]
}

fn of_leases() -> Vec<Configuration> {
    vec![
        leases(
            "lease-cut-clock",
            "the leader alone does not reach the API server, and a clock loses a tick",
            2,
            &[(Switchover, 1), (Alone, 1), (Clock, 1)],
        ),
        leases(
            "lease-frozen-gateway",
            "a leader and a gateway stand still while leases and grants end, and the main is lost",
            3,
            &[(Crash, 1), (Freeze, 1), (Gateway, 1)],
        ),
        leases(
            "lease-released-and-lost",
            "a leader gives its lease up and may not hear that it did, and a process ends",
            2,
            &[(Crash, 1), (Unheard, 1)],
        ),
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
    ]
}

/// Those whose number of states counts.
fn mains() -> Vec<Configuration> {
    vec![
        main(
            "second-phase-lost-gateway",
            "a decision is lost on its way, the main's process ends, a command lands late, a \
             gateway stands still",
            3,
            &[(Write, 2), (Decision, 1), (Main, 1), (Late, 1), (Gateway, 1)],
        ),
        main(
            "second-phase-lost-long",
            "a decision is lost on its way, a process ends, commands of a dead leader land late",
            3,
            &[(Write, 2), (Decision, 1), (Crash, 1), (Gateway, 1)],
        ),
        main(
            "switchover-long",
            "a switchover, a leader that dies, a late command, a gateway that stands still",
            3,
            &[(Write, 2), (Switchover, 1), (Controller, 1), (Late, 1), (Gateway, 1)],
        ),
        main(
            "failover-long",
            "a process ends, a command lands late, the leader dies, a gateway stands still",
            2,
            &[(Write, 2), (Crash, 1), (Late, 1), (Controller, 1), (Gateway, 1)],
        ),
    ]
}
