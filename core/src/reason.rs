//! Why a rule acted, waited or stayed silent: nouns with facts in them. The sentences that people
//! read are made here and nowhere else.

use crate::{
    ids::{GatewayId, InstanceId, Term},
    observation::{EngineVersion, PromotionWait, RowState},
    reading::Why,
};
use alloc::{collections::BTreeSet, string::String};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A procedure that is known to be needed and does not exist yet. Until it does, the situation
/// ends in a hold that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipe {
    /// Set the data of a diverged or foreign instance aside and let it begin anew.
    DataReset,
    /// Move the vote to another instance.
    VoteMove,
    /// Take over a cluster that has a main already.
    Adoption,
    /// `durability: fast`.
    Fast,
    /// Another number of instances than three.
    Size,
    /// `authority: pair`.
    Pair,
    /// A person accepts a loss that is stated.
    LossAccepted,
}

impl Recipe {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataReset => "data-reset",
            Self::VoteMove => "vote-move",
            Self::Adoption => "adoption",
            Self::Fast => "fast",
            Self::Size => "size",
            Self::Pair => "pair",
            Self::LossAccepted => "loss-accepted",
        }
    }
}

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

/// Why an instance cannot be promoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unfit {
    /// The record names nobody.
    Unnamed,
    /// It does not answer now.
    Unreachable,
    /// It is not a replica now.
    NotReplica,
    /// It has no proof, or its life changed since.
    Unproven,
    /// Its pod is to go.
    Deleting,
    /// Its data was ordered to be set aside.
    ResetOrdered,
    /// It may have lost what it had not flushed.
    TailAtRisk,
    /// Its main does not find it ready.
    NotReady(RowState),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("nobody is recorded"),
            Self::Unreachable => f.write_str("does not answer"),
            Self::NotReplica => f.write_str("is not a replica"),
            Self::Unproven => f.write_str("is not proven complete in its present life"),
            Self::Deleting => f.write_str("its pod is to go"),
            Self::ResetOrdered => f.write_str("its data was ordered to be set aside"),
            Self::TailAtRisk => f.write_str("may have lost an unflushed tail"),
            Self::NotReady(state) => write!(f, "its main finds it {state}"),
        }
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
}

impl fmt::Display for NotFresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "{why}"),
            Self::Data => f.write_str("holds data"),
            Self::Uncounted => f.write_str("its data could not be counted"),
            Self::Replica => f.write_str("is a replica already"),
            Self::Registrations => f.write_str("has replicas registered"),
            Self::UsedVolume => f.write_str("its volume is not proven new"),
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
    /// The situation needs a recipe that does not exist yet.
    RecipeMissing {
        /// Which.
        recipe: Recipe,
        /// For whom, where it is one instance.
        instance: Option<InstanceId>,
    },

    // Bootstrap.
    /// Every instance answers and is provably empty.
    AllFresh,
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
    /// Main and voter lost power; what neither had flushed may be gone.
    BothLostPower {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
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
    /// A registration of another mode than wanted.
    WrongMode(InstanceId),
    /// A registration that this process did not make and cannot take as proof.
    UnprovenRow(InstanceId),
    /// A replica that stays invalid is registered once more.
    StuckInvalid(InstanceId),
    /// A new try is made after a pause.
    RetryLater(InstanceId),
    /// The reign has no voter yet.
    NoVoter,
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
    /// A replica is on its way to being up to date.
    ReplicaWaits {
        /// What the main believes of it, if it is registered.
        state: Option<RowState>,
    },
    /// These former mains were read as replicas.
    FormerMainsSeen(BTreeSet<InstanceId>),
    /// An instance does not answer.
    Absent(Why),

    // Route.
    /// Main and voter are proven.
    RouteProven {
        /// The main.
        main: InstanceId,
        /// The voter.
        voter: InstanceId,
    },
    /// A setting makes the promise impossible.
    UnsafeEngine(UnsafeEngine),
    /// Registrations made by hand.
    Strangers(BTreeSet<String>),
}

impl Reason {
    /// The recipe that the situation needs and that does not exist yet.
    #[must_use]
    pub const fn missing_recipe(&self) -> Option<Recipe> {
        if let Self::RecipeMissing { recipe, .. } = self {
            return Some(*recipe);
        }
        None
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &BTreeSet<T>) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader
            | Self::RecordUnread(_)
            | Self::NewerRecord { .. }
            | Self::UnreadableRecord(_)
            | Self::Paused
            | Self::RecipeMissing { .. }
            | Self::AllFresh
            | Self::BootstrapWaits { .. }
            | Self::BootstrapRefused { .. } => self.fmt_trust(f),
            Self::MainLost { .. }
            | Self::TailLost { .. }
            | Self::MainForgot { .. }
            | Self::NoCandidate { .. }
            | Self::TargetIsReplica(_)
            | Self::TailMayBeLost(_)
            | Self::MainUnproven { .. }
            | Self::VoterConfirms { .. }
            | Self::BothLostPower { .. } => self.fmt_loss(f),
            Self::MoveWanted { .. }
            | Self::MoveWaits { .. }
            | Self::Draining
            | Self::GatewaysOutstanding(_)
            | Self::AlreadyThere(_)
            | Self::WayBack { .. }
            | Self::TargetWaits { .. } => self.fmt_move(f),
            Self::NotSteady(_)
            | Self::RouteUnproven(_)
            | Self::VoterRowUnsound(_)
            | Self::PromotionWaits(_)
            | Self::NobodyForwards
            | Self::TargetMustBeReplica(_)
            | Self::VoterMisses(_)
            | Self::ForeignMain(_)
            | Self::OtherMain { .. }
            | Self::OldMainStays(_)
            | Self::TargetReady(_)
            | Self::TargetRestarted(_)
            | Self::OldMainFirst(_) => self.fmt_fence(f),
            Self::Unregistered(_)
            | Self::PhantomRow(_)
            | Self::WrongMode(_)
            | Self::UnprovenRow(_)
            | Self::StuckInvalid(_)
            | Self::RetryLater(_)
            | Self::NoVoter
            | Self::VoterWaits { .. }
            | Self::VoterProven(_)
            | Self::EpochNotDurable
            | Self::FirstCommitDone
            | Self::ReplicasUnproven(_)
            | Self::ReplicasProven(_)
            | Self::ReplicaWaits { .. }
            | Self::FormerMainsSeen(_)
            | Self::Absent(_)
            | Self::RouteProven { .. }
            | Self::UnsafeEngine(_)
            | Self::Strangers(_) => self.fmt_attach(f),
        }
    }
}

/// A reason is printed by the group that its first match assigns it to.
#[expect(clippy::wildcard_enum_match_arm, reason = "each group prints its own reasons only")]
impl Reason {
    fn fmt_trust(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader => f.write_str("the lease is not held"),
            Self::RecordUnread(why) => write!(f, "record not known: {why}"),
            Self::NewerRecord { schema } => {
                write!(
                    f,
                    "record has schema {schema}, this program knows {}",
                    crate::record::SCHEMA
                )
            }
            Self::UnreadableRecord(why) => write!(f, "record not readable: {why}"),
            Self::Paused => f.write_str("paused by an operator"),
            Self::RecipeMissing { recipe, instance } => {
                write!(f, "recipe {} missing", recipe.name())?;
                instance.map_or(Ok(()), |id| write!(f, " for {id}"))
            }
            Self::AllFresh => f.write_str("every instance answers and is provably empty"),
            Self::BootstrapWaits { instance, why } => write!(f, "{instance}: {why}"),
            Self::BootstrapRefused { instance, why } => {
                write!(f, "{instance} {why}, and there is no record: name the main by hand")
            }
            _ => Ok(()),
        }
    }

    fn fmt_loss(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MainLost { main, loss, candidate } => {
                write!(f, "{main}: {loss}; {candidate} voter, proven")
            }
            Self::TailLost { main, candidate, ahead } => {
                write!(f, "{main} came back {ahead} ticks short of {candidate}, voter, proven")
            }
            Self::MainForgot { main, candidate } => {
                write!(f, "{main} came back without registrations; {candidate} voter, proven")
            }
            Self::NoCandidate { main, loss, voter, why } => {
                match loss {
                    Some(loss) => write!(f, "{main}: {loss}; ")?,
                    None => write!(f, "{main} is not to be trusted; ")?,
                }
                match voter {
                    Some(voter) => write!(f, "{voter} {why}"),
                    None => write!(f, "{why}"),
                }
            }
            Self::TargetIsReplica(id) => {
                write!(f, "{id} is recorded as main and is a replica, unchanged")
            }
            Self::TailMayBeLost(id) => {
                write!(f, "{id} may have lost an unflushed tail, its voter confirms the rest")
            }
            Self::MainUnproven { main, voter, state } => {
                write!(f, "{main} restarted and is not confirmed yet")?;
                match (voter, state) {
                    (Some(voter), Some(state)) => write!(f, ": finds {voter} {state}"),
                    (Some(voter), None) => write!(f, ": no row for {voter}"),
                    (None, _) => Ok(()),
                }
            }
            Self::VoterConfirms { main, voter } => {
                write!(f, "{main} restarted, {voter} confirms that it is complete")
            }
            Self::BothLostPower { main, voter } => {
                write!(f, "{main} and {voter} lost power; a person must accept what may be lost")
            }
            _ => Ok(()),
        }
    }

    fn fmt_move(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MoveWanted { from, to, deleting } => {
                let why = if *deleting { "its pod is to go" } else { "an operator asks" };
                write!(f, "{from} to {to}: {why}")
            }
            Self::MoveWaits { instance, why } => write!(f, "{instance} {why}"),
            Self::Draining => f.write_str("open transactions are finishing"),
            Self::GatewaysOutstanding(gateways) => {
                f.write_str("not acknowledged by ")?;
                list(f, gateways)
            }
            Self::AlreadyThere(id) => write!(f, "{id} is main already"),
            Self::WayBack { target, to, why } => write!(f, "{target} {why}; {to} is complete"),
            Self::TargetWaits { target, why } => {
                write!(f, "{target} {why}, and there is no way back")
            }
            _ => Ok(()),
        }
    }

    fn fmt_fence(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSteady(term) => write!(f, "term {term} is not steady"),
            Self::RouteUnproven(id) => write!(f, "{id} is not the main that was proven"),
            Self::VoterRowUnsound(id) => write!(f, "the vote of {id} does not count on the main"),
            Self::PromotionWaits(wait) => f.write_str(match wait {
                PromotionWait::NoLease => "the lease is not confirmed",
                PromotionWait::EarlierLease => "an earlier leader may still grant",
                PromotionWait::OwnPromise => "another leader holds a promise",
                PromotionWait::OwnStart => "an earlier process may still grant",
            }),
            Self::NobodyForwards => f.write_str("nobody forwards any more"),
            Self::TargetMustBeReplica(id) => write!(f, "{id} begins its reign as a replica"),
            Self::VoterMisses(id) => write!(f, "{id} misses something that its main has"),
            Self::ForeignMain(id) => write!(f, "{id} became main by nobody's order"),
            Self::OtherMain { instance, target } => {
                write!(f, "{instance} is main, target is {target}")
            }
            Self::OldMainStays(id) => write!(f, "{id} stays main until the new reign has a commit"),
            Self::TargetReady(id) => write!(f, "nobody forwards, {id} is complete"),
            Self::TargetRestarted(id) => write!(f, "{id} restarted, complete all the same"),
            Self::OldMainFirst(id) => write!(f, "{id} is still main"),
            _ => Ok(()),
        }
    }

    fn fmt_attach(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unregistered(id) => write!(f, "{id} is a replica without registration"),
            Self::PhantomRow(id) => write!(f, "the row of {id} is a phantom"),
            Self::WrongMode(id) => write!(f, "the row of {id} has another mode than wanted"),
            Self::UnprovenRow(id) => write!(f, "the row of {id} proves nothing"),
            Self::StuckInvalid(id) => write!(f, "{id} stays invalid"),
            Self::RetryLater(id) => {
                write!(f, "{id} could not be registered, next try after a pause")
            }
            Self::NoVoter => f.write_str("nobody can vote"),
            Self::VoterWaits { voter, state, behind } => match state {
                Some(state) => write!(f, "{voter} {state}, behind {behind}"),
                None => write!(f, "{voter} is not registered"),
            },
            Self::VoterProven(id) => write!(f, "{id} registered, checked, up to date"),
            Self::EpochNotDurable => f.write_str("the epoch is not durable before a commit"),
            Self::FirstCommitDone => f.write_str("the voter acknowledged the first commit"),
            Self::ReplicasUnproven(ids) => {
                f.write_str("not proven: ")?;
                list(f, ids)
            }
            Self::ReplicasProven(ids) => {
                f.write_str("proven: ")?;
                list(f, ids)
            }
            Self::ReplicaWaits { state } => match state {
                Some(state) => write!(f, "{state}"),
                None => f.write_str("not registered"),
            },
            Self::FormerMainsSeen(ids) => {
                f.write_str("read as replica: ")?;
                list(f, ids)
            }
            Self::Absent(why) => write!(f, "{why}"),
            Self::RouteProven { main, voter } => write!(f, "{main} proven, voter {voter} proven"),
            Self::UnsafeEngine(engine) => write!(f, "{engine}"),
            Self::Strangers(names) => {
                f.write_str("registered by hand: ")?;
                list(f, names)
            }
            _ => Ok(()),
        }
    }
}
