//! Prove replicas, commit, record. `ready` is a cache and no proof (MR 2.2): a replica's life is
//! proven by a registration or a commit of our own that began after that life was read.

use super::{Verdict, alone};
use crate::{
    action::Action,
    ids::{InstanceId, InstanceRef},
    observation::{Row, RowState, SyncMode},
    reading::Age,
    reason::Reason,
    record::{Member, Record, Stage},
    situation::{MainNow, Situation},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

/// V10. The reign may hold a commit from now on, so there is no way back any more.
pub(super) fn voter(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Withdrawn) else { return Verdict::Pass };
    let choice = s.voter_choice(&main);
    if alone::begins_alone(s, record, &main, choice) {
        let members = BTreeMap::new();
        let record = Record { stage: Stage::Attached, members, before: None, ..record.clone() };
        return Verdict::Act(vec![s.writes(record)], Reason::BeginsAlone(main.at.id));
    }
    let Some(choice) = choice else { return Verdict::Hold(Reason::NoVoter) };
    let row = main.rows.get(&choice);
    let votes = row.is_some_and(|row| row.mode == record.vote_mode());
    let proof = s.newly_proven(&main, choice).filter(|_| votes && s.registered(&main, choice));
    let Some(proof) = proof else {
        return Verdict::Hold(waits_for(&main, choice));
    };
    let members = BTreeMap::from([(choice, Member { votes: true, proof: Some(proof) })]);
    let record = Record { stage: Stage::Attached, members, before: None, ..record.clone() };
    Verdict::Act(vec![s.writes(record)], Reason::VoterProven(choice))
}

/// Replicas with a row, in their present lives.
fn attached(s: &Situation<'_>, main: &MainNow<'_>) -> Vec<InstanceRef> {
    s.others(main.at.id)
        .filter(|id| main.rows.contains_key(id))
        .filter_map(|id| s.replica(id))
        .collect()
}

/// A commit on which every voter can be counted now, and whoever else has a row that votes; one
/// that any of them would refuse proves nothing.
fn commit(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> Option<Action> {
    let can_vote =
        |id| s.is_replica(id) && main.rows.get(&id).is_some_and(|row| row.state == RowState::Ready);
    let votes = |row: &(&InstanceId, &Row)| row.1.mode != SyncMode::Async;
    let mut voting = main.rows.iter().filter(votes).map(|(id, _)| *id);
    let ready = record.names_votes() && record.voters().all(can_vote) && voting.all(can_vote);
    ready.then(|| Action::Commit {
        on: main.at,
        term: record.term,
        proves: attached(s, main),
        drained: s.is_fenced(),
    })
}

/// Whether the reign has a commit of ours that its voters acknowledged, or its main where it is alone.
fn has_commit(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> bool {
    let alone = record.is_alone() && s.own_commit(main).is_some();
    alone || record.voters().any(|id| s.committed(main, id))
}

/// V20. An epoch is durable with its first commit only (MR 3.3).
pub(super) fn first_commit(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Attached) else { return Verdict::Pass };
    if has_commit(s, record, &main) && !stays_behind(record, &main) {
        return Verdict::Pass;
    }
    match commit(s, record, &main) {
        Some(action) => Verdict::Act(vec![action], Reason::EpochNotDurable),
        None => Verdict::Hold(voter_waits(record, &main)),
    }
}

/// A voter that stays behind an acknowledged commit missed its second phase; another commit
/// exposes that, and repairs it (MR 4.3).
fn stays_behind(record: &Record, main: &MainNow<'_>) -> bool {
    record
        .voters()
        .any(|id| main.rows.get(&id).is_some_and(|row| row.behind < 0 && row.still != Age::Fresh))
}

/// How the main finds a voter that is waited for.
fn waits_for(main: &MainNow<'_>, voter: InstanceId) -> Reason {
    let row = main.rows.get(&voter);
    let state = row.map(|row| row.state.clone());
    Reason::VoterWaits { voter, state, behind: row.map_or(0, |row| row.behind) }
}

/// The same of the recorded voter.
pub(super) fn voter_waits(record: &Record, main: &MainNow<'_>) -> Reason {
    record.voters().next().map_or(Reason::NoVoter, |voter| waits_for(main, voter))
}

/// V30. Voters acknowledged the first commit, in lives that read the same before and after.
pub(super) fn steady(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Attached) else { return Verdict::Pass };
    if !has_commit(s, record, &main) || stays_behind(record, &main) {
        return Verdict::Pass;
    }
    let proven = |id: InstanceId| s.newly_proven(&main, id).filter(|_| s.committed(&main, id));
    if !record.voters().all(|id| proven(id).is_some()) {
        return Verdict::Hold(voter_waits(record, &main));
    }
    let mut record = Record { stage: Stage::Steady, before: None, ..record.clone() };
    record.members = members(s, &record, &main);
    record.former = record.former.difference(&seen_as_replicas(s, &record)).copied().collect();
    Verdict::Act(vec![s.writes(record)], Reason::FirstCommitDone)
}

/// The former mains that are replicas now. Whoever is to begin with other data is yet to be seen with it.
fn seen_as_replicas(s: &Situation<'_>, record: &Record) -> BTreeSet<InstanceId> {
    let replica = |id: &InstanceId| s.replica(*id).is_some_and(|at| !record.resets(at));
    record.former.iter().copied().filter(replica).collect()
}

/// The members of a record with the proofs of this moment.
fn members(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> BTreeMap<InstanceId, Member> {
    let mut members = record.members.clone();
    for id in s.others(main.at.id) {
        if let Some(proof) = s.newly_proven(main, id) {
            let votes = record.is_voter(id);
            members.insert(id, Member { votes, proof: Some(proof) });
        }
    }
    members
}

/// V40. Proofs and former mains are durable facts: the next leader counts on them.
pub(super) fn record_proofs(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Steady) else { return Verdict::Pass };
    let unrecorded =
        |id: &InstanceId| s.newly_proven(&main, *id).is_some() && s.proof(*id).is_none();
    let proven: BTreeSet<_> = s.others(main.at.id).filter(unrecorded).collect();
    let seen = seen_as_replicas(s, record);
    if proven.is_empty() && seen.is_empty() {
        return Verdict::Pass;
    }
    let mut record = record.clone();
    record.former.retain(|id| !seen.contains(id));
    record.members = members(s, &record, &main);
    let reason = if proven.is_empty() {
        Reason::FormerMainsSeen(seen)
    } else {
        Reason::ReplicasProven(proven)
    };
    Verdict::Act(vec![s.writes(record)], reason)
}

/// Whether a commit would tell, or mend, what `id` is: a ready one that is not proven, or one that
/// was left in the middle of a transaction that was aborted.
fn needs_commit(s: &Situation<'_>, main: &MainNow<'_>, id: InstanceId) -> bool {
    let Some(row) = main.rows.get(&id) else { return false };
    let tried = s.committed(main, id) && row.still == Age::Fresh;
    let unproven = s.proof(id).is_none() && s.newly_proven(main, id).is_none();
    match row.state {
        RowState::Ready => unproven && !tried,
        RowState::Replicating => row.since != Age::Fresh,
        RowState::Recovery
        | RowState::Invalid
        | RowState::Diverged
        | RowState::Phantom
        | RowState::Unrecognized(_) => false,
    }
}

/// V50. A replica that lost its tail shows `ready` for ever in quiet times; a commit exposes it.
pub(super) fn by_commit(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = s.reigning(Stage::Steady) else { return Verdict::Pass };
    let counts = |id: &InstanceId| s.replica(*id).is_some_and(|at| !record.resets(at));
    let unproven: BTreeSet<_> =
        s.others(main.at.id).filter(|id| counts(id) && needs_commit(s, &main, *id)).collect();
    if unproven.is_empty() {
        return Verdict::Pass;
    }
    match commit(s, record, &main) {
        Some(action) => Verdict::Act(vec![action], Reason::ReplicasUnproven(unproven)),
        None => Verdict::Pass,
    }
}
