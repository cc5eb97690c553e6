//! Each rule switched off in turn: some schedule fails without it, so that no rule is there for
//! nothing, and none could go unnoticed.

#[path = "common/schedules.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod schedules;

use ha_core::{
    guard::GUARDS,
    observation::ClusterObservation,
    plan::Plan,
    rules::{self, Rule, RuleId},
};
use schedules::{files, reasons};
use shell_sim::schedule::{Schedule, run};
use std::cell::Cell;

thread_local! {
    /// The rule that is off.
    static OFF: Cell<Option<RuleId>> = const { Cell::new(None) };
}

fn without_one(observation: &ClusterObservation) -> Plan {
    let off = OFF.get();
    let rules: Vec<Rule> =
        rules::RULES.iter().filter(|rule| Some(rule.id) != off).copied().collect();
    ha_core::plan_with(observation, &rules, GUARDS)
}

fn schedules() -> Vec<(String, Schedule)> {
    let parse = |(name, text): (String, String)| {
        let schedule = Schedule::parse(&text);
        (name.clone(), schedule.unwrap_or_else(|bad| panic!("{name}: {bad}")))
    };
    files(&[schedules::RULES, "", schedules::MISTAKES]).into_iter().map(parse).collect()
}

#[test]
fn some_schedule_fails_without_each_rule() {
    let schedules = schedules();
    let mut missed = Vec::new();
    for id in RuleId::ALL {
        OFF.set(Some(*id));
        let found = schedules.iter().find_map(|(name, schedule)| {
            let report = run(schedule, without_one);
            Some((name, reasons(schedule, &report).into_iter().next()?))
        });
        match found {
            Some((name, why)) => println!("{id} {}: {name}: {why}", id.rule().name),
            None => missed.push(format!("{id} {}", id.rule().name)),
        }
    }
    assert!(missed.is_empty(), "nothing fails without {}: {missed:#?}", missed.len());
}

/// What the folder of rules tells comes about, and not without the rule that it is named after.
#[test]
fn each_schedule_of_a_rule_needs_it() {
    let mut wrong = Vec::new();
    for (name, schedule) in schedules() {
        let Some(file) = name.strip_prefix(schedules::RULES) else { continue };
        let is_its = |id: &&RuleId| {
            let begin = format!("{}-{}.txt", id.to_string().to_lowercase(), id.rule().name);
            begin == file
        };
        let Some(id) = RuleId::ALL.iter().find(is_its) else {
            wrong.push(format!("{name}: there is no such rule"));
            continue;
        };
        OFF.set(None);
        let report = run(&schedule, without_one);
        if !report.is_good() {
            wrong.push(format!("{name}: {:?}\n{}", reasons(&schedule, &report), report.story()));
        }
        OFF.set(Some(*id));
        if reasons(&schedule, &run(&schedule, without_one)).is_empty() {
            wrong.push(format!("{name}: it goes well without {id}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
