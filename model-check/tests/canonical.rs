//! The canonical form forgets nothing that makes a difference: random paths through the model are
//! gone in a world that remembers everything, side by side.

use Outside::{
    Accept, Alone, Answer, Api, Both, Clock, Controller, Crash, Cut, Decision, Freeze, Gateway,
    Glance, Late, Main, Mark, Node, Order, Part, Pod, Power, Promise, Release, Roll, Slow,
    Switchover, Together, Unheard, Volume, Voter, Write,
};
use model_check::{
    canonical::Grain,
    explore::{Edge, Step, System},
    model::{Budget, COARSE, Configuration, LEASES, Model, Outside, world, world_of_leases},
};
use shell_sim::world::Settings;
use std::collections::BTreeSet;

/// A generator of numbers that is the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// What may happen, and what the canonical form may rest on then: that the API server always answers,
/// that no look leaves an instance out, and that no volume is ever lost.
struct Row {
    kinds: &'static [Outside],
    rests_on: [bool; 3],
}

/// Where one tick is the end of everything.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    // An instance may stand still.
    Row {
        kinds: &[Write, Crash, Main, Voter, Power, Both, Pod, Node, Controller, Freeze, Late, Gateway, Together, Cut],
        rests_on: [true, true, false],
    },
    // A volume may be lost.
    Row {
        kinds: &[Write, Crash, Main, Voter, Power, Both, Pod, Volume, Node, Controller, Late, Gateway, Switchover, Accept],
        rests_on: [true, true, false],
    },
    // The API server may not answer.
    Row {
        kinds: &[Main, Voter, Both, Controller, Freeze, Late, Gateway, Together, Cut, Part, Alone, Api, Decision, Answer],
        rests_on: [false, true, false],
    },
    // What all logs hold is forgotten, while people give orders.
    Row {
        kinds: &[Write, Crash, Pod, Node, Controller, Late, Cut, Part, Decision, Answer, Switchover, Order, Mark, Accept],
        rests_on: [true, true, true],
    },
    // The same, while messages are slow.
    Row {
        kinds: &[Write, Main, Voter, Power, Both, Controller, Freeze, Gateway, Late, Slow, Roll, Promise, Release, Switchover],
        rests_on: [true, true, true],
    },
];

/// Where a tick is a part of a lease.
const OF_LEASES: &[Row] = &[
    Row {
        kinds: &[Crash, Controller, Freeze, Gateway, Clock, Switchover, Release, Cut],
        rests_on: [true, true, false],
    },
    Row {
        kinds: &[Crash, Controller, Alone, Api, Clock, Switchover, Freeze],
        rests_on: [false, true, false],
    },
    Row {
        kinds: &[Crash, Controller, Freeze, Unheard, Clock, Switchover],
        rests_on: [true, true, false],
    },
];

/// Where a look may leave an instance out.
const TORN: Row = Row {
    kinds: &[Write, Crash, Late, Glance, Controller, Switchover, Pod, Cut, Answer],
    rests_on: [true, false, false],
};

/// The model in which each kind of a row may happen so often.
fn model(row: &Row, settings: Settings, grain: Grain, most: u8, faults: u8) -> Model {
    let each = row.kinds.iter().map(|kind| (*kind, most)).collect();
    let configuration = Configuration {
        name: "everything",
        about: "",
        settings,
        budget: Budget { each, faults },
        decide: ha_core::plan,
        grain,
        main: false,
    };
    let model = Model::new(configuration).expect("a cluster at rest");
    let Grain { api_answers, looks_are_whole, volumes_last, .. } = model.configuration.grain;
    let rests_on = [api_answers, looks_are_whole, volumes_last];
    assert_eq!(rests_on, row.rests_on, "with {:?}", row.kinds);
    model
}

#[test]
fn random_paths_are_the_same_in_a_world_that_remembers_everything() {
    for row in ROWS {
        gone_twice(&model(row, world(), COARSE, 2, 8), 300);
    }
}

#[test]
fn so_are_those_of_leases() {
    for row in OF_LEASES {
        gone_twice(&model(row, world_of_leases(), LEASES, 2, 8), 300);
    }
}

#[test]
fn so_are_those_with_torn_looks() {
    gone_twice(&model(&TORN, world(), COARSE, 3, 9), 300);
}

/// No kind of what may happen is left out, and no row is there twice.
#[test]
fn everything_that_may_happen_is_in_some_row() {
    let rows = || ROWS.iter().chain(OF_LEASES).chain([&TORN]);
    let kinds: BTreeSet<Outside> = rows().flat_map(|row| row.kinds).copied().collect();
    let all: BTreeSet<Outside> = Outside::WORDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, all);
    let sets: BTreeSet<BTreeSet<Outside>> =
        rows().map(|row| row.kinds.iter().copied().collect()).collect();
    assert_eq!(sets.len(), rows().count(), "two rows have the same kinds");
}

fn gone_twice(model: &Model, seeds: u64) {
    for seed in 0..seeds {
        let mut numbers = Numbers(seed);
        let (mut here, mut path, mut edges) = (model.initial(), Vec::new(), Vec::new());
        for _ in 0..80 {
            edges.clear();
            model.expand(&here, &mut edges);
            let moving: Vec<(usize, Edge<_>)> = edges
                .iter()
                .copied()
                .enumerate()
                .filter(|(_, edge)| edge.to != here && (edge.progress || numbers.below(6) == 0))
                .collect();
            if moving.is_empty() {
                break;
            }
            let (edge, taken) = moving[numbers.below(moving.len())];
            path.push(Step { edge: edge as u16 });
            here = taken.to;
        }
        if let Err(parted) = model.trace(&path) {
            panic!("seed {seed}: {parted}");
        }
    }
}
