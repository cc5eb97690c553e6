//! The search for a run that meets every item in order: bounded, nearest to the record first. This
//! module decides where the search goes on; it deliberately does not know what a move does.

use super::{
    facts::OpenFacts,
    inject::{Part, is_conditional, part_of},
    matching::matches,
    moves::{Move, named, weight},
    reproduce::{Bounds, Step},
    setup::MISSED_COMMIT,
};
use crate::{
    incident::Item,
    predecessor::{Emitted, Predecessor},
    world::World,
};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
    hash::{DefaultHasher, Hash, Hasher},
};

/// What a run has come to.
#[derive(Clone)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) policy: Predecessor,
    pub(super) open: BTreeSet<usize>,
    /// Whether a client may still make a commit that the sync replica misses.
    pub(super) tail_left: bool,
    /// How the main sees its sync replica, as far as a record leaves that open.
    pub(super) sight: Sight,
    /// Passes that might still begin when an item was last met.
    pub(super) passes_then: u8,
}

/// How a main sees its sync replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sight {
    /// It may lose sight of it, once.
    Open,
    /// It has lost sight of it.
    Lost,
    /// Nothing is open any more, or ever was.
    Settled,
}

/// How many moves it is worth to meet an item that has to be shown or found, or that can only be
/// done in some states. What else is done from outside can be done at any time and is worth nothing.
const WORTH: usize = 16;

/// Where a search goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the state that is nearest to the end of the record.
    Near,
    /// From the newest state: one run to its end, then the next.
    Deep,
    /// As near as before; but when the record leaves a long time, what is due by then is done.
    Timed,
}

/// A state that waits to be gone on from; the greatest is next: the one that is nearest to the end
/// of the record by the moves made and the items left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    left: Reverse<usize>,
    near: Reverse<usize>,
    first: Reverse<usize>,
    index: usize,
    far: usize,
}

/// A move, and the orders of the items that it met.
type Made = (Move, Vec<u32>);

/// A state, until it was gone on from, and the move by which it was reached.
type Node = (Option<State>, Option<(usize, Made)>);

/// How each state was reached. A state is kept until it was gone on from.
#[derive(Default)]
struct Trail {
    nodes: Vec<Node>,
}

impl Trail {
    fn push(&mut self, state: State, from: Option<(usize, Made)>) -> usize {
        self.nodes.push((Some(state), from));
        self.nodes.len() - 1
    }

    fn take(&mut self, index: usize) -> Option<State> {
        self.nodes.get_mut(index)?.0.take()
    }

    /// The moves from the start to a state.
    fn moves(&self, index: usize) -> Vec<Made> {
        let mut moves = Vec::new();
        let mut at = index;
        while let Some((_, Some((from, made)))) = self.nodes.get(at) {
            moves.push(made.clone());
            at = *from;
        }
        moves.reverse();
        moves
    }
}

pub(super) struct Search<'i> {
    pub(super) items: &'i [&'i Item],
    pub(super) facts: OpenFacts,
    bounds: Bounds,
    pub(super) seen: BTreeSet<u64>,
    pub(super) best: usize,
    pub(super) missing: Vec<String>,
    pub(super) bounded: bool,
    pub(super) way: Way,
    /// Whether the record numbers the attempts at a failover.
    counts_attempts: bool,
}

impl<'i> Search<'i> {
    pub(super) fn new(items: &'i [&'i Item], facts: OpenFacts, bounds: Bounds, way: Way) -> Self {
        Self {
            items,
            facts,
            bounds,
            seen: BTreeSet::new(),
            best: 0,
            missing: Vec::new(),
            bounded: false,
            way,
            counts_attempts: items.iter().any(|item| item.data.get("attempt").is_some()),
        }
    }

    /// Goes on from the states in which most items are met, and among those from the nearest one.
    /// Tells whether all are met, and the run that met most.
    pub(super) fn explore(&mut self, start: State) -> (bool, Vec<Step>) {
        let mut trail = Trail::default();
        let (matched, nearest) = self.search(&mut trail, start.clone());
        (matched, self.tell_all(start, trail.moves(nearest)))
    }

    fn search(&mut self, trail: &mut Trail, start: State) -> (bool, usize) {
        self.seen.insert(fingerprint(&start));
        let mut front = BinaryHeap::new();
        let index = trail.push(start, None);
        front.push(self.waiting(0, 0, index));
        let mut nearest = index;
        while let Some(Waiting { index, far, .. }) = front.pop() {
            let Some(state) = trail.take(index) else { continue };
            if self.note(&state) {
                nearest = index;
            }
            if state.open.is_empty() {
                return (true, index);
            }
            if far >= self.bounds.depth {
                self.bounded = true;
                continue;
            }
            let mut moves = self.moves(&state);
            if self.way == Way::Deep {
                moves.reverse();
            }
            for next in moves {
                let mut after = state.clone();
                let Some((_, meets)) = self.advance(&mut after, next) else { continue };
                if self.is_pointless(&after) {
                    continue;
                }
                if self.seen.len() >= self.bounds.states {
                    self.bounded = true;
                    break;
                }
                if self.seen.insert(fingerprint(&after)) {
                    let far = far + weight(next);
                    let left = far + WORTH * self.to_show(&after.open);
                    let index = trail.push(after, Some((index, (next, meets))));
                    front.push(self.waiting(left, far, index));
                }
            }
        }
        (false, nearest)
    }

    /// Makes a move and meets what it shows; none: the world does not allow it.
    fn advance(&self, state: &mut State, next: Move) -> Option<(Vec<Emitted>, Vec<u32>)> {
        let shown = self.make(state, next)?;
        let done = if let Move::Input(index) = next { self.items.get(index) } else { None };
        let mut meets: Vec<u32> = done.map(|item| item.order).into_iter().collect();
        meets.extend(shown.iter().filter_map(|one| self.meet(&mut state.open, one)));
        if !self.counts_attempts {
            state.policy.attempts = 0;
        }
        if !meets.is_empty() {
            state.passes_then = state.policy.passes_left;
        }
        Some((shown, meets))
    }

    /// The steps of a run, made once more: while a search goes on, nobody reads their words.
    fn tell_all(&self, mut state: State, moves: Vec<Made>) -> Vec<Step> {
        let mut steps = Vec::new();
        for (next, meets) in moves {
            let Some((shown, _)) = self.advance(&mut state, next) else { break };
            steps.push(self.tell(next, &shown, meets));
        }
        steps
    }

    /// Whether a run goes on as one in which the sync replica missed nothing: another combination
    /// of answers stands for those.
    fn is_pointless(&self, state: &State) -> bool {
        if self.facts.tail != Some(true) {
            return false;
        }
        let instance = |id| state.world.body(id).map(|body| &body.instance);
        if state.tail_left {
            return instance(self.facts.target).is_ok_and(|one| one.as_replica().is_some());
        }
        let sync = instance(Predecessor::sync_of(self.facts.target));
        sync.is_ok_and(|one| one.log().iter().any(|entry| entry.payload == MISSED_COMMIT))
    }

    const fn waiting(&self, left: usize, far: usize, index: usize) -> Waiting {
        let (left, near, first) = match self.way {
            Way::Near | Way::Timed => (left, far, index),
            Way::Deep => (0, 0, usize::MAX - index),
        };
        Waiting { left: Reverse(left), near: Reverse(near), first: Reverse(first), index, far }
    }

    /// Items that are still to be shown or found, or that wait for a state.
    fn to_show(&self, open: &BTreeSet<usize>) -> usize {
        let items = open.iter().filter_map(|i| self.items.get(*i));
        items.filter(|item| part_of(item) != Part::Done || is_conditional(item)).count()
    }

    /// Remembers what is missing from the best state so far; true if this is a better one.
    fn note(&mut self, state: &State) -> bool {
        let met = self.items.len() - state.open.len();
        if met < self.best || (met == self.best && met > 0) {
            return false;
        }
        self.best = met;
        let next = self.next_items(&state.open).into_iter();
        self.missing = next.filter_map(|i| self.items.get(i)).map(|item| named(item)).collect();
        true
    }

    /// Items that may come next: those of the lowest order that is not met yet.
    pub(super) fn next_items(&self, open: &BTreeSet<usize>) -> Vec<usize> {
        let lowest = open.iter().filter_map(|i| self.items.get(*i)).map(|item| item.order).min();
        let is_next = |i: &&usize| self.items.get(**i).map(|item| item.order) == lowest;
        open.iter().filter(is_next).copied().collect()
    }

    /// The order of the item that this is, which is then met.
    fn meet(&self, open: &mut BTreeSet<usize>, shown: &Emitted) -> Option<u32> {
        let index = self.next_items(open).into_iter().find(|i| {
            let is_shown = |item: &&Item| part_of(item) == Part::Shown && matches(item, shown);
            self.items.get(*i).is_some_and(is_shown)
        })?;
        open.remove(&index);
        self.items.get(index).map(|item| item.order)
    }
}

/// Counters of messages, and the time, are left out: nothing in a run depends on them.
fn fingerprint(state: &State) -> u64 {
    let mut hasher = DefaultHasher::new();
    let World { bodies, network, .. } = &state.world;
    (bodies, &network.cuts, &state.policy, &state.open).hash(&mut hasher);
    (state.tail_left, state.sight, state.passes_then).hash(&mut hasher);
    hasher.finish()
}
