//! A fair cycle within a trap, as short as a simple search finds it: evidence that a run can stay
//! there for ever although nobody is passed over.

use super::{Rest, StateNo, at, hash::Folding, rows::Rows};
use std::{
    collections::{HashMap, VecDeque},
    hash::BuildHasherDefault,
};

/// A step of progress between two states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// Who moves.
    pub class: u8,
    /// The state that it leads to.
    pub to: StateNo,
}

/// A cycle from `entry` within its component, which must be a trap with a state that moves: it
/// visits such a state, and every class moves on it or is not enabled somewhere on it. States of
/// one component have equal `marks`.
pub(super) fn fair_cycle(rows: &Rows, rests: &[Rest], marks: &[u32], entry: StateNo) -> Vec<Hop> {
    let ground = Ground { rows, marks };
    let always = rows.enabled(entry);
    let mut tour = Tour { ground, here: entry, hops: Vec::new(), always, moved: 0 };
    tour.go(|state| !rests[at(state)].is_rest());
    // One class at a time: to where it moves or is not enabled, whichever is nearer. In a trap
    // there is such a state for each; were there none, the cycle would be closed without it.
    let mut tried = 0;
    loop {
        let waiting = tour.always & !tour.moved & !tried;
        if waiting == 0 {
            break;
        }
        let class = waiting.trailing_zeros() as u8;
        tried |= 1 << class;
        let moves = |state| ground.hops(state).find(|hop| hop.class == class);
        tour.go(|state| rows.enabled(state) & 1 << class == 0 || moves(state).is_some());
        if let Some(hop) = moves(tour.here) {
            tour.take(hop);
        }
    }
    tour.go(|state| state == entry);
    tour.hops
}

/// The component that the cycle stays in.
#[derive(Clone, Copy)]
struct Ground<'a> {
    rows: &'a Rows,
    marks: &'a [u32],
}

impl<'a> Ground<'a> {
    /// The steps from a state that stay in its component.
    fn hops(self, state: StateNo) -> impl Iterator<Item = Hop> + use<'a> {
        let marks = self.marks;
        let mark = marks[at(state)];
        let hops = self.rows.edges(state).map(|(to, class)| Hop { class, to });
        hops.filter(move |hop| marks[at(hop.to)] == mark)
    }
}

struct Tour<'a> {
    ground: Ground<'a>,
    here: StateNo,
    hops: Vec<Hop>,
    /// The classes that are enabled in every state visited.
    always: u128,
    /// The classes that moved.
    moved: u128,
}

/// For each state that a search found, the state before it and the step in between.
type Before = HashMap<StateNo, (StateNo, Hop), BuildHasherDefault<Folding>>;

impl Tour<'_> {
    fn take(&mut self, hop: Hop) {
        self.hops.push(hop);
        self.here = hop.to;
        self.moved |= 1 << hop.class;
        self.always &= self.ground.rows.enabled(hop.to);
    }

    /// Goes to the nearest state of the component at which `ends` holds, which may be this one;
    /// stays where it is if there is none.
    fn go(&mut self, ends: impl Fn(StateNo) -> bool) {
        let start = self.here;
        let mut found = Before::default();
        let mut queue = VecDeque::from([start]);
        while let Some(state) = queue.pop_front() {
            if ends(state) {
                let mut hops = Vec::new();
                let mut back = state;
                while back != start
                    && let Some((before, hop)) = found.get(&back)
                {
                    hops.push(*hop);
                    back = *before;
                }
                hops.into_iter().rev().for_each(|hop| self.take(hop));
                return;
            }
            for hop in self.ground.hops(state) {
                found.entry(hop.to).or_insert_with(|| {
                    queue.push_back(hop.to);
                    (state, hop)
                });
            }
        }
    }
}
