//! Wrong decisions about the vote: when it moves, from whom, and what has to come first.

use super::{Mutant, judged_by, really, really_of, unless, without, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::{ClusterObservation, Route},
    plan::Plan,
    reason::{Reason, VoteLoss},
    record::{Cause, Member, Record, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::{MainNow, Situation},
};

/// The mutants of this file.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "never-moves-the-vote",
        what: "a voter that is lost comes back some day, and is waited for",
        decide: never_moves_the_vote,
    },
    Mutant {
        name: "waits-for-a-lost-voter",
        what: "a reign that has begun with a voter is finished with that one or not at all",
        decide: waits_for_a_lost_voter,
    },
    Mutant {
        name: "waits-for-who-is-gone",
        what: "whoever does not answer may still vote, so that no data is set aside before it said so",
        decide: waits_for_who_is_gone,
    },
    Mutant {
        name: "minds-nobodys-word",
        what: "where nobody is proven it waits, whatever a person says",
        decide: minds_nobodys_word,
    },
    Mutant {
        name: "adopts-nobody",
        what: "where there is no record and there is data, a person must say who is main",
        decide: adopts_nobody,
    },
    Mutant {
        name: "leaves-the-vote-with-who-leaves",
        what: "a voter votes until it is gone, marked for deletion or not",
        decide: leaves_the_vote_with_who_leaves,
    },
    Mutant {
        name: "tells-nothing-of-a-lost-vote",
        what: "where nobody can take the vote there is nothing to do, hence nothing to say",
        decide: tells_nothing_of_a_lost_vote,
    },
    Mutant {
        name: "moves-the-vote-of-an-unproven-main",
        what: "a main that restarted while its voter is away takes another voter and goes on",
        decide: moves_the_vote_of_an_unproven_main,
    },
    Mutant {
        name: "records-a-voter-that-does-not-vote",
        what: "the record names the new voter first, its registration follows",
        decide: records_a_voter_that_does_not_vote,
    },
    Mutant {
        name: "returns-the-vote-unproven",
        what: "the vote goes back as soon as one of the preferred pair answers",
        decide: returns_the_vote_unproven,
    },
];

fn never_moves_the_vote(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E45], &[])
}

fn waits_for_a_lost_voter(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E43], &[])
}

fn minds_nobodys_word(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E05], &[])
}

fn adopts_nobody(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::B30], &[])
}

fn waits_for_who_is_gone(observation: &ClusterObservation) -> Plan {
    fn waits(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let begins = s.in_stage(Stage::Withdrawn).is_some();
        let all_answer = s.obs.instances.keys().all(|id| s.answer(*id).is_some());
        let usual = really_of(RuleId::A40, s, id);
        if begins && !all_answer && matches!(usual, Verdict::Act(..)) {
            return Verdict::Hold(Reason::ResetWaits(id));
        }
        usual
    }
    judged_by(observation, &[(RuleId::A40, Judge::Each(waits))], &[])
}

fn leaves_the_vote_with_who_leaves(observation: &ClusterObservation) -> Plan {
    fn stays(s: &Situation<'_>) -> Verdict {
        let leaves =
            |reason: &Reason| matches!(reason, Reason::VoterLost { loss: VoteLoss::Leaves, .. });
        unless(really(RuleId::E45, s), leaves)
    }
    judged_by(observation, &[(RuleId::E45, Judge::Once(stays))], &[])
}

fn tells_nothing_of_a_lost_vote(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::X20], &[])
}

/// An intent with the same main, in the life that answers.
fn renewal(s: &Situation<'_>, record: &Record, main: &MainNow<'_>) -> Vec<Action> {
    let record = Record {
        term: record.term.next(),
        stage: Stage::Intent,
        cause: Cause::Renewal,
        incarnation: main.at.incarnation,
        members: [].into(),
        before: None,
        ..record.clone()
    };
    let write = write(s, record);
    match s.obs.route.handed_out {
        Route::Closed => vec![write],
        Route::Open { .. } | Route::Draining { .. } => vec![Action::SetRoute(Route::Closed), write],
    }
}

/// E35, where the voter is away beyond patience and another replica is there.
fn take_another(s: &Situation<'_>) -> Verdict {
    let usual = || really(RuleId::E35, s);
    let Verdict::Hold(_) = usual() else { return usual() };
    let Some((record, voter)) = s.record.zip(s.record.and_then(|record| record.voters().next()))
    else {
        return usual();
    };
    let Some(main) = s.main(record.target) else { return usual() };
    let other = s.others(record.target).find(|id| *id != voter && s.is_replica(*id));
    let Some(to) = other.filter(|_| s.answer(voter).is_none() && !s.may_answer_yet(voter)) else {
        return usual();
    };
    let loss = VoteLoss::Unreached;
    Verdict::Act(renewal(s, record, &main), Reason::VoterLost { voter, loss, to })
}

fn moves_the_vote_of_an_unproven_main(observation: &ClusterObservation) -> Plan {
    let judges = [(RuleId::E35, Judge::Once(take_another))];
    judged_by(observation, &judges, &[GuardId::CandidateIsProven])
}

/// E45 for a voter that is lost, by one write.
fn name_it_first(s: &Situation<'_>) -> Verdict {
    let usual = really(RuleId::E45, s);
    let Verdict::Act(_, Reason::VoterLost { voter, loss, to }) = usual else { return usual };
    let Some(record) = s.record else { return usual };
    let mut record = record.clone();
    record.members.remove(&voter);
    let proof = record.proof(to).copied();
    record.members.insert(to, Member { votes: true, proof });
    Verdict::Act(vec![write(s, record)], Reason::VoterLost { voter, loss, to })
}

fn records_a_voter_that_does_not_vote(observation: &ClusterObservation) -> Plan {
    let judges = [(RuleId::E45, Judge::Once(name_it_first))];
    judged_by(observation, &judges, &[GuardId::StagesAreEarned])
}

/// E45, and the wish of the pair whether anybody of it is proven or not.
fn return_at_once(s: &Situation<'_>) -> Verdict {
    let usual = really(RuleId::E45, s);
    let steady = s.record.filter(|record| record.stage == Stage::Steady);
    let (Verdict::Pass, Some((record, main))) = (&usual, steady.zip(s.proven_main())) else {
        return usual;
    };
    let Some(voter) = s
        .record
        .and_then(|record| record.voters().next())
        .filter(|id| id.0 > 1 && s.obs.desired.vote_returns)
    else {
        return usual;
    };
    let pair = |id: &InstanceId| id.0 <= 1 && s.is_replica(*id);
    match s.others(record.target).find(pair) {
        Some(to) => Verdict::Act(renewal(s, record, &main), Reason::VotePreferred { voter, to }),
        None => usual,
    }
}

fn returns_the_vote_unproven(observation: &ClusterObservation) -> Plan {
    judged_by(observation, &[(RuleId::E45, Judge::Once(return_at_once))], &[])
}
