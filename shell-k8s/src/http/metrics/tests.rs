//! What statuses amount to where no loop can be brought to it: rules need no guard as far as it is
//! known, and few moves are given up half-way.

use super::*;
use ha_core::{
    action::Action,
    guard::GUARDS,
    observation::Route,
    plan::{Plan, Step, Veto},
    reason::Reason,
    rules::RuleId,
};
use serde_json::{Value, json};

fn veto(no: usize) -> Veto {
    let action = Action::SetRoute(Route::Closed);
    let step = Step { rule: RuleId::E10, action, reason: Reason::NotLeader };
    Veto { step, guard: GUARDS[no].id }
}

fn after(passes: u64, vetoes: Vec<Veto>) -> Status {
    Status { passes, plan: Plan { vetoes, ..Plan::default() }, ..Status::default() }
}

fn has(metrics: &Metrics, line: &str) {
    let text = metrics.text();
    assert!(text.lines().any(|it| it == line), "no {line}: {text}");
}

#[test]
fn each_refusal_of_a_guard_is_counted_by_the_guard() {
    let metrics = Metrics::of_statuses();
    let total = |no: usize, count: u32| {
        let guard = GUARDS[no].id.name();
        has(&metrics, &format!("memgraph_ha_vetoes_total{{guard=\"{guard}\"}} {count}"));
    };
    let passes = [
        after(0, Vec::new()),
        after(1, vec![veto(0)]),
        after(2, vec![veto(0), veto(1)]),
        after(3, Vec::new()),
    ];
    metrics.count(&passes[0], &passes[1]);
    total(0, 1);
    metrics.count(&passes[1], &passes[2]);
    // The same pass told once more is no other.
    metrics.count(&passes[2], &passes[2]);
    metrics.count(&passes[2], &passes[3]);
    total(0, 2);
    total(1, 1);
}

/// A move that began at `wall_ms`, with its parts.
fn began(term: u32, wall_ms: u64, parts: [Option<u64>; 4], read: bool) -> Move {
    let [withdrawn, attached, steady, open] = parts;
    let text: Value = json!({
        "term": term, "cause": "failover", "from": "mg-0", "to": "mg-1", "rule": "E10", "why": "it died",
        "wall_ms": wall_ms, "withdrawn_ms": withdrawn, "attached_ms": attached, "steady_ms": steady,
        "open_ms": open, "read": read,
    });
    serde_json::from_value(text).expect("a move")
}

fn moves(list: &[Move]) -> Status {
    Status { moves: list.iter().cloned().collect(), ..Status::default() }
}

#[test]
fn a_phase_that_another_move_cut_short_is_told_apart() {
    let metrics = Metrics::of_statuses();
    let phase = |phase: &str, result: &str, sum: &str, count: u32| {
        let labels = format!("{{cause=\"failover\",phase=\"{phase}\",result=\"{result}\"}}");
        has(&metrics, &format!("memgraph_ha_move_phase_seconds_count{labels} {count}"));
        has(&metrics, &format!("memgraph_ha_move_phase_seconds_sum{labels} {sum}"));
    };
    let first = began(2, 10_000, [Some(500), None, None, None], false);
    let second = began(3, 12_500, [None; 4], false);
    let done = began(3, 12_500, [Some(250), Some(500), Some(750), None], false);
    let others = began(4, 20_000, [None; 4], true);
    let statuses = [
        moves(&[]),
        moves(std::slice::from_ref(&first)),
        moves(&[first.clone(), second]),
        moves(&[first.clone(), done.clone()]),
        moves(&[first.clone(), done.clone(), others]),
    ];
    for pair in statuses.windows(2) {
        metrics.count(&pair[0], &pair[1]);
        metrics.count(&pair[1], &pair[1]);
    }
    phase("withdraw", "done", "0.75", 2);
    phase("attach", "superseded", "2.0", 1);
    phase("attach", "done", "0.25", 1);
    phase("commit", "done", "0.25", 1);
    // Who opened the route after that, and when, is known to whoever led then.
    phase("open", "unknown", "6.75", 1);
    let ends = metrics.text().lines().filter(|it| it.contains("phase_seconds_count")).count();
    assert_eq!(ends, 5, "nothing else was counted");
}
