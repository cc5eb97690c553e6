//! A table in which each value is kept once, under a number. Several threads may use it at a time;
//! which number a value gets depends on who comes first, and nothing but equality may rest on it.

use crate::explore::Folding;
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, Hash},
    sync::{Arc, PoisonError, RwLock},
};

/// Parts of a table that are locked one by one; the low bits of a number name its part.
const SHARDS: usize = 16;

#[derive(Debug)]
struct Shard<T> {
    /// The positions of the values with one hash.
    positions: HashMap<u64, Vec<u32>, BuildHasherDefault<Folding>>,
    values: Vec<Arc<T>>,
}

/// A table of values.
#[derive(Debug)]
pub(crate) struct Table<T> {
    shards: [RwLock<Shard<T>>; SHARDS],
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let shard = || RwLock::new(Shard { positions: HashMap::default(), values: Vec::new() });
        Self { shards: std::array::from_fn(|_| shard()) }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// The number of a value, which is kept if it is new.
    pub(crate) fn number(&self, value: T) -> u32 {
        let hash = BuildHasherDefault::<Folding>::default().hash_one(&value);
        let index = (hash >> 60) as usize % SHARDS;
        let lock = &self.shards[index];
        let number = |position: u32| position * SHARDS as u32 + index as u32;
        {
            let shard = lock.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(position) = shard.find(hash, &value) {
                return number(position);
            }
        }
        let mut shard = lock.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = shard.find(hash, &value) {
            return number(position);
        }
        let position = shard.values.len() as u32;
        shard.values.push(Arc::new(value));
        shard.positions.entry(hash).or_default().push(position);
        number(position)
    }

    /// The value of a number that this table gave.
    ///
    /// # Panics
    /// If it did not.
    pub(crate) fn value(&self, number: u32) -> T {
        let lock = &self.shards[number as usize % SHARDS];
        let shared = {
            let shard = lock.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&shard.values[number as usize / SHARDS])
        };
        T::clone(&shared)
    }

    /// How many values there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        let count = |lock: &RwLock<Shard<T>>| {
            lock.read().unwrap_or_else(PoisonError::into_inner).values.len()
        };
        self.shards.iter().map(count).sum()
    }
}

impl<T: Eq> Shard<T> {
    fn find(&self, hash: u64, value: &T) -> Option<u32> {
        let positions = self.positions.get(&hash)?;
        positions.iter().copied().find(|position| *self.values[*position as usize] == *value)
    }
}
