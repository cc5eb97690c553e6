//! The durable record: who is main in which term, who votes, and how far a move has come. It is
//! written by compare-and-set only, before the effects that rest on it; any leader can finish or
//! abort a move from it and from readings alone.

use crate::{
    desired::Durability,
    ids::{Incarnation, InstanceId, InstanceRef, RequestId, Term, VolumeId},
    observation::SyncMode,
};
use alloc::collections::{BTreeMap, BTreeSet};
use core::fmt;
use serde::{Deserialize, Serialize};

/// The schema that this program writes.
pub const SCHEMA: u32 = 1;

/// The record of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Record {
    /// The schema it is written in.
    pub schema: u32,
    /// The reign.
    pub term: Term,
    /// How far the move to the target has come.
    pub stage: Stage,
    /// Why the target became the target.
    pub cause: Cause,
    /// The instance that is main, or is to become it.
    pub target: InstanceId,
    /// The life in which the target was proven complete: while the intent stands the proof of the
    /// candidate, from `Withdrawn` on the life that is or was promoted.
    pub incarnation: Incarnation,
    /// Every other instance that votes or was proven in this reign.
    pub members: BTreeMap<InstanceId, Member>,
    /// The main before the intent: the way back. `None` once the new reign may hold a commit.
    pub before: Option<Before>,
    /// Former mains that may still hold registrations: not yet read as replica.
    pub former: BTreeSet<InstanceId>,
    /// Instances whose data was ordered to be set aside: from the volume that is named, they
    /// are neither registered, nor counted on, nor the way back.
    pub resets: BTreeMap<InstanceId, Reset>,
    /// The last switchover request that was carried out or refused for good.
    pub answered: Option<RequestId>,
    /// The last order to go on in spite of a loss that was carried out or refused.
    #[serde(default)]
    pub accepted: Option<RequestId>,
    /// The last order of a person to set data aside that was recorded or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered: Option<RequestId>,
    /// What an acknowledged write of this reign promises.
    #[serde(default)]
    pub durability: Durability,
}

impl Record {
    /// The instances whose vote a commit of this reign needs.
    pub fn voters(&self) -> impl Iterator<Item = InstanceId> + '_ {
        self.members.iter().filter(|(_, member)| member.votes).map(|(id, _)| *id)
    }

    /// Whether `id` votes.
    #[must_use]
    pub fn is_voter(&self, id: InstanceId) -> bool {
        self.members.get(&id).is_some_and(|member| member.votes)
    }

    /// How commits of this reign treat those who vote.
    #[must_use]
    pub const fn vote_mode(&self) -> SyncMode {
        match self.durability {
            Durability::Required => SyncMode::StrictSync,
            Durability::Fast => SyncMode::Sync,
        }
    }

    /// Whether the main of this reign goes on without anybody's vote: what it commits, it alone has.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.durability == Durability::Fast
            && matches!(self.stage, Stage::Attached | Stage::Steady)
            && self.voters().next().is_none()
    }

    /// Whether it is said who votes: somebody, or on purpose nobody.
    #[must_use]
    pub fn names_votes(&self) -> bool {
        self.is_alone() || self.voters().next().is_some()
    }

    /// Whether the data of an instance, in that life, was ordered to be set aside.
    #[must_use]
    pub fn resets(&self, at: InstanceRef) -> bool {
        self.resets.get(&at.id).is_some_and(|reset| reset.volume == at.incarnation.volume)
    }

    /// The proof of `id`, if it has one.
    #[must_use]
    pub fn proof(&self, id: InstanceId) -> Option<&Proof> {
        self.members.get(&id).and_then(|member| member.proof.as_ref())
    }
}

/// How far a move has come. Each stage is durable before an effect of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The target is named. Routes are being withdrawn; no role has changed for this term.
    Intent,
    /// No gateway forwards any more, and the target was read as replica in its proven life after
    /// that. It may be promoted, and the others registered on it.
    Withdrawn,
    /// The target is main, and its voters are registered and proven. It may commit.
    Attached,
    /// The reign has a commit that its voters acknowledged. It may be routed to.
    Steady,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Intent => "intent",
            Self::Withdrawn => "withdrawn",
            Self::Attached => "attached",
            Self::Steady => "steady",
        })
    }
}

/// Why a reign began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The first main of an empty cluster.
    Bootstrap,
    /// A cluster that somebody else built, with one main that others follow.
    Adoption,
    /// The main was lost.
    Failover,
    /// The main was moved on purpose.
    Switchover {
        /// The request, or none where the pod of the main is to go.
        request: Option<RequestId>,
    },
    /// A move that could not be finished goes back to the main before it.
    Return,
    /// Nobody was proven to have everything, and a person accepted what this one lacks.
    Accepted {
        /// The request.
        request: RequestId,
    },
    /// The same main begins a new reign, because its old epoch may miss a tail, or because another
    /// instance is to vote.
    Renewal,
}

impl Cause {
    /// Whether the target goes on with the data that it has, which no other instance's says more than:
    /// it may be main already, and a restart that keeps all of it is no harm.
    #[must_use]
    pub const fn is_of_own_data(self) -> bool {
        match self {
            Self::Return
            | Self::Renewal
            | Self::Bootstrap
            | Self::Adoption
            | Self::Accepted { .. } => true,
            Self::Failover | Self::Switchover { .. } => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bootstrap => "bootstrap",
            Self::Adoption => "adoption",
            Self::Failover => "failover",
            Self::Switchover { .. } => "switchover",
            Self::Return => "return",
            Self::Accepted { .. } => "accepted",
            Self::Renewal => "renewal",
        })
    }
}

/// What a reign knows of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Whether commits wait for it.
    pub votes: bool,
    /// The proof that it is complete.
    pub proof: Option<Proof>,
}

/// That a replica had everything its main had acknowledged, in these two lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Proof {
    /// The main's life.
    pub main: Incarnation,
    /// The replica's life.
    pub replica: Incarnation,
}

/// An order to set data aside. It stands until the instance answers from another volume, which its own
/// counts as once the order is carried out; and is kept until the instance is proven, so that
/// one reign orders it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reset {
    /// The volume whose data is meant.
    pub volume: VolumeId,
    /// The reign that the data branched off from, or in which a person ordered it.
    pub term: Term,
    /// The request of a person; none where the data branched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<RequestId>,
    /// What takes its place; none to begin anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<Aside>,
}

/// Data that was set aside on a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aside {
    /// The last.
    Latest,
    /// That of the volume which this was called before.
    Of(VolumeId),
}

/// The main before an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Before {
    /// Which instance.
    pub main: InstanceId,
    /// The life in which it was last proven complete.
    pub incarnation: Incarnation,
}
