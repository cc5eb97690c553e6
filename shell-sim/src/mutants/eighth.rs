//! Wrong decisions about a main that goes on without a vote, and what the model found beside it.

use super::{Mutant, judged_by, really, without};
use ha_core::{
    observation::{ClusterObservation, EngineVersion, RoleView, RowState},
    plan::Plan,
    reading::{Age, Reading},
    reason::{Reason, Unfit},
    record::Stage,
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "never-goes-alone", what: "a voter that is lost is waited for, whatever was promised", decide: never_goes_alone },
    Mutant { name: "stays-alone", what: "a main that goes on alone needs nobody any more", decide: stays_alone },
    Mutant { name: "keeps-a-promise-nobody-wants", what: "what was promised when the reign began is promised for good", decide: keeps_a_promise_nobody_wants },
    Mutant { name: "trusts-a-voter-out-of-touch", what: "a voter has what its main has until somebody finds that it has not", decide: trusts_a_voter_out_of_touch },
    Mutant { name: "commits-beside-a-busy-replica", what: "a planned move proves its candidate as soon as clients let go", decide: commits_beside_a_busy_replica },
    Mutant { name: "believes-any-engine", what: "every version and all settings of an instance are as good as those that the chart gives it", decide: believes_any_engine },
    Mutant { name: "holds-a-word-of-another-term", what: "a word that counts for nothing is waited for before anything else is judged", decide: holds_a_word_of_another_term },
];

fn never_goes_alone(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E46], &[])
}

fn stays_alone(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E47], &[])
}

fn keeps_a_promise_nobody_wants(observation: &ClusterObservation) -> Plan {
    without(observation, &[RuleId::E48], &[])
}

fn trusts_a_voter_out_of_touch(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let verdict = really(RuleId::F45, s);
        let Verdict::Act(_, Reason::VoterMisses(id)) = &verdict else { return verdict };
        let main = s.proven_main();
        let row = main.as_ref().and_then(|main| main.rows.get(id));
        if row.is_some_and(|row| row.state == RowState::Invalid) { Verdict::Pass } else { verdict }
    }
    judged_by(observation, &[(RuleId::F45, Judge::Once(judge))], &[])
}

/// The observation with every busy row as one that was so before.
fn none_just_busy(observation: &ClusterObservation) -> ClusterObservation {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        let Reading::Known { value, .. } = &mut view.bolt else { continue };
        let RoleView::Main { rows, .. } = &mut value.role else { continue };
        for row in rows.values_mut().filter(|row| row.state == RowState::Replicating) {
            row.since = Age::Suspect;
        }
    }
    believed
}

fn commits_beside_a_busy_replica(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        really(RuleId::E50, &Situation::of(&none_just_busy(s.obs)))
    }
    judged_by(observation, &[(RuleId::E50, Judge::Once(judge))], &[])
}

/// The decision that takes every instance for one with the version and settings that the chart gives
/// it: with it, what production refuses can be seen to do harm.
#[must_use]
pub fn believes_any_engine(observation: &ClusterObservation) -> Plan {
    let mut believed = observation.clone();
    for view in believed.instances.values_mut() {
        let Reading::Known { value, .. } = &mut view.bolt else { continue };
        let engine = &mut value.engine;
        engine.version = engine.version.max(EngineVersion::SUPPORTED_FROM);
        (engine.wal, engine.transactional) = (true, true);
        (engine.recovers_data, engine.restores_state) = (true, true);
        engine.check_period_s = engine.check_period_s.max(1);
    }
    ha_core::plan(&believed)
}

fn holds_a_word_of_another_term(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>) -> Verdict {
        let record = s.record.filter(|record| record.stage != Stage::Steady);
        let open = record.zip(s.obs.desired.accepts).filter(|(record, order)| {
            record.accepted != Some(order.id) && order.of != Some(record.term)
        });
        open.map_or_else(
            || really(RuleId::E05, s),
            |(_, order)| {
                Verdict::Hold(Reason::AcceptedWaits { to: order.main, why: Unfit::OtherTerm })
            },
        )
    }
    judged_by(observation, &[(RuleId::E05, Judge::Once(judge))], &[])
}
