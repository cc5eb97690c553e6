//! A table like [`crate::table`], in which values stay where they are: states in work borrow them.

use super::{
    canonical::{Caps, Older},
    part::{Kept, Part, Shape},
    variant::Variant,
};
use crate::explore::Folding;
use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault},
    sync::{OnceLock, PoisonError, RwLock},
};

type Numbers = HashMap<u64, Vec<u32>, BuildHasherDefault<Folding>>;

type Board<T> = Box<[OnceLock<Kept<T>>]>;

/// Values under numbers, each kept once.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    /// How many there are, and the numbers of those with one hash.
    known: RwLock<(u32, Numbers)>,
    /// Each board has room for twice as many as the one before it.
    boards: [OnceLock<Board<T>>; 32],
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { known: RwLock::default(), boards: std::array::from_fn(|_| OnceLock::new()) }
    }
}

/// The board of a number, and the place on it.
const fn board(number: u32) -> (usize, usize) {
    let ordinal = number + 1;
    let board = ordinal.ilog2();
    (board as usize, (ordinal - (1 << board)) as usize)
}

impl<T: Shape> Shelf<T> {
    /// The number of a value, which is kept if it is new.
    pub(super) fn number(&self, value: T) -> u32 {
        let hash = BuildHasherDefault::<Folding>::default().hash_one(&value);
        let find = |numbers: Option<&Vec<u32>>| {
            let mut numbers = numbers?.iter().copied();
            numbers.find(|number| self.kept(*number).value == value)
        };
        let found = find(self.known.read().unwrap_or_else(PoisonError::into_inner).1.get(&hash));
        if let Some(number) = found {
            return number;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = find(known.1.get(&hash)) {
            return number;
        }
        let number = known.0;
        known.0 += 1;
        let (board, place) = board(number);
        let empty = || (0..1_usize << board).map(|_| OnceLock::new()).collect();
        let _kept = self.boards[board].get_or_init(empty)[place].set(Kept::new(value));
        known.1.entry(hash).or_default().push(number);
        number
    }

    /// The value of a number that this shelf gave.
    ///
    /// # Panics
    /// If it did not.
    pub(super) fn kept(&self, number: u32) -> &Kept<T> {
        let (board, place) = board(number);
        let kept = self.boards[board].get().and_then(|places| places[place].get());
        kept.expect("a number that this shelf gave")
    }

    /// The number of the same a tick later on its clock, which is worked out once.
    pub(super) fn older(&self, number: u32, (variant, caps): (&Variant, Caps)) -> u32 {
        let kept = self.kept(number);
        *kept.older.get_or_init(|| {
            let mut later = Part::new(kept.value.clone());
            later.change().visit(&mut Older);
            later.settle(variant, caps);
            later.number(self)
        })
    }

    /// How many values there are.
    pub(super) fn len(&self) -> u32 {
        self.known.read().unwrap_or_else(PoisonError::into_inner).0
    }
}
