//! Wrong decisions about who leads, what a reading proves, and when a route may open or a promotion
//! be sent. Each knows one mistake and nothing of the schedule that meets it.

use super::{Mutant, turned, without};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceRef,
    observation::{
        ClusterObservation, Contact, RegisterResult, RoleView, Route, RowState, StoredRecord,
        SyncMode,
    },
    plan::Plan,
    reading::{Age, Reading},
    reason::{Reason, Unfit},
    record::{Before, Cause, Record, Stage},
    rules::{Judge, Rule, RuleId, Verdict},
    situation::Situation,
};
use std::collections::BTreeMap;

/// The mutants of this file.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "leaves-a-foreign-main-alone",
        what: "an instance that a late command made main keeps its role, and every proof stands",
        decide: leaves_a_foreign_main_alone,
    },
    Mutant {
        name: "believes-a-running-pod",
        what: "a silent instance whose pod is listed as running counts as answering as before",
        decide: believes_a_running_pod,
    },
    Mutant {
        name: "sees-no-missed-restart",
        what: "the main is taken for the life that the record names, for no event said otherwise",
        decide: sees_no_missed_restart,
    },
    Mutant {
        name: "takes-the-old-main-back",
        what: "an old main that returns as main is the main again",
        decide: takes_the_old_main_back,
    },
    Mutant {
        name: "takes-the-voter-for-complete",
        what: "the recorded voter is promoted although its proof was withdrawn",
        decide: takes_the_voter_for_complete,
    },
    Mutant {
        name: "takes-no-data-info-for-ready",
        what: "a row without data_info counts as ready and not behind",
        decide: takes_no_data_info_for_ready,
    },
    Mutant {
        name: "takes-unreachable-for-diverged",
        what: "a registration that failed by the network counts as one refused for its history",
        decide: takes_unreachable_for_diverged,
    },
    Mutant {
        name: "takes-ready-for-confirmation",
        what: "a main that comes back is proven by a ready voter, whatever that one has more",
        decide: takes_ready_for_confirmation,
    },
    Mutant {
        name: "opens-on-any-engine",
        what: "the route opens whatever the engine's version and settings are",
        decide: opens_on_any_engine,
    },
    Mutant {
        name: "promotes-before-revoking",
        what: "the route is withdrawn after the promotion instead of before it",
        decide: promotes_before_revoking,
    },
];

/// The decision with some rules judged by another function.
fn rejudged(
    observation: &ClusterObservation,
    judges: &[(RuleId, Judge)],
    rules: &[RuleId],
    guards: &[GuardId],
) -> Plan {
    let turn = |rule: &Rule| {
        let judge = judges.iter().find(|(id, _)| *id == rule.id).map_or(rule.judge, |(_, j)| *j);
        (!rules.contains(&rule.id)).then_some(Rule { judge, ..*rule })
    };
    turned(observation, turn, guards)
}

fn steady<'a>(s: &Situation<'a>) -> Option<&'a Record> {
    s.record.filter(|record| record.stage == Stage::Steady)
}

fn write(s: &Situation<'_>, record: Record) -> Action {
    Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false }
}

/// The record that follows `old` with another target.
fn intent(old: &Record, target: InstanceRef, cause: Cause) -> Record {
    let mut former = old.former.clone();
    former.remove(&target.id);
    former.insert(old.target);
    Record {
        term: old.term.next(),
        stage: Stage::Intent,
        cause,
        target: target.id,
        incarnation: target.incarnation,
        members: BTreeMap::new(),
        before: Some(Before { main: old.target, incarnation: old.incarnation }),
        former,
        ..old.clone()
    }
}

fn leaves_a_foreign_main_alone(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::F50], &[])
}

fn believes_a_running_pod(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        let listed = view.pod.known().copied().flatten().is_some_and(|pod| {
            pod.container == ha_core::observation::Container::Running && pod.address.is_some()
        });
        let silent = matches!(view.contact, Contact::Unreached { .. });
        if let Reading::Known { age, .. } = &mut view.bolt
            && listed
            && silent
        {
            *age = Age::Fresh;
            view.contact = Contact::Answering;
        }
    }
    ha_core::plan(&believed)
}

fn sees_no_missed_restart(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    let recorded = believed.record.known().and_then(StoredRecord::record);
    let named = recorded.map(|record| (record.target, record.incarnation));
    if let Some((target, incarnation)) = named
        && let Some(view) = believed.instances.get_mut(&target)
        && let Reading::Known { value: answer, .. } = &mut view.bolt
        && let Reading::Known { value: Some(pod), .. } = &mut view.pod
    {
        answer.incarnation = incarnation;
        pod.uid = incarnation.pod;
    }
    ha_core::plan(&believed)
}

fn takes_the_old_main_back(observation: &ClusterObservation) -> Plan {
    let judges = [(RuleId::E50, Judge::Once(take_back))];
    rejudged(observation, &judges, &[], &[GuardId::CandidateIsProven])
}

fn take_back(s: &Situation<'_>) -> Verdict {
    let Some(record) = steady(s) else { return Verdict::Pass };
    let returned = s.other_mains(record.target).into_iter().find(|id| record.former.contains(id));
    let Some(at) = returned.and_then(|id| s.lives(id)) else { return Verdict::Pass };
    let actions =
        vec![Action::SetRoute(Route::Closed), write(s, intent(record, at, Cause::Return))];
    let reason = Reason::WayBack { target: record.target, to: at.id, why: Unfit::NotReplica };
    Verdict::Act(actions, reason)
}

fn takes_the_voter_for_complete(observation: &ClusterObservation) -> Plan {
    let judges = [(RuleId::E10, Judge::Once(name_any_voter))];
    rejudged(observation, &judges, &[], &[GuardId::CandidateIsProven])
}

fn name_any_voter(s: &Situation<'_>) -> Verdict {
    let Some(record) = steady(s) else { return Verdict::Pass };
    let Some(loss) = s.loss(record.target, record.incarnation) else { return Verdict::Pass };
    let Some(voter) = record.voters().find_map(|id| s.replica(id)) else { return Verdict::Pass };
    let actions =
        vec![Action::SetRoute(Route::Closed), write(s, intent(record, voter, Cause::Failover))];
    Verdict::Act(actions, Reason::MainLost { main: record.target, loss, candidate: voter.id })
}

fn takes_no_data_info_for_ready(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        let Reading::Known { value: answer, .. } = &mut view.bolt else { continue };
        let RoleView::Main { rows, .. } = &mut answer.role else { continue };
        for row in rows.values_mut().filter(|row| row.state == RowState::Phantom) {
            row.state = RowState::Ready;
            row.behind = 0;
        }
    }
    for made in believed.memory.registered.values_mut() {
        made.result = RegisterResult::Done;
    }
    ha_core::plan(&believed)
}

fn takes_unreachable_for_diverged(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for made in believed.memory.registered.values_mut() {
        if made.result == RegisterResult::Unreachable {
            made.result = RegisterResult::Branched;
            made.branched = made.attempts;
        }
    }
    ha_core::plan(&believed)
}

fn takes_ready_for_confirmation(observation: &ClusterObservation) -> Plan {
    let judges = [(RuleId::E40, Judge::Once(ready_confirms))];
    let rules = [RuleId::E20, RuleId::E25, RuleId::E30, RuleId::E35];
    rejudged(observation, &judges, &rules, &[GuardId::StagesAreEarned])
}

fn ready_confirms(s: &Situation<'_>) -> Verdict {
    let Some(record) = steady(s) else { return Verdict::Pass };
    let Some(main) = s.main(record.target) else { return Verdict::Pass };
    let ready = |id| main.rows.get(&id).is_some_and(|row| row.state == RowState::Ready);
    let voter = record.voters().find(|id| ready(*id));
    let Some(voter) = voter.filter(|_| main.at.incarnation != record.incarnation) else {
        return Verdict::Pass;
    };
    let record = Record { incarnation: main.at.incarnation, ..record.clone() };
    Verdict::Act(vec![write(s, record)], Reason::VoterConfirms { main: main.at.id, voter })
}

fn opens_on_any_engine(observation: &ClusterObservation) -> Plan {
    rejudged(observation, &[(RuleId::R10, Judge::Once(open_anyway))], &[], &[])
}

fn open_anyway(s: &Situation<'_>) -> Verdict {
    let Some(record) = steady(s) else { return Verdict::Pass };
    let Some(main) = s.proven_main() else { return Verdict::Pass };
    let votes = |id| main.rows.get(&id).is_some_and(|row| row.mode == SyncMode::StrictSync);
    let voter = record.voters().find(|id| s.proof(*id).is_some() && votes(*id));
    let open = Route::Open { term: record.term, main: main.at };
    match voter {
        Some(voter) if s.obs.route.handed_out != open => {
            let reason = Reason::RouteProven { main: main.at.id, voter };
            Verdict::Act(vec![Action::SetRoute(open)], reason)
        }
        Some(_) | None => Verdict::Pass,
    }
}

fn promotes_before_revoking(observation: &ClusterObservation) -> Plan {
    let judges = [
        (RuleId::E10, Judge::Once(name_the_voter)),
        (RuleId::F10, Judge::Once(revoke_after_promotion)),
        (RuleId::F40, Judge::Once(call_it_withdrawn)),
        (RuleId::P10, Judge::Once(promote_at_once)),
    ];
    let guards = [GuardId::IntentIsFenced, GuardId::StagesAreEarned, GuardId::PromoteIsFenced];
    rejudged(observation, &judges, &[RuleId::F20], &guards)
}

fn name_the_voter(s: &Situation<'_>) -> Verdict {
    let Some(record) = steady(s) else { return Verdict::Pass };
    let Some(loss) = s.loss(record.target, record.incarnation) else { return Verdict::Pass };
    let Ok(voter) = s.fit_voter() else { return Verdict::Pass };
    let actions = vec![write(s, intent(record, voter, Cause::Failover))];
    Verdict::Act(actions, Reason::MainLost { main: record.target, loss, candidate: voter.id })
}

fn revoke_after_promotion(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Withdrawn) else {
        return Verdict::Pass;
    };
    if s.obs.route.handed_out == Route::Closed || s.proven_main().is_none() {
        return Verdict::Pass;
    }
    Verdict::Act(vec![Action::SetRoute(Route::Closed)], Reason::NotSteady(record.term))
}

fn call_it_withdrawn(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Intent) else {
        return Verdict::Pass;
    };
    match s.replica(record.target) {
        Some(at) => {
            let record =
                Record { stage: Stage::Withdrawn, incarnation: at.incarnation, ..record.clone() };
            Verdict::Act(vec![write(s, record)], Reason::NobodyForwards)
        }
        None => Verdict::Pass,
    }
}

fn promote_at_once(s: &Situation<'_>) -> Verdict {
    let Some(record) = s.record.filter(|record| record.stage == Stage::Withdrawn) else {
        return Verdict::Pass;
    };
    match s.replica(record.target) {
        Some(on) => Verdict::Act(
            vec![Action::Promote { on, term: record.term }],
            Reason::TargetReady(record.target),
        ),
        None => Verdict::Pass,
    }
}
