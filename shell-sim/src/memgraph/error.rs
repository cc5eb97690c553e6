//! The errors that a client of the Bolt port sees, with the texts of each release (MR 1.2, 1.3,
//! 4.2 to 4.4). When which is given is decided elsewhere.

use super::types::{ReplicaName, SyncMode, Version};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Turns an interned name back into what the user typed.
pub type NameOf<'a> = &'a dyn Fn(ReplicaName) -> String;

/// The only Bolt code that failures of this machine carry (MR 1.2, 4.2, 7).
pub const CLIENT_ERROR: &str = "Memgraph.ClientError.MemgraphError.MemgraphError";

const DROP_ON_REPLICA: &str = "Replica can't unregister a replica! Please rerun the query on main \
     in order to unregister a replica from the cluster.";
const DROP_NO_ACCESS: &str = "Failed to unregister replica due to lack of unique access over the \
     cluster state. Please try again later on.";
const WRITE_ON_REPLICA: &str = "Write queries are forbidden on the replica instance. Replica \
     instances accept only read queries, while the main instance accepts read and write queries. \
     Please retry your query on the main instance.";
const ROLLBACK_EXPECTED: &str = "Transaction can't be committed because there was a previous \
     error. Please invoke a rollback instead.";
const CHECK_REPLICAS: &str = "Check the status of the replicas using 'SHOW REPLICAS' query.";

/// Why a replica did not take part (MR 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Not connected, or its state did not allow a stream.
    NotInSync,
    /// It answered "no", or the connection broke.
    RpcError,
    /// A branching point was found earlier.
    Diverged,
    /// No answer in time.
    Timeout,
    /// Its connection was in use.
    LockBusy,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotInSync => "replica is not reachable or not in sync with the main",
            Self::RpcError => "RPC communication error",
            Self::Diverged => "replica has diverged from main",
            Self::Timeout => "RPC timeout while replicating",
            Self::LockBusy => "failed to obtain RPC lock (another transaction is in progress)",
        }
    }

    const fn plural(self) -> &'static str {
        match self {
            Self::NotInSync => "replicas are not reachable or not in sync with the main",
            Self::Diverged => "replicas have diverged from main",
            Self::RpcError | Self::Timeout | Self::LockBusy => self.as_str(),
        }
    }
}

/// One replica that did not take part in a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Failure {
    /// Which replica.
    pub name: ReplicaName,
    /// Its mode.
    pub mode: SyncMode,
    /// Why.
    pub reason: Reason,
}

/// The numbers of a failed REGISTER (MR 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RegisterError {
    /// 1: the name is in the list.
    NameExists,
    /// 2: the endpoint is in the list.
    EndpointExists,
    /// 3: the replica's history diverged.
    Diverged,
    /// 5: the replica did not accept this main.
    NotAccepted,
    /// 6: the instance lock is held.
    NoAccess,
}

impl RegisterError {
    /// The number in the text.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::NameExists => 1,
            Self::EndpointExists => 2,
            Self::Diverged => 3,
            Self::NotAccepted => 5,
            Self::NoAccess => 6,
        }
    }
}

/// What may not run in an explicit transaction, by the first words of its refusal (MR 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The six replication commands.
    Replication,
    /// SHOW VERSION.
    Version,
    /// SHOW CONFIG.
    Config,
    /// SHOW STORAGE INFO.
    StorageInfo,
    /// CREATE SNAPSHOT.
    Snapshot,
}

/// An error that a client sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServerError {
    /// SET ROLE TO MAIN on a main, or with the lock held.
    SetMain,
    /// SET ROLE TO REPLICA on a replica, with the lock held, or without a port.
    SetReplica,
    /// REGISTER on a replica.
    RegisterOnReplica,
    /// REGISTER failed.
    Register {
        /// The name given.
        name: ReplicaName,
        /// Why.
        error: RegisterError,
    },
    /// DROP on a replica.
    DropOnReplica,
    /// DROP of an unknown name.
    DropUnknown {
        /// The name given.
        name: ReplicaName,
    },
    /// DROP with the lock held.
    DropNoAccess,
    /// SHOW REPLICAS on a replica.
    ShowReplicasOnReplica,
    /// Not in an explicit transaction.
    InTransaction(Topic),
    /// Another system query runs.
    ConcurrentSystemQueries,
    /// A write on a replica (MR 4.4).
    WriteOnReplica,
    /// A commit after the role was lost (MR 4.4).
    NotMainAnymore,
    /// BEGIN in a transaction.
    NestedTransaction,
    /// COMMIT without a transaction.
    NothingToCommit,
    /// ROLLBACK without a transaction.
    NothingToRollBack,
    /// COMMIT after an error in the transaction.
    RollbackExpected,
    /// Committed on the main; at least one SYNC replica did not confirm (MR 4.2).
    SyncFailed {
        /// Whose text.
        version: Version,
        /// Who and why.
        failures: Vec<Failure>,
    },
    /// Aborted; at least one STRICT_SYNC replica did not vote for it (MR 4.3).
    StrictSyncFailed {
        /// Whose text.
        version: Version,
        /// Who and why.
        failures: Vec<Failure>,
    },
}

impl ServerError {
    /// The Bolt code (MR 1.2, 4.2).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        CLIENT_ERROR
    }

    /// The text, with names as the user typed them.
    #[must_use]
    pub fn text(&self, name_of: NameOf<'_>) -> String {
        let fixed = match self {
            Self::Register { name, error } => {
                let (name, number) = (name_of(*name), error.number());
                return format!("Couldn't register replica {name}. Error: {number}");
            }
            Self::DropUnknown { name } => {
                return format!("Failed to unregister the replica {}.", name_of(*name));
            }
            Self::SyncFailed { version, failures } => {
                return replication_exception(*version, failures, true, name_of);
            }
            Self::StrictSyncFailed { version, failures } => {
                return replication_exception(*version, failures, false, name_of);
            }
            Self::InTransaction(topic) => {
                let subject = topic.subject();
                return format!("{subject} is not allowed in multicommand transactions.");
            }
            Self::SetMain => "Couldn't set replication role to main!",
            Self::SetReplica => "Couldn't set role to replica!",
            Self::RegisterOnReplica => "Replica can't register another replica!",
            Self::DropOnReplica => DROP_ON_REPLICA,
            Self::DropNoAccess => DROP_NO_ACCESS,
            Self::ShowReplicasOnReplica => {
                "Show replicas query should only be run on the main instance."
            }
            Self::ConcurrentSystemQueries => {
                "Multiple concurrent system queries are not supported."
            }
            Self::WriteOnReplica => WRITE_ON_REPLICA,
            Self::NotMainAnymore => "Cannot commit because instance is not main anymore.",
            Self::NestedTransaction => "Nested transactions are not supported.",
            Self::NothingToCommit => "No current transaction to commit.",
            Self::NothingToRollBack => "No current transaction to rollback.",
            Self::RollbackExpected => ROLLBACK_EXPECTED,
        };
        fixed.into()
    }
}

/// The exception of a commit that not every replica confirmed (MR 4.2, 4.3).
fn replication_exception(
    version: Version,
    failures: &[Failure],
    committed: bool,
    name_of: NameOf<'_>,
) -> String {
    let what = match (version, committed) {
        (Version::V3_6 | Version::V3_8, true) => {
            "At least one SYNC replica has not confirmed committing last transaction.".into()
        }
        (Version::V3_6 | Version::V3_8, false) => {
            "At least one STRICT_SYNC replica has not confirmed committing \
             last transaction. Transaction will be aborted on all instances."
                .into()
        }
        (Version::V3_10 | Version::V3_12 | Version::Head, _) => {
            return format!(
                "Replication Exception: {}",
                describe_failures(failures, committed, name_of)
            );
        }
    };
    let what: String = what;
    format!("Replication Exception: {what} {CHECK_REPLICAS}")
}

/// Who failed and why, replicas with one mode and reason together (MR 4.2; since 3.10).
pub(super) fn describe_failures(
    failures: &[Failure],
    committed: bool,
    name_of: NameOf<'_>,
) -> String {
    let mut groups: Vec<(SyncMode, Reason, Vec<String>)> = Vec::new();
    for failure in failures {
        let name = name_of(failure.name);
        match groups.iter_mut().find(|g| (g.0, g.1) == (failure.mode, failure.reason)) {
            Some(group) => group.2.push(name),
            None => groups.push((failure.mode, failure.reason, vec![name])),
        }
    }
    let mut text = String::new();
    for (mode, reason, names) in &groups {
        let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
        let (replicas, reason) = match quoted.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                (format!("replicas {} and {last}", rest.join(", ")), reason.plural())
            }
            Some(_) | None => (format!("replica {}", quoted.concat()), reason.as_str()),
        };
        text += &format!("Failed to replicate to {} {replicas}: {reason}. ", mode.keyword());
    }
    text += if failures.len() == 1 { "Replica" } else { "Replicas" };
    text += " will be recovered automatically. ";
    text += if committed {
        "Transaction is still committed on the main instance and other alive replicas. "
    } else {
        "Transaction was aborted on all instances. "
    };
    let late: Vec<String> = failures
        .iter()
        .filter(|failure| failure.reason == Reason::Timeout)
        .map(|failure| name_of(failure.name))
        .collect();
    if !late.is_empty() {
        let late = late.join(", ");
        text += &format!("Main reached an RPC timeout while replicating to [{late}]. ");
    }
    text + CHECK_REPLICAS
}

impl Topic {
    const fn subject(self) -> &'static str {
        match self {
            Self::Replication => "Managing replication",
            Self::Version => "Version information query",
            Self::Config => "Configuration information query",
            Self::StorageInfo => "Storage information query",
            Self::Snapshot => "Creating a snapshot",
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(&|name| name.to_string()))
    }
}

impl std::error::Error for ServerError {}
