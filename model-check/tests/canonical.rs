//! The canonical form forgets nothing that makes a difference: random paths through the model are
//! gone in a world that remembers everything, side by side.

use model_check::{
    explore::{Edge, Step, System},
    model::{Budget, COARSE, Configuration, LEASES, Model, Outside, world, world_of_leases},
};

/// A generator of numbers that is the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

fn everything_but(absent: &[Outside]) -> Configuration {
    let kinds = Outside::WORDS.iter().map(|(kind, _)| *kind);
    let each = kinds.filter(|kind| !absent.contains(kind)).take(14).map(|kind| (kind, 2)).collect();
    Configuration {
        name: "everything",
        about: "",
        settings: world(),
        budget: Budget { each, faults: 8 },
        decide: ha_core::plan,
        grain: COARSE,
        main: false,
    }
}

#[test]
fn random_paths_are_the_same_in_a_world_that_remembers_everything() {
    let instances = [
        Outside::Write,
        Outside::Crash,
        Outside::Power,
        Outside::Pod,
        Outside::Volume,
        Outside::Node,
    ];
    let absent: [&[Outside]; 5] = [
        &[Outside::Volume, Outside::Api, Outside::Alone],
        &[Outside::Volume],
        &[Outside::Api, Outside::Alone],
        &instances,
        &[],
    ];
    for absent in absent {
        gone_twice(&Model::new(everything_but(absent)).unwrap(), 300);
    }
}

#[test]
fn so_are_those_of_leases() {
    let each = |kinds: &[Outside]| kinds.iter().map(|kind| (*kind, 2)).collect::<Vec<_>>();
    use Outside::{
        Alone, Api, Clock, Controller, Crash, Cut, Freeze, Gateway, Release, Switchover, Unheard,
    };
    let kinds: [&[Outside]; 3] = [
        &[Crash, Controller, Freeze, Gateway, Clock, Switchover, Release, Cut],
        &[Crash, Controller, Alone, Api, Clock, Switchover, Freeze],
        &[Crash, Controller, Freeze, Unheard, Clock, Switchover],
    ];
    for kinds in kinds {
        let budget = Budget { each: each(kinds), faults: 8 };
        let configuration = Configuration {
            settings: world_of_leases(),
            grain: LEASES,
            budget,
            ..everything_but(&[])
        };
        gone_twice(&Model::new(configuration).unwrap(), 300);
    }
}

#[test]
fn so_are_those_with_torn_looks() {
    use Outside::{Answer, Controller, Crash, Cut, Glance, Late, Pod, Switchover, Write};
    let kinds = [Write, Crash, Late, Glance, Controller, Switchover, Pod, Cut, Answer];
    let budget = Budget { each: kinds.iter().map(|kind| (*kind, 3)).collect(), faults: 9 };
    let configuration = Configuration { budget, ..everything_but(&[]) };
    gone_twice(&Model::new(configuration).unwrap(), 300);
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
