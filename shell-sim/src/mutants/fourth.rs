//! Wrong decisions about how a reign begins, and about going back: what may be done before the
//! route is withdrawn or before a commit, and what becomes of a target or a main that failed.

use super::{Mutant, judged_by, really, really_of, record_of, unless, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::{ClusterObservation, PromotionRight, Row, SyncMode},
    plan::Plan,
    reason::Reason,
    record::{Cause, Record, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::{MainNow, Situation},
};

/// The mutants of this file.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "registers-before-the-withdrawal",
        what: "whoever is registered refuses the old main, so promoting and registering come first",
        decide: registers_before_the_withdrawal,
    },
    Mutant {
        name: "opens-before-the-first-commit",
        what: "a reign is steady once its voter is proven, and clients make its first commit",
        decide: opens_before_the_first_commit,
    },
    Mutant {
        name: "demotes-the-old-main-early",
        what: "an old main is made a replica as soon as nobody forwards to it",
        decide: demotes_the_old_main_early,
    },
    Mutant {
        name: "carries-on-a-restarted-target",
        what: "a named target whose process alone restarted has everything that it had",
        decide: carries_on_a_restarted_target,
    },
    Mutant {
        name: "waits-instead-of-going-back",
        what: "a move that was recorded is finished; a target that failed is waited for",
        decide: waits_instead_of_going_back,
    },
    Mutant {
        name: "leaves-a-demoted-main",
        what: "the main of a steady reign cannot be a replica, so no rule speaks of that",
        decide: leaves_a_demoted_main,
    },
    Mutant {
        name: "commits-on-in-a-rewound-epoch",
        what: "a main that lost power goes on in its epoch once its voter confirms it",
        decide: commits_on_in_a_rewound_epoch,
    },
];

fn moves_to_voter(record: &Record) -> bool {
    matches!(record.cause, Cause::Failover | Cause::Switchover { .. })
}

fn registers_before_the_withdrawal(observation: &ClusterObservation) -> Plan {
    let judges = [
        (RuleId::E60, Judge::Once(go_back_unless_promoted)),
        (RuleId::E70, Judge::Once(wait_unless_promoted)),
        (RuleId::F20, Judge::Once(wait_beside)),
        (RuleId::F40, Judge::Once(call_it_withdrawn)),
        (RuleId::P10, Judge::Once(promote_at_once)),
        (RuleId::A30, Judge::Each(register_at_once)),
    ];
    let guards =
        [GuardId::StagesAreEarned, GuardId::PromoteIsFenced, GuardId::TargetAloneRegisters];
    judged_by(observation, &judges, &guards)
}

/// An intent that moves the main to a voter.
fn early_intent<'a>(s: &Situation<'a>) -> Option<&'a Record> {
    s.in_stage(Stage::Intent).filter(|record| moves_to_voter(record))
}

/// The target, promoted while its intent stands.
fn promoted_early<'a>(s: &Situation<'a>) -> Option<(&'a Record, MainNow<'a>)> {
    early_intent(s).zip(s.proven_main())
}

fn go_back_unless_promoted(s: &Situation<'_>) -> Verdict {
    if promoted_early(s).is_some() { Verdict::Pass } else { really(RuleId::E60, s) }
}

fn wait_unless_promoted(s: &Situation<'_>) -> Verdict {
    if promoted_early(s).is_some() { Verdict::Pass } else { really(RuleId::E70, s) }
}

/// The withdrawal goes on while the new main is prepared.
fn wait_beside(s: &Situation<'_>) -> Verdict {
    match really(RuleId::F20, s) {
        Verdict::Stop(reason) if early_intent(s).is_some() => Verdict::Hold(reason),
        verdict @ (Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_) | Verdict::Act(..)) => {
            verdict
        }
    }
}

fn call_it_withdrawn(s: &Situation<'_>) -> Verdict {
    if early_intent(s).is_none() {
        return really(RuleId::F40, s);
    }
    let Some((record, main)) = promoted_early(s) else { return Verdict::Pass };
    if !s.nobody_forwards() || s.obs.leadership.promotion != PromotionRight::Granted {
        return Verdict::Pass;
    }
    let incarnation = main.at.incarnation;
    let record = Record { stage: Stage::Withdrawn, incarnation, ..record.clone() };
    Verdict::Act(vec![write(s, record)], Reason::NobodyForwards)
}

fn promote_at_once(s: &Situation<'_>) -> Verdict {
    let Some(record) = early_intent(s) else { return really(RuleId::P10, s) };
    match (s.target_fit(record), s.is_replica(record.target)) {
        (Ok(on), true) => {
            let promote = Action::Promote { on, term: record.term };
            Verdict::Act(vec![promote], Reason::TargetReady(record.target))
        }
        (Ok(_) | Err(_), _) => Verdict::Pass,
    }
}

fn register_at_once(s: &Situation<'_>, id: InstanceId) -> Verdict {
    let Some((record, main)) = promoted_early(s) else { return really_of(RuleId::A30, s, id) };
    let Some(replica) = s.replica(id).filter(|_| !main.rows.contains_key(&id)) else {
        return Verdict::Pass;
    };
    let votes = s.voter_choice(&main) == Some(id);
    let mode = if votes { SyncMode::StrictSync } else { SyncMode::Async };
    let register = Action::Register { on: main.at, replica, mode, term: record.term };
    Verdict::Act(vec![register], Reason::Unregistered(id))
}

fn opens_before_the_first_commit(observation: &ClusterObservation) -> Plan {
    fn commit(s: &Situation<'_>) -> Verdict {
        if attached_and_proven(s).is_some() { Verdict::Pass } else { really(RuleId::V20, s) }
    }
    fn steady(s: &Situation<'_>) -> Verdict {
        let Some((record, voter)) = attached_and_proven(s) else { return really(RuleId::V30, s) };
        let mut record = Record { stage: Stage::Steady, before: None, ..record.clone() };
        record.former.retain(|id| !s.is_replica(*id));
        Verdict::Act(vec![write(s, record)], Reason::VoterProven(voter))
    }
    let judges = [(RuleId::V20, Judge::Once(commit)), (RuleId::V30, Judge::Once(steady))];
    judged_by(observation, &judges, &[GuardId::StagesAreEarned])
}

/// A reign without a commit, and its proven voter.
fn attached_and_proven<'a>(s: &Situation<'a>) -> Option<(&'a Record, InstanceId)> {
    let record = s.in_stage(Stage::Attached)?;
    let main = s.proven_main()?;
    let proven =
        |id: &InstanceId| s.proof(*id).is_some() && main.rows.get(id).is_some_and(Row::is_even);
    record.voters().find(proven).map(|voter| (record, voter))
}

fn demotes_the_old_main_early(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::F60, s, id);
        let (Some(record), Some(other)) = (s.record, s.main(id)) else { return usual };
        let begun = matches!(record.stage, Stage::Withdrawn | Stage::Attached);
        if !begun || !s.nobody_forwards() {
            return usual;
        }
        let demote = Action::Demote { on: other.at, term: record.term };
        let reason = Reason::OtherMain { instance: id, target: record.target };
        Verdict::Act(vec![demote], reason)
    }
    let judges = [(RuleId::F60, Judge::Each(judge))];
    judged_by(observation, &judges, &[GuardId::DemoteSparesTheMain])
}

fn carries_on_a_restarted_target(observation: &ClusterObservation) -> Plan {
    let s = Situation::of(observation);
    let restarted = early_intent(&s).and_then(|record| {
        let at = s.lives(record.target)?;
        s.keeps_all(at.id, record.incarnation, at.incarnation).then_some(at.incarnation)
    });
    let mut believed = observation.clone();
    if let (Some(record), Some(incarnation)) = (record_of(&mut believed), restarted) {
        record.incarnation = incarnation;
    }
    ha_core::plan(&believed)
}

fn waits_instead_of_going_back(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        match really(RuleId::E60, s) {
            Verdict::Act(_, Reason::WayBack { target: instance, why, .. }) => {
                Verdict::Hold(Reason::MoveWaits { instance, why })
            }
            verdict @ (Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_) | Verdict::Act(..)) => {
                verdict
            }
        }
    }
    judged_by(observation, &[(RuleId::E60, Judge::Once(judge))], &[])
}

fn leaves_a_demoted_main(observation: &ClusterObservation) -> Plan {
    fn unless_demoted(rule: RuleId, s: &Situation<'_>) -> Verdict {
        let demoted = s.in_stage(Stage::Steady).is_some_and(|record| s.is_replica(record.target));
        if demoted { Verdict::Pass } else { really(rule, s) }
    }
    let judges = [
        (RuleId::E15, Judge::Once(|s| unless_demoted(RuleId::E15, s))),
        (RuleId::E20, Judge::Once(|s| unless_demoted(RuleId::E20, s))),
        (RuleId::E25, Judge::Once(|s| unless_demoted(RuleId::E25, s))),
    ];
    judged_by(observation, &judges, &[])
}

fn commits_on_in_a_rewound_epoch(observation: &ClusterObservation) -> Plan {
    fn renew(s: &Situation<'_>) -> Verdict {
        unless(really(RuleId::E25, s), |why| matches!(why, Reason::TailMayBeLost(_)))
    }
    fn accept(s: &Situation<'_>) -> Verdict {
        let restarted = s.in_stage(Stage::Steady).and_then(|record| {
            let main = s.main(record.target)?;
            (main.at.incarnation != record.incarnation).then_some((record, main))
        });
        let Some((record, main)) = restarted else { return Verdict::Pass };
        let confirms = |id: &InstanceId| main.rows.get(id).is_some_and(Row::confirms_main);
        let Some(voter) = record.voters().find(confirms) else { return Verdict::Pass };
        let record = Record { incarnation: main.at.incarnation, ..record.clone() };
        Verdict::Act(vec![write(s, record)], Reason::VoterConfirms { main: main.at.id, voter })
    }
    let judges = [(RuleId::E25, Judge::Once(renew)), (RuleId::E40, Judge::Once(accept))];
    judged_by(observation, &judges, &[GuardId::StagesAreEarned])
}
