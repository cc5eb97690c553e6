//! Names, fresh ids and settings of one simulated Memgraph. Everything here is a number or a closed
//! choice; the texts that users typed are known by the edge alone, which interns them.

use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Debug, hash::Hash};

/// Declares a number with one meaning.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub $inner);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

number! {
    /// Name of a registered replica. After a restart rows follow the order of these numbers, so
    /// the edge numbers names in byte order, or calls `Volume::rename_replicas` (MR 1.4).
    ReplicaName(u16), "replica_"
}
number! {
    /// Where a replication server is reached: host string and port, compared as given (MR 1.3).
    Endpoint(u16), "endpoint_"
}
number! {
    /// What a replica obeys: random for each life of a main (MR 3.4).
    MainUuid(u64), "main-uuid-"
}
number! {
    /// Memgraph's epoch: random at a fresh start and at each promotion (MR 3.3).
    Epoch(u64), "epoch-"
}
number! {
    /// Identity of the default database (MR 3.1, 3.3).
    StorageUuid(u64), "storage-uuid-"
}
number! {
    /// One request between instances, until it is answered or has failed.
    RpcId(u64), "rpc-"
}
number! {
    /// One Bolt connection of one client.
    Session(u64), "session-"
}

/// The source of fresh ids. The caller owns it, so that nothing here draws at random.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Mint(pub u64);

impl Mint {
    /// A number that this mint has not given before.
    pub const fn fresh(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// What one transaction changes: an opaque id in the model, graph changes in the server.
pub trait Payload: Clone + Eq + Ord + Hash + Debug {
    /// Adds a later change of the same transaction.
    fn absorb(&mut self, later: Self);
}

/// How a replica takes part in a commit (MR 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SyncMode {
    /// Two phases: without its vote nothing is committed anywhere.
    StrictSync,
    /// Waited for, yet the main commits without it.
    Sync,
    /// Shipped by a background task.
    Async,
}

impl SyncMode {
    /// The word of the column `sync_mode` (MR 1.4).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StrictSync => "strict_sync",
            Self::Sync => "sync",
            Self::Async => "async",
        }
    }

    /// The keyword of REGISTER, also used in error texts.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::StrictSync => "STRICT_SYNC",
            Self::Sync => "SYNC",
            Self::Async => "ASYNC",
        }
    }
}

/// The releases whose differences matter here (MR 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// 3.6 and 3.7, which are not supported: known by their name alone, they act as 3.8 does here.
    V3_6,
    /// 3.8 and 3.9: replication failures carry no replica names.
    V3_8,
    /// 3.10 and 3.11: replication failures name replicas and reasons.
    V3_10,
    /// 3.12.
    V3_12,
    /// August 2026: a SYNC failure is a notification, a failed REGISTER rolls back.
    Head,
}

impl Version {
    /// Every version with its word in schedules and on command lines.
    pub const WORDS: &[(Self, &'static str)] = &[
        (Self::V3_6, "3.6"),
        (Self::V3_8, "3.8"),
        (Self::V3_10, "3.10"),
        (Self::V3_12, "3.12"),
        (Self::Head, "head"),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(version, _)| *version == self).map_or("", |(_, word)| word)
    }

    /// The version of that word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(version, _)| *version)
    }

    /// What SHOW VERSION answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V3_6 => "3.6.0",
            Self::V3_8 => "3.8.0",
            Self::V3_10 => "3.10.0",
            Self::V3_12 => "3.12.0",
            Self::Head => "3.13.0",
        }
    }
}

/// Which files a recovery task finds on the main (MR 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecoveryPath {
    /// All WAL files are there: the replica keeps what it has and gets what follows.
    Wals,
    /// Old WAL files are gone: the replica is cleared and takes the main's state whole.
    Snapshot,
}

/// Settings of one instance; they may change between two lives of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Config {
    /// Whose behaviour and texts to show.
    pub version: Version,
    /// `--storage-wal-enabled`; without it nothing is replicated (MR 4).
    pub wal_enabled: bool,
    /// `--replication-restore-state-on-startup` (MR 5.3).
    pub restore_state: bool,
    /// `--data-recovery-on-startup` (MR 5.3).
    pub recover_data: bool,
    /// `--storage-wal-file-flush-every-n-tx`; 0 counts as 1, each commit.
    pub flush_every: u32,
    /// False stands for `--replication-replica-check-frequency-sec=0` (MR 2.4).
    pub heartbeats: bool,
    /// With a licence SHOW REPLICAS fills `system_info` (MR 1.4).
    pub licensed: bool,
    /// Which files recovery finds.
    pub recovery: RecoveryPath,
}

impl Default for Config {
    /// The packaged settings of 3.12, with a commit flushed as soon as it is written.
    fn default() -> Self {
        Self {
            version: Version::V3_12,
            wal_enabled: true,
            restore_state: true,
            recover_data: true,
            flush_every: 1,
            heartbeats: true,
            licensed: false,
            recovery: RecoveryPath::Wals,
        }
    }
}

/// What happens when a replication server takes its port (MR 1.2, 5.2).
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum PortState {
    /// The port is free.
    #[default]
    Free,
    /// The port cannot be bound: a demotion changes nothing, a start of a replica is fatal.
    Taken,
    /// The server does not start: a demotion is refused, yet the role has changed and is stored.
    StartFails,
}
