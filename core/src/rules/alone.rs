//! `durability: fast`: a main that goes on without anybody's vote, and how it gets one back. Between
//! the two it says that nothing it commits need be anywhere else, and nobody takes over from it.

use super::{Verdict, elect, switchover, vote};
use crate::{
    desired::Durability,
    ids::InstanceId,
    observation::Registration,
    reason::{Reason, VoteLoss},
    record::{Cause, Member, Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::vec;

/// A steady reign without a vote, of a main that is proven and may go on.
fn reigning_alone<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>)> {
    let record = s.in_stage(Stage::Steady).filter(|record| record.is_alone())?;
    s.proven_main().filter(|main| !record.resets(main.at)).map(|main| (record, main))
}

/// E46. The voter is lost and nobody can vote in its place. That is recorded before its row goes, so
/// that whoever leads next promotes nobody on the strength of a vote that was not asked for.
pub(super) fn goes_on(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady).filter(|it| it.durability == Durability::Fast)
    else {
        return Verdict::Pass;
    };
    let Some((voter, loss)) = vote::lost_for_good(s) else { return Verdict::Pass };
    let mut record = record.clone();
    record.members.insert(voter, Member { votes: false, proof: None });
    Verdict::Act(vec![s.writes(record)], Reason::GoesAlone { voter, loss })
}

/// E47. A main that goes on alone gets a voter as soon as one is proven and keeps up, in a term of its
/// own. Nobody else has what it committed, so there is no way back.
pub(super) fn ends(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = reigning_alone(s) else { return Verdict::Pass };
    let Some(to) = vote::successor(s, record, &main) else { return Verdict::Pass };
    begins(s, record, &main, Reason::VoteRestored(to))
}

/// E48. Another promise is wanted than this reign keeps: the next one keeps it. A reign that waits
/// for votes begins only with somebody who can vote.
pub(super) fn changes(s: &Situation<'_>) -> Verdict {
    let wanted = s.obs.desired.durability;
    let Some(record) = s.in_stage(Stage::Steady).filter(|it| it.durability != wanted) else {
        return Verdict::Pass;
    };
    let Some(main) = s.proven_main().filter(|main| !record.resets(main.at)) else {
        return Verdict::Pass;
    };
    let may_begin = match wanted {
        Durability::Fast => vote::has_vote(s) || vote::lost_for_good(s).is_some(),
        Durability::Required => vote::has_vote(s),
    };
    if !may_begin {
        return Verdict::Pass;
    }
    begins(s, record, &main, Reason::DurabilityWanted(wanted))
}

fn begins(s: &Situation<'_>, record: &Record, main: &MainNow<'_>, reason: Reason) -> Verdict {
    if switchover::drains_first(s)
        && let Err(not_yet) = switchover::drained(s, record, main, &reason)
    {
        return not_yet;
    }
    let before = elect::voter_before(s).filter(|before| vote::is_even(main, before.main));
    let (id, life) = (main.at.id, main.at.incarnation);
    Verdict::Act(elect::intent(s, record, id, life, before, Cause::Renewal), reason)
}

/// Whether a new reign begins without a vote: nobody answers who could give one or may answer yet, or
/// whoever could was asked twice in vain.
pub(super) fn begins_alone(
    s: &Situation<'_>,
    record: &Record,
    main: &MainNow<'_>,
    choice: Option<InstanceId>,
) -> bool {
    let in_vain = |id| {
        s.registers_in_vain(main, id) && s.tried(main, id).is_some_and(Registration::was_repeated)
    };
    let nobody_comes = s.others(main.at.id).all(|id| !s.may_answer_yet(id));
    record.durability == Durability::Fast && choice.map_or(nobody_comes, in_vain)
}

/// X15. What a main that goes on alone commits may be lost with it.
pub(super) fn unprotected(s: &Situation<'_>) -> Verdict {
    match s.record {
        Some(record) if record.is_alone() && record.stage == Stage::Steady => {
            Verdict::Hold(Reason::Unprotected(record.target))
        }
        Some(_) | None => Verdict::Pass,
    }
}

/// Whether a voter that is lost in this way may still give its vote.
pub(super) const fn still_votes(loss: VoteLoss) -> bool {
    matches!(loss, VoteLoss::Leaves | VoteLoss::BeginsAnew | VoteLoss::Unsupported)
}
