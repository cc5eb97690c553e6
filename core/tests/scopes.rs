//! What each rule may do and wait for is what it really says: nothing beyond its scope, and nothing
//! in its scope that never happens.

#[allow(dead_code, reason = "each test takes what it needs")]
mod common;

use common::judged::{CASES, judged, observations};
use ha_core::{
    action::ActionKind,
    reason::Reason,
    rules::{RULES, RuleId, SCOPES, Verdict},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a rule said of everything that it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Said {
    does: BTreeSet<ActionKind>,
    waits: BTreeSet<String>,
    stops: BTreeSet<String>,
}

/// The name of a reason in files.
fn name(reason: &Reason) -> String {
    let value = serde_json::to_value(reason).expect("a reason has a form in JSON");
    let key = value.as_object().and_then(|fields| fields.keys().next());
    let name = value.as_str().or(key.map(String::as_str));
    name.unwrap_or_else(|| panic!("{value}: neither a name nor an object")).to_owned()
}

fn said() -> BTreeMap<RuleId, Said> {
    let mut all: BTreeMap<RuleId, Said> = BTreeMap::new();
    for (_, obs) in observations(CASES) {
        for ((rule, _), verdict) in judged(&obs) {
            let said = all.entry(rule).or_default();
            match verdict {
                Verdict::Pass => {}
                Verdict::Hold(reason) => {
                    said.waits.insert(name(&reason));
                }
                Verdict::Stop(reason) => {
                    said.stops.insert(name(&reason));
                }
                Verdict::Act(actions, _) => {
                    said.does.extend(actions.iter().map(ha_core::action::Action::kind));
                }
            }
        }
    }
    all
}

/// What is in the scope of a rule and is met in no observation here: in a schedule, or in a test of
/// its own.
#[rustfmt::skip]
const ELSEWHERE: &[(RuleId, &str)] = &[
    (RuleId::T10, "stops: lease-unrenewed"),
    (RuleId::T10, "stops: paused"),
    (RuleId::T30, "stops: newer-record"),
    (RuleId::E48, "stops: draining"),
    (RuleId::A40, "waits: put-back-branched"),
    (RuleId::T30, "stops: unreadable-record"),
    (RuleId::T60, "record attached"),
    (RuleId::T60, "record intent"),
    (RuleId::T60, "record steady"),
    (RuleId::T60, "record withdrawn"),
    (RuleId::B05, "close the route"),
    (RuleId::B05, "record intent"),
    (RuleId::B05, "stops: accepted-waits"),
    (RuleId::E05, "close the route"),
    (RuleId::E05, "record intent"),
    (RuleId::E05, "record steady"),
    (RuleId::E05, "waits: accepted-waits"),
    (RuleId::A40, "record withdrawn"),
    (RuleId::A40, "waits: reset-in-vain"),
    (RuleId::A40, "waits: reset-unwanted"),
    (RuleId::A45, "waits: stays-invalid"),
];

/// The parts of a scope, in words.
fn parts(of: &Said) -> BTreeSet<String> {
    let does = of.does.iter().map(|kind| kind.name().to_owned());
    let waits = of.waits.iter().map(|name| format!("waits: {name}"));
    let stops = of.stops.iter().map(|name| format!("stops: {name}"));
    does.chain(waits).chain(stops).collect()
}

#[test]
fn every_rule_has_one_scope() {
    let ids: Vec<_> = SCOPES.iter().map(|scope| scope.id).collect();
    let rules: Vec<_> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids, rules, "one scope for each rule, in the order of the table");
    assert_eq!(RuleId::ALL, rules, "ids stand in the order of the table");
    for scope in SCOPES {
        assert_eq!(scope.id.scope().id, scope.id);
        let says = scope.does.len() + scope.waits.len() + scope.stops.len();
        assert!(says > 0, "{} does nothing and waits for nothing", scope.id);
    }
}

#[test]
fn a_rule_says_what_is_in_its_scope() {
    let all = said();
    let mut wrong = Vec::new();
    for scope in SCOPES {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let declared = parts(&Said {
            does: scope.does.iter().copied().collect(),
            waits: owned(scope.waits),
            stops: owned(scope.stops),
        });
        let met = all.get(&scope.id).map(parts).unwrap_or_default();
        let listed = |part: &String| {
            ELSEWHERE.iter().any(|(id, other)| *id == scope.id && *other == part.as_str())
        };
        for part in met.difference(&declared) {
            wrong.push(format!("{} says more: {part}", scope.id));
        }
        for part in declared.difference(&met).filter(|part| !listed(part)) {
            wrong.push(format!("    (RuleId::{}, {part:?}),", scope.id));
        }
        for part in met.intersection(&declared).filter(|part| listed(part)) {
            wrong.push(format!("{} is met here, strike it: {part}", scope.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
