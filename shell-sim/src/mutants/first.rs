//! Mutants around the loss of a main and around a leader that dies half-way. Each is the decision
//! with one belief that looks right; it knows nothing of the schedules that expose it.

use super::{Mutant, judged_by, really, really_of, rewritten, without, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::{InstanceId, InstanceRef},
    observation::{ClusterObservation, Route},
    plan::Plan,
    reason::{Loss, Reason},
    record::{Before, Cause, Record, Reset, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};
use std::collections::BTreeMap;

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    mutant("keeps-the-term", "a failover names the new main in the old term", keeps_the_term),
    mutant("resets-every-old-main", "an old main is taken for diverged because it was main", resets_every_old_main),
    mutant("waits-for-the-crashed-main", "a process that ended is expected to come back, however long it takes", waits_for_the_crashed_main),
    mutant("retries-the-diverged-for-ever", "a replica that branched off is registered again and again", retries_the_diverged),
    mutant("minds-no-lagging-voter", "a voter that shows as ready keeps its proof whatever it misses", minds_no_lagging_voter),
    mutant("promotes-any-replica", "a failover takes the last replica that answers, voter or not", promotes_any_replica),
    mutant("promotes-without-a-voter", "where main and voter are gone, whoever is left is promoted", promotes_without_a_voter),
    mutant("opens-unheard", "a main that came back is routed to before its voter was heard", opens_unheard),
    mutant("waits-for-every-replica", "a failover waits until every replica answers", waits_for_every_replica),
    mutant("undoes-what-another-began", "a new leader goes back to the main before the move that it finds", undoes_what_another_began),
    mutant("promotes-before-it-records", "the record names the new main only after its promotion", promotes_before_it_records),
    mutant("finishes-only-what-it-began", "a leader that registered nobody yet in its life leaves the unregistered alone", finishes_only_what_it_began),
    mutant("drops-under-an-open-route", "a stuck voter's row is dropped while writes are forwarded", drops_under_an_open_route),
];

const fn mutant(
    name: &'static str,
    what: &'static str,
    decide: fn(&ClusterObservation) -> Plan,
) -> Mutant {
    Mutant { name, what, decide }
}

/// Closes the route and names another main in a new term.
fn named(
    s: &Situation<'_>,
    old: &Record,
    at: InstanceRef,
    before: Option<Before>,
    cause: Cause,
) -> Vec<Action> {
    let mut former = old.former.clone();
    former.remove(&at.id);
    former.insert(old.target);
    let record = Record {
        term: old.term.next(),
        stage: Stage::Intent,
        cause,
        target: at.id,
        incarnation: at.incarnation,
        members: BTreeMap::new(),
        before,
        former,
        ..old.clone()
    };
    let write =
        Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false };
    vec![Action::SetRoute(Route::Closed), write]
}

fn keeps_the_term(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let term = s.record.map(|record| record.term);
        rewritten(really(RuleId::E10, s), |record| Record {
            term: term.unwrap_or(record.term),
            ..record
        })
    }
    judged_by(observation, &[(RuleId::E10, Judge::Once(judge))], &[GuardId::TermsRise])
}

fn resets_every_old_main(observation: &ClusterObservation) -> Plan {
    fn suspects(s: &Situation<'_>, id: InstanceId) -> bool {
        s.record.is_some_and(|record| record.stage == Stage::Steady && record.former.contains(&id))
    }
    fn register(s: &Situation<'_>, id: InstanceId) -> Verdict {
        if suspects(s, id) { Verdict::Pass } else { really_of(RuleId::A30, s, id) }
    }
    fn diverged(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let suspect = s.replica(id).filter(|at| suspects(s, id) && !s.resets(*at));
        let (Some(record), Some(_), Some(at)) = (s.record, s.proven_main(), suspect) else {
            return really_of(RuleId::A40, s, id);
        };
        let mut record = record.clone();
        let reset =
            Reset { volume: at.incarnation.volume, term: record.term, by: None, restores: None };
        if record.resets.insert(id, reset).is_some() {
            return Verdict::Pass;
        }
        record.members.remove(&id);
        let (expected, record) = (s.version, Box::new(record));
        let write = Action::WriteRecord { expected, record, reads_target: false };
        Verdict::Act(vec![write], Reason::Branched(id))
    }
    fn proofs(s: &Situation<'_>) -> Verdict {
        let Some(old) = s.record else { return Verdict::Pass };
        let former = |record| Record { former: old.former.clone(), ..record };
        let verdict = rewritten(really(RuleId::V40, s), former);
        let idle = matches!(verdict, Verdict::Act(_, Reason::FormerMainsSeen(_)));
        if idle { Verdict::Pass } else { verdict }
    }
    let judges = [
        (RuleId::A30, Judge::Each(register)),
        (RuleId::A40, Judge::Each(diverged)),
        (RuleId::V40, Judge::Once(proofs)),
    ];
    judged_by(observation, &judges, &[GuardId::ResetsAreEarned])
}

fn waits_for_the_crashed_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        match s.record.and_then(|record| s.loss(record.target, record.incarnation)) {
            Some(Loss::Closed | Loss::Terminated) => Verdict::Pass,
            Some(Loss::PodGone | Loss::PodReplaced | Loss::Silent(_)) | None => {
                really(RuleId::E10, s)
            }
        }
    }
    judged_by(observation, &[(RuleId::E10, Judge::Once(judge))], &[])
}

fn retries_the_diverged(observation: &ClusterObservation) -> Plan {
    let mut forgetful = observation.clone();
    for made in forgetful.memory.registered.values_mut() {
        made.branched = 0;
    }
    without(&forgetful, &[RuleId::A40], &[])
}

fn minds_no_lagging_voter(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::F45], &[])
}

/// A lost main's place, taken by the last replica that answers.
fn anybody(s: &Situation<'_>) -> Option<Verdict> {
    let record = s.record.filter(|record| record.stage == Stage::Steady)?;
    let loss = s.loss(record.target, record.incarnation)?;
    let at = s.others(record.target).filter_map(|id| s.replica(id)).last()?;
    let actions = named(s, record, at, None, Cause::Failover);
    Some(Verdict::Act(actions, Reason::MainLost { main: record.target, loss, candidate: at.id }))
}

fn promotes_any_replica(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        anybody(s).unwrap_or(Verdict::Pass)
    }
    let judges = [(RuleId::E10, Judge::Once(judge))];
    judged_by(observation, &judges, &[GuardId::CandidateIsProven])
}

fn promotes_without_a_voter(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        anybody(s).unwrap_or_else(|| really(RuleId::E15, s))
    }
    let judges = [(RuleId::E15, Judge::Once(judge))];
    judged_by(observation, &judges, &[GuardId::CandidateIsProven])
}

/// A main that came back is the main, whatever its voter says.
pub(super) fn accept_unheard(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady) else { return Verdict::Pass };
    let Some(main) = s.main(record.target) else { return Verdict::Pass };
    if main.at.incarnation == record.incarnation {
        return Verdict::Pass;
    }
    let Some(voter) = record.voters().next() else { return Verdict::Pass };
    let record = Record { incarnation: main.at.incarnation, ..record.clone() };
    Verdict::Act(vec![write(s, record)], Reason::VoterConfirms { main: main.at.id, voter })
}

/// The route to it opens at once.
pub(super) fn open_unheard(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.in_stage(Stage::Steady) else { return Verdict::Pass };
    let (Some(main), Some(voter)) = (s.proven_main(), record.voters().next()) else {
        return Verdict::Pass;
    };
    let route = Route::Open { term: record.term, main: main.at };
    if s.obs.route.handed_out == route {
        return Verdict::Pass;
    }
    let reason = Reason::RouteProven { main: main.at.id, voter };
    Verdict::Act(vec![Action::SetRoute(route)], reason)
}

/// A rule that never speaks.
pub(super) const fn silent(_: &Situation<'_>) -> Verdict {
    Verdict::Pass
}

fn opens_unheard(observation: &ClusterObservation) -> Plan {
    let judges = [
        (RuleId::E35, Judge::Once(silent)),
        (RuleId::E40, Judge::Once(accept_unheard)),
        (RuleId::R10, Judge::Once(open_unheard)),
    ];
    judged_by(observation, &judges, &[GuardId::StagesAreEarned, GuardId::RouteIsProven])
}

fn waits_for_every_replica(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let Some(record) = s.record else { return Verdict::Pass };
        if s.others(record.target).all(|id| s.is_replica(id)) {
            really(RuleId::E10, s)
        } else {
            Verdict::Pass
        }
    }
    judged_by(observation, &[(RuleId::E10, Judge::Once(judge))], &[])
}

/// Whether this process has done nothing yet that it would remember.
fn is_new(s: &Situation<'_>) -> bool {
    s.obs.memory.registered.is_empty()
}

fn undoes_what_another_began(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let begun = |record: &&Record| {
            matches!(record.stage, Stage::Intent | Stage::Withdrawn)
                && record.cause == Cause::Failover
        };
        // What a leader that is new does before anything else.
        let confirms = really(RuleId::T60, s);
        let Some(record) = s.record.filter(begun).filter(|_| confirms != Verdict::Pass) else {
            return confirms;
        };
        let Some(Before { main, incarnation }) = record.before else { return confirms };
        let back = InstanceRef { id: main, incarnation };
        let actions = named(s, record, back, None, Cause::Return);
        let why = ha_core::reason::Unfit::NoVoter;
        Verdict::Act(actions, Reason::WayBack { target: record.target, to: main, why })
    }
    let judges = [(RuleId::T60, Judge::Once(judge))];
    judged_by(observation, &judges, &[GuardId::CandidateIsProven])
}

fn promotes_before_it_records(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let Some(term) = s.record.map(|record| record.term) else { return Verdict::Pass };
        let verdict = rewritten(really(RuleId::E10, s), |record| Record {
            stage: Stage::Withdrawn,
            ..record
        });
        let Verdict::Act(mut actions, reason) = verdict else { return verdict };
        if let Some(Action::WriteRecord { record, .. }) = actions.last() {
            let on = InstanceRef { id: record.target, incarnation: record.incarnation };
            actions.insert(actions.len() - 1, Action::Promote { on, term });
        }
        Verdict::Act(actions, reason)
    }
    let judges = [(RuleId::E10, Judge::Once(judge))];
    let guards = [
        GuardId::TermsRise,
        GuardId::StagesAreEarned,
        GuardId::PastIsKept,
        GuardId::PromoteIsFenced,
    ];
    judged_by(observation, &judges, &guards)
}

fn finishes_only_what_it_began(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let steady = s.record.is_some_and(|record| record.stage == Stage::Steady);
        if steady && is_new(s) { Verdict::Pass } else { really_of(RuleId::A30, s, id) }
    }
    judged_by(observation, &[(RuleId::A30, Judge::Each(judge))], &[])
}

fn drops_under_an_open_route(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let verdict = really_of(RuleId::A20, s, id);
        let (Some(record), Some(main)) = (s.record, s.proven_main()) else { return verdict };
        let drop = Action::Drop { on: main.at, replica: id, term: record.term };
        match verdict {
            Verdict::Act(actions, reason) if actions == [Action::SetRoute(Route::Closed)] => {
                Verdict::Act(vec![drop], reason)
            }
            Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_) | Verdict::Act(..) => verdict,
        }
    }
    judged_by(observation, &[(RuleId::A20, Judge::Each(judge))], &[GuardId::VoterIsKept])
}
