//! What one rule says of an observation.

use ha_core::{
    action::Action, observation::ClusterObservation, plan, plan::Step, record::Record,
    rules::RuleId,
};

/// What a rule asks for.
pub(crate) fn steps(obs: &ClusterObservation, rule: RuleId) -> Vec<Step> {
    plan(obs).steps.into_iter().filter(|step| step.rule == rule).collect()
}

/// The record that the last of these steps writes.
pub(crate) fn written(steps: &[Step]) -> &Record {
    let action = &steps.last().expect("a step").action;
    let Action::WriteRecord { record, .. } = action else {
        panic!("a write of the record was expected, found {action:?}")
    };
    record
}
