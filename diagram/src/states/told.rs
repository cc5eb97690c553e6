//! The model with what each controller is about to do, and by which rule: a world keeps the steps of
//! a plan and not the rules that asked for them.

use ha_core::{action::ActionKind, plan::Step, rules::RuleId};
use model_check::{
    explore::{Edge, Facts, Rest, System},
    model::{Act, Model, Outcome, Outside},
    pack::Packed,
};
use shell_sim::world::{Awaited, ControllerNo, MessageBody, MessageId, Place, World};

/// How many steps of a plan are told by their rules; no plan has as many.
const STEPS: usize = 11;
/// How many controllers a model has.
const CONTROLLERS: usize = 2;

/// The rules behind what a controller is about to do: of the effect under way, then of the steps
/// that are left; 0 is none.
type Rules = [u8; STEPS + 1];

/// A state, with the rules behind what is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct State {
    /// The state of the model.
    pub(super) packed: Packed,
    rules: [Rules; CONTROLLERS],
}

/// The model that tells rules.
#[derive(Debug)]
pub(super) struct Told<'m>(pub(super) &'m Model);

fn code(rule: RuleId) -> u8 {
    let at = RuleId::ALL.iter().position(|id| *id == rule);
    at.and_then(|at| u8::try_from(at + 1).ok()).unwrap_or(0)
}

fn rule(code: u8) -> Option<RuleId> {
    RuleId::ALL.get(usize::from(code).checked_sub(1)?).copied()
}

impl State {
    fn of(&self, no: ControllerNo) -> &Rules {
        &self.rules[usize::from(no.0) % CONTROLLERS]
    }

    fn of_mut(&mut self, no: ControllerNo) -> &mut Rules {
        &mut self.rules[usize::from(no.0) % CONTROLLERS]
    }

    /// The rule of a controller's next step.
    pub(super) fn next(&self, no: ControllerNo) -> Option<RuleId> {
        rule(self.of(no)[1])
    }

    /// The rule behind a message, if its sender still waits for what becomes of it.
    pub(super) fn behind(&self, world: &World, id: MessageId) -> Option<RuleId> {
        let Place::Controller(no) = id.from else { return None };
        let waits = world.controller(no).ok()?.waiting.as_ref()?;
        let (_, awaited) = order(world, id)?;
        (waits.on == awaited).then(|| rule(self.of(no)[0])).flatten()
    }
}

/// What a command or a write of the record is, and what whoever waits for it waits for.
fn order(world: &World, id: MessageId) -> Option<(ActionKind, Awaited)> {
    let body = world.network.messages.get(&id)?;
    if let MessageBody::Command { session, action } = body {
        return Some((action.kind(), Awaited::Connection(*session)));
    }
    if let MessageBody::RecordWrite { ticket, record, .. } = body {
        return Some((ActionKind::of_record(record.stage), Awaited::Record(*ticket)));
    }
    if let MessageBody::SetAside { ticket, .. } = body {
        return Some((ActionKind::SetAside, Awaited::Record(*ticket)));
    }
    None
}

/// What a command or a write of the record is, whether it is waited for or not.
pub(super) fn ordered(world: &World, id: MessageId) -> Option<ActionKind> {
    order(world, id).map(|(kind, _)| kind)
}

impl Told<'_> {
    /// Every transition of a state.
    pub(super) fn acts(&self, state: &State) -> Vec<(Act, Option<Outside>)> {
        self.0.acts(&state.packed)
    }

    /// Makes one transition.
    pub(super) fn take(&self, state: &State, act: Act, from: Option<Outside>) -> (State, Outcome) {
        let outcome = self.0.take(&state.packed, act, from);
        let mut to = State { packed: outcome.to, ..*state };
        if let (Act::Look(no) | Act::Glance(no, _), Some(plan)) = (act, &outcome.plan) {
            *to.of_mut(no) = queued(&plan.steps);
        }
        if let Act::Effect(no) = act {
            to.of_mut(no).rotate_left(1);
            to.of_mut(no)[STEPS] = 0;
        }
        let world = self.0.world(&to.packed);
        for no in world.controller_numbers() {
            trim(to.of_mut(no), &world, no);
        }
        (to, outcome)
    }
}

fn queued(steps: &[Step]) -> Rules {
    let mut rules = [0; STEPS + 1];
    for (slot, step) in rules[1..].iter_mut().zip(steps) {
        *slot = code(step.rule);
    }
    rules
}

/// Forgets what a controller is not about to do any more.
fn trim(rules: &mut Rules, world: &World, no: ControllerNo) {
    let process = world.controller(no).ok();
    let left = process.map_or(0, |process| process.queue.len());
    if process.is_none_or(|process| process.waiting.is_none()) {
        rules[0] = 0;
    }
    for slot in rules.iter_mut().skip(1 + left) {
        *slot = 0;
    }
}

/// What is judged is left to the model itself.
impl System for Told<'_> {
    type State = State;

    fn initial(&self) -> State {
        State { packed: self.0.initial(), rules: [[0; STEPS + 1]; CONTROLLERS] }
    }

    fn expand(&self, state: &State, edges: &mut Vec<Edge<State>>) -> Facts {
        for (act, from) in self.acts(state) {
            let (to, _) = self.take(state, act, from);
            edges.push(Edge { to, class: 0, progress: from.is_none(), broken: 0, seen: 0 });
        }
        Facts { rest: Rest::Moving, broken: 0 }
    }

    fn parts(&self) -> Vec<String> {
        Vec::new()
    }

    fn without(&self, state: &State, _part: usize) -> State {
        *state
    }
}
