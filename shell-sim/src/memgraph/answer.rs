//! What a client of the Bolt port gets: the words and rows of the SHOW commands, and notifications
//! with their titles (MR 1.2, 1.4, 4.2). When which is given is decided elsewhere.

use super::error::{Failure, NameOf, ServerError, describe_failures};
use super::types::{Config, Endpoint, ReplicaName, StorageUuid, SyncMode, Version};
use serde::{Deserialize, Serialize};

/// The role as SHOW REPLICATION ROLE tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RoleName {
    /// `main`.
    Main,
    /// `replica`.
    Replica,
}

impl RoleName {
    /// The value of the only column.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Replica => "replica",
        }
    }
}

/// State of one replica's data as its main sees it (MR 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReplicaState {
    /// Not known to be current: unreachable, refused, missed a transaction, not yet checked.
    MaybeBehind,
    /// Not behind at the last contact.
    Ready,
    /// A transaction is being streamed or queued.
    Replicating,
    /// A recovery task is queued or runs.
    Recovery,
    /// A branching point was found.
    Diverged,
}

impl ReplicaState {
    /// The word of `data_info`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaybeBehind => "invalid",
            Self::Ready => "ready",
            Self::Replicating => "replicating",
            Self::Recovery => "recovery",
            Self::Diverged => "diverged",
        }
    }
}

/// State of the instance-level client (MR 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SystemState {
    /// System recovery is due.
    Behind,
    /// System recovery runs.
    Recovery,
    /// The last contact was good.
    Ready,
}

impl SystemState {
    /// The word of `system_info`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Behind => "invalid",
            Self::Recovery => "recovery",
            Self::Ready => "ready",
        }
    }
}

/// The map under `memgraph` in `data_info` (MR 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DataInfo {
    /// The main's cached tick of that replica.
    pub ts: u64,
    /// `ts` less the main's tick: at most 0 for a replica that lags (MR 2.3).
    pub behind: i64,
    /// State.
    pub status: ReplicaState,
}

/// One row of SHOW REPLICAS (MR 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Column `name`.
    pub name: ReplicaName,
    /// Column `socket_address`.
    pub endpoint: Endpoint,
    /// Column `sync_mode`.
    pub mode: SyncMode,
    /// Status in `system_info`, whose `ts` is 0 and whose `behind` is null; none without a licence.
    pub system: Option<SystemState>,
    /// Column `data_info`; none is the empty map of a phantom (MR 3.2).
    pub data: Option<DataInfo>,
}

/// A notification in the summary of a success (MR 1.2, 4.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// The role was set.
    SetReplica(RoleName),
    /// The replication port is Bolt's usual one.
    ReplicaPort,
    /// A replica was registered.
    RegisterReplica(ReplicaName),
    /// A replica was dropped.
    DropReplica(ReplicaName),
    /// Committed here, yet these SYNC replicas did not confirm (head only).
    SyncReplicationFailure(Vec<Failure>),
}

impl Notice {
    /// The value of `severity`.
    #[must_use]
    pub const fn severity(&self) -> &'static str {
        match self {
            Self::SetReplica(_) | Self::RegisterReplica(_) | Self::DropReplica(_) => "INFO",
            Self::ReplicaPort | Self::SyncReplicationFailure(_) => "WARNING",
        }
    }

    /// The value of `code`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SetReplica(_) => "SetReplica",
            Self::ReplicaPort => "ReplicaPortWarning",
            Self::RegisterReplica(_) => "RegisterReplica",
            Self::DropReplica(_) => "DropReplica",
            Self::SyncReplicationFailure(_) => "SyncReplicationFailure",
        }
    }

    /// The value of `title`, with names as the user typed them.
    #[must_use]
    pub fn title(&self, name_of: NameOf<'_>) -> String {
        match self {
            Self::SetReplica(RoleName::Main) => "Replica role set to MAIN.".into(),
            Self::SetReplica(RoleName::Replica) => "Replica role set to REPLICA.".into(),
            Self::ReplicaPort => {
                "Be careful the replication port must be different from the memgraph port!".into()
            }
            Self::RegisterReplica(name) => format!("Replica {} is registered.", name_of(*name)),
            Self::DropReplica(name) => format!("Replica {} is dropped.", name_of(*name)),
            Self::SyncReplicationFailure(failures) => describe_failures(failures, true, name_of),
        }
    }
}

/// The answer to one statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// Success without rows.
    Done(Vec<Notice>),
    /// SHOW REPLICATION ROLE.
    Role(RoleName),
    /// SHOW REPLICAS.
    Replicas(Vec<Row>),
    /// SHOW VERSION.
    Version(Version),
    /// SHOW CONFIG.
    Config(Config),
    /// SHOW STORAGE INFO, as far as it is known here.
    StorageInfo {
        /// Identity of the database.
        storage_uuid: Option<StorageUuid>,
        /// How many transactions are visible.
        transactions: usize,
    },
    /// A read saw everything up to this tick.
    Read {
        /// Last visible tick.
        ldt: u64,
    },
    /// A write transaction is committed.
    Committed {
        /// Its tick.
        tick: u64,
        /// What the summary says besides.
        notices: Vec<Notice>,
    },
    /// Refused, failed, or (MR 4.2) committed and reported as an error.
    Failed(ServerError),
}
