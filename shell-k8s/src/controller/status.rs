//! What a controller shows of itself: its last pass, the last steps, the last moves of the main with
//! how long each part of them took. It only listens.

use super::Shared;
use ha_core::{
    action::Action,
    history::Outcome,
    ids::{InstanceId, Term},
    leadership::Millis,
    observation::{ClusterObservation, Route},
    plan::{Plan, Step},
    record::{Cause, Stage},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch;

/// Steps that are kept.
const STEPS: usize = 200;
/// Moves that are kept.
const MOVES: usize = 50;

/// A step that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noted {
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

/// A move of the main, with the moments of its parts in milliseconds after the record of the intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The reign that began.
    pub term: Term,
    /// Why.
    pub cause: Cause,
    /// The main before.
    pub from: Option<InstanceId>,
    /// The main after.
    pub to: InstanceId,
    /// The rule that asked for it.
    pub rule: String,
    /// The facts that caused it.
    pub why: String,
    /// When the intent was recorded, in milliseconds since 1970.
    pub wall_ms: u64,
    /// When the record said that nobody forwards any more.
    pub withdrawn_ms: Option<Millis>,
    /// When it was main with its voter.
    pub attached_ms: Option<Millis>,
    /// When it had a commit of its own.
    pub steady_ms: Option<Millis>,
    /// When writes were routed to it.
    pub open_ms: Option<Millis>,
    #[serde(skip)]
    began: Millis,
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
    /// Steps so far, those that are not kept any more included.
    pub stepped: u64,
    /// The last steps, the latest at the end.
    pub steps: VecDeque<Noted>,
    /// The last moves of the main, the latest at the end.
    pub moves: VecDeque<Move>,
}

/// Keeps the status.
pub(super) struct Board {
    now: Mutex<Status>,
    shown: watch::Sender<Arc<Status>>,
}

fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn push<T>(list: &mut VecDeque<T>, item: T, most: usize) {
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

    fn now(&self) -> MutexGuard<'_, Status> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step has ended.
    pub(super) fn step(&self, at: Millis, step: &Step, outcome: Outcome, took_ms: Millis) {
        let noted = Noted {
            wall_ms: wall_ms(),
            rule: step.rule.rule().id.to_string(),
            kind: kind(&step.action),
            action: step.action.to_string(),
            reason: step.reason.to_string(),
            outcome,
            took_ms,
        };
        let mut now = self.now();
        now.stepped += 1;
        push(&mut now.steps, noted, STEPS);
        if outcome == Outcome::Done {
            now.follow(at, step);
        }
    }

    /// A pass has ended.
    pub(super) fn passed(&self, shared: &Shared, plan: &Plan, took: Duration) {
        let (leads, observation) = {
            let mind = shared.mind();
            (mind.leads(), mind.observe())
        };
        let mut now = self.now();
        now.wall_ms = wall_ms();
        now.leads = leads;
        now.passes += 1;
        now.pass_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        now.observation = Some(observation);
        now.plan = plan.clone();
        self.shown.send_replace(Arc::new(now.clone()));
    }
}

impl Status {
    /// Which part of a move has ended with this.
    fn follow(&mut self, at: Millis, step: &Step) {
        match &step.action {
            Action::WriteRecord { record, .. } => match record.stage {
                Stage::Intent => {
                    let begun = Move {
                        term: record.term,
                        cause: record.cause,
                        from: record.before.map(|before| before.main),
                        to: record.target,
                        rule: step.rule.rule().id.to_string(),
                        why: step.reason.to_string(),
                        wall_ms: wall_ms(),
                        withdrawn_ms: None,
                        attached_ms: None,
                        steady_ms: None,
                        open_ms: None,
                        began: at,
                    };
                    push(&mut self.moves, begun, MOVES);
                }
                Stage::Withdrawn => self.reached(at, record.term, |it| &mut it.withdrawn_ms),
                Stage::Attached => self.reached(at, record.term, |it| &mut it.attached_ms),
                Stage::Steady => self.reached(at, record.term, |it| &mut it.steady_ms),
            },
            Action::SetRoute(Route::Open { term, .. }) => {
                self.reached(at, *term, |it| &mut it.open_ms);
            }
            Action::SetRoute(Route::Closed | Route::Draining { .. })
            | Action::Promote { .. }
            | Action::Demote { .. }
            | Action::Register { .. }
            | Action::Drop { .. }
            | Action::SetAside { .. }
            | Action::Commit { .. } => {}
        }
    }

    fn reached(&mut self, at: Millis, term: Term, part: fn(&mut Move) -> &mut Option<Millis>) {
        if let Some(it) = self.moves.iter_mut().find(|it| it.term == term) {
            let after = at.saturating_sub(it.began);
            part(it).get_or_insert(after);
        }
    }
}
