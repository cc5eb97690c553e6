//! Wrong decisions on purpose: the decision with a rule or a guard switched off or turned. A check
//! that none of them can fail proves nothing.

mod eighth;
mod fifth;
mod first;
mod fourth;
mod ninth;
mod predecessor;
mod second;
mod seventh;
mod sixth;
mod third;

pub use eighth::believes_any_engine;

use crate::world::Decide;
use ha_core::{
    action::Action,
    guard::{GUARDS, Guard, GuardId},
    ids::InstanceId,
    observation::ClusterObservation,
    plan::Plan,
    reading::Reading,
    reason::Reason,
    record::Record,
    rules::{Judge, RULES, Rule, RuleId, Verdict},
    situation::Situation,
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
    [
        first::MUTANTS,
        second::MUTANTS,
        third::MUTANTS,
        fourth::MUTANTS,
        fifth::MUTANTS,
        sixth::MUTANTS,
        seventh::MUTANTS,
        eighth::MUTANTS,
        ninth::MUTANTS,
        predecessor::MUTANTS,
    ]
    .into_iter()
    .flatten()
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

/// The decision with other judges for some rules.
fn judged_by(
    observation: &ClusterObservation,
    judges: &[(RuleId, Judge)],
    guards: &[GuardId],
) -> Plan {
    let turn = |rule: &Rule| {
        let other = judges.iter().find(|(id, _)| *id == rule.id);
        Some(other.map_or(*rule, |(_, judge)| Rule { judge: *judge, ..*rule }))
    };
    turned(observation, turn, guards)
}

/// What the rule really says.
fn really(rule: RuleId, s: &Situation<'_>) -> Verdict {
    match rule.rule().judge {
        Judge::Once(judge) => judge(s),
        Judge::Each(_) => Verdict::Pass,
    }
}

/// What the rule really says of one instance.
fn really_of(rule: RuleId, s: &Situation<'_>, id: InstanceId) -> Verdict {
    match rule.rule().judge {
        Judge::Once(_) => Verdict::Pass,
        Judge::Each(judge) => judge(s, id),
    }
}

/// The verdict, unless it acts for a reason that a mutant does not see.
fn unless(verdict: Verdict, unseen: impl Fn(&Reason) -> bool) -> Verdict {
    match &verdict {
        Verdict::Act(_, reason) if unseen(reason) => Verdict::Pass,
        Verdict::Pass | Verdict::Hold(_) | Verdict::Stop(_) | Verdict::Act(..) => verdict,
    }
}

/// The verdict with every record that it writes changed.
fn rewritten(verdict: Verdict, change: impl Fn(Record) -> Record) -> Verdict {
    let Verdict::Act(actions, reason) = verdict else { return verdict };
    let changed = actions.into_iter().map(|action| match action {
        Action::WriteRecord { expected, record, reads_target } => {
            Action::WriteRecord { expected, record: Box::new(change(*record)), reads_target }
        }
        Action::SetRoute(_)
        | Action::Promote { .. }
        | Action::Demote { .. }
        | Action::SetAside { .. }
        | Action::Register { .. }
        | Action::Drop { .. }
        | Action::Commit { .. } => action,
    });
    Verdict::Act(changed.collect(), reason)
}

/// The record in an observation, to be believed otherwise.
fn record_of(observation: &mut ClusterObservation) -> Option<&mut Record> {
    let Reading::Known { value, .. } = &mut observation.record else { return None };
    value.record_mut()
}

/// A write of the record, on the version that was read.
fn write(s: &Situation<'_>, record: Record) -> Action {
    Action::WriteRecord { expected: s.version, record: Box::new(record), reads_target: false }
}
