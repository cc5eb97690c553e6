//! The sentences of reasons. A reason knows facts; how they read is decided here.

use super::Reason;
use crate::observation::PromotionWait;
use alloc::collections::BTreeSet;
use core::fmt;

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &BTreeSet<T>) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl fmt::Display for Reason {
    #[rustfmt::skip]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader | Self::LeaseUnrenewed | Self::RecordUnread(_) | Self::NewerRecord { .. }
            | Self::UnreadableRecord(_) | Self::Paused
            | Self::Adopted { .. } | Self::MainNamed(_) | Self::AllFresh | Self::BootstrapWaits { .. } | Self::BootstrapRefused { .. } => self.fmt_trust(f),
            Self::MainLost { .. } | Self::TailLost { .. } | Self::MainForgot { .. }
            | Self::NoCandidate { .. } | Self::TargetIsReplica(_) | Self::TailMayBeLost(_)
            | Self::MainUnproven { .. } | Self::VoterConfirms { .. } | Self::OutOfTouch { .. } | Self::AloneAndComplete(_)
            | Self::LossAccepted { .. } | Self::AcceptedWaits { .. }
            | Self::BothLostPower { .. } | Self::OlderCopy { .. } => self.fmt_loss(f),
            Self::MoveWanted { .. } | Self::MoveWaits { .. } | Self::Draining
            | Self::GatewaysOutstanding(_) | Self::AlreadyThere(_) | Self::OrderRefused { .. }
            | Self::WayBack { .. }
            | Self::TargetWaits { .. } => self.fmt_move(f),
            Self::NotSteady(_) | Self::RouteUnproven(_) | Self::VoterRowUnsound(_)
            | Self::PromotionWaits(_) | Self::NobodyForwards | Self::TargetMustBeReplica(_)
            | Self::VoterMisses(_) | Self::ForeignMain(_) | Self::OtherMain { .. }
            | Self::OldMainStays(_) | Self::TargetReady(_) | Self::TargetRestarted(_)
            | Self::OldMainFirst(_) => self.fmt_fence(f),
            Self::Unregistered(_) | Self::PhantomRow(_) | Self::WrongMode(_)
            | Self::RecordInDoubt | Self::UnprovenRow(_) | Self::StuckInvalid(_)
            | Self::RetryLater(_) | Self::NoVoter | Self::VoterWaits { .. }
            | Self::VoterProven(_) | Self::EpochNotDurable | Self::FirstCommitDone
            | Self::ReplicasUnproven(_) | Self::ReplicasProven(_) | Self::ReplicaWaits { .. }
            | Self::BeyondSize(_) | Self::MainUnheard { .. }
            | Self::FormerMainsSeen(_) | Self::Absent(_) | Self::StaysInvalid(_)
            | Self::RouteProven { .. } | Self::UnsafeEngine(_) | Self::Strangers(_) => self.fmt_attach(f),
            Self::VoterLost { .. } | Self::VoterLostEarly { .. } | Self::VoteOrdered { .. }
            | Self::VotePreferred { .. } | Self::NobodyToVote { .. } | Self::GoesAlone { .. }
            | Self::BeginsAlone(_) | Self::VoteRestored(_) | Self::Unprotected(_)
            | Self::DurabilityWanted(_) => self.fmt_vote(f),
            Self::Branched(_) | Self::VoterBranched(_) | Self::ResetWaits(_) | Self::ResetUnwanted(_)
            | Self::ResetOrdered(_) | Self::ResetInVain(_) | Self::PutBackBranched(_)
            | Self::ResetAsked(_)
            | Self::ResetAskedWaits { .. } | Self::ResetRefused { .. }
            | Self::ResetsDone(_) => self.fmt_reset(f),
        }
    }
}

/// A reason is printed by the group that its first match assigns it to.
#[expect(clippy::wildcard_enum_match_arm, reason = "each group prints its own reasons only")]
impl Reason {
    fn fmt_trust(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader => f.write_str("the lease is not held"),
            Self::LeaseUnrenewed => f.write_str(
                "the lease cannot be renewed; writes go on since every other controller promises \
                 to promote nobody",
            ),
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
            Self::Adopted { main, replicas } => {
                write!(f, "{main} is the only main, followed by ")?;
                list(f, replicas)
            }
            Self::MainNamed(id) => write!(f, "there is no record, and a person named {id}"),
            Self::AllFresh => f.write_str("every instance answers and is provably empty"),
            Self::BootstrapWaits { instance, why } => write!(f, "{instance}: {why}"),
            Self::BootstrapRefused { instance, why } => {
                write!(
                    f,
                    "{instance}: {why}; there is no record, so a person must name the main (failover --accept-loss)"
                )
            }
            _ => Ok(()),
        }
    }

    fn fmt_loss(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MainLost { main, loss, candidate } => {
                write!(f, "{main}: {loss}; {candidate} voter, proven")
            }
            Self::TailLost { main, candidate, ahead: 0 } => {
                write!(
                    f,
                    "{main} may lack a tail that it had not flushed; {candidate} voter, proven"
                )
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
            Self::AloneAndComplete(main) => {
                write!(f, "{main} went on alone, restarted and lost nothing")
            }
            Self::OutOfTouch { main, voter } => {
                write!(f, "{main} restarted and lost nothing, {voter} obeys nobody any more")
            }
            Self::LossAccepted { main, to } => {
                write!(f, "{to} goes on instead of {main}, a person accepted what it lacks")
            }
            Self::AcceptedWaits { to, why } => {
                write!(f, "{to} is to go on by a person's word, and {why}")
            }
            Self::OlderCopy { main, replica } => write!(
                f,
                "{main} restarted and {replica} has more than it and its voter, so their volumes are \
                 older copies; a person must accept what may be lost"
            ),
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
            Self::OrderRefused { to, why } => write!(f, "refused: {to} {why}"),
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

    fn fmt_reset(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branched(id) => write!(f, "the history of {id} branched off from its main's"),
            Self::VoterBranched(id) => {
                write!(f, "the history of {id}, which votes, branched off from its main's")
            }
            Self::ResetWaits(id) => {
                write!(f, "{id} branched off; its data is set aside once the reign is steady")
            }
            Self::ResetUnwanted(id) => {
                write!(
                    f,
                    "{id} branched off; its data is not set aside by itself here (reset-replica)"
                )
            }
            Self::ResetOrdered(id) => write!(f, "the record orders it for {id}"),
            Self::ResetInVain(id) => {
                write!(
                    f,
                    "{id} branched off again after its data was set aside; look at both copies, \
                     then reset-replica"
                )
            }
            Self::PutBackBranched(id) => {
                write!(f, "what was put back on {id} branched off; look at it, then reset-replica")
            }
            Self::ResetAsked(id) => write!(f, "a person orders it for {id}"),
            Self::ResetAskedWaits { instance, why } => {
                write!(f, "a person orders it for {instance}: {why}")
            }
            Self::ResetRefused { instance, why } => write!(f, "refused for {instance}: {why}"),
            Self::ResetsDone(ids) => {
                f.write_str("began anew and proven: ")?;
                list(f, ids)
            }
            _ => Ok(()),
        }
    }

    fn fmt_vote(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::VoterLost { voter, loss, to } => write!(f, "{voter} {loss}; {to} votes instead"),
            Self::VoteOrdered { voter, to } => {
                write!(f, "{to} is to become main, so it votes instead of {voter}")
            }
            Self::VotePreferred { voter, to } => {
                write!(f, "{to} is preferred to {voter} as voter")
            }
            Self::VoterLostEarly { voter, loss } => {
                write!(f, "{voter} {loss} before the first commit; a voter is chosen anew")
            }
            Self::GoesAlone { voter, loss } => {
                write!(f, "{voter} {loss}, nobody else can vote; writes go on without a vote")
            }
            Self::BeginsAlone(main) => write!(f, "nobody can vote; {main} begins without a vote"),
            Self::VoteRestored(to) => write!(f, "{to} can vote again"),
            Self::Unprotected(main) => {
                write!(
                    f,
                    "unprotected: {main} goes on without a vote, no other need have its writes"
                )
            }
            Self::DurabilityWanted(durability) => write!(f, "durability {durability} is wanted"),
            Self::NobodyToVote { voter, loss } => {
                write!(f, "{voter} {loss}, nobody else is proven")
            }
            _ => Ok(()),
        }
    }

    fn fmt_attach(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unregistered(id) => write!(f, "{id} is a replica without registration"),
            Self::PhantomRow(id) => write!(f, "the row of {id} is a phantom"),
            Self::RecordInDoubt => f.write_str("an earlier write of the record may still land"),
            Self::WrongMode(id) => write!(f, "the row of {id} has another mode than wanted"),
            Self::UnprovenRow(id) => write!(f, "the row of {id} proves nothing"),
            Self::StuckInvalid(id) => write!(f, "{id} stays invalid"),
            Self::StaysInvalid(id) => {
                write!(f, "{id} stays invalid, registered once more in vain; look at its log")
            }
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
            Self::MainUnheard { main, why } => {
                write!(f, "{main}: {why}; it is not lost, so nothing moves")
            }
            Self::BeyondSize(id) => write!(f, "{id} is beyond the size of the cluster"),
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
