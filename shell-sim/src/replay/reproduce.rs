//! Whether the predecessor's policy, put into the world of a record, does what was recorded: a
//! bounded depth-first search over the order of its threads, the progress of pods and the answers
//! to what the record leaves open. It judges nothing but order and facts.

use super::{
    facts::OpenFacts,
    matching::matches,
    setup::{age_volume, before, instance_of, miss_a_commit},
};
use crate::{
    incident::{Actor, EventWord, Incident, Item, Role, Value},
    memgraph::RoleName,
    predecessor::{Emitted, Predecessor, Thread, Turn},
    world::{Event, World},
};
use ha_core::ids::InstanceId;
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// How far the search goes for one combination of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Steps of one run.
    pub depth: usize,
    /// States visited.
    pub states: usize,
    /// Reconcile passes that begin.
    pub passes: u8,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth: 120, states: 4_000, passes: 4 }
    }
}

/// What the search found.
#[derive(Debug, Clone)]
pub struct Reproduction {
    /// Whether a run matched every recorded item.
    pub reproduced: bool,
    /// Combinations of answers tried.
    pub combinations: usize,
    /// The combinations for which a run matched, the first one first.
    pub matched: Vec<OpenFacts>,
    /// The steps of the first matching run.
    pub run: Vec<Step>,
    /// Items to be matched.
    pub expected: usize,
    /// The most items that any run matched in order.
    pub best: usize,
    /// States visited in all.
    pub states: usize,
    /// Whether a bound ended the search of a combination.
    pub bounded: bool,
    /// The bounds.
    pub bounds: Bounds,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Who made it: a thread, the world, or whoever the record names.
    pub by: String,
    /// What it showed.
    pub shown: Vec<String>,
    /// Orders of the items that it met.
    pub meets: Vec<u32>,
}

/// Searches.
#[must_use]
pub fn reproduce(incident: &Incident, bounds: Bounds) -> Reproduction {
    let items = relevant(incident);
    let combinations = OpenFacts::all(incident);
    let mut found = Reproduction {
        reproduced: false,
        combinations: combinations.len(),
        matched: Vec::new(),
        run: Vec::new(),
        expected: items.len(),
        best: 0,
        states: 0,
        bounded: false,
        bounds,
    };
    for facts in combinations {
        let Some((world, policy)) = before(incident, &facts) else { continue };
        let tail_left = facts.tail == Some(true);
        let open = (0..items.len()).collect();
        let mut start = State { world, policy, open, tail_left };
        // Few passes first, so that the run that is shown is a short one.
        for passes in 1..=bounds.passes {
            start.policy.passes_left = passes;
            let mut search = Search::new(&items, facts, bounds);
            let mut run = Vec::new();
            let matched = search.explore(&start, &mut run);
            found.best = found.best.max(search.best);
            found.states += search.seen.len();
            found.bounded |= search.bounded;
            if matched {
                if found.matched.is_empty() {
                    found.run = run;
                }
                found.matched.push(facts);
                break;
            }
        }
    }
    let produced = items.iter().any(|item| !is_input(item));
    found.reproduced = produced && !found.matched.is_empty();
    found
}

/// Whether an item is done to the cluster and not by it.
const fn is_input(item: &Item) -> bool {
    matches!(item.actor, Actor::Kubernetes | Actor::Operator | Actor::Client)
}

/// What a run must meet: recorded observations, and everything that was done from outside.
fn relevant(incident: &Incident) -> Vec<&Item> {
    incident.happened().filter(|item| item.evidence.is_recorded() || is_input(item)).collect()
}

#[derive(Clone)]
struct State {
    world: World,
    policy: Predecessor,
    open: BTreeSet<usize>,
    /// Whether a client may still make a commit that the sync replica misses.
    tail_left: bool,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Tail,
    Input(usize),
    Thread(Thread),
    World(Event),
}

struct Search<'i> {
    items: &'i [&'i Item],
    facts: OpenFacts,
    bounds: Bounds,
    seen: BTreeSet<u64>,
    best: usize,
    bounded: bool,
}

impl<'i> Search<'i> {
    const fn new(items: &'i [&'i Item], facts: OpenFacts, bounds: Bounds) -> Self {
        Self { items, facts, bounds, seen: BTreeSet::new(), best: 0, bounded: false }
    }

    fn explore(&mut self, state: &State, run: &mut Vec<Step>) -> bool {
        self.best = self.best.max(self.items.len() - state.open.len());
        if state.open.is_empty() {
            return true;
        }
        if run.len() >= self.bounds.depth || self.seen.len() >= self.bounds.states {
            self.bounded = true;
            return false;
        }
        if !self.seen.insert(fingerprint(state)) {
            return false;
        }
        for next in self.moves(state) {
            let mut after = state.clone();
            let Some((shown, mut step)) = self.make(&mut after, next) else { continue };
            step.meets.extend(shown.iter().filter_map(|one| self.meet(&mut after.open, one)));
            run.push(step);
            if self.explore(&after, run) {
                return true;
            }
            run.pop();
        }
        false
    }

    /// Items that may come next: those of the lowest order that is not met yet.
    fn next_items(&self, open: &BTreeSet<usize>) -> Vec<usize> {
        let lowest = open.iter().filter_map(|i| self.items.get(*i)).map(|item| item.order).min();
        let is_next = |i: &&usize| self.items.get(**i).map(|item| item.order) == lowest;
        open.iter().filter(is_next).copied().collect()
    }

    /// The order of the item that this is, which is then met.
    fn meet(&self, open: &mut BTreeSet<usize>, shown: &Emitted) -> Option<u32> {
        let index = self.next_items(open).into_iter().find(|i| {
            self.items.get(*i).is_some_and(|item| !is_input(item) && matches(item, shown))
        })?;
        open.remove(&index);
        self.items.get(index).map(|item| item.order)
    }

    fn moves(&self, state: &State) -> Vec<Move> {
        let inputs = self.next_items(&state.open).into_iter();
        let inputs = inputs.filter(|i| self.items.get(*i).is_some_and(|item| is_input(item)));
        let mut moves: Vec<Move> = inputs.map(Move::Input).collect();
        for (id, body) in state.world.instances().zip(&state.world.bodies) {
            let Some(pod) = &body.pod else { continue };
            if pod.address.is_none() {
                moves.push(Move::World(Event::AssignAddress(id)));
            }
            if !body.runs() && body.powered && !pod.deleting {
                moves.push(Move::World(Event::Start(id)));
            }
        }
        moves.extend(state.policy.enabled(&state.world).into_iter().map(Move::Thread));
        let serves = state
            .world
            .body(self.facts.target)
            .is_ok_and(|body| body.instance.is_bolt_open() && body.instance.as_main().is_some());
        if state.tail_left && serves {
            moves.push(Move::Tail);
        }
        moves
    }

    fn make(&self, state: &mut State, next: Move) -> Option<(Vec<Emitted>, Step)> {
        match next {
            Move::Thread(thread) => {
                let shown = state.policy.step(&mut state.world, thread);
                let step = Step::of(thread.as_str(), shown.iter().map(words).collect());
                Some((shown, step))
            }
            Move::World(event) => {
                let mut turn = Turn::new(&mut state.world);
                turn.event(&event);
                turn.settle();
                Some((turn.shown, Step::of("world", vec![event.to_string()])))
            }
            Move::Tail => {
                state.tail_left = false;
                let mut turn = Turn::new(&mut state.world);
                miss_a_commit(&mut turn, self.facts.target);
                let told = "a commit that the sync replica misses".to_owned();
                Some((turn.shown, Step::of("client", vec![told])))
            }
            Move::Input(index) => {
                let item = self.items.get(index)?;
                let shown = self.inject(state, item)?;
                state.open.remove(&index);
                let pod = item.pod.map(|pod| format!(" {pod}")).unwrap_or_default();
                let mut step = Step::of(item.actor.as_str(), vec![format!("{}{pod}", item.event)]);
                step.meets.push(item.order);
                Some((shown, step))
            }
        }
    }

    /// Does to the cluster what the record says was done. None: the world is not as the item says.
    fn inject(&self, state: &mut State, item: &Item) -> Option<Vec<Emitted>> {
        let id = item.pod.and_then(instance_of);
        let mut turn = Turn::new(&mut state.world);
        let mut shown = Vec::new();
        match (item.event, id) {
            (EventWord::PodDeleted | EventWord::PodForceKilled, Some(id)) => {
                role_fits(turn.world, id, item.facts.role_of_pod)?;
                turn.event(&Event::RemovePod(id));
                shown = state.policy.pod_deleted(id);
            }
            (EventWord::PodDeletionRequested, Some(id)) => {
                turn.event(&Event::MarkDeleted(id));
                state.policy.terminating.insert(id);
            }
            (EventWord::PodCreated, Some(id)) => {
                turn.event(&Event::CreatePod(id, true));
                age_volume(turn.world, id, self.facts.storage);
            }
            (EventWord::PodIpMissing, Some(id)) => {
                turn.event(&Event::RemovePod(id));
                turn.event(&Event::CreatePod(id, false));
                state.policy.ready.remove(&id);
            }
            (EventWord::PodReady, Some(id)) => {
                turn.world.body(id).ok().filter(|body| body.runs())?;
                role_fits(turn.world, id, item.facts.role)?;
                state.policy.ready.insert(id);
            }
            (EventWord::PodNotReady, Some(id)) => {
                state.policy.ready.remove(&id);
            }
            // What else people and Kubernetes tell leaves the cluster as it is.
            (_, _) => {}
        }
        turn.settle();
        shown.append(&mut turn.shown);
        Some(shown)
    }
}

/// Whether an instance has the role that an item states, if it states one.
fn role_fits(world: &World, id: InstanceId, stated: Option<Role>) -> Option<()> {
    let Some(stated) = stated else { return Some(()) };
    let expected = match stated {
        Role::Main => RoleName::Main,
        Role::Replica => RoleName::Replica,
    };
    (world.body(id).ok()?.instance.role() == Some(expected)).then_some(())
}

fn words(emitted: &Emitted) -> String {
    let pod = emitted.pod.map(|pod| format!(" {pod}")).unwrap_or_default();
    format!("{}{pod}{}", emitted.event, facts_of(&emitted.data.0))
}

fn facts_of(data: &BTreeMap<String, Value>) -> String {
    let bare = |value: &Value| value.to_string().replace('`', "");
    data.iter().map(|(key, value)| format!(" {key}={}", bare(value))).collect()
}

impl Step {
    fn of(by: &str, shown: Vec<String>) -> Self {
        Self { by: by.to_owned(), shown, meets: Vec::new() }
    }
}

fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&state.world, &state.policy, &state.open, state.tail_left).hash(&mut hasher);
    hasher.finish()
}
