//! The states found so far, in the order in which they were found, each with its parent.

use super::{
    StateNo, at, count,
    hash::hash,
    table::{MOST, Table},
};
use std::hash::Hash;

/// An exact set of numbered states.
pub(super) struct Visited<S> {
    states: Vec<S>,
    /// The state from whose expansion each was found first; the initial one is its own.
    parents: Vec<StateNo>,
    table: Table,
    limit: usize,
}

/// No further state fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl<S: Copy + Eq + Hash> Visited<S> {
    /// The initial state alone, with room for `limit` states. It is one of them, and stays if there
    /// is room for none.
    pub(super) fn new(initial: S, limit: u64) -> Self {
        let limit = usize::try_from(limit.min(MOST)).unwrap_or(usize::MAX);
        let mut visited =
            Self { states: Vec::new(), parents: Vec::new(), table: Table::new(), limit };
        let hash = hash(&initial);
        if let Err(free) = visited.table.find(hash, |_| false) {
            visited.table.fill(free, hash);
            visited.states.push(initial);
            visited.parents.push(0);
        }
        visited
    }

    /// The states in the order of their numbers.
    pub(super) fn states(&self) -> &[S] {
        &self.states
    }

    /// The state from which each was found, in the order of their numbers.
    pub(super) fn parents(&self) -> &[StateNo] {
        &self.parents
    }

    /// The number of a state that was found.
    pub(super) fn find(&self, hash: u64, state: &S) -> Option<StateNo> {
        self.table.find(hash, |number| self.states[at(number)] == *state).ok()
    }

    /// The hash of each of many states, and its number if it was found. Memory is slow and can be
    /// asked for much at once, so that every step is done for all states before the next one.
    pub(super) fn find_all<'s>(
        &self,
        wanted: impl Iterator<Item = &'s S> + Clone,
    ) -> Vec<(u64, Option<StateNo>)>
    where
        S: 's,
    {
        let mut found: Vec<_> = wanted.clone().map(|state| (hash(state), None)).collect();
        self.fetch(&found);
        for (hash, guess) in &mut found {
            *guess = self.table.find(*hash, |_| true).ok();
        }
        // Without a guess the initial state is fetched, which costs nothing, and not looked at.
        let near: Vec<S> =
            found.iter().map(|(_, guess)| self.states[at(guess.unwrap_or(0))]).collect();
        for ((state, near), (hash, guess)) in wanted.zip(near).zip(&mut found) {
            // Now and then the tag is right and the state is another one.
            if guess.is_some() && near != *state {
                *guess = self.find(*hash, state);
            }
        }
        found
    }

    /// Fetches what the insertion of states with these hashes needs first.
    pub(super) fn fetch<T>(&self, hashes: &[(u64, T)]) {
        self.table.fetch(hashes.iter().map(|(hash, _)| *hash));
    }

    /// The number of a state, which becomes known by this.
    ///
    /// # Errors
    /// The state is not known and there is no room for it.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        state: &S,
        parent: StateNo,
    ) -> Result<StateNo, Full> {
        let Self { states, parents, table, limit } = self;
        table.reserve(|number| super::hash::hash(&states[at(number)]));
        match table.find(hash, |number| states[at(number)] == *state) {
            Ok(number) => Ok(number),
            Err(_) if states.len() >= *limit => Err(Full),
            Err(free) => {
                states.push(*state);
                parents.push(parent);
                Ok(table.fill(free, hash))
            }
        }
    }

    /// Bytes in use.
    pub(super) const fn bytes(&self) -> u64 {
        let each = count(size_of::<S>() + size_of::<StateNo>());
        count(self.states.len()) * each + self.table.bytes()
    }
}
