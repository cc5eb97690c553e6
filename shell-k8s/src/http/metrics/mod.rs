//! `GET /metrics`. Names of the predecessor are kept where they mean the same (PI 7), and are true
//! now: gauges are read when they are asked for, what only a leader knows is told by the leader
//! alone, and a pass that did not do what it was to do has failed. Ours begin with `memgraph_ha`.
//!
//! Everything is fed from [`Status`]; a pass of which the status was replaced before it was seen is
//! counted, but has no place in the histogram of durations.

// Seconds in metrics are floats.
#![allow(clippy::float_arithmetic)]

mod gauges;

use super::{Http, answer};
use crate::controller::{Controller, Move, Status, TriedStep};
use axum::{extract::State, http::StatusCode, response::Response};
use gauges::Gauges;
use ha_core::{history::Outcome, leadership::Millis, record::Cause};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};
use tokio::sync::watch;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStep {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByGuard {
    guard: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPhase {
    cause: &'static str,
    phase: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByType {
    r#type: &'static str,
}

/// The one type of error that the predecessor counted.
const RECONCILIATION: ByType = ByType { r#type: "reconciliation" };

/// A phase came to its end.
const DONE: &str = "done";
/// A phase did not: this controller began another move in its place.
const SUPERSEDED: &str = "superseded";
/// Another controller began the next move, and knows what became of this phase.
const UNKNOWN: &str = "unknown";

/// What passes amounted to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    /// Passes that did not do what they were to do, or could not read the record.
    pub(super) failed: u64,
    /// Passes whose duration was seen.
    pub(super) timed: u64,
    /// How long they took together.
    pub(super) spent_ms: Millis,
    /// Why the last pass failed, if it did.
    pub(super) error: Option<String>,
}

/// Everything that is counted.
pub(super) struct Metrics {
    registry: Registry,
    tally: Mutex<Tally>,
    passes: Counter,
    failed: Counter,
    successful: Counter,
    pass_seconds: Histogram,
    errors: Family<ByType, Counter>,
    last_error: Family<ByType, Gauge<f64, AtomicU64>>,
    became_leader: Counter,
    elections: Counter,
    main_changes: Counter,
    steps: Family<ByStep, Counter>,
    steps_unseen: Counter,
    step_seconds: Family<ByAction, Histogram>,
    vetoes: Family<ByGuard, Counter>,
    moves: Family<ByCause, Counter>,
    phase_seconds: Family<ByPhase, Histogram>,
    move_seconds: Family<ByCause, Histogram>,
    waiting: Gauge,
}

/// A question that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn durations() -> Histogram {
    Histogram::new([
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
    ])
}

fn seconds(ms: Millis) -> f64 {
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1_000.0
}

/// Seconds since 1970, to the millisecond.
fn stamp(wall_ms: u64) -> f64 {
    let whole = u32::try_from(wall_ms / 1_000).unwrap_or(u32::MAX);
    f64::from(whole) + seconds(wall_ms % 1_000)
}

impl Metrics {
    /// Nothing was counted yet.
    pub(super) fn new(controller: Controller, status: watch::Receiver<Arc<Status>>) -> Self {
        let mut new = Self::of_statuses();
        let ours = new.registry.sub_registry_with_prefix("memgraph_ha");
        controller.meters().register(ours);
        new.registry.register_collector(Box::new(Gauges { controller, status }));
        new
    }

    /// What is counted from one status to the next.
    fn of_statuses() -> Self {
        let mut new = Self {
            registry: Registry::default(),
            tally: Mutex::default(),
            passes: Counter::default(),
            failed: Counter::default(),
            successful: Counter::default(),
            pass_seconds: Histogram::new([
                0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ]),
            errors: Family::default(),
            last_error: Family::default(),
            became_leader: Counter::default(),
            elections: Counter::default(),
            main_changes: Counter::default(),
            steps: Family::default(),
            steps_unseen: Counter::default(),
            step_seconds: Family::new_with_constructor(durations),
            vetoes: Family::default(),
            moves: Family::default(),
            phase_seconds: Family::new_with_constructor(durations),
            move_seconds: Family::new_with_constructor(durations),
            waiting: Gauge::default(),
        };
        new.register_predecessors();
        new.register_ours();
        new
    }

    fn register_predecessors(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("memgraph_controller");
        registry.register("reconciliations", "Passes", self.passes.clone());
        let help = "Passes that did all of their plan";
        registry.register("reconciliations_successful", help, self.successful.clone());
        let help = "Passes that stopped at a step, or could not read the record";
        registry.register("reconciliations_failed", help, self.failed.clone());
        let help = "How long a pass takes";
        registry.register("reconciliation_duration_seconds", help, self.pass_seconds.clone());
        let help = "Times that this controller began to lead";
        registry.register("leadership_changes", help, self.became_leader.clone());
        registry.register("elections", "Elections that it won", self.elections.clone());
        registry.register("errors", "Passes that failed", self.errors.clone());
        let help = "When a pass failed last, in seconds since 1970";
        registry.register("last_error_timestamp", help, self.last_error.clone());
        let registry = self.registry.sub_registry_with_prefix("memgraph_cluster");
        let help = "Intents of this controller that name another main than before";
        registry.register("main_changes", help, self.main_changes.clone());
    }

    fn register_ours(&mut self) {
        let registry = self.registry.sub_registry_with_prefix("memgraph_ha");
        registry.register("steps", "Steps, by action and how they ended", self.steps.clone());
        let help = "Steps that were gone before they were counted";
        registry.register("steps_unseen", help, self.steps_unseen.clone());
        let help = "How long a step takes, its checks included";
        registry.register("step_duration_seconds", help, self.step_seconds.clone());
        let help = "Steps that the guard refused; rules must never need it";
        registry.register("vetoes", help, self.vetoes.clone());
        registry.register("moves", "Moves of the main begun, by cause", self.moves.clone());
        let help =
            "How long each phase of a move takes (withdraw, attach, commit, open), by how it ended";
        registry.register("move_phase_seconds", help, self.phase_seconds.clone());
        let help = "Time from the record of the intent to the open route";
        registry.register("move_duration_seconds", help, self.move_seconds.clone());
        let help = "Questions of gateways that wait for an answer";
        registry.register("questions_waiting", help, self.waiting.clone());
    }

    /// A question waits until what is returned is dropped.
    pub(super) fn question(&self) -> Waiting {
        self.waiting.inc();
        Waiting(self.waiting.clone())
    }

    fn tally_now(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What passes amounted to.
    pub(super) fn tally(&self) -> Tally {
        self.tally_now().clone()
    }

    /// Counts what happened between two statuses of one controller.
    pub(super) fn count(&self, before: &Status, after: &Status) {
        if after.leads && !before.leads {
            self.became_leader.inc();
            self.elections.inc();
        }
        let steps = self.count_steps(before, after);
        let passes = after.passes.saturating_sub(before.passes);
        if passes > 0 {
            self.count_passes(passes, &steps, after);
            for veto in &after.plan.vetoes {
                self.vetoes.get_or_create(&ByGuard { guard: veto.guard.name() }).inc();
            }
        }
        // Each move is counted by the controller that began it.
        for now in after.moves.iter().filter(|it| !it.read) {
            let then = before.moves.iter().find(|it| it.term == now.term);
            self.count_move(then, now);
            let next = |moves: &VecDeque<Move>| moves.iter().find(|it| it.term > now.term).cloned();
            if let (None, Some(next)) = (next(&before.moves), next(&after.moves)) {
                self.count_end(now, &next);
            }
        }
    }

    /// Counts the new steps, and returns them.
    fn count_steps<'a>(&self, before: &Status, after: &'a Status) -> Vec<&'a TriedStep> {
        let fresh = after.stepped.saturating_sub(before.stepped);
        let kept = usize::try_from(fresh).unwrap_or(usize::MAX).min(after.steps.len());
        self.steps_unseen.inc_by(fresh.saturating_sub(kept as u64));
        let steps: Vec<_> = after.steps.iter().skip(after.steps.len() - kept).collect();
        for step in &steps {
            let by = ByStep { action: step.kind, outcome: outcome(step.outcome) };
            self.steps.get_or_create(&by).inc();
            let seconds = seconds(step.took_ms);
            self.step_seconds.get_or_create(&ByAction { action: step.kind }).observe(seconds);
        }
        steps
    }

    fn count_passes(&self, passes: u64, steps: &[&TriedStep], after: &Status) {
        let is_stopped = |step: &&&TriedStep| step.outcome != Outcome::Done;
        let stopped = steps.iter().filter(is_stopped).count() as u64;
        let error = error(steps.last().copied().filter(|step| is_stopped(&step)), after);
        let unread = u64::from(stopped == 0 && error.is_some());
        // A pass stops at the first step that is not done, so that none is counted twice.
        let failed = (stopped + unread).min(passes);
        self.passes.inc_by(passes);
        self.failed.inc_by(failed);
        self.successful.inc_by(passes - failed);
        self.pass_seconds.observe(seconds(after.pass_ms));
        if failed > 0 {
            self.errors.get_or_create(&RECONCILIATION).inc_by(failed);
            self.last_error.get_or_create(&RECONCILIATION).set(stamp(after.wall_ms));
        }
        let mut tally = self.tally_now();
        tally.failed += failed;
        tally.timed += 1;
        tally.spent_ms = tally.spent_ms.saturating_add(after.pass_ms);
        tally.error = error;
    }

    fn count_move(&self, then: Option<&Move>, now: &Move) {
        let cause = cause(now.cause);
        if then.is_none() {
            self.moves.get_or_create(&ByCause { cause }).inc();
            if now.from.is_some_and(|from| from != now.to) {
                self.main_changes.inc();
            }
        }
        let counted = then.map_or([None; 4], |then| phases(then).map(|(.., until)| until));
        for ((phase, from, until), counted) in phases(now).into_iter().zip(counted) {
            if let (Some(from), Some(until), None) = (from, until, counted) {
                self.count_phase(cause, phase, DONE, until.saturating_sub(from));
            }
        }
        if let (Some(whole), None) = (now.open_ms, then.and_then(|it| it.open_ms)) {
            self.move_seconds.get_or_create(&ByCause { cause }).observe(seconds(whole));
        }
    }

    /// Counts the phase in which a move was when another one began: it never ended.
    fn count_end(&self, now: &Move, next: &Move) {
        let unfinished = phases(now).into_iter().find(|(.., until)| until.is_none());
        if let Some((phase, Some(from), None)) = unfinished {
            // Who began the next one itself has seen all of this one.
            let result = if next.read { UNKNOWN } else { SUPERSEDED };
            let took = next.wall_ms.saturating_sub(now.wall_ms.saturating_add(from));
            self.count_phase(cause(now.cause), phase, result, took);
        }
    }

    fn count_phase(
        &self,
        cause: &'static str,
        phase: &'static str,
        result: &'static str,
        took: Millis,
    ) {
        let by = ByPhase { cause, phase, result };
        self.phase_seconds.get_or_create(&by).observe(seconds(took));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // A String takes whatever is written to it.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// The phases of a move: from when and until when, in milliseconds after the record of its intent.
const fn phases(it: &Move) -> [(&'static str, Option<Millis>, Option<Millis>); 4] {
    [
        ("withdraw", Some(0), it.withdrawn_ms),
        ("attach", it.withdrawn_ms, it.attached_ms),
        ("commit", it.attached_ms, it.steady_ms),
        ("open", it.steady_ms, it.open_ms),
    ]
}

/// Why the last pass failed, if it did.
fn error(stopped: Option<&TriedStep>, after: &Status) -> Option<String> {
    if let Some(step) = stopped {
        return Some(format!("{}: {}", step.action, outcome(step.outcome)));
    }
    let record = &after.observation.as_ref()?.record;
    record.proven().is_none().then(|| "the record was not read in this round".to_owned())
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotSent => "not-sent",
        Outcome::Refused => "refused",
        Outcome::Branched => "branched",
        Outcome::Unreachable => "unreachable",
        Outcome::Unknown => "unknown",
    }
}

const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Bootstrap => "bootstrap",
        Cause::Failover => "failover",
        Cause::Switchover { .. } => "switchover",
        Cause::Adoption => "adoption",
        Cause::Return => "return",
        Cause::Accepted { .. } => "accepted",
        Cause::Renewal => "renewal",
    }
}

pub(super) async fn metrics(State(http): State<Arc<Http>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer::with(StatusCode::OK, kind, http.metrics.text())
}

#[cfg(test)]
mod tests;
