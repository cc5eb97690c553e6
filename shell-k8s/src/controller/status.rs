//! What a controller shows of itself: its last pass, the last steps, the last moves of the main with
//! how long each part of them took. It only listens.

use super::{
    Shared,
    moves::{Move, Moves},
    warnings::{self, Warning},
};
use ha_core::{
    action::Action,
    history::Outcome,
    leadership::Millis,
    observation::ClusterObservation,
    plan::{Plan, Step},
};
use serde::Serialize;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// Steps that are kept.
const STEPS: usize = 200;

/// A step that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TriedStep {
    /// When, in milliseconds since 1970.
    pub wall_ms: u64,
    /// The rule that asked for it.
    pub rule: String,
    /// The kind of effect, in one word.
    pub kind: &'static str,
    /// What was to be done.
    pub action: String,
    /// Why.
    pub reason: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took, its checks included.
    pub took_ms: Millis,
}

/// What a controller knows and waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Status {
    /// When the last pass ended, in milliseconds since 1970.
    pub wall_ms: u64,
    /// Whether this controller leads.
    pub leads: bool,
    /// Passes so far.
    pub passes: u64,
    /// How long the last one took.
    pub pass_ms: Millis,
    /// What it saw.
    pub observation: Option<ClusterObservation>,
    /// What it decided.
    pub plan: Plan,
    /// How many instances this controller keeps in order (`--instances`).
    pub size: u8,
    /// How many pods the StatefulSet asks for, as last read; none while that is not known.
    pub set_replicas: Option<u32>,
    /// What people are told that no rule waits for.
    pub warnings: Vec<Warning>,
    /// Steps so far, those that are not kept any more included.
    pub stepped: u64,
    /// The last steps, the latest at the end.
    pub steps: VecDeque<TriedStep>,
    /// The last moves of the main, the latest at the end.
    pub moves: VecDeque<Move>,
}

/// What the status is made from.
#[derive(Default)]
struct Kept {
    status: Status,
    moves: Moves,
}

/// Keeps the status.
pub(super) struct Board {
    now: Mutex<Kept>,
    shown: watch::Sender<Arc<Status>>,
}

pub(super) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) {
    if list.len() == most {
        list.pop_front();
    }
    list.push_back(item);
}

const fn kind(action: &Action) -> &'static str {
    match action {
        Action::WriteRecord { .. } => "record",
        Action::SetRoute(_) => "route",
        Action::Promote { .. } => "promote",
        Action::Demote { .. } => "demote",
        Action::Register { .. } => "register",
        Action::Drop { .. } => "drop",
        Action::SetAside { .. } => "set-aside",
        Action::Commit { .. } => "commit",
    }
}

impl Board {
    pub(super) fn new() -> Self {
        Self { now: Mutex::default(), shown: watch::Sender::new(Arc::default()) }
    }

    pub(super) fn watch(&self) -> watch::Receiver<Arc<Status>> {
        self.shown.subscribe()
    }

    fn now(&self) -> MutexGuard<'_, Kept> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step has ended.
    pub(super) fn step(&self, at: Millis, step: &Step, outcome: Outcome, took_ms: Millis) {
        let noted = TriedStep {
            wall_ms: wall_ms(),
            rule: step.rule.rule().id.to_string(),
            kind: kind(&step.action),
            action: step.action.to_string(),
            reason: step.reason.to_string(),
            outcome,
            took_ms,
        };
        let mut now = self.now();
        now.status.stepped += 1;
        push(&mut now.status.steps, noted, STEPS);
        now.moves.step(at, step, outcome);
    }

    /// Something was seen, of which the moves are noted that others began.
    pub(super) fn saw(&self, at: Millis, observation: &ClusterObservation) {
        if let Some(stored) = observation.record.known() {
            self.now().moves.read(at, stored);
        }
    }

    /// What another controller remembers; false as long as nothing can be made of it.
    pub(super) fn inherit(&self, moves: Vec<Move>) -> bool {
        self.now().moves.inherit(moves)
    }

    /// A pass has ended.
    pub(super) fn passed(&self, shared: &Shared, plan: &Plan, took: Duration) {
        let (at, leads, size, observation) = {
            let mind = shared.mind();
            (mind.now(), mind.leads(), mind.size(), mind.observe())
        };
        self.saw(at, &observation);
        let (warnings, set_replicas) = (warnings::of(shared), shared.set().replicas());
        let Kept { status, moves } = &mut *self.now();
        status.wall_ms = wall_ms();
        status.leads = leads;
        status.passes += 1;
        status.pass_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        status.observation = Some(observation);
        status.plan = plan.clone();
        (status.size, status.set_replicas) = (size, set_replicas);
        warnings::log(&status.warnings, &warnings);
        status.warnings = warnings;
        status.moves.clone_from(moves.list());
        self.shown.send_replace(Arc::new(status.clone()));
    }
}
