//! Wrong decisions about votes and proofs: who may be left out, and what shows that a replica has
//! everything. Each is the decision with one belief, held wherever it applies.

use super::{Mutant, judged_by, really, really_of, record_of, rewritten, unless, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::{
        ClusterObservation, RegisterResult, Registration, Route, Row, RowState, SyncMode, Witness,
    },
    plan::Plan,
    reason::Reason,
    record::{Member, Record, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::{MainNow, Situation},
};

/// The mutants of this file.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "drops-an-unhealthy-voter",
        what: "a voter that is out of reach loses its row and its vote while writes go on",
        decide: drops_an_unhealthy_voter,
    },
    Mutant {
        name: "registers-an-unproven-voter-anew",
        what: "a restarted voter is dropped and registered again while writes go on",
        decide: registers_an_unproven_voter_anew,
    },
    Mutant {
        name: "takes-ready-for-proof",
        what: "a replica that shows as ready and not behind is complete, whatever life it is in",
        decide: takes_ready_for_proof,
    },
    Mutant {
        name: "takes-a-clients-commit-for-proof",
        what: "while clients are answered, a voter that shows as even took part in their commits",
        decide: takes_a_clients_commit_for_proof,
    },
    Mutant {
        name: "keeps-proofs-past-a-foreign-main",
        what: "proofs stand although another instance was main, by nobody's order, in between",
        decide: keeps_proofs_past_a_foreign_main,
    },
    Mutant {
        name: "ends-proofs-with-the-main",
        what: "a proof holds only while both live, so the voter of a lost main is no candidate",
        decide: ends_proofs_with_the_main,
    },
    Mutant {
        name: "settles-on-unproven-replicas",
        what: "only the voter needs a proof; the others are settled once they show as ready",
        decide: settles_on_unproven_replicas,
    },
];

/// A steady reign and its main.
fn reign<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>)> {
    let record = s.in_stage(Stage::Steady)?;
    s.proven_main().map(|main| (record, main))
}

fn has_no_voter(s: &Situation<'_>) -> bool {
    s.in_stage(Stage::Steady).is_some_and(|record| record.voters().next().is_none())
}

fn drops_an_unhealthy_voter(observation: &ClusterObservation) -> Plan {
    let judges = [
        (RuleId::F10, Judge::Once(withdraw_unless_alone)),
        (RuleId::A20, Judge::Each(drop_unhealthy)),
        (RuleId::V40, Judge::Once(give_the_vote_back)),
        (RuleId::R10, Judge::Once(open_alone)),
    ];
    let guards = [GuardId::VoterIsKept, GuardId::StagesAreEarned, GuardId::RouteIsProven];
    judged_by(observation, &judges, &guards)
}

fn drop_unhealthy(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = reign(s) else { return really_of(RuleId::A20, s, id) };
    let out_of_reach = main.rows.get(&id).is_some_and(|row| {
        row.state == RowState::Invalid || (s.answer(id).is_none() && !s.may_answer_yet(id))
    });
    if !record.is_voter(id) || !out_of_reach {
        return really_of(RuleId::A20, s, id);
    }
    let drop = Action::Drop { on: main.at, replica: id, term: record.term };
    let mut record = record.clone();
    record.members.remove(&id);
    Verdict::Act(vec![drop, write(s, record)], Reason::StuckInvalid(id))
}

/// Nobody votes by decision: that is no reason to stop writes.
fn withdraw_unless_alone(s: &Situation<'_>) -> Verdict {
    let alone = has_no_voter(s);
    unless(really(RuleId::F10, s), |why| alone && matches!(why, Reason::VoterRowUnsound(_)))
}

fn open_alone(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = reign(s).filter(|_| has_no_voter(s)) else {
        return really(RuleId::R10, s);
    };
    if s.obs.route.handed_out != Route::Closed {
        return Verdict::Pass;
    }
    let open = Action::SetRoute(Route::Open { term: record.term, main: main.at });
    let reason = Reason::RouteProven { main: main.at.id, voter: main.at.id };
    Verdict::Act(vec![open], reason)
}

fn give_the_vote_back(s: &Situation<'_>) -> Verdict {
    let Some((record, main)) = reign(s).filter(|_| has_no_voter(s)) else {
        return really(RuleId::V40, s);
    };
    let even = |id: &InstanceId| s.is_replica(*id) && main.rows.get(id).is_some_and(Row::is_even);
    let Some(id) = s.others(main.at.id).find(even) else { return really(RuleId::V40, s) };
    let mut record = record.clone();
    record.members.insert(id, Member { votes: true, proof: None });
    Verdict::Act(vec![write(s, record)], Reason::VoterProven(id))
}

fn registers_an_unproven_voter_anew(observation: &ClusterObservation) -> Plan {
    fn commit(s: &Situation<'_>) -> Verdict {
        let unproven = |id: &InstanceId| is_unproven_voter(s, *id);
        unless(
            really(RuleId::V50, s),
            |why| matches!(why, Reason::ReplicasUnproven(ids) if ids.iter().any(unproven)),
        )
    }
    let judges = [(RuleId::A20, Judge::Each(register_anew)), (RuleId::V50, Judge::Once(commit))];
    let guards = [GuardId::VoterIsKept, GuardId::TargetAloneRegisters];
    judged_by(observation, &judges, &guards)
}

fn is_unproven_voter(s: &Situation<'_>, id: InstanceId) -> bool {
    reign(s).is_some_and(|(record, main)| {
        record.is_voter(id) && s.is_replica(id) && s.proof(id).is_none() && !s.registered(&main, id)
    })
}

fn register_anew(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let usual = || really_of(RuleId::A20, s, id);
    let Some((record, main)) = reign(s).filter(|_| is_unproven_voter(s, id)) else {
        return usual();
    };
    let Some(replica) = s.replica(id).filter(|_| main.rows.contains_key(&id)) else {
        return usual();
    };
    let (on, term, mode) = (main.at, record.term, SyncMode::StrictSync);
    let drop = Action::Drop { on, replica: id, term };
    let register = Action::Register { on, replica, mode, term };
    Verdict::Act(vec![drop, register], Reason::UnprovenRow(id))
}

/// The decision in the belief that each replica whose row convinces was registered by this process
/// in the lives that answer now.
pub(super) fn convinced(
    observation: &ClusterObservation,
    convinces: impl Fn(&Situation<'_>, InstanceId, &Row) -> bool,
) -> Plan {
    let s = Situation::of(observation);
    let mut believed = observation.clone();
    if let (Some(record), Some(main)) = (s.record, s.proven_main()) {
        for (id, row) in main.rows {
            let Some(replica) = s.replica(*id).filter(|_| convinces(&s, *id, row)) else {
                continue;
            };
            let made = Registration {
                term: record.term,
                main: main.at.incarnation,
                replica: replica.incarnation,
                result: RegisterResult::Done,
                attempts: 1,
                branched: 0,
            };
            believed.memory.registered.insert(*id, made);
        }
    }
    ha_core::plan(&believed)
}

fn takes_ready_for_proof(observation: &ClusterObservation) -> Plan {
    convinced(observation, |_, _, row| row.is_even())
}

fn takes_a_clients_commit_for_proof(observation: &ClusterObservation) -> Plan {
    convinced(observation, |s, id, row| {
        let votes = s.in_stage(Stage::Steady).is_some_and(|record| record.is_voter(id));
        let answered = s.obs.route.witness == Witness::Hears;
        votes && answered && row.mode == SyncMode::StrictSync && row.is_even()
    })
}

fn keeps_proofs_past_a_foreign_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let members = s.record.map(|record| record.members.clone()).unwrap_or_default();
        rewritten(really(RuleId::F50, s), |record| Record { members: members.clone(), ..record })
    }
    judged_by(observation, &[(RuleId::F50, Judge::Once(judge))], &[])
}

fn ends_proofs_with_the_main(observation: &ClusterObservation) -> Plan {
    let s = Situation::of(observation);
    let life = s.proven_main().map(|main| main.at.incarnation);
    let mut believed = observation.clone();
    if let Some(record) = record_of(&mut believed) {
        for member in record.members.values_mut() {
            member.proof = member.proof.filter(|proof| Some(proof.main) == life);
        }
    }
    ha_core::plan(&believed)
}

fn settles_on_unproven_replicas(observation: &ClusterObservation) -> Plan {
    fn commit(s: &Situation<'_>) -> Verdict {
        let needs = |id: &InstanceId| {
            let votes = s.record.is_some_and(|record| record.is_voter(*id));
            votes || !shows_as_even(s, *id)
        };
        unless(
            really(RuleId::V50, s),
            |why| matches!(why, Reason::ReplicasUnproven(ids) if !ids.iter().any(needs)),
        )
    }
    fn report(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let votes = s.record.is_some_and(|record| record.is_voter(id));
        if !votes && shows_as_even(s, id) {
            return Verdict::Pass;
        }
        really_of(RuleId::X10, s, id)
    }
    let judges = [(RuleId::V50, Judge::Once(commit)), (RuleId::X10, Judge::Each(report))];
    judged_by(observation, &judges, &[])
}

fn shows_as_even(s: &Situation<'_>, id: InstanceId) -> bool {
    reign(s).is_some_and(|(_, main)| main.rows.get(&id).is_some_and(Row::is_even))
}
