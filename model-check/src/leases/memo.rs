//! What steps came to. A step is worked out once for all states that have the same parts in the
//! places where it looks; the others stay as they are, whatever they are.

use super::{
    PARTS, Packed,
    act::Act,
    property::Moments,
    world::{PLACES, World},
};
use crate::explore::Folding;
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Parts of the memory that are locked one by one.
const SHARDS: usize = 64;

/// What a step came to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// The state, in which versions and questions are not ranked yet.
    pub(super) to: Packed,
    /// What was worth seeing.
    pub(super) seen: Moments,
}

/// The act, and the parts at which steps of its kind have looked so far: of the others nothing.
type Key = (Act, u32, Packed);

type Shard = RwLock<HashMap<Key, Made, BuildHasherDefault<Folding>>>;

/// The memory.
#[derive(Debug)]
pub(super) struct Memo {
    /// For each class of acts, the parts at which one of them looked.
    looks: [AtomicU32; 256],
    shards: [Shard; SHARDS],
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            looks: std::array::from_fn(|_| AtomicU32::new(0)),
            shards: std::array::from_fn(|_| RwLock::default()),
        }
    }
}

fn key(state: &Packed, act: Act, looks: u32) -> Key {
    let part = |part: usize| if looks >> part & 1 == 1 { state[part] } else { u32::MAX };
    (act, looks, std::array::from_fn(part))
}

impl Memo {
    fn looks(&self, act: Act) -> &AtomicU32 {
        &self.looks[usize::from(act.class())]
    }

    fn shard(&self, key: &Key) -> &Shard {
        let hash = BuildHasherDefault::<Folding>::default().hash_one(key);
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// What the step came to where everything that it looks at was the same.
    pub(super) fn recall(&self, state: &Packed, act: Act) -> Option<Made> {
        let looks = self.looks(act).load(Ordering::Acquire);
        let key = key(state, act, looks);
        let shard = self.shard(&key).read().unwrap_or_else(PoisonError::into_inner);
        let made = shard.get(&key)?;
        let part = |part: usize| if looks >> part & 1 == 1 { made.to[part] } else { state[part] };
        Some(Made { to: std::array::from_fn(part), seen: made.seen })
    }

    /// Keeps what a step came to that looked at these parts.
    pub(super) fn keep(&self, state: &Packed, act: Act, touched: u32, made: Made) {
        let looks = self.looks(act).fetch_or(touched, Ordering::AcqRel) | touched;
        let key = key(state, act, looks);
        self.shard(&key).write().unwrap_or_else(PoisonError::into_inner).insert(key, made);
    }
}

impl World<'_> {
    /// The parts that anybody looked at: a set of bits.
    pub(super) fn touched(&self) -> u32 {
        let rest = [self.lease.is_touched(), self.gate.is_touched(), self.beside.is_touched()];
        let places = (0..PLACES).map(|no| self.places[no].is_touched());
        let mails = (0..PLACES).map(|no| self.mails[no].is_touched());
        let asks = (0..PLACES).map(|no| self.asks[no].is_touched());
        let all = places.chain(mails).chain(asks).chain(rest);
        all.enumerate().take(PARTS).fold(0, |set, (part, is)| set | u32::from(is) << part)
    }
}
