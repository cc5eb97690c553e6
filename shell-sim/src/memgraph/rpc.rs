//! Messages between instances, as values (MR 3, 4). How they travel, and when silence counts as a
//! failure, is known by the caller, who may ask each request for its limit.

use super::types::{Epoch, MainUuid, StorageUuid};
use super::volume::Entry;
use serde::{Deserialize, Serialize};

/// A request of a main to a replication server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rpc<P> {
    /// Is anybody listening? Carries no UUID (MR 2.4).
    FrequentHeartbeat,
    /// The check: where do you stand (MR 3.3)?
    Heartbeat {
        /// Whom the replica must obey.
        main_uuid: MainUuid,
        /// Which database it must hold.
        storage_uuid: StorageUuid,
    },
    /// Obey this main from now on; accepted from anyone (MR 3.4).
    SwapMainUuid {
        /// Whom to obey.
        main_uuid: MainUuid,
    },
    /// Aligns the identity of the database (MR 3.1).
    SystemRecovery {
        /// Whom the replica must obey.
        main_uuid: MainUuid,
        /// Which database to hold.
        storage_uuid: StorageUuid,
    },
    /// One transaction: applied at once, or kept until the decision (MR 4.3).
    PrepareCommit {
        /// Whom the replica must obey.
        main_uuid: MainUuid,
        /// Which database it must hold.
        storage_uuid: StorageUuid,
        /// The main's last durable tick before this transaction.
        prev_ldt: u64,
        /// The transaction.
        entry: Entry<P>,
        /// Keep it until `FinalizeCommit`.
        two_phase: bool,
    },
    /// The decision about a kept transaction (MR 4.3).
    FinalizeCommit {
        /// Whom the replica must obey.
        main_uuid: MainUuid,
        /// Which database it must hold.
        storage_uuid: StorageUuid,
        /// Tick of the transaction.
        tick: u64,
        /// Commit it, or drop it.
        commit: bool,
    },
    /// A slice of the main's log (MR 3.5).
    Recover {
        /// Whom the replica must obey.
        main_uuid: MainUuid,
        /// Which database it must hold.
        storage_uuid: StorageUuid,
        /// The tick that the slice follows; none clears the replica first.
        after: Option<u64>,
        /// The slice, oldest first.
        entries: Vec<Entry<P>>,
    },
}

impl<P> Rpc<P> {
    /// Seconds without an answer or progress after which it has timed out (MR 8).
    #[must_use]
    pub const fn timeout_seconds(&self) -> u32 {
        match self {
            Self::FrequentHeartbeat => 5,
            Self::Heartbeat { .. } | Self::SwapMainUuid { .. } | Self::FinalizeCommit { .. } => 10,
            Self::SystemRecovery { .. } | Self::PrepareCommit { .. } => 30,
            Self::Recover { after, .. } => {
                if after.is_some() {
                    30
                } else {
                    60
                }
            }
        }
    }
}

/// Seconds for opening a connection (MR 8).
pub const CONNECT_SECONDS: u32 = 5;

/// The answer of a replication server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RpcResponse {
    /// To `FrequentHeartbeat`.
    Alive,
    /// To `Heartbeat`; none is "no": another main is obeyed, or another database is held.
    Standing(Option<Standing>),
    /// To `SwapMainUuid`.
    Swapped,
    /// To `SystemRecovery`: is the database's identity now the main's?
    Aligned(bool),
    /// To `PrepareCommit`.
    Prepared(bool),
    /// To `FinalizeCommit`.
    Finalized(bool),
    /// To `Recover`: the tick reached, or none for a failure.
    Recovered(Option<u64>),
}

/// Where a replica stands (MR 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Its last durable tick.
    pub ldt: u64,
    /// The epoch that this tick belongs to.
    pub epoch: Epoch,
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RpcFailure {
    /// No connection: refused, or not opened in time.
    Refused,
    /// Connected, and no answer in time.
    TimedOut,
    /// The connection broke.
    Broken,
    /// The client's connection was in use for too long by another request (MR 4.2).
    LockBusy,
}
