//! The engine on random systems, against the plainest way to compute the same.

#[path = "common/graph.rs"]
mod graph;

use graph::{Graph, all, check_lasso, liveness};
use model_check::explore::{Edge, Exploration, Facts, Limits, Rest, System, Trap, explore, walk};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    hash::{Hash, Hasher},
};

/// A small generator of numbers that look random; the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 33) % bound
    }

    /// A graph with up to `degree` transitions out of each state.
    fn graph(&mut self, states: u64, degree: u64, classes: u64) -> Graph {
        let mut graph = Graph::new(states as usize);
        for row in &mut graph.rows {
            for _ in 0..self.below(degree + 1) {
                row.push(Edge {
                    to: self.below(states) as u32,
                    class: self.below(classes) as u8,
                    progress: self.below(4) != 0,
                    broken: 0,
                    seen: 0,
                });
            }
        }
        for facts in &mut graph.facts {
            let rest = [Rest::Moving, Rest::Moving, Rest::Settled, Rest::Held];
            *facts = Facts { rest: rest[self.below(4) as usize], broken: 0 };
        }
        graph
    }

    /// Scatters violations and sights over a graph.
    fn scatter(&mut self, graph: &mut Graph, once_in: u64) {
        for facts in &mut graph.facts {
            if self.below(once_in) == 0 {
                facts.broken = 1 << self.below(64);
            }
        }
        for edge in graph.rows.iter_mut().flatten() {
            if self.below(once_in) == 0 {
                edge.broken = 1 << self.below(64);
                edge.seen = 1 << self.below(64);
            }
        }
    }
}

/// The distance of each state that can be reached.
fn distances(graph: &Graph) -> BTreeMap<u32, u32> {
    let mut known = HashSet::from([0]);
    let mut distances = BTreeMap::from([(0, 0)]);
    let mut queue = VecDeque::from([0]);
    while let Some(state) = queue.pop_front() {
        for edge in &graph.rows[state as usize] {
            if known.insert(edge.to) {
                distances.insert(edge.to, distances[&state] + 1);
                queue.push_back(edge.to);
            }
        }
    }
    distances
}

#[test]
fn everything_is_found_by_the_shortest_way() {
    let mut chance = Chance(1);
    for round in 0..60 {
        let mut graph = chance.graph(1 + round * 37, 3, 5);
        chance.scatter(&mut graph, 40);
        let found = all(&graph);
        let distances = distances(&graph);
        assert!(found.is_complete());
        let states: HashSet<u32> = found.states().iter().copied().collect();
        assert_eq!(states.len(), found.states().len(), "no state twice");
        assert_eq!(states, distances.keys().copied().collect());
        let edges = states.iter().map(|state| graph.rows[*state as usize].len() as u64);
        assert_eq!(found.transitions, edges.sum::<u64>());
        for (no, state) in (0..).zip(found.states()) {
            assert_eq!(found.number_of(state), Some(no));
            assert_eq!(found.depth(no), Some(distances[state]));
            let path = found.path_to(no).unwrap();
            assert_eq!(path.len() as u32, distances[state]);
            let end = walk(&graph, &path).unwrap().last().map_or(0, |edge| edge.to);
            assert_eq!(end, *state);
        }
        for (level, size) in (0..).zip(&found.levels) {
            let expected = distances.values().filter(|distance| **distance == level).count();
            assert_eq!(*size, expected as u64);
        }
        for (part, projection) in found.projections.iter().enumerate() {
            let without: HashSet<u32> = states.iter().map(|s| graph.without(s, part)).collect();
            assert_eq!(projection.states, without.len() as u64);
        }
        check_witnesses(&graph, &found, &distances);
    }
}

/// Each witness shows its bit, and nothing shows it earlier.
fn check_witnesses(graph: &Graph, found: &Exploration<'_, Graph>, distances: &BTreeMap<u32, u32>) {
    for bit in 0..64_u8 {
        let (mut broken, mut seen): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        for (state, distance) in distances {
            let row = &graph.rows[*state as usize];
            let own = graph.facts[*state as usize].broken >> bit & 1 == 1;
            broken.extend(own.then_some(*distance));
            let steps = |bits: fn(&Edge<u32>) -> u64| {
                row.iter().filter(move |edge| bits(edge) >> bit & 1 == 1).map(|_| distance + 1)
            };
            broken.extend(steps(|edge| edge.broken));
            seen.extend(steps(|edge| edge.seen));
        }
        let witness = found.violation(bit);
        assert_eq!(witness.map(|witness| witness.length), broken.into_iter().min());
        assert_eq!(found.broken() >> bit & 1 == 1, witness.is_some());
        if let Some(witness) = witness {
            let trace = found.trace(&witness).expect("a trace");
            assert_eq!(trace.len() as u32, witness.length);
            let last = walk(graph, &trace).expect("a path").last().copied();
            let state = last.map_or(0, |edge| edge.to) as usize;
            let shown = match witness.edge {
                Some(_) => last.map_or(0, |edge| edge.broken),
                None => graph.facts[state].broken,
            };
            assert_eq!(shown >> bit & 1, 1);
        }
        let sight = found.sight(bit);
        assert_eq!(sight.map(|sight| sight.length), seen.into_iter().min());
        assert_eq!(found.seen() >> bit & 1 == 1, sight.is_some());
        if let Some(sight) = sight {
            let trace = found.trace(&sight).expect("a trace");
            let last = walk(graph, &trace).expect("a path").last().copied();
            assert_eq!(last.map_or(0, |edge| edge.seen) >> bit & 1, 1);
        }
    }
}

/// Numbers, parents, counts, witnesses and the judgement do not depend on the number of threads,
/// however the exploration ends.
#[test]
fn threads_change_nothing() {
    let mut chance = Chance(2);
    let mut graph = chance.graph(20_000, 6, 40);
    chance.scatter(&mut graph, 2_000);
    let whole = Limits { projections: true, ..Limits::default() };
    let stopped = Limits { stop_at_first_violation: true, ..whole };
    for limits in [whole, stopped, Limits { max_states: 9_999, ..whole }] {
        let one = explore(&graph, &limits, &mut |_| {});
        assert!(one.states().len() > 1_000, "a graph worth exploring");
        assert_eq!(one.levels.iter().sum::<u64>(), one.states().len() as u64);
        for threads in [0, 2, 3, 64] {
            let other = explore(&graph, &Limits { threads, ..limits }, &mut |_| {});
            assert_eq!(one.end, other.end);
            assert_eq!(one.states(), other.states());
            assert_eq!(one.parents(), other.parents());
            assert_eq!((one.transitions, one.bytes), (other.transitions, other.bytes));
            assert_eq!(one.levels, other.levels);
            assert_eq!(one.liveness, other.liveness);
            assert_eq!(one.projections, other.projections);
            for bit in 0..64 {
                assert_eq!(one.violation(bit), other.violation(bit));
                assert_eq!(one.sight(bit), other.sight(bit));
            }
        }
    }
}

/// A state of a graph of which hardly anything is hashed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Alike(u32);

impl Hash for Alike {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0 % 7).hash(state);
    }
}

struct HardToTell(Graph);

impl System for HardToTell {
    type State = Alike;
    fn initial(&self) -> Alike {
        Alike(self.0.initial())
    }
    fn expand(&self, state: &Alike, edges: &mut Vec<Edge<Alike>>) -> Facts {
        let mut own = Vec::new();
        let facts = self.0.expand(&state.0, &mut own);
        edges.extend(own.into_iter().map(|edge| Edge {
            to: Alike(edge.to),
            class: edge.class,
            progress: edge.progress,
            broken: edge.broken,
            seen: edge.seen,
        }));
        facts
    }
    fn parts(&self) -> Vec<String> {
        self.0.parts()
    }
    fn without(&self, state: &Alike, part: usize) -> Alike {
        Alike(self.0.without(&state.0, part))
    }
}

/// States are compared: that their hashes are equal confuses nothing.
#[test]
fn equal_hashes_cost_only_time() {
    let graph = Chance(7).graph(2_000, 6, 5);
    let poor = HardToTell(graph.clone());
    let limits = Limits { projections: true, ..Limits::default() };
    let (one, other) = (explore(&poor, &limits, &mut |_| {}), all(&graph));
    assert!(one.states().len() > 1_000, "a graph worth exploring");
    assert!(one.states().iter().map(|state| &state.0).eq(other.states()));
    assert_eq!(one.parents(), other.parents());
    assert_eq!((one.transitions, &one.levels), (other.transitions, &other.levels));
    assert_eq!(one.liveness, other.liveness);
    assert_eq!(one.projections, other.projections);
}

/// Which states each state reaches by progress, itself included.
fn reaches(graph: &Graph) -> Vec<HashSet<u32>> {
    let from = |start: u32| {
        let mut reached = HashSet::from([start]);
        let mut queue = vec![start];
        while let Some(state) = queue.pop() {
            for edge in graph.rows[state as usize].iter().filter(|edge| edge.progress) {
                if reached.insert(edge.to) {
                    queue.push(edge.to);
                }
            }
        }
        reached
    };
    (0..graph.rows.len() as u32).map(from).collect()
}

/// Whether a fair run can stay within these states for ever.
fn is_trap(graph: &Graph, members: &HashSet<u32>) -> bool {
    let always = members.iter().fold(u128::MAX, |set, state| set & graph.enabled(*state));
    let edges = members.iter().flat_map(|state| &graph.rows[*state as usize]);
    let inside = edges.filter(|edge| edge.progress && members.contains(&edge.to));
    always & !inside.fold(0, |set, edge| set | 1_u128 << edge.class) == 0
}

#[test]
fn components_are_what_reaches_each_other() {
    let mut chance = Chance(3);
    let (mut traps, mut mixed_traps) = (0, 0);
    for round in 0..400 {
        let degree = 1 + chance.below(4);
        let graph = chance.graph(1 + round % 60, degree, 4);
        let distances = distances(&graph);
        let reaches = reaches(&graph);
        let mut expected = HashSet::new();
        for state in distances.keys() {
            let both = |other: &&u32| reaches[**other as usize].contains(state);
            let members = reaches[*state as usize].iter().filter(both);
            expected.insert(members.copied().collect::<BTreeSet<u32>>());
        }
        let found = liveness(&graph);
        assert_eq!(found.components, expected.len() as u64);
        let (mut all, mut restless, mut mixed) = (0, Vec::new(), Vec::new());
        for members in &expected {
            if !is_trap(&graph, &members.iter().copied().collect()) {
                continue;
            }
            all += 1;
            let nearest = members.iter().map(|state| distances[state]).min().unwrap();
            let moving = members.iter().filter(|state| !graph.is_rest(**state)).count();
            restless.extend((moving > 0).then_some(nearest));
            mixed.extend((moving > 0 && moving < members.len()).then_some(nearest));
        }
        let counts = (found.traps, found.restless, found.mixed);
        assert_eq!(counts, (all, restless.len() as u64, mixed.len() as u64));
        let exploration = explore(&graph, &Limits::default(), &mut |_| {});
        let depth = |trap: Option<Trap>| trap.and_then(|trap| exploration.depth(trap.entry));
        assert_eq!(depth(found.nearest), restless.into_iter().min());
        assert_eq!(depth(found.nearest_mixed), mixed.into_iter().min());
        traps += found.restless;
        mixed_traps += found.mixed;
    }
    assert!(traps > 100 && mixed_traps > 20, "{traps} traps, {mixed_traps} of them mixed");
}

/// Whether some set of states can be what a fair run visits for ever, and holds one that moves: by
/// trying every set.
fn never_rests(graph: &Graph, reachable: &[u32]) -> bool {
    let sets = (1_u32..1 << reachable.len()).map(|bits| {
        let chosen = reachable.iter().enumerate().filter(|(no, _)| bits >> no & 1 == 1);
        chosen.map(|(_, state)| *state).collect::<HashSet<u32>>()
    });
    let mut moving = sets.filter(|set| set.iter().any(|state| !graph.is_rest(*state)));
    moving.any(|set| {
        let mut within = graph.clone();
        for row in &mut within.rows {
            row.retain(|edge| edge.progress && set.contains(&edge.to));
        }
        let reaches = reaches(&within);
        let connected = set.iter().all(|state| set.is_subset(&reaches[*state as usize]));
        let goes_on = set.len() > 1 || set.iter().any(|state| within.enabled(*state) != 0);
        let ends = set.iter().all(|state| graph.enabled(*state) == 0);
        connected && (goes_on || ends) && is_trap(graph, &set)
    })
}

#[test]
fn traps_are_where_fair_runs_stay() {
    let mut chance = Chance(4);
    let mut settling = 0;
    for _ in 0..600 {
        let states = 1 + chance.below(7);
        let mut graph = chance.graph(states, 3, 3);
        // More rest than elsewhere, so that both answers are common.
        for facts in &mut graph.facts {
            if chance.below(2) == 0 {
                facts.rest = Rest::Settled;
            }
        }
        let reachable: Vec<u32> = distances(&graph).into_keys().collect();
        let settles = liveness(&graph).settles();
        assert_eq!(settles, !never_rests(&graph, &reachable), "{graph:?}");
        settling += u32::from(settles);
    }
    assert!((100..500).contains(&settling), "{settling} of 600 settle");
}

#[test]
fn the_way_to_rest_is_measured() {
    let mut chance = Chance(5);
    for round in 0..200 {
        let graph = chance.graph(1 + round, 2, 4);
        let reachable: Vec<u32> = distances(&graph).into_keys().collect();
        let mut steps: BTreeMap<u32, u32> = BTreeMap::new();
        steps.extend(reachable.iter().filter(|state| graph.is_rest(**state)).map(|s| (*s, 0)));
        for level in 1.. {
            let before = steps.len();
            for state in &reachable {
                let next = graph.rows[*state as usize].iter().filter(|edge| edge.progress);
                let known = |edge: &Edge<u32>| steps.get(&edge.to) == Some(&(level - 1));
                if !steps.contains_key(state) && next.clone().any(known) {
                    steps.insert(*state, level);
                }
            }
            if steps.len() == before {
                break;
            }
        }
        let exploration = all(&graph);
        let within = liveness(&graph).within;
        assert_eq!(within.lost, (reachable.len() - steps.len()) as u64);
        let states = exploration.states();
        let no = |wanted: &dyn Fn(&u32) -> bool| states.iter().position(wanted).map(|n| n as u32);
        assert_eq!(within.first_lost, no(&|state| !steps.contains_key(state)));
        let most = steps.values().max();
        assert_eq!(within.steps, most.copied().unwrap_or(0));
        assert_eq!(within.farthest, most.and_then(|_| no(&|state| steps.get(state) == most)));
    }
}

/// One big trap with many classes: its lasso is checked like every other.
#[test]
fn a_large_trap_has_a_fair_cycle() {
    let mut chance = Chance(6);
    for classes in [1, 2, 5, 128] {
        let mut graph = chance.graph(3_000, 6, classes);
        for state in 0..3_000 {
            let to = (state + 1) % 3_000;
            graph.edge(state, Edge { to, class: 0, progress: true, broken: 0, seen: 0 });
        }
        for facts in &mut graph.facts {
            facts.rest = if chance.below(500) == 0 { Rest::Moving } else { Rest::Settled };
        }
        let found = all(&graph);
        let liveness = found.liveness.clone().unwrap();
        assert_eq!((liveness.components, liveness.mixed), (1, 1));
        for trap in liveness.nearest.iter().chain(&liveness.nearest_mixed) {
            check_lasso(&graph, &found, trap);
        }
    }
}

/// A search that called itself for each step would run out of stack here.
#[test]
fn a_long_chain_needs_no_stack() {
    let length = 300_000;
    let mut graph = Graph::new(length as usize);
    for state in 0..length {
        let to = if state + 1 == length { 0 } else { state + 1 };
        graph.edge(state, Edge { to, class: 0, progress: true, broken: 0, seen: 0 });
    }
    graph.facts[0].rest = Rest::Settled;
    let liveness = liveness(&graph);
    assert_eq!((liveness.components, liveness.mixed), (1, 1));
    assert_eq!(liveness.nearest.unwrap().cycle.len() as u32, length);
    assert_eq!((liveness.within.steps, liveness.within.farthest), (length - 1, Some(1)));
}
