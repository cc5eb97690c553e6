//! What every rule says in one plan, in the order of the table: text for people, data for machines.
//! Nothing is judged here again; it only reads the plan.

use crate::{
    action::Action,
    ids::InstanceId,
    plan::{Hold, Leave, Plan, Said, Step, Veto},
    rules::{RULES, Rule, RuleId},
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;
use serde::Serialize;

/// A plan, told rule by rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation<'a> {
    /// Every rule, in the order of judging.
    pub rules: Vec<RuleSaid<'a>>,
    /// The effects, in order.
    pub actions: Vec<Action>,
    /// Whether the pod of each instance may go.
    pub leave: &'a BTreeMap<InstanceId, Leave>,
    /// Whether the promise is kept in full.
    pub settled: bool,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSaid<'a> {
    /// Its id.
    pub id: RuleId,
    /// The name of its phase.
    pub phase: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its situation, in words.
    pub when: &'static str,
    /// `silent`, `not-reached`, `act`, `hold` or `veto`.
    pub said: &'static str,
    /// The steps, waits or refusals.
    pub facts: Facts<'a>,
}

/// What a rule's word consists of; a plain list in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Facts<'a> {
    /// It asked for these effects.
    Steps(Vec<&'a Step>),
    /// It waits.
    Holds(Vec<&'a Hold>),
    /// The guard refused these.
    Vetoes(Vec<&'a Veto>),
}

impl<'a> Explanation<'a> {
    /// What each rule said in `plan`.
    #[must_use]
    pub fn of(plan: &'a Plan) -> Self {
        Self {
            rules: RULES.iter().map(|rule| RuleSaid::of(plan, rule)).collect(),
            actions: plan.actions(),
            leave: &plan.leave,
            settled: plan.settled,
        }
    }
}

impl<'a> RuleSaid<'a> {
    fn of(plan: &'a Plan, rule: &Rule) -> Self {
        let (said, facts) = match plan.said(rule) {
            Said::Silent => ("silent", Facts::Steps(Vec::new())),
            Said::NotReached => ("not-reached", Facts::Steps(Vec::new())),
            Said::Acted(steps) => ("act", Facts::Steps(steps)),
            Said::Held(holds) => ("hold", Facts::Holds(holds)),
            Said::Refused(vetoes) => ("veto", Facts::Vetoes(vetoes)),
        };
        let (phase, name, when) = (rule.phase.name(), rule.name, rule.when);
        Self { id: rule.id, phase, name, when, said, facts }
    }

    /// One line for each fact.
    fn lines(&self) -> Vec<String> {
        match &self.facts {
            Facts::Steps(steps) => {
                steps.iter().map(|step| format!("{} ({})", step.action, step.reason)).collect()
            }
            Facts::Holds(holds) => holds
                .iter()
                .map(|hold| match hold.subject {
                    Some(id) => format!("{id}: {}", hold.reason),
                    None => format!("{}", hold.reason),
                })
                .collect(),
            Facts::Vetoes(vetoes) => vetoes
                .iter()
                .map(|veto| format!("{} refused: {}", veto.step.action, veto.guard.name()))
                .collect(),
        }
    }
}

impl fmt::Display for RuleSaid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {} {:<20} ", self.id, self.name)?;
        let lines = self.lines();
        if lines.is_empty() {
            return match self.said {
                "not-reached" => writeln!(f, "-     (not reached)"),
                _ => writeln!(f, "-     (when {})", self.when),
            };
        }
        for (index, line) in lines.iter().enumerate() {
            let indent = if index == 0 { 0 } else { 27 };
            writeln!(f, "{:indent$}{:<6}{line}", "", self.said)?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut phase = None;
        for rule in &self.rules {
            if phase != Some(rule.phase) {
                phase = Some(rule.phase);
                writeln!(f, "{}", rule.phase)?;
            }
            write!(f, "{rule}")?;
        }
        f.write_str(if self.settled { "settled: nothing to do\n" } else { "not settled\n" })
    }
}
