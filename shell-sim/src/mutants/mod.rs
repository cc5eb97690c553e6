//! Wrong decisions on purpose: the decision with a rule or a guard switched off or turned. A check
//! that none of them can fail proves nothing.

mod first;
mod second;

use crate::world::Decide;
use ha_core::{
    guard::{GUARDS, Guard, GuardId},
    observation::ClusterObservation,
    plan::Plan,
    rules::{RULES, Rule, RuleId},
};

/// One wrong decision.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// Its name, as schedules give it.
    pub name: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
    /// The function.
    pub decide: Decide,
}

/// Every mutant.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    first::MUTANTS.iter().chain(second::MUTANTS)
}

/// The mutant of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Mutant> {
    all().find(|mutant| mutant.name == name)
}

/// The decision without these rules and guards.
fn without(observation: &ClusterObservation, rules: &[RuleId], guards: &[GuardId]) -> Plan {
    turned(observation, |rule| (!rules.contains(&rule.id)).then_some(*rule), guards)
}

/// The decision with each rule as `turn` leaves it, and without these guards.
fn turned(
    observation: &ClusterObservation,
    turn: impl Fn(&Rule) -> Option<Rule>,
    guards: &[GuardId],
) -> Plan {
    let rules: Vec<Rule> = RULES.iter().filter_map(turn).collect();
    let guards: Vec<Guard> =
        GUARDS.iter().filter(|guard| !guards.contains(&guard.id)).copied().collect();
    ha_core::plan_with(observation, &rules, &guards)
}
