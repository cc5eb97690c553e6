//! A model whose transitions are worked out once, for two engines: the world's steps are what costs
//! time, and they are the same whoever asks. Which states there are, each engine finds out for
//! itself; a state that the first one never expanded is expanded anew for the second.

use crate::{
    explore::Folding,
    explore::{Edge, Facts, System},
    model::Model,
    pack::{PARTS, Packed},
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault},
    sync::{Arc, Mutex, PoisonError},
};

/// Parts that are locked one by one.
const SHARDS: usize = 64;

/// For each transition that leads elsewhere: its number and which parts of the state change, in one
/// word, and then the parts that change.
type Row = Box<[u32]>;
type Shard = Mutex<HashMap<Packed, Row, BuildHasherDefault<Folding>>>;

// Which parts change is half a word.
const _: () = assert!(PARTS <= 16);

/// A model that remembers what it was asked.
#[derive(Debug)]
pub struct Remembering {
    model: Arc<Model>,
    shards: [Shard; SHARDS],
}

impl Remembering {
    /// The model, with nothing remembered yet.
    #[must_use]
    pub fn new(model: Arc<Model>) -> Self {
        Self { model, shards: std::array::from_fn(|_| Shard::default()) }
    }

    /// The model itself.
    #[must_use]
    pub const fn model(&self) -> &Arc<Model> {
        &self.model
    }

    fn shard(&self, state: &Packed) -> &Shard {
        let hash = BuildHasherDefault::<Folding>::default().hash_one(state);
        // The map takes the upper and the lower end of the hash.
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// The transitions of a state that lead elsewhere, each with its number, if the state was
    /// expanded and nothing broke then.
    pub(super) fn recall(&self, state: &Packed) -> Option<Vec<(u16, Packed)>> {
        let shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
        shard.get(state).map(|row| unfold(state, row))
    }
}

fn fold(state: &Packed, edges: &[Edge<Packed>]) -> Row {
    let mut row = Vec::new();
    for (edge, Edge { to, .. }) in (0_u32..).zip(edges).filter(|(_, edge)| edge.to != *state) {
        let changed = || to.iter().zip(state).enumerate().filter(|(_, (new, old))| new != old);
        let mask = changed().fold(0_u32, |mask, (part, _)| mask | 1 << part);
        row.push(edge << 16 | mask);
        row.extend(changed().map(|(_, (new, _))| *new));
    }
    row.into()
}

fn unfold(state: &Packed, row: &[u32]) -> Vec<(u16, Packed)> {
    let mut edges = Vec::new();
    let mut words = row.iter().copied();
    while let Some(head) = words.next() {
        let mut to = *state;
        let changed = to.iter_mut().enumerate().filter(|(part, _)| head >> part & 1 == 1);
        for ((_, slot), new) in changed.zip(words.by_ref()) {
            *slot = new;
        }
        edges.push(((head >> 16) as u16, to));
    }
    edges
}

impl System for Remembering {
    type State = Packed;

    fn initial(&self) -> Packed {
        self.model.initial()
    }

    fn expand(&self, state: &Packed, edges: &mut Vec<Edge<Packed>>) -> Facts {
        let facts = self.model.expand(state, edges);
        if edges.iter().fold(facts.broken, |all, edge| all | edge.broken) == 0 {
            let row = fold(state, edges);
            let mut shard = self.shard(state).lock().unwrap_or_else(PoisonError::into_inner);
            shard.insert(*state, row);
        }
        facts
    }

    fn parts(&self) -> Vec<String> {
        self.model.parts()
    }

    fn without(&self, state: &Packed, part: usize) -> Packed {
        self.model.without(state, part)
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, PARTS, fold, unfold};

    #[test]
    fn rows_give_back_what_was_put_in() {
        let state = std::array::from_fn(|part| part as u32 * 7);
        let (mut one, mut all) = (state, [u32::MAX; PARTS]);
        one[3] = 9;
        all[0] = 1;
        let edge = |to| Edge { to, class: 0, progress: true, broken: 0, seen: 0 };
        let edges = [edge(one), edge(state), edge(all)];
        assert_eq!(unfold(&state, &fold(&state, &edges)), [(0, one), (2, all)]);
        assert_eq!(unfold(&state, &fold(&state, &[])), []);
    }
}
