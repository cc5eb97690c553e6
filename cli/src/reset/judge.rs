//! What the decision would say of an order, asked of it with what the leader sees.

use ha_core::{
    action::Action,
    desired::ResetRequest,
    ids::{InstanceId, RequestId, VolumeId},
    observation::ClusterObservation,
    reading::Reading,
    reason::Reason,
    record::Aside,
    rules::RuleId,
};

/// A number that no request has: each is drawn, and none is all ones.
const SUPPOSED: RequestId = RequestId(u128::MAX);

/// What it would say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It would be recorded.
    Ordered,
    /// It would be, once the vote of that instance is another's.
    VoteMoves,
    /// It would not be, and why.
    Not(String),
}

/// The volume that an instance was last seen with.
pub(super) fn volume(seen: &ClusterObservation, of: InstanceId) -> Option<VolumeId> {
    let answered = match &seen.instances.get(&of)?.bolt {
        Reading::Known { value, .. } => Some(value.incarnation.volume),
        Reading::Unknown { .. } => None,
    };
    let record = seen.record.known().and_then(|stored| stored.record());
    let proven = || record?.proof(of).map(|proof| proof.replica.volume);
    answered.or_else(proven)
}

/// Asks it.
pub(super) fn of(
    seen: &ClusterObservation,
    of: InstanceId,
    volume: VolumeId,
    restores: Option<Aside>,
) -> Verdict {
    let mut seen = seen.clone();
    seen.desired.reset = Some(ResetRequest { id: SUPPOSED, of, volume, restores });
    let plan = ha_core::plan(&seen);
    let ordered = plan.steps.iter().any(|step| {
        let Action::WriteRecord { record, .. } = &step.action else { return false };
        step.rule == RuleId::A35 && record.resets.get(&of).is_some_and(|r| r.by == Some(SUPPOSED))
    });
    let steps = plan.steps.iter().map(|step| (step.rule, &step.reason));
    let holds = plan.holds.iter().map(|hold| (hold.rule, &hold.reason));
    let mut said = steps.chain(holds);
    if ordered {
        return Verdict::Ordered;
    }
    if said.clone().any(|(rule, _)| rule == RuleId::E45) {
        return Verdict::VoteMoves;
    }
    match said.find(|(rule, _)| *rule == RuleId::A35) {
        Some((_, Reason::ResetRefused { why, .. } | Reason::ResetAskedWaits { why, .. })) => {
            Verdict::Not(why.to_string())
        }
        Some((_, reason)) => Verdict::Not(reason.to_string()),
        // An earlier phase speaks, and no order is looked at now.
        None => Verdict::Not(said_first(&plan)),
    }
}

fn said_first(plan: &ha_core::plan::Plan) -> String {
    let stopped = |rule: RuleId| Some(rule) == plan.stopped_at;
    let steps = plan.steps.iter().map(|step| (step.rule, &step.reason));
    let holds = plan.holds.iter().map(|hold| (hold.rule, &hold.reason));
    let said = steps.chain(holds).find(|(rule, _)| stopped(*rule));
    said.map_or_else(
        || "no rule speaks of it now".to_owned(),
        |(rule, reason)| format!("the cluster is busy, {rule}: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{Verdict, of, volume};
    use ha_core::{
        ids::{InstanceId, VolumeId},
        observation::{ClusterObservation, Contact},
        reading::{Age, Why},
    };

    fn settled() -> ClusterObservation {
        let text = include_str!("../../../shell-sim/observations/settled.json");
        serde_json::from_str(text).expect("an observation")
    }

    fn asked(seen: &ClusterObservation, id: u8) -> Verdict {
        let id = InstanceId(id);
        of(seen, id, volume(seen, id).expect("it was seen"), None)
    }

    #[test]
    fn the_decision_itself_is_asked() {
        let seen = settled();
        assert_eq!(asked(&seen, 2), Verdict::Ordered);
        assert_eq!(asked(&seen, 1), Verdict::VoteMoves);
        let not = |verdict, words: &str| match verdict {
            Verdict::Not(why) => assert!(why.contains(words), "{why}"),
            other @ (Verdict::Ordered | Verdict::VoteMoves) => panic!("{words}: {other:?}"),
        };
        not(asked(&seen, 0), "it is the main");
        not(of(&seen, InstanceId(2), VolumeId(1), None), "another volume");
        let mut alone = seen.clone();
        let view = alone.instances.get_mut(&InstanceId(2)).expect("an instance");
        view.contact = Contact::Unreached { why: Why::Silent, since: Age::Expired };
        not(asked(&alone, 1), "its vote");
        let mut paused = seen;
        paused.desired.paused = true;
        not(asked(&paused, 2), "T50");
    }
}
