//! Who is to vote? The vote moves by adding first: the heir is registered anew as a voter, proven,
//! recorded in the place of the one before it, and only then does the former voter's row go. So
//! at every moment whoever is recorded as voter has a row that each commit waits for.

use super::Verdict;
use crate::{
    action::Action,
    desired::Authority,
    ids::InstanceId,
    observation::{Contact, Row, RowState, SyncMode},
    reading::Age,
    reason::{Reason, VoteLoss},
    record::{Member, Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::{boxed::Box, vec};

/// The instances that are preferred as main and voter (the predecessor's users expect them).
pub(super) const PAIR: [InstanceId; 2] = [InstanceId(0), InstanceId(1)];

/// Why the vote is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The voter cannot vote, or is about to leave.
    Lost(VoteLoss),
    /// An operator wants that instance to become main.
    Ordered(InstanceId),
    /// One of the preferred pair is back.
    Preferred,
}

/// Whether `id` may vote at all in the cluster that is asked for.
pub(crate) fn may_vote(s: &Situation<'_>, id: InstanceId) -> bool {
    s.obs.desired.authority == Authority::Any || PAIR.contains(&id)
}

/// Why the recorded voter cannot go on voting; none while it may come back by itself.
fn lost(s: &Situation<'_>, main: &MainNow<'_>, voter: InstanceId) -> Option<VoteLoss> {
    if s.is_deleting(voter) {
        return Some(VoteLoss::Leaves);
    }
    let gone = match s.view(voter).map(|view| &view.contact) {
        Some(Contact::Closed { since } | Contact::Unreached { since, .. }) => {
            *since == Age::Expired
        }
        Some(Contact::Answering) | None => false,
    };
    if gone {
        return Some(VoteLoss::Unreached);
    }
    let row = main.rows.get(&voter);
    if s.branched_off(main, voter) || row.is_some_and(|row| row.state == RowState::Diverged) {
        return Some(VoteLoss::Diverged);
    }
    let stuck = row.is_some_and(|row| row.state == RowState::Invalid && row.since == Age::Expired);
    let tried = s.tried(main, voter).is_some_and(|made| made.attempts >= 2);
    (stuck && tried && s.is_replica(voter)).then_some(VoteLoss::Stuck)
}

fn cause(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    voter: InstanceId,
) -> Option<Cause> {
    if let Some(loss) = lost(s, main, voter) {
        return Some(Cause::Lost(loss));
    }
    let ordered = s.obs.desired.switchover.filter(|order| record.answered != Some(order.id));
    let to = ordered.and_then(|order| order.to).filter(|to| *to != voter && *to != record.target);
    match to {
        Some(to) if !s.is_deleting(record.target) => Some(Cause::Ordered(to)),
        Some(_) | None => (!PAIR.contains(&voter)).then_some(Cause::Preferred),
    }
}

/// Whether a row keeps an instance from taking the vote: one without a vote must be even before
/// it goes, one that was made for the vote may still recover.
fn fits(row: Option<&Row>) -> bool {
    row.is_none_or(|row| match (row.mode, &row.state) {
        (_, RowState::Diverged | RowState::Unrecognized(_)) => false,
        (SyncMode::StrictSync, _) => true,
        (SyncMode::Sync | SyncMode::Async, RowState::Ready | RowState::Replicating) => {
            row.behind == 0 || row.still == Age::Fresh
        }
        (
            SyncMode::Sync | SyncMode::Async,
            RowState::Recovery | RowState::Invalid | RowState::Phantom,
        ) => false,
    })
}

/// Who is to take the vote over, and why; none where it is to stay, or nobody can take it.
pub(super) fn heir(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
) -> Option<(InstanceId, Reason)> {
    let voter = record.voters().next().filter(|_| record.stage == Stage::Steady)?;
    let cause = cause(s, record, main, voter)?;
    let able = |id: &InstanceId| {
        let wanted = match cause {
            Cause::Lost(_) => true,
            Cause::Ordered(to) => *id == to,
            Cause::Preferred => PAIR.contains(id),
        };
        wanted
            && !record.is_voter(*id)
            && may_vote(s, *id)
            && s.proof(*id).is_some()
            && !s.is_deleting(*id)
            && !record.resets.contains(id)
            && !s.branched_off(main, *id)
            && s.unsafe_engine(*id).is_none()
            && fits(main.rows.get(id))
    };
    let begun =
        |id: &InstanceId| main.rows.get(id).is_some_and(|row| row.mode == SyncMode::StrictSync);
    let to = s.others(main.at.id).filter(able).min_by_key(|id| (!begun(id), *id))?;
    let reason = match cause {
        Cause::Lost(loss) => Reason::VoterLost { voter, loss, to },
        Cause::Ordered(_) => Reason::VoteOrdered { voter, to },
        Cause::Preferred => Reason::VotePreferred { voter, to },
    };
    Some((to, reason))
}

/// V45. The heir's row votes, this process made it, and it is even: the record says so, and from
/// then on the former voter's row is one of a wrong mode.
pub(super) fn moves(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Steady) else {
        return Verdict::Pass;
    };
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let Some((to, reason)) = heir(s, record, &main) else { return Verdict::Pass };
    let votes = main.rows.get(&to).is_some_and(|row| row.mode == SyncMode::StrictSync);
    let Some(proof) = s.newly_proven(&main, to).filter(|_| votes && s.registered(&main, to)) else {
        return Verdict::Pass;
    };
    let mut record = record.clone();
    for member in record.members.values_mut() {
        member.votes = false;
    }
    record.members.insert(to, Member { votes: true, proof: Some(proof) });
    let write =
        Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false };
    Verdict::Act(vec![write], reason)
}

/// X20. The vote is to move, and nobody can take it: why writes stand still, or soon may.
pub(super) fn stays(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Steady) else {
        return Verdict::Pass;
    };
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let Some(voter) = record.voters().next() else { return Verdict::Pass };
    match lost(s, &main, voter) {
        Some(loss) if heir(s, record, &main).is_none() => {
            Verdict::Hold(Reason::NobodyToVote { voter, loss })
        }
        Some(_) | None => Verdict::Pass,
    }
}
