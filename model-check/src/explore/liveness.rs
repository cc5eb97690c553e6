//! What becomes of a system if nothing comes from outside any more: whether it comes to rest,
//! whatever the order in which everybody goes on, as long as nobody is passed over for ever.
//!
//! Weak fairness: a class that is enabled without a break moves at some time. A run stays in one
//! component in the end. It can stay in a component for ever if each class that is enabled in all
//! of its states has an edge inside; then it can also visit all of it again and again. Such a
//! component is a *trap*, and everything comes to rest if every trap consists of states at rest.

use super::{
    Rest, StateNo, at,
    components::{Component, components},
    count,
    cycle::{Hop, fair_cycle},
    rows::Rows,
    within::{Within, within},
};

/// The judgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Liveness {
    /// How many strongly connected components there are.
    pub components: u64,
    /// How many of them are traps.
    pub traps: u64,
    /// How many traps hold a state that moves: none, or not everything comes to rest.
    pub restless: u64,
    /// How many of these hold a state at rest too: rest is reached there, but left again.
    pub mixed: u64,
    /// Of the traps that hold a state that moves, the one that is nearest to the initial state.
    pub nearest: Option<Trap>,
    /// The nearest one that also holds a state at rest.
    pub nearest_mixed: Option<Trap>,
    /// How many states are settled.
    pub settled: u64,
    /// How many states are as well as they can be without an instance that is gone.
    pub degraded: u64,
    /// How many states wait for people.
    pub held: u64,
    /// How many steps of progress lead to rest, at best.
    pub within: Within,
}

impl Liveness {
    /// Whether every fair run comes to rest and stays there.
    #[must_use]
    pub const fn settles(&self) -> bool {
        self.restless == 0
    }
}

/// A component in which a fair run can stay for ever without coming to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// The state of it that is nearest to the initial one.
    pub entry: StateNo,
    /// How many states it has.
    pub states: u64,
    /// How many of them move.
    pub moving: u64,
    /// A cycle from `entry` that visits a state that moves and is fair; empty if nothing moves by
    /// itself there.
    pub cycle: Vec<Hop>,
}

/// Judges a system by its edges of progress and by which states are at rest.
pub(super) fn judge(rows: &Rows, rests: &[Rest]) -> Liveness {
    let mut liveness = Liveness::default();
    for rest in rests {
        match rest {
            Rest::Moving => {}
            Rest::Settled => liveness.settled += 1,
            Rest::Degraded => liveness.degraded += 1,
            Rest::Held => liveness.held += 1,
        }
    }
    let marks = components(rows, &mut |component| {
        liveness.components += 1;
        if is_trap(rows, component) {
            liveness.traps += 1;
            liveness.note(rests, component);
        }
    });
    for trap in liveness.nearest.iter_mut().chain(&mut liveness.nearest_mixed) {
        trap.cycle = fair_cycle(rows, rests, &marks, trap.entry);
    }
    drop(marks);
    liveness.within = within(rows, rests);
    liveness
}

fn is_trap(rows: &Rows, component: &Component<'_>) -> bool {
    let (mut always, mut inside) = (u128::MAX, 0);
    for member in component.members {
        let mut enabled = 0;
        for (target, class) in rows.edges(*member) {
            enabled |= 1 << class;
            if component.has(target) {
                inside |= 1 << class;
            }
        }
        always &= enabled;
    }
    always & !inside == 0
}

impl Liveness {
    fn note(&mut self, rests: &[Rest], trap: &Component<'_>) {
        let moves = |state: &&StateNo| !rests[at(**state)].is_rest();
        let states = count(trap.members.len());
        let moving = count(trap.members.iter().filter(moves).count());
        if moving == 0 {
            return;
        }
        let Some(entry) = trap.members.iter().min().copied() else {
            return;
        };
        let nearer = |known: &Option<Trap>| known.as_ref().is_none_or(|trap| entry < trap.entry);
        let trap = || Some(Trap { entry, states, moving, cycle: Vec::new() });
        self.restless += 1;
        if nearer(&self.nearest) {
            self.nearest = trap();
        }
        if moving < states {
            self.mixed += 1;
            if nearer(&self.nearest_mixed) {
                self.nearest_mixed = trap();
            }
        }
    }
}
