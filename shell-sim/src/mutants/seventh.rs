//! Wrong decisions about what people order of data.

use super::{Mutant, judged_by, really_of, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::ClusterObservation,
    plan::Plan,
    reason::Reason,
    record::{Record, Reset},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "resets-whoever-is-named", what: "a person knows what is needed: data is set aside of whoever is named and not the main", decide: resets_whoever_is_named },
    Mutant { name: "sets-aside-without-end", what: "what branched off is set aside, however often and whoever brought it back", decide: sets_aside_without_end },
];

fn sets_aside_without_end(observation: &ClusterObservation) -> Plan {
    fn again(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::A40, s, id);
        let (Verdict::Hold(Reason::PutBackBranched(_)), Some(record)) = (&usual, s.record) else {
            return usual;
        };
        let Some((at, _)) = s.replica(id).zip(s.proven_main()) else { return usual };
        let mut next = record.clone();
        let (volume, term) = (at.incarnation.volume, record.term);
        next.resets.insert(id, Reset { volume, term, by: None, restores: None });
        next.members.remove(&id);
        Verdict::Act(vec![write(s, next)], Reason::Branched(id))
    }
    judged_by(
        observation,
        &[(RuleId::A40, Judge::Each(again))],
        &[GuardId::ResetsAreEarned, GuardId::ResetIsRecorded],
    )
}

fn resets_whoever_is_named(observation: &ClusterObservation) -> Plan {
    fn asked(s: &Situation<'_>) -> Verdict {
        let (Some(word), Some(record)) = (s.obs.desired.reset, s.record) else {
            return Verdict::Pass;
        };
        if s.proven_main().is_none() || word.of == record.target || record.ordered == Some(word.id)
        {
            return Verdict::Pass;
        }
        let mut next = Record { ordered: Some(word.id), ..record.clone() };
        let term = record.term;
        next.resets.insert(
            word.of,
            Reset { volume: word.volume, term, by: Some(word.id), restores: word.restores },
        );
        Verdict::Act(vec![write(s, next)], Reason::ResetAsked(word.of))
    }
    fn set_aside(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let ordered = s.replica(id).filter(|at| s.resets(*at)).zip(s.record);
        let Some((on, record)) = ordered else { return really_of(RuleId::A40, s, id) };
        let ends = Action::SetAside { on, term: record.term };
        Verdict::Act(vec![ends], Reason::ResetOrdered(id))
    }
    let judges = [(RuleId::A35, Judge::Once(asked)), (RuleId::A40, Judge::Each(set_aside))];
    judged_by(observation, &judges, &[GuardId::ResetsAreEarned, GuardId::ResetIsRecorded])
}
