//! Who is to vote? The vote moves by a new term with the same main: the route is withdrawn, the
//! main begins an epoch, and whoever votes in it is registered, proven and recorded as in every
//! other reign. So nothing that holds for the beginning of a reign has to be said once more here.

use super::{Verdict, alone, elect, reset, switchover};
use crate::{
    desired::Authority,
    ids::InstanceId,
    observation::{RegisterResult, Row, RowState, SyncMode},
    reading::Age,
    reason::{Reason, VoteLoss},
    record::{Before, Cause, Record, Stage},
    situation::{MainNow, Situation},
};

/// The instances that are preferred as main and voter (the predecessor's users expect them).
const PAIR: [InstanceId; 2] = [InstanceId(0), InstanceId(1)];

/// Why the vote is to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The voter cannot vote, or is about to leave.
    Lost(VoteLoss),
    /// An operator wants that instance to become main.
    Ordered(InstanceId),
    /// One of the preferred pair is back.
    Preferred,
}

/// Whether `id` may vote at all in the cluster that is asked for.
pub(super) fn may_vote(s: &Situation<'_>, id: InstanceId) -> bool {
    s.obs.desired.authority == Authority::Any || PAIR.contains(&id)
}

/// The instance that an operator wants as main, as long as that order is open: it votes first.
pub(super) fn ordered(s: &Situation<'_>) -> Option<InstanceId> {
    let record = s.record?;
    switchover::open_order(s, record)?.to.filter(|to| *to != record.target)
}

impl Situation<'_> {
    /// Who is to vote in the reign that begins with `main`: somebody who answers and stays, or
    /// votes already and may answer yet; one whose version is supported before one whose is not, a
    /// replica before a former main, one that works before one that failed, one that stays before one
    /// whose data a person wants set aside, and among equals whoever an operator wants as main, then
    /// the preferred pair. A former main only if nobody else may come to it.
    #[must_use]
    pub fn voter_choice(&self, main: &MainNow<'_>) -> Option<InstanceId> {
        let wanted = ordered(self);
        let rank = |id: &InstanceId| {
            let failed = self.registers_in_vain(main, *id);
            let votes = main.rows.get(id).is_some_and(|row| row.mode != SyncMode::Async);
            let unsupported = self.is_unsupported(*id);
            let anew = reset::is_to_begin_anew(self, *id);
            (unsupported, self.main(*id).is_some(), failed, anew, !votes, wanted != Some(*id), *id)
        };
        let able = |id: &InstanceId| {
            may_vote(self, *id)
                && !self.is_deleting(*id)
                && !self.diverged(main, *id)
                && self.lives(*id).is_none_or(|at| !self.resets(at))
        };
        let votes_already =
            |id: &InstanceId| main.rows.get(id).is_some_and(|row| row.mode != SyncMode::Async);
        let choice = self
            .others(main.at.id)
            .filter(able)
            .filter(|id| {
                self.answer(*id).is_some() || (votes_already(id) && self.may_answer_yet(*id))
            })
            .min_by_key(rank)?;
        let another_may_come = || {
            self.others(main.at.id).filter(able).any(|id| id != choice && self.may_answer_yet(id))
        };
        (self.main(choice).is_none() || !another_may_come()).then_some(choice)
    }
}

/// A reign with a voter, of a main that is proven and may go on.
fn with_voter<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>, InstanceId)> {
    let record = s.record?;
    let main = s.proven_main().filter(|main| !record.resets(main.at))?;
    Some((record, main, record.voters().next()?))
}

/// The same, where clients may write.
fn steady_with_voter<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>, InstanceId)> {
    with_voter(s).filter(|(record, _, _)| record.stage == Stage::Steady)
}

/// Why the recorded voter cannot go on voting; none while it may come back by itself.
fn lost(s: &Situation<'_>, main: &MainNow<'_>, voter: InstanceId) -> Option<VoteLoss> {
    if s.may_answer_yet(voter) {
        return None;
    }
    if s.answer(voter).is_none() {
        return Some(VoteLoss::Unreached);
    }
    if s.diverged(main, voter) {
        return Some(VoteLoss::Diverged);
    }
    let stuck = main.rows.get(&voter).is_some_and(Row::is_stuck);
    let in_vain = s.tried(main, voter).is_some_and(|made| {
        made.was_repeated() && (stuck || made.result == RegisterResult::Unreachable)
    });
    // What may vote no more comes before what still does.
    if in_vain && s.is_replica(voter) {
        Some(VoteLoss::Stuck)
    } else if s.is_deleting(voter) {
        Some(VoteLoss::Leaves)
    } else if reset::is_to_begin_anew(s, voter) {
        Some(VoteLoss::BeginsAnew)
    } else {
        s.is_unsupported(voter).then_some(VoteLoss::Unsupported)
    }
}

fn wish(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, voter: InstanceId) -> Option<Wish> {
    if let Some(loss) = lost(s, main, voter) {
        return Some(Wish::Lost(loss));
    }
    if s.is_deleting(record.target) || !votes(s, main, voter) {
        return None;
    }
    match switchover::open_order(s, record) {
        Some(_) => ordered(s).filter(|to| *to != voter).map(Wish::Ordered),
        None => {
            let away = s.obs.desired.vote_returns && !PAIR.contains(&voter);
            away.then_some(Wish::Preferred)
        }
    }
}

/// Whether the voter is proven and its vote can be counted now.
pub(super) fn votes(s: &Situation<'_>, main: &MainNow<'_>, voter: InstanceId) -> bool {
    s.proof(voter).is_some() && counts(s, main, voter)
}

/// Whether commits go through on the main with the vote of `voter`, whether or not it answers us.
fn counts(s: &Situation<'_>, main: &MainNow<'_>, voter: InstanceId) -> bool {
    let row = main.rows.get(&voter);
    row.is_some_and(|row| {
        s.record.is_some_and(|record| row.mode == record.vote_mode()) && row.is_in_touch()
    })
}

/// Whether the recorded voter of a steady reign votes.
pub(super) fn has_vote(s: &Situation<'_>) -> bool {
    steady_with_voter(s).is_some_and(|(_, main, voter)| votes(s, &main, voter))
}

/// The voter that is lost, where nobody can take the vote over and its main waits for it in vain.
pub(super) fn lost_for_good(s: &Situation<'_>) -> Option<(InstanceId, VoteLoss)> {
    let (record, main, voter) = steady_with_voter(s)?;
    let loss = lost(s, &main, voter).filter(|loss| !alone::still_votes(*loss))?;
    let heir_may_come = s.others(main.at.id).any(|id| s.may_answer_yet(id))
        || heir(s, record, &main, Wish::Lost(loss)).is_some();
    (!counts(s, &main, voter) && !heir_may_come).then_some((voter, loss))
}

/// Who can vote for a main that goes on alone.
pub(super) fn successor(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
) -> Option<InstanceId> {
    let follows = |id: &InstanceId| {
        able(s, record, main, *id)
            && s.proof(*id).is_some()
            && main.rows.get(id).is_some_and(keeps_up)
    };
    s.others(main.at.id).find(follows)
}

/// Whether the main finds `id` up to date.
pub(super) fn is_even(main: &MainNow<'_>, id: InstanceId) -> bool {
    main.rows.get(&id).is_some_and(Row::is_even)
}

/// Whether the main is in touch with the replica of this row, which lacks nothing but in passing.
fn keeps_up(row: &Row) -> bool {
    row.is_in_touch() && (row.behind == 0 || row.still == Age::Fresh)
}

/// Who can take the vote over. Instead of a voter that is lost, whoever the main is in touch with:
/// no commit could prove anybody. A voter that votes is left only for one that is proven.
fn heir(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, wish: Wish) -> Option<InstanceId> {
    let fits = |id: InstanceId| {
        let row = main.rows.get(&id);
        let proven = s.proof(id).is_some() && row.is_some_and(keeps_up);
        match wish {
            Wish::Lost(VoteLoss::Unreached | VoteLoss::Diverged | VoteLoss::Stuck) => {
                s.is_replica(id) && row.is_some_and(Row::is_in_touch)
            }
            Wish::Lost(VoteLoss::Leaves | VoteLoss::BeginsAnew | VoteLoss::Unsupported) => proven,
            Wish::Ordered(to) => proven && to == id,
            Wish::Preferred => proven && PAIR.contains(&id),
        }
    };
    s.others(main.at.id).find(|id| able(s, record, main, *id) && fits(*id))
}

/// Whether nothing that lasts keeps an instance from taking the vote over.
fn able(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, id: InstanceId) -> bool {
    !record.is_voter(id)
        && may_vote(s, id)
        && !s.is_deleting(id)
        && !reset::is_to_begin_anew(s, id)
        && s.lives(id).is_none_or(|at| !record.resets(at))
        && !s.registers_in_vain(main, id)
        && s.unsafe_engine(id).is_none()
}

/// Whether it may soon be proven and keep up: a replica that does not vote is `invalid` again and
/// again while commits come faster than it takes them (MR 2.1), and one that has just come back is
/// not proven yet.
fn may_follow(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, id: InstanceId) -> bool {
    let lags = |row: &Row| match row.state {
        RowState::Ready | RowState::Replicating | RowState::Recovery | RowState::Phantom => true,
        RowState::Invalid => row.since != Age::Expired,
        RowState::Diverged | RowState::Unrecognized(_) => false,
    };
    able(s, record, main, id) && s.is_replica(id) && main.rows.get(&id).is_none_or(lags)
}

/// Whether the recorded voter is about to leave, and its vote can move before it does, now or soon.
pub(crate) fn moves_from(s: &Situation<'_>, id: InstanceId) -> bool {
    steady_with_voter(s).is_some_and(|(record, main, voter)| {
        let follows = |other: InstanceId| may_follow(s, record, &main, other);
        voter == id && s.is_deleting(id) && s.others(main.at.id).any(follows)
    })
}

/// Whether the recorded voter of an unfinished reign will not come by itself: who is to vote is
/// chosen anew, among whoever is there.
pub(super) fn is_lost_early(s: &Situation<'_>) -> Option<(InstanceId, VoteLoss)> {
    let (record, main, voter) = with_voter(s)?;
    let loss = lost(s, &main, voter).filter(|loss| !alone::still_votes(*loss))?;
    (record.stage == Stage::Attached).then_some((voter, loss))
}

/// E43. A voter that is lost before the first commit would be waited for, for ever. No client wrote
/// in this reign, so the voter has all that its main has, and is the way back.
pub(super) fn begins_anew(s: &Situation<'_>) -> Verdict {
    let (Some((voter, loss)), Some(record)) = (is_lost_early(s), s.record) else {
        return Verdict::Pass;
    };
    let before = record.proof(voter).filter(|_| loss != VoteLoss::Diverged);
    let before = before.map(|proof| Before { main: voter, incarnation: proof.replica });
    let intent =
        elect::intent(s, record, record.target, record.incarnation, before, Cause::Renewal);
    Verdict::Act(intent, Reason::VoterLostEarly { voter, loss })
}

/// E45. The voter cannot vote or is to go, or another instance is wanted in its place. Where it
/// still votes, open transactions are let finish first, as in a planned move.
pub(super) fn moves(s: &Situation<'_>) -> Verdict {
    let Some((record, main, voter)) = steady_with_voter(s) else { return Verdict::Pass };
    let Some(wish) = wish(s, record, &main, voter) else { return Verdict::Pass };
    let Some(to) = heir(s, record, &main, wish) else { return Verdict::Pass };
    let reason = match wish {
        Wish::Lost(loss) => Reason::VoterLost { voter, loss, to },
        Wish::Ordered(_) => Reason::VoteOrdered { voter, to },
        Wish::Preferred => Reason::VotePreferred { voter, to },
    };
    if counts(s, &main, voter)
        && switchover::drains_first(s)
        && let Err(not_yet) = switchover::drained(s, record, &main, &reason)
    {
        return not_yet;
    }
    let even = votes(s, &main, voter) && is_even(&main, voter);
    let before = elect::voter_before(s).filter(|_| even);
    let (id, life) = (main.at.id, main.at.incarnation);
    let intent = elect::intent(s, record, id, life, before, Cause::Renewal);
    Verdict::Act(intent, reason)
}

/// X20. The voter cannot vote, and nobody can take the vote: why writes stand still, or soon may.
pub(super) fn stays(s: &Situation<'_>) -> Verdict {
    let Some((record, main, voter)) = steady_with_voter(s) else { return Verdict::Pass };
    match lost(s, &main, voter) {
        Some(loss) if heir(s, record, &main, Wish::Lost(loss)).is_none() => {
            Verdict::Hold(Reason::NobodyToVote { voter, loss })
        }
        Some(_) | None => Verdict::Pass,
    }
}
