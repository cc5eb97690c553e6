//! Memgraph's command-line flags: one table that parsing, `--help` and SHOW CONFIG share.

use bolt::server::SERVER_NAME;

/// What a flag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`; the bare flag means true.
    Bool,
    /// A whole number of at least zero.
    Number,
    /// Anything.
    Text,
}

/// What happens to the value of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// It has the effect that it has in Memgraph.
    Works,
    /// Accepted and shown by SHOW CONFIG, without an effect here.
    Shown,
    /// Not one of Memgraph's.
    Own,
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Its name, with hyphens.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// The value without the flag.
    pub(crate) default: &'static str,
    /// Whether it does anything.
    pub(crate) use_: Use,
    /// One sentence for help and SHOW CONFIG.
    pub(crate) about: &'static str,
}

const fn flag(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    use_: Use,
    about: &'static str,
) -> Flag {
    Flag { name, kind, default, use_, about }
}

use Kind::{Bool, Number, Text};
use Use::{Own, Shown, Works};

/// All flags that are known, in the order of names within each use.
pub(crate) const FLAGS: &[Flag] = &[
    flag("bolt-address", Text, "0.0.0.0", Works, "Address on which the Bolt server listens."),
    flag("bolt-cert-file", Text, "", Works, "Certificate chain of the Bolt server; empty: no TLS."),
    flag("bolt-key-file", Text, "", Works, "Private key of the Bolt server; empty: no TLS."),
    flag("bolt-port", Number, "7687", Works, "Port on which the Bolt server listens."),
    flag(
        "bolt-server-name-for-init",
        Text,
        SERVER_NAME,
        Works,
        "Name that the Bolt server tells in its answer to HELLO.",
    ),
    flag("data-directory", Text, "", Works, "Directory of durable data; empty: nothing is kept."),
    flag("data-recovery-on-startup", Bool, "true", Works, "Whether data is recovered at start."),
    flag("log-file", Text, "", Works, "File of the log; empty: standard error."),
    flag(
        "log-level",
        Text,
        "WARNING",
        Works,
        "Least severity that is logged: TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL.",
    ),
    flag(
        "management-port",
        Number,
        "0",
        Works,
        "Port for coordinators, of which there are none here; with one, statements change no role.",
    ),
    flag(
        "replication-replica-check-frequency-sec",
        Number,
        "1",
        Works,
        "Seconds between frequent heartbeats; 0: none. Stored with each registration.",
    ),
    flag(
        "replication-restore-state-on-startup",
        Bool,
        "true",
        Works,
        "Whether role and registrations are restored at start.",
    ),
    flag(
        "storage-snapshot-interval-sec",
        Number,
        "300",
        Works,
        "Seconds between snapshots of a main with new data; 0: none.",
    ),
    flag("storage-snapshot-on-exit", Bool, "false", Works, "Whether to snapshot at shutdown."),
    flag("storage-wal-enabled", Bool, "true", Works, "Without the log nothing is replicated."),
    flag(
        "storage-wal-file-flush-every-n-tx",
        Number,
        "100000",
        Works,
        "Commits after which the log is flushed to the disk.",
    ),
    flag("admin-socket", Text, "", Own, "Unix socket of the fault switches; empty: none."),
    flag("engine-version", Text, "3.12", Own, "Whose behaviour to show: 3.8, 3.10, 3.12, head."),
    flag("licensed", Bool, "false", Own, "Show what an instance with a licence shows."),
    flag("max-connections", Number, "16384", Own, "Bolt connections at a time; more are closed."),
    flag("password", Text, "", Own, "Password of --user (also MEMGRAPH_PASSWORD)."),
    flag(
        "replication-address",
        Text,
        "0.0.0.0",
        Own,
        "Address on which the replication server listens.",
    ),
    flag(
        "simulate-power-loss",
        Bool,
        "false",
        Own,
        "Before the start, drop what the last process had not flushed.",
    ),
    flag("user", Text, "", Own, "The only user (also MEMGRAPH_USER); empty: anyone may log in."),
    flag("also-log-to-stderr", Bool, "false", Shown, "Whether to log to standard error too."),
    flag("bolt-num-workers", Number, "2", Shown, "Threads of the Bolt server."),
    flag("isolation-level", Text, "SNAPSHOT_ISOLATION", Shown, "Isolation of transactions."),
    flag("memory-limit", Number, "0", Shown, "Memory limit in MiB; 0: that of the machine."),
    flag("metrics-address", Text, "0.0.0.0", Shown, "Address of the metrics server."),
    flag("metrics-format", Text, "OpenMetrics", Shown, "Format of metrics."),
    flag("metrics-port", Number, "9091", Shown, "Port of the metrics server."),
    flag("monitoring-address", Text, "0.0.0.0", Shown, "Address of the monitoring server."),
    flag("monitoring-port", Number, "7444", Shown, "Port of the monitoring server."),
    flag("query-execution-timeout-sec", Number, "600", Shown, "Longest time of a query."),
    flag("query-modules-directory", Text, "", Shown, "Directory of query modules."),
    flag("storage-gc-cycle-sec", Number, "30", Shown, "Seconds between garbage collections."),
    flag("storage-mode", Text, "IN_MEMORY_TRANSACTIONAL", Shown, "Storage mode at start."),
    flag("storage-parallel-schema-recovery", Bool, "false", Shown, "Parallel recovery of schema."),
    flag("storage-properties-on-edges", Bool, "true", Shown, "Whether relationships have some."),
    flag("storage-recovery-thread-count", Number, "2", Shown, "Threads of recovery."),
    flag("storage-snapshot-interval", Text, "", Shown, "Interval of snapshots as cron expression."),
    flag("storage-snapshot-retention-count", Number, "3", Shown, "Snapshots that are kept."),
    flag("storage-wal-file-size-kib", Number, "20480", Shown, "Size of a file of the log."),
    flag("telemetry-enabled", Bool, "false", Shown, "Whether to report use; never done here."),
];

/// The flag with a name, written with hyphens or underscores.
pub(crate) fn find(name: &str) -> Option<&'static Flag> {
    let name = name.replace('_', "-");
    FLAGS.iter().find(|flag| flag.name == name)
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "One simulated Memgraph.\n\n\
         Usage: memgraph-ha instance [--flag=value | --flag value]...\n\n",
    );
    for (title, use_) in
        [("Flags of Memgraph", Works), ("Own flags", Own), ("Accepted without an effect", Shown)]
    {
        text += &format!("{title}:\n");
        for flag in FLAGS.iter().filter(|flag| flag.use_ == use_) {
            let default = if flag.default.is_empty() { "none" } else { flag.default };
            text += &format!("  --{}\n      {} [default: {default}]\n", flag.name, flag.about);
        }
        text.push('\n');
    }
    text
}
