//! Wrong decisions against invariants that no other one breaks.

use super::{Mutant, judged_by, really, really_of};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::{InstanceId, InstanceRef},
    observation::{ClusterObservation, Content, RoleView, Route, RowState, SyncMode, VolumeView},
    plan::Plan,
    reading::Reading,
    reason::{Reason, Unfit},
    record::{Record, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};
use std::collections::BTreeMap;

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "registers-whoever-answers", what: "an instance that answers can be registered, whatever its role", decide: registers_whoever_answers },
    Mutant { name: "resets-under-an-open-main", what: "data is set aside when writes are open again, and until then everything is kept", decide: resets_under_an_open_main },
    Mutant { name: "registers-on-any-main", what: "whoever is main is given the replicas that it lacks", decide: registers_on_any_main },
    Mutant { name: "registers-on-the-former-main", what: "a former main that comes back gets its replicas back, so that they have its tail before it steps down", decide: registers_on_the_former_main },
    Mutant { name: "begins-over-data", what: "where there is no record there is no cluster yet", decide: begins_over_data },
    Mutant { name: "begins-without-an-intent", what: "the intent is a formality where the main is gone: nobody forwards to it", decide: begins_without_an_intent },
    Mutant { name: "lets-writes-in-for-whoever-is-behind", what: "a planned move that finds a replica behind lets writes in again until it is not", decide: lets_writes_in_for_whoever_is_behind },
    Mutant { name: "drains-before-it-may-promote", what: "a move that is wanted begins at once, and waits where it has to", decide: drains_before_it_may_promote },
    Mutant { name: "moves-before-anybody-writes", what: "a new leader that finds a move wanted has nothing to hand out before it", decide: moves_before_anybody_writes },
    Mutant { name: "ends-proofs-for-what-begins-anew", what: "what begins anew is a main by nobody's order", decide: ends_proofs_for_what_begins_anew },
];

fn lets_writes_in_for_whoever_is_behind(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let behind = s.proven_main().and_then(|main| {
            let voters: Vec<_> = s.record.into_iter().flat_map(Record::voters).collect();
            let mut rows = main.rows.iter().filter(|(id, _)| !voters.contains(id));
            rows.find(|(_, row)| matches!(row.state, RowState::Invalid | RowState::Recovery))
        });
        match (really(RuleId::E50, s), behind) {
            (Verdict::Act(..) | Verdict::Stop(_), Some((id, row))) => {
                let why = Unfit::NotReady(row.state.clone());
                Verdict::Hold(Reason::MoveWaits { instance: *id, why })
            }
            (usual, _) => usual,
        }
    }
    judged_by(observation, &[(RuleId::E50, Judge::Once(judge))], &[])
}

fn drains_before_it_may_promote(observation: &ClusterObservation) -> Plan {
    fn begins(usual: Verdict, s: &Situation<'_>) -> Verdict {
        match (usual, s.obs.route.handed_out) {
            (Verdict::Hold(why @ Reason::PromotionWaits(_)), Route::Open { term, main }) => {
                Verdict::Act(vec![Action::SetRoute(Route::Draining { term, main })], why)
            }
            (usual, _) => usual,
        }
    }
    fn vote(s: &Situation<'_>) -> Verdict {
        begins(really(RuleId::E45, s), s)
    }
    fn main(s: &Situation<'_>) -> Verdict {
        begins(really(RuleId::E50, s), s)
    }
    let judges = [(RuleId::E45, Judge::Once(vote)), (RuleId::E50, Judge::Once(main))];
    judged_by(observation, &judges, &[])
}

fn moves_before_anybody_writes(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        match (really(RuleId::E50, s), s.obs.route.handed_out) {
            (Verdict::Hold(why @ Reason::PromotionWaits(_)), Route::Closed) => Verdict::Stop(why),
            (usual, _) => usual,
        }
    }
    judged_by(observation, &[(RuleId::E50, Judge::Once(judge))], &[])
}

fn ends_proofs_for_what_begins_anew(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let mut usual = really_of(RuleId::A40, s, id);
        if let Verdict::Act(actions, _) = &mut usual {
            for action in actions {
                if let Action::WriteRecord { record, .. } = action {
                    record.former.remove(&id);
                }
            }
        }
        usual
    }
    judged_by(observation, &[(RuleId::A40, Judge::Each(judge))], &[])
}

fn resets_under_an_open_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::A40, s, id);
        let begins = s.record.is_some_and(|record| record.stage != Stage::Steady);
        match usual {
            Verdict::Act(..) if begins => Verdict::Hold(Reason::ResetWaits(id)),
            Verdict::Act(..) | Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_) => usual,
        }
    }
    judged_by(observation, &[(RuleId::A40, Judge::Each(judge))], &[])
}

fn register(s: &Situation<'_>, on: InstanceRef, id: InstanceId) -> Option<Verdict> {
    let (replica, record) = (s.lives(id)?, s.record?);
    let mode = SyncMode::Async;
    let register = Action::Register { on, replica, mode, term: record.term };
    Some(Verdict::Act(vec![register], Reason::Unregistered(id)))
}

fn registers_whoever_answers(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::A30, s, id);
        let main = s.proven_main().filter(|main| !main.rows.contains_key(&id));
        let other = main.filter(|_| s.main(id).is_some() && usual == Verdict::Pass);
        other.and_then(|main| register(s, main.at, id)).unwrap_or(usual)
    }
    judged_by(
        observation,
        &[(RuleId::A30, Judge::Each(judge))],
        &[GuardId::TargetAloneRegisters, GuardId::RouteIsProven],
    )
}

fn registers_on_any_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::A30, s, id);
        let Some(record) = s.record.filter(|_| s.is_replica(id)) else { return usual };
        let mut mains = s.other_mains(record.target).into_iter().filter_map(|other| s.main(other));
        let lacks = mains.find(|main| !main.rows.contains_key(&id));
        lacks.and_then(|main| register(s, main.at, id)).unwrap_or(usual)
    }
    judged_by(observation, &[(RuleId::A30, Judge::Each(judge))], &[GuardId::TargetAloneRegisters])
}

fn registers_on_the_former_main(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::F60, s, id);
        let (Some(main), Some(record)) = (s.main(id), s.in_stage(Stage::Steady)) else {
            return usual;
        };
        let mut others = s.obs.instances.keys().filter(|other| {
            **other != record.target && s.is_replica(**other) && !main.rows.contains_key(other)
        });
        let lacks = others.next().copied();
        lacks.and_then(|other| register(s, main.at, other)).unwrap_or(usual)
    }
    judged_by(observation, &[(RuleId::F60, Judge::Each(judge))], &[GuardId::TargetAloneRegisters])
}

fn begins_over_data(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        view.volume = Reading::fresh(VolumeView::New);
        let Reading::Known { value, .. } = &mut view.bolt else { continue };
        value.content = Content::Empty;
        value.role = RoleView::Main { rows: BTreeMap::new(), strangers: Default::default() };
    }
    let none = observation.record.proven().is_some_and(|stored| stored.record().is_none());
    ha_core::plan(if none { &believed } else { observation })
}

fn begins_without_an_intent(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let mut usual = really(RuleId::E10, s);
        if let Verdict::Act(actions, _) = &mut usual {
            for action in actions {
                if let Action::WriteRecord { record, .. } = action {
                    record.stage = Stage::Withdrawn;
                }
            }
        }
        usual
    }
    judged_by(
        observation,
        &[(RuleId::E10, Judge::Once(judge))],
        &[GuardId::TermsRise, GuardId::StagesAreEarned, GuardId::PastIsKept],
    )
}
