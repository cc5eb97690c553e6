//! Wrong decisions about a main that goes on without a vote.

use super::{Mutant, judged_by, really, without};
use ha_core::{
    observation::{ClusterObservation, RowState},
    plan::Plan,
    reason::Reason,
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
