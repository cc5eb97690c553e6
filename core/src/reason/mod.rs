//! Why a rule acted, waited or stayed silent: nouns with facts in them. The sentences that people
//! read are made in `sentences` and nowhere else.

mod kinds;
mod sentences;

pub use kinds::{Loss, NoReset, NotFresh, Unfit, UnsafeEngine, VoteLoss};

use crate::{
    desired::Durability,
    ids::{GatewayId, InstanceId, Term},
    observation::{PromotionWait, RowState},
    reading::Why,
};
use alloc::{collections::BTreeSet, string::String};
use serde::{Deserialize, Serialize};

/// A procedure that is left to people, and that a situation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Set the data of an instance aside and let it begin anew.
    DataReset,
    /// A person accepts a loss that is stated.
    LossAccepted,
}

impl Recipe {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataReset => "data-reset",
            Self::LossAccepted => "loss-accepted",
        }
    }
}

/// Why a rule acted or waited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    // Trust.
    /// This controller does not hold the lease.
    NotLeader,
    /// The lease cannot be renewed; the others promised to promote nobody, so that writes go on.
    LeaseUnrenewed,
    /// The record could not be read since the lease was acquired.
    RecordUnread(Why),
    /// The record was written by a newer program.
    NewerRecord {
        /// Its schema.
        schema: u32,
    },
    /// The record does not make sense.
    UnreadableRecord(String),
    /// Operators asked for no change.
    Paused,
    /// A write of the record that was sent before may still land.
    RecordInDoubt,

    // Bootstrap.
    /// Every instance answers and is provably empty.
    AllFresh,
    /// One main that the others follow, and that nobody has more than.
    Adopted {
        /// The main.
        main: InstanceId,
        /// Who is registered on it.
        replicas: BTreeSet<InstanceId>,
    },
    /// There is no record, and a person named the main.
    MainNamed(InstanceId),
    /// A first main is chosen only among instances that are all known.
    BootstrapWaits {
        /// The first instance in the way.
        instance: InstanceId,
        /// What it lacks.
        why: NotFresh,
    },
    /// The cluster is not empty and has no record: a person must say what it is.
    BootstrapRefused {
        /// The first instance in the way.
        instance: InstanceId,
        /// What it holds.
        why: NotFresh,
    },

    // Elect.
    /// The main is lost and the candidate is proven.
    MainLost {
        /// The main.
        main: InstanceId,
        /// How.
        loss: Loss,
        /// The proven voter.
        candidate: InstanceId,
    },
    /// The main came back with less than its voter has.
    TailLost {
        /// The main.
        main: InstanceId,
        /// The proven voter.
        candidate: InstanceId,
        /// The voter's ticks beyond the main's, or 0 where its row says diverged.
        ahead: i64,
    },
    /// The main came back without its registrations.
    MainForgot {
        /// The main.
        main: InstanceId,
        /// The proven voter.
        candidate: InstanceId,
    },
    /// The main is lost, and nobody is proven to have everything.
    NoCandidate {
        /// The main.
        main: InstanceId,
        /// How it was lost, if it was.
        loss: Option<Loss>,
        /// Who was looked at.
        voter: Option<InstanceId>,
        /// Why not.
        why: Unfit,
    },
    /// A person accepted what the instance lacks.
    LossAccepted {
        /// The main that was recorded.
        main: InstanceId,
        /// Who goes on.
        to: InstanceId,
    },
    /// A person accepted what an instance lacks, and that one is not there.
    AcceptedWaits {
        /// Which.
        to: InstanceId,
        /// Why it waits.
        why: Unfit,
    },
    /// The recorded main is a replica, unchanged.
    TargetIsReplica(InstanceId),
    /// The main lost power and may miss a tail; its voter confirms what it has, so it begins anew.
    TailMayBeLost(InstanceId),
    /// The main restarted and waits for its voter's word.
    MainUnproven {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: Option<InstanceId>,
        /// What the main believes of it.
        state: Option<RowState>,
    },
    /// The main restarted, and its voter found it complete.
    VoterConfirms {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
    /// The main went on alone, restarted and lost nothing.
    AloneAndComplete(InstanceId),
    /// The main restarted and lost nothing, and its voter obeys nobody any more.
    OutOfTouch {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
    /// Main and voter lost power; what neither had flushed may be gone.
    BothLostPower {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
    /// The main restarted, its voter confirms it, and a replica has more than both.
    OlderCopy {
        /// The main.
        main: InstanceId,
        /// Who has more.
        replica: InstanceId,
    },
    /// The voter is gone before the reign has a commit; who is to vote is chosen anew.
    VoterLostEarly {
        /// The voter.
        voter: InstanceId,
        /// What became of it.
        loss: VoteLoss,
    },
    /// The voter cannot vote, and another instance takes the vote over.
    VoterLost {
        /// The voter.
        voter: InstanceId,
        /// What became of it.
        loss: VoteLoss,
        /// Who takes over.
        to: InstanceId,
    },
    /// An operator wants another instance to become main: that one votes first.
    VoteOrdered {
        /// The voter.
        voter: InstanceId,
        /// Who takes over.
        to: InstanceId,
    },
    /// The vote goes back to the preferred pair.
    VotePreferred {
        /// The voter.
        voter: InstanceId,
        /// Who takes over.
        to: InstanceId,
    },
    /// The voter is lost and nobody can vote in its place: the main goes on alone.
    GoesAlone {
        /// The voter.
        voter: InstanceId,
        /// What became of it.
        loss: VoteLoss,
    },
    /// The main goes on alone, and somebody can vote again.
    VoteRestored(InstanceId),
    /// Another promise is wanted than the reign keeps.
    DurabilityWanted(Durability),
    /// Somebody wants the main moved.
    MoveWanted {
        /// From.
        from: InstanceId,
        /// To.
        to: InstanceId,
        /// Because its pod is to go, not on request.
        deleting: bool,
    },
    /// A planned move waits until an instance can take part.
    MoveWaits {
        /// For whom.
        instance: InstanceId,
        /// What it lacks.
        why: Unfit,
    },
    /// Open transactions are being let finish.
    Draining,
    /// Gateways are being told; these have not acknowledged yet.
    GatewaysOutstanding(BTreeSet<GatewayId>),
    /// The request names the main that is in place.
    AlreadyThere(InstanceId),
    /// The request names an instance that cannot become main.
    OrderRefused {
        /// Which.
        to: InstanceId,
        /// Why it never can.
        why: Unfit,
    },
    /// The move cannot be finished; the main before it is complete.
    WayBack {
        /// The target that fails.
        target: InstanceId,
        /// The main before.
        to: InstanceId,
        /// Why it fails.
        why: Unfit,
    },
    /// The move cannot be finished now, and there is no way back.
    TargetWaits {
        /// The target.
        target: InstanceId,
        /// Why it waits.
        why: Unfit,
    },

    // Fence.
    /// The route may be open only while the record is steady.
    NotSteady(Term),
    /// The main is not the one that was proven.
    RouteUnproven(InstanceId),
    /// The voter's row is missing, a phantom, or of another mode.
    VoterRowUnsound(InstanceId),
    /// A promotion is too early by the clocks.
    PromotionWaits(PromotionWait),
    /// Nobody forwards any more, and the target is a replica in its proven life.
    NobodyForwards,
    /// Nobody forwards any more; the target begins its reign as a replica.
    TargetMustBeReplica(InstanceId),
    /// The voter misses something that its main has.
    VoterMisses(InstanceId),
    /// An instance that was no main became one.
    ForeignMain(InstanceId),
    /// An instance other than the target is main.
    OtherMain {
        /// Which.
        instance: InstanceId,
        /// The target.
        target: InstanceId,
    },
    /// An old main stays as it is until the new reign has a commit.
    OldMainStays(InstanceId),

    // Promote.
    /// The target is ready to be promoted.
    TargetReady(InstanceId),
    /// The target's process restarted since; its new life is complete too.
    TargetRestarted(InstanceId),
    /// The old main must be a replica first.
    OldMainFirst(InstanceId),

    // Attach.
    /// A replica without a registration.
    Unregistered(InstanceId),
    /// A registration with nothing behind it.
    PhantomRow(InstanceId),
    /// A row of an instance that is beyond the size of the cluster.
    BeyondSize(InstanceId),
    /// A registration of another mode than wanted.
    WrongMode(InstanceId),
    /// A registration that this process did not make and cannot take as proof.
    UnprovenRow(InstanceId),
    /// A replica that stays invalid is registered once more.
    StuckInvalid(InstanceId),
    /// A new try is made after a pause.
    RetryLater(InstanceId),
    /// A person orders that its data be set aside.
    ResetAsked(InstanceId),
    /// The order of a person to set its data aside waits.
    ResetAskedWaits {
        /// Whose data.
        instance: InstanceId,
        /// For what.
        why: NoReset,
    },
    /// The order of a person to set its data aside cannot be carried out.
    ResetRefused {
        /// Whose data.
        instance: InstanceId,
        /// Why it never can.
        why: NoReset,
    },
    /// Its history branched off from its main's; it has no vote.
    Branched(InstanceId),
    /// The voter's history branched off from its main's.
    VoterBranched(InstanceId),
    /// Data is set aside only under a main whose reign is steady.
    ResetWaits(InstanceId),
    /// Its history branched off, and operators want to set its data aside themselves.
    ResetUnwanted(InstanceId),
    /// The record orders that its data be set aside.
    ResetOrdered(InstanceId),
    /// Its data was set aside once under this main, and branched off again.
    ResetInVain(InstanceId),
    /// A person had earlier data of its put back, which branched off.
    PutBackBranched(InstanceId),
    /// It stays invalid, although it was registered once more.
    StaysInvalid(InstanceId),
    /// An instance does not answer.
    Absent(Why),

    // Prove.
    /// The reign has no voter yet.
    NoVoter,
    /// Nobody is there to vote in a new reign: the main begins it alone.
    BeginsAlone(InstanceId),
    /// The voter is not up to date yet.
    VoterWaits {
        /// Which.
        voter: InstanceId,
        /// What the main believes of it, if it is registered.
        state: Option<RowState>,
        /// Its ticks relative to the main's.
        behind: i64,
    },
    /// The voter is registered, checked and up to date.
    VoterProven(InstanceId),
    /// The reign is not durable before its first commit (MR 3.3).
    EpochNotDurable,
    /// The first commit was acknowledged by the voter.
    FirstCommitDone,
    /// These are registered and ready, but not proven.
    ReplicasUnproven(BTreeSet<InstanceId>),
    /// These are proven now.
    ReplicasProven(BTreeSet<InstanceId>),
    /// These former mains were read as replicas.
    FormerMainsSeen(BTreeSet<InstanceId>),
    /// These began anew and are proven.
    ResetsDone(BTreeSet<InstanceId>),

    // Route.
    /// Main and voter are proven.
    RouteProven {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
    /// The main goes on alone: no other instance must have what it commits.
    Unprotected(InstanceId),

    // Report.
    /// The main does not answer, and is not lost.
    MainUnheard {
        /// The main.
        main: InstanceId,
        /// What came instead of an answer.
        why: Why,
    },
    /// A replica is on its way to being up to date.
    ReplicaWaits {
        /// What the main believes of it, if it is registered.
        state: Option<RowState>,
    },
    /// The voter cannot vote, and nobody is proven who could instead.
    NobodyToVote {
        /// The voter.
        voter: InstanceId,
        /// What became of it.
        loss: VoteLoss,
    },
    /// Registrations made by hand.
    Strangers(BTreeSet<String>),
    /// A setting makes the promise impossible.
    UnsafeEngine(UnsafeEngine),
}

impl Reason {
    /// The procedure left to people that the situation waits for. Where data may be lost for good, it
    /// is that a person accepts the loss.
    #[must_use]
    pub const fn recipe(&self) -> Option<Recipe> {
        if matches!(
            self,
            Self::ResetUnwanted(_)
                | Self::PutBackBranched(_)
                | Self::StaysInvalid(_)
                | Self::ResetAskedWaits { why: NoReset::Votes | NoReset::NobodyBeside, .. }
        ) {
            return Some(Recipe::DataReset);
        }
        let nobody_is_proven = matches!(
            self,
            Self::BothLostPower { .. }
                | Self::OlderCopy { .. }
                | Self::NoCandidate { loss: None, .. }
                | Self::MainUnproven { state: None, .. }
                | Self::TargetWaits {
                    why: Unfit::TailAtRisk | Unfit::Unproven | Unfit::NotReplica,
                    ..
                }
        );
        if nobody_is_proven { Some(Recipe::LossAccepted) } else { None }
    }
}
