//! The parts that a state consists of. Most of them stand on a shelf and are borrowed from there;
//! a step changes few. A part notes whether anybody looked at it, so that what a step comes to can
//! be remembered by what it looked at.

use super::{
    canonical::{Caps, Ranks, cap, survey},
    shelf::Shelf,
    variant::Variant,
};
use ha_core::visit::Visitor;
use std::{cell::Cell, hash::Hash, sync::OnceLock};

/// What a part holds.
pub(super) trait Shape: Clone + Eq + Hash {
    /// Visits every version, question and moment.
    fn visit(&mut self, by: &mut impl Visitor);

    /// Forgets what makes no difference any more, as far as the part itself tells.
    fn settle(&mut self, _: &Variant) {}
}

/// A value on a shelf, with the versions and questions that stand in it.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) value: T,
    pub(super) marks: Ranks,
    /// The number of the same a tick later.
    pub(super) older: OnceLock<u32>,
}

#[derive(Debug, Clone)]
enum Held<'a, T> {
    /// As it is on the shelf, under this number.
    Kept(u32, &'a Kept<T>),
    /// Changed since.
    Changed(Box<T>),
}

/// A part of a state in work.
#[derive(Debug, Clone)]
pub(super) struct Part<'a, T> {
    held: Held<'a, T>,
    touched: Cell<bool>,
}

impl<T: Shape> Kept<T> {
    pub(super) fn new(mut value: T) -> Self {
        let marks = survey(&mut value).marks;
        Self { value, marks, older: OnceLock::new() }
    }
}

impl<'a, T: Shape> Part<'a, T> {
    /// A value that stands on no shelf yet.
    pub(super) fn new(value: T) -> Self {
        Self { held: Held::Changed(Box::new(value)), touched: Cell::new(true) }
    }

    /// The value of a number.
    pub(super) fn of(shelf: &'a Shelf<T>, number: u32) -> Self {
        Self { held: Held::Kept(number, shelf.kept(number)), touched: Cell::new(false) }
    }

    /// The value.
    pub(super) fn get(&self) -> &T {
        self.touched.set(true);
        self.peek()
    }

    fn peek(&self) -> &T {
        match &self.held {
            Held::Kept(_, kept) => &kept.value,
            Held::Changed(value) => value,
        }
    }

    /// The value, to be changed.
    pub(super) fn change(&mut self) -> &mut T {
        if let Held::Kept(_, kept) = &self.held {
            *self = Self::new(kept.value.clone());
        }
        match &mut self.held {
            Held::Changed(value) => value,
            Held::Kept(..) => unreachable!("it was changed just now"),
        }
    }

    /// Whether anybody looked at it.
    pub(super) const fn is_touched(&self) -> bool {
        self.touched.get()
    }

    /// Its number; it is put on the shelf if it does not stand there.
    pub(super) fn number(self, shelf: &Shelf<T>) -> u32 {
        match self.held {
            Held::Kept(number, _) => number,
            Held::Changed(value) => shelf.number(*value),
        }
    }

    /// The versions and questions in it.
    pub(super) fn marks(&mut self) -> Ranks {
        match &mut self.held {
            Held::Kept(_, kept) => kept.marks,
            Held::Changed(value) => survey(&mut **value).marks,
        }
    }

    /// Brings it into its canonical form, if it changed: all but the ranks.
    pub(super) fn settle(&mut self, variant: &Variant, caps: Caps) {
        if let Held::Changed(value) = &mut self.held {
            value.settle(variant);
            cap(&mut **value, caps);
        }
    }

    /// Gives its versions and questions the ranks that they have among these.
    pub(super) fn rank(&mut self, among: Ranks) {
        if self.marks().is_moved_among(among) {
            self.change().visit(&mut among.ranking());
        }
    }
}
