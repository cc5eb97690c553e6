//! Wrong decisions about data that is set aside: by a person's order, and where nobody else can vote.

use super::{Mutant, judged_by, really, really_of, record_of, unless, write};
use ha_core::{
    action::Action,
    guard::GuardId,
    ids::InstanceId,
    observation::ClusterObservation,
    plan::Plan,
    reason::{Reason, Unfit},
    record::{Cause, Record, Reset, Stage},
    rules::{Judge, RuleId, Verdict},
    situation::Situation,
};

/// The mutants of this file.
#[rustfmt::skip]
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant { name: "resets-whoever-is-named", what: "a person knows what is needed: data is set aside of whoever is named and not the main", decide: resets_whoever_is_named },
    Mutant { name: "sets-aside-without-end", what: "what branched off is set aside, however often and whoever brought it back", decide: sets_aside_without_end },
    Mutant { name: "sets-aside-before-it-goes-back", what: "a target stays the target; what branched off from it is set aside, so that somebody can vote", decide: sets_aside_before_it_goes_back },
    Mutant { name: "goes-back-for-ever", what: "a target that nobody can vote for is left for the main before it, however often", decide: goes_back_for_ever },
    Mutant { name: "waits-for-who-may-not-vote", what: "an instance that follows is somebody who votes, whether or not it may", decide: waits_for_who_may_not_vote },
];

const fn is_for_want_of_a_vote(reason: &Reason) -> bool {
    matches!(reason, Reason::WayBack { why: Unfit::Unvoted, .. })
}

fn sets_aside_before_it_goes_back(observation: &ClusterObservation) -> Plan {
    fn stays(s: &Situation<'_>) -> Verdict {
        unless(really(RuleId::E60, s), is_for_want_of_a_vote)
    }
    judged_by(observation, &[(RuleId::E60, Judge::Once(stays))], &[])
}

fn goes_back_for_ever(observation: &ClusterObservation) -> Plan {
    fn again(s: &Situation<'_>) -> Verdict {
        let mut first = s.obs.clone();
        if let Some(record) = record_of(&mut first)
            && record.cause == Cause::Return
            && record.stage == Stage::Withdrawn
        {
            record.cause = Cause::Failover;
        }
        really(RuleId::E60, &Situation::of(&first))
    }
    judged_by(observation, &[(RuleId::E60, Judge::Once(again))], &[])
}

fn waits_for_who_may_not_vote(observation: &ClusterObservation) -> Plan {
    fn follows(s: &Situation<'_>) -> bool {
        s.proven_main().is_some_and(|main| {
            s.others(main.at.id).any(|id| s.is_replica(id) && !s.diverged(&main, id))
        })
    }
    fn stays(s: &Situation<'_>) -> Verdict {
        unless(really(RuleId::E60, s), |reason| is_for_want_of_a_vote(reason) && follows(s))
    }
    fn waits(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let usual = really_of(RuleId::A40, s, id);
        let begins = s.in_stage(Stage::Withdrawn).is_some() && follows(s);
        if begins && matches!(usual, Verdict::Act(..)) {
            return Verdict::Hold(Reason::ResetWaits(id));
        }
        usual
    }
    let judges = [(RuleId::E60, Judge::Once(stays)), (RuleId::A40, Judge::Each(waits))];
    judged_by(observation, &judges, &[])
}

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
