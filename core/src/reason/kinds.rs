//! The kinds of a loss, of a lack and of a setting that reasons name.

use crate::{
    observation::{EngineVersion, RowState},
    reading::Why,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// How a main was lost.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Its socket closed and its address refuses.
    Closed,
    /// The kubelet says that its container ended.
    Terminated,
    /// Its pod is gone.
    PodGone,
    /// Its pod was made anew, and the new one does not answer.
    PodReplaced,
    /// No answer for longer than patience, and no gateway hears from it either.
    Silent(Why),
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("socket closed, connection refused"),
            Self::Terminated => f.write_str("container terminated"),
            Self::PodGone => f.write_str("pod gone"),
            Self::PodReplaced => f.write_str("pod replaced"),
            Self::Silent(why) => write!(f, "{why} beyond patience, unheard by gateways"),
        }
    }
}

/// What became of a voter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoteLoss {
    /// Its pod is marked for deletion.
    Leaves,
    /// A person wants its data set aside.
    BeginsAnew,
    /// It came back with a version without what the rules rest on (MR 6).
    Unsupported,
    /// It has not answered beyond patience.
    Unreached,
    /// Its history branched off.
    Diverged,
    /// It stays invalid, after another registration too.
    Stuck,
}

impl fmt::Display for VoteLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leaves => "marked for deletion",
            Self::BeginsAnew => "to begin anew by a person's order",
            Self::Unsupported => "of a version without support",
            Self::Unreached => "silent beyond patience",
            Self::Diverged => "branched off",
            Self::Stuck => "invalid for long",
        })
    }
}

/// Why an instance cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// The record names no voter. Older journals call it `unnamed`.
    #[serde(alias = "unnamed")]
    NoVoter,
    /// The cluster has no instance of that name.
    NoInstance,
    /// It does not answer now.
    Unreachable,
    /// It is not a replica now.
    NotReplica,
    /// It has no proof, or its life changed since.
    Unproven,
    /// The main went on alone: nobody was asked for a vote.
    Alone,
    /// Its pod is to go.
    Deleting,
    /// Its data was ordered to be set aside.
    ResetOrdered,
    /// It may have lost what it had not flushed.
    TailAtRisk,
    /// Its main does not find it ready.
    NotReady(RowState),
    /// It does not vote, and may not.
    NoVote,
    /// Nobody can vote for it: the main before it branched off.
    Unvoted,
    /// A version or a setting makes the promise impossible.
    Engine,
    /// The order was given in another term.
    OtherTerm,
    /// The cluster does not stand still for want of a proof: there is no loss to accept.
    NothingLost,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoVoter => f.write_str("no voter is recorded"),
            Self::NoInstance => f.write_str("is no instance of this cluster"),
            Self::Unreachable => f.write_str("does not answer"),
            Self::NotReplica => f.write_str("is not a replica"),
            Self::Unproven => f.write_str("is not proven complete in its present life"),
            Self::Alone => f.write_str("voted no more, since the main went on alone"),
            Self::Deleting => f.write_str("its pod is to go"),
            Self::ResetOrdered => f.write_str("its data was ordered to be set aside"),
            Self::TailAtRisk => f.write_str("may have lost an unflushed tail"),
            Self::NotReady(state) => write!(f, "its main finds it {state}"),
            Self::Engine => f.write_str("has a version or setting that cannot keep the promise"),
            Self::OtherTerm => f.write_str("was named in another term"),
            Self::NothingLost => f.write_str("is not needed, nothing is lost"),
            Self::NoVote => f.write_str("does not vote, and cannot now"),
            Self::Unvoted => f.write_str("has nobody who can vote for it"),
        }
    }
}

/// Why the data of an instance is not set aside although a person ordered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoReset {
    /// There is no such instance.
    Unnamed,
    /// It is the main.
    Main,
    /// It answers from another volume than the one that was named.
    OtherVolume,
    /// The main of a steady reign is not there.
    Unsteady,
    /// It gave no answer in this round and may do so in the next.
    Unheard,
    /// It is a main by nobody's order.
    Stray,
    /// Commits wait for its vote.
    Votes,
    /// No voter beside it is proven to have everything.
    NobodyBeside,
}

impl fmt::Display for NoReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unnamed => "there is none of that name",
            Self::Main => "it is the main, which must move first",
            Self::OtherVolume => "its data is not what was named, it answers from another volume",
            Self::Unsteady => "no main of a steady reign answers",
            Self::Unheard => "it may answer yet",
            Self::Stray => "it is a main by nobody's order",
            Self::Votes => "commits wait for its vote, which nobody has taken over yet",
            Self::NobodyBeside => "no voter beside it is proven to have everything",
        })
    }
}

/// A setting on which the promise rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsafeEngine {
    /// A version without what the rules rest on (MR 6).
    Version(EngineVersion),
    /// No write-ahead log: nothing replicates, silently (MR 4).
    NoWal,
    /// A storage mode that does not replicate (MR 1.5).
    StorageMode,
    /// Data is forgotten at a restart (MR 5.1).
    ForgetsData,
    /// Role and registrations are forgotten at a restart (MR 5.3).
    ForgetsState,
    /// The replica check is switched off (MR 2.4).
    NoReplicaCheck,
}

impl fmt::Display for UnsafeEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "version {version}, supported from {}", EngineVersion::SUPPORTED_FROM)
            }
            Self::NoWal => f.write_str("write-ahead log off; set --storage-wal-enabled=true"),
            Self::StorageMode => f.write_str("storage mode is not IN_MEMORY_TRANSACTIONAL"),
            Self::ForgetsData => {
                f.write_str("data not recovered at start; set --data-recovery-on-startup=true")
            }
            Self::ForgetsState => f.write_str(
                "state not restored at start; set --replication-restore-state-on-startup=true",
            ),
            Self::NoReplicaCheck => f.write_str(
                "replica check off; set --replication-replica-check-frequency-sec above 0",
            ),
        }
    }
}

/// Why a bootstrap is refused, or not yet possible.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotFresh {
    /// It does not answer, so it may hold anything.
    Unreachable(Why),
    /// It holds data.
    Data,
    /// Its data was not counted.
    Uncounted,
    /// It is a replica already.
    Replica,
    /// It has replicas registered.
    Registrations,
    /// Its volume was used before, or its manifest was not read.
    UsedVolume,
    /// An earlier controller named it as main, and it is not the one that others follow.
    NamedBefore,
}

impl fmt::Display for NotFresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "{why}"),
            Self::Data => f.write_str("holds data"),
            Self::Uncounted => f.write_str("its data could not be counted"),
            Self::Replica => f.write_str("is a replica already"),
            Self::Registrations => f.write_str("has replicas registered"),
            Self::NamedBefore => f.write_str(
                "was named main by an earlier controller, and is not the one that others follow",
            ),
            Self::UsedVolume => f.write_str("its volume is not proven new"),
        }
    }
}
