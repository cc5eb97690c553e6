//! The settings that are tried: each with its values, and what befalls a cluster that has them.

use super::Trial;
use ha_core::desired::Durability;
use model_check::model::Outside;
use shell_sim::{
    memgraph::{RecoveryPath, Version},
    world::Settings,
};

use Outside::{Accept, Both, Crash, Main, Mark, Part, Pod, Power, Roll, Write};

/// A setting.
pub(super) struct Row {
    /// Its name: Memgraph's flag, or ours.
    pub(super) setting: &'static str,
    /// Why it is tried in this way.
    pub(super) about: &'static str,
    /// Its values.
    pub(super) values: &'static [Value],
}

/// One value of a setting.
pub(super) struct Value {
    /// How it is written.
    pub(super) text: &'static str,
    /// Its name in the names of files.
    pub(super) key: &'static str,
    /// What it changes in the world.
    pub(super) set: fn(&mut Settings),
    /// What may befall the cluster.
    pub(super) trials: &'static [Trial],
}

const fn usual(_: &mut Settings) {}

const CRASH: Trial = Trial { controllers: 2, faults: 1, each: &[(Write, 1), (Crash, 1)] };
const POWER: Trial = Trial { controllers: 2, faults: 1, each: &[(Write, 1), (Power, 1)] };
const CRASHES: Trial = Trial { controllers: 1, faults: 2, each: &[(Crash, 2)] };
const WRITTEN: Trial = Trial { controllers: 1, faults: 2, each: &[(Write, 1), (Crash, 2)] };
const CUT: Trial = Trial { controllers: 1, faults: 1, each: &[(Write, 2), (Part, 1)] };
const BOTH: Trial =
    Trial { controllers: 1, faults: 1, each: &[(Write, 1), (Both, 1), (Accept, 1)] };
const PARTED: Trial =
    Trial { controllers: 2, faults: 2, each: &[(Write, 1), (Part, 1), (Main, 1)] };
const ROLLED: Trial = Trial { controllers: 2, faults: 0, each: &[(Write, 1), (Roll, 3)] };
const MARKED: Trial = Trial { controllers: 2, faults: 0, each: &[(Write, 1), (Mark, 1)] };
const TAKEN: Trial = Trial { controllers: 2, faults: 1, each: &[(Write, 1), (Pod, 1)] };

fn two_of_head(settings: &mut Settings) {
    settings.instances = 2;
    settings.config.version = Version::Head;
}

fn fast(settings: &mut Settings) {
    two_of_head(settings);
    settings.durability = Durability::Fast;
}

fn of_two(settings: &mut Settings) {
    settings.instances = 2;
}

fn two_forgetful(settings: &mut Settings) {
    of_two(settings);
    settings.config.recover_data = false;
}

fn two_unflushed(settings: &mut Settings) {
    of_two(settings);
    settings.config.flush_every = 1_000;
}

/// Every setting.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row {
        setting: "durability",
        about: "which mode the voter is registered in; of two instances, so that nobody takes the vote over",
        values: &[
            Value { text: "`required`: STRICT_SYNC", key: "required", set: two_of_head, trials: &[PARTED] },
            Value { text: "`fast`: SYNC", key: "fast", set: fast, trials: &[PARTED] },
        ],
    },
    Row {
        setting: "`--storage-wal-enabled`",
        about: "nothing replicates without a log",
        values: &[
            Value { text: "`true`", key: "wal", set: usual, trials: &[CRASH] },
            Value { text: "`false`", key: "no-wal", set: |it| it.config.wal_enabled = false, trials: &[CRASH] },
        ],
    },
    Row {
        setting: "`--data-recovery-on-startup`",
        about: "whether an instance has its data again after a start; two of them in all",
        values: &[
            Value { text: "`true`", key: "recovery", set: of_two, trials: &[WRITTEN] },
            Value { text: "`false`", key: "no-recovery", set: two_forgetful, trials: &[WRITTEN] },
        ],
    },
    Row {
        setting: "`--replication-restore-state-on-startup`",
        about: "without it a replica starts as a main, and a main without its replicas",
        values: &[
            Value { text: "`true`", key: "restore", set: usual, trials: &[CRASHES] },
            Value { text: "`false`", key: "no-restore", set: |it| it.config.restore_state = false, trials: &[CRASHES] },
        ],
    },
    Row {
        setting: "`--replication-replica-check-frequency-sec`",
        about: "whether a main finds by itself that a replica is there again",
        values: &[
            Value { text: "`1`", key: "check", set: usual, trials: &[CUT, CRASHES] },
            Value { text: "`0`", key: "no-check", set: |it| it.config.heartbeats = false, trials: &[CUT, CRASHES] },
        ],
    },
    Row {
        setting: "`--storage-wal-file-flush-every-n-tx`",
        about: "what a node without power takes with it; then main and voter lose power at once, two of them in all, and a person names whom to go on with",
        values: &[
            Value { text: "`1`", key: "flush-1", set: usual, trials: &[POWER] },
            Value { text: "`1`", key: "flush-1-two", set: of_two, trials: &[BOTH] },
            Value { text: "`1000`", key: "flush-1000", set: |it| it.config.flush_every = 1_000, trials: &[POWER] },
            Value { text: "`1000`", key: "flush-1000-two", set: two_unflushed, trials: &[BOTH] },
        ],
    },
    Row {
        setting: "`--storage-snapshot-interval-sec`, `--storage-snapshot-on-exit`",
        about: "which files a replica can be brought up to date from",
        values: &[
            Value { text: "none: from the log", key: "from-the-log", set: usual, trials: &[CRASH] },
            Value { text: "often: from a snapshot", key: "from-a-snapshot", set: |it| it.config.recovery = RecoveryPath::Snapshot, trials: &[CRASH] },
        ],
    },
    Row {
        setting: "version",
        about: "before 3.8 a promotion keeps what was prepared (MR 6), which the simulated instance does not do: what comes of that was not tried, and such an instance is refused",
        values: &[
            Value { text: "3.8", key: "engine-3-8", set: |it| it.config.version = Version::V3_8, trials: &[CRASH] },
            Value { text: "3.10", key: "engine-3-10", set: |it| it.config.version = Version::V3_10, trials: &[CRASH] },
            Value { text: "3.12", key: "engine-3-12", set: |it| it.config.version = Version::V3_12, trials: &[CRASH] },
            Value { text: "head", key: "engine-head", set: |it| it.config.version = Version::Head, trials: &[CRASH] },
        ],
    },
    Row {
        setting: "preStop hook of an instance",
        about: "with it a pod goes when its role has moved; without it a pod that is marked goes at once",
        values: &[
            Value { text: "asks `may-leave`", key: "asks", set: usual, trials: &[MARKED] },
            Value { text: "none", key: "asks-nobody", set: usual, trials: &[TAKEN] },
        ],
    },
    Row {
        setting: "rolling update",
        about: "natively, one pod after the other as each is Ready and may leave, which is also what stepping the partition comes to; or each pod taken when its turn comes",
        values: &[
            Value { text: "in turn, each may leave", key: "rolled", set: usual, trials: &[ROLLED] },
            Value { text: "in turn, nobody asked", key: "taken", set: usual, trials: &[Trial { controllers: 2, faults: 2, each: &[(Pod, 2)] }] },
        ],
    },
    Row {
        setting: "entrypoint gate",
        about: "whether an instance that is not the recorded main starts without the registrations that it had as one (MR 5.2)",
        values: &[
            Value { text: "none", key: "no-gate", set: usual, trials: &[CRASH] },
            Value { text: "forgets registrations", key: "gate", set: |it| it.gate = true, trials: &[CRASH] },
        ],
    },
];
