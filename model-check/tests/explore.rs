//! The engine on small systems that are given as tables, where the answer is plain.

#[path = "common/graph.rs"]
mod graph;

use graph::{Graph, all, liveness};
use model_check::explore::{
    Edge, End, Facts, Limits, Malformed, Rest, Step, System, TraceError, Within, Witness, explore,
    walk,
};

/// Progress by one class.
fn by(class: u8, to: u32) -> Edge<u32> {
    Edge { to, class, progress: true, broken: 0, seen: 0 }
}

/// Something from outside.
fn outside(to: u32) -> Edge<u32> {
    Edge { progress: false, ..by(0, to) }
}

/// A table: how many states, and who moves from where to where by itself.
fn table(states: usize, edges: &[(u32, u8, u32)]) -> Graph {
    let mut graph = Graph::new(states);
    for (from, class, to) in edges {
        graph.edge(*from, by(*class, *to));
    }
    graph
}

fn at_rest(mut graph: Graph, rest: Rest, states: &[usize]) -> Graph {
    for state in states {
        graph.facts[*state].rest = rest;
    }
    graph
}

fn settled(graph: Graph, states: &[usize]) -> Graph {
    at_rest(graph, Rest::Settled, states)
}

/// A cycle that never meets the goal: a checker that ends a path where it meets a known state
/// takes it for a path that simply goes on.
#[test]
fn a_cycle_without_rest_is_found() {
    let graph = settled(table(4, &[(0, 0, 1), (1, 0, 2), (2, 0, 1), (0, 1, 3)]), &[3]);
    let liveness = liveness(&graph);
    assert!(!liveness.settles());
    assert_eq!((liveness.restless, liveness.mixed), (1, 0));
    let trap = liveness.nearest.unwrap();
    assert_eq!((trap.states, trap.moving), (2, 2));
    assert_eq!(trap.cycle.len(), 2);
}

/// Two ways to one state, of which one meets the goal before. What was met on the way that came
/// first must not count for the other.
#[test]
fn a_diamond_is_judged_on_both_sides() {
    let edges = [(0, 0, 9), (0, 0, 2), (9, 0, 4), (2, 0, 4), (4, 0, 5)];
    let graph = table(10, &edges);
    let ended = liveness(&graph);
    assert_eq!((ended.traps, ended.restless), (1, 1), "state 5 is a dead end that is not rest");
    assert_eq!(ended.nearest.unwrap().states, 1);
    // Rest on one way only does not help: it is left again.
    let passed = liveness(&settled(graph.clone(), &[9]));
    assert_eq!((passed.restless, passed.mixed), (1, 0));
    assert_eq!((passed.within.lost, passed.within.first_lost), (4 - 1, Some(2)));
    let arrived = liveness(&settled(graph, &[5]));
    assert!(arrived.settles());
    assert_eq!(arrived.within, Within { steps: 3, farthest: Some(0), lost: 0, first_lost: None });
}

/// A chain that is bad at 3 and at 50: the shortest way is the one to 3, whoever says so.
#[test]
fn the_shortest_trace_is_found() {
    let edges: Vec<_> = (0..60).map(|state| (state, 0, state + 1)).collect();
    let chain = table(61, &edges);
    let mut by_state = chain.clone();
    by_state.facts[3].broken = 0b10;
    by_state.facts[50].broken = 0b11;
    let mut by_edge = chain;
    by_edge.rows[2][0].broken = 0b10;
    by_edge.rows[49][0].broken = 0b11;
    let own = Witness { state: 3, edge: None, length: 3 };
    let step = Witness { state: 2, edge: Some(0), length: 3 };
    for (graph, witness) in [(by_state, own), (by_edge, step)] {
        let found = all(&graph);
        assert_eq!((found.end, found.broken()), (End::Closed, 0b11));
        assert_eq!(found.violation(1), Some(witness));
        assert_eq!(found.violation(2), None);
        assert_eq!(found.violation(200), None);
        let trace = found.trace(&witness).unwrap();
        assert_eq!(trace, [Step { edge: 0 }; 3]);
        assert_eq!(walk(&graph, &trace).unwrap().last().unwrap().to, 3);
        let later = found.violation(0).unwrap();
        assert_eq!(found.trace(&later).unwrap().len(), 50);
        let limits = Limits { stop_at_first_violation: true, ..Limits::default() };
        let found = explore(&graph, &limits, &mut |_| {});
        assert_eq!((found.end, found.broken()), (End::Violation, 0b10));
        assert!(found.states().len() <= 5 && found.liveness.is_none());
    }
}

/// Within one level a transition may tell of a violation before a state does that is nearer.
#[test]
fn a_state_is_nearer_than_a_step_out_of_its_level() {
    let mut graph = table(4, &[(0, 0, 1), (0, 0, 2), (1, 0, 3)]);
    graph.rows[1][0].broken = 1;
    graph.facts[2].broken = 1;
    for stop_at_first_violation in [false, true] {
        let limits = Limits { stop_at_first_violation, ..Limits::default() };
        let found = explore(&graph, &limits, &mut |_| {});
        let witness = Witness { state: 2, edge: None, length: 1 };
        assert_eq!(found.violation(0), Some(witness));
        assert_eq!(found.trace(&witness).unwrap(), [Step { edge: 1 }]);
    }
}

#[test]
fn the_initial_state_may_be_bad_itself() {
    let mut graph = Graph::new(1);
    graph.facts[0].broken = 1 << 63;
    let found = all(&graph);
    let witness = found.violation(63).unwrap();
    assert_eq!(witness, Witness { state: 0, edge: None, length: 0 });
    assert_eq!(found.trace(&witness).unwrap(), []);
    assert_eq!((found.levels.as_slice(), found.transitions), ([1].as_slice(), 0));
}

#[test]
fn sights_have_traces_too() {
    let mut graph = table(3, &[(0, 0, 1), (1, 0, 0), (1, 0, 2)]);
    graph.rows[1][0].seen = 1 << 5;
    graph.rows[1][1].seen = 1 << 5 | 1 << 6;
    let found = all(&graph);
    assert_eq!(found.seen(), 0b110_0000);
    let sight = found.sight(5).unwrap();
    assert_eq!(sight, Witness { state: 1, edge: Some(0), length: 2 });
    let steps = [0, 0].map(|edge| Step { edge });
    assert_eq!(found.trace(&sight).unwrap(), steps);
    assert_eq!(found.sight(6).unwrap().edge, Some(1));
    assert_eq!(found.sight(7), None);
}

/// Who can always leave a cycle does so at some time; who can leave it from one state only may be
/// unlucky for ever.
#[test]
fn fairness_is_weak() {
    let always = table(3, &[(0, 0, 1), (1, 0, 0), (0, 1, 2), (1, 1, 2)]);
    let left = liveness(&settled(always, &[2]));
    assert!(left.settles());
    assert_eq!((left.components, left.traps), (2, 1));
    let sometimes = table(3, &[(0, 0, 1), (1, 0, 0), (0, 1, 2)]);
    let stays = liveness(&settled(sometimes, &[2]));
    assert_eq!((stays.traps, stays.restless), (2, 1));
    assert_eq!(stays.within.lost, 0, "it could come to rest, but need not");
    assert_eq!(stays.nearest.unwrap().cycle.len(), 2);
}

/// The leaving class also moves inside, so that it is not passed over when it never leaves.
#[test]
fn a_class_that_moves_inside_is_content() {
    let graph = table(3, &[(0, 0, 1), (1, 0, 0), (0, 1, 2), (1, 1, 2), (1, 1, 1)]);
    let liveness = liveness(&settled(graph, &[2]));
    assert_eq!(liveness.restless, 1);
    let trap = liveness.nearest.unwrap();
    assert_eq!(trap.cycle.len(), 3, "round, and once on the spot: {trap:?}");
}

/// Going to and fro, the other class would be passed over; a state from which it cannot leave lies
/// on a longer way round.
#[test]
fn a_cycle_goes_where_nobody_waits() {
    let edges = [(0, 0, 1), (1, 0, 0), (1, 0, 2), (2, 0, 0), (0, 1, 3), (1, 1, 3)];
    let liveness = liveness(&settled(table(4, &edges), &[3]));
    assert_eq!(liveness.nearest.unwrap().cycle.len(), 3);
}

#[test]
fn self_loops_count() {
    // Only on the spot, for ever.
    let alone = liveness(&table(1, &[(0, 0, 0)]));
    assert_eq!((alone.traps, alone.restless), (1, 1));
    assert_eq!(alone.nearest.unwrap().cycle.len(), 1);
    // Another class leaves.
    let left = liveness(&settled(table(2, &[(0, 0, 0), (0, 1, 1)]), &[1]));
    assert!(left.settles());
    // The class that leaves may as well stay.
    let same = liveness(&settled(table(2, &[(0, 0, 0), (0, 0, 1)]), &[1]));
    assert_eq!(same.restless, 1);
    // On the spot at rest is rest.
    assert!(liveness(&settled(table(1, &[(0, 0, 0)]), &[0])).settles());
}

#[test]
fn dead_ends_are_judged() {
    let mut graph = table(2, &[(0, 0, 1)]);
    let stuck = liveness(&graph);
    let trap = stuck.nearest.unwrap();
    assert_eq!((trap.entry, trap.states, trap.moving), (1, 1, 1));
    assert_eq!(trap.cycle, []);
    assert_eq!((stuck.within.lost, stuck.within.farthest), (2, None));
    // Help from outside does not count.
    graph.edge(1, outside(0));
    graph.facts[0].rest = Rest::Settled;
    let waits = liveness(&graph);
    assert_eq!((waits.restless, waits.mixed, waits.within.lost), (1, 0, 1));
}

#[test]
fn rest_of_every_kind_is_rest() {
    let graph = table(4, &[(0, 0, 1), (0, 0, 2), (0, 0, 3)]);
    let graph = at_rest(settled(graph, &[1]), Rest::Held, &[2]);
    let graph = at_rest(graph, Rest::Degraded, &[3]);
    let liveness = liveness(&graph);
    assert!(liveness.settles());
    assert_eq!((liveness.settled, liveness.held, liveness.degraded), (1, 1, 1));
    assert_eq!(liveness.traps, 3);
    assert_eq!((liveness.within.steps, liveness.within.farthest), (1, Some(0)));
}

/// Rest that is left and found again for ever is not kept.
#[test]
fn rest_must_stay() {
    let mixed = liveness(&settled(table(3, &[(0, 0, 1), (1, 0, 2), (2, 0, 1)]), &[1]));
    assert_eq!((mixed.restless, mixed.mixed, mixed.within.lost), (1, 1, 0));
    assert_eq!(mixed.nearest, mixed.nearest_mixed);
    // The nearest trap and the nearest mixed one may differ.
    let edges = [(0, 0, 1), (0, 1, 2), (2, 0, 3), (3, 0, 2)];
    let two = liveness(&settled(table(4, &edges), &[3]));
    assert_eq!((two.restless, two.mixed), (2, 1));
    assert_eq!(two.nearest.unwrap().entry, 1);
    let mixed = two.nearest_mixed.unwrap();
    assert_eq!((mixed.entry, mixed.states, mixed.moving), (2, 2, 1));
}

#[test]
fn there_may_be_no_room() {
    let edges: Vec<_> = (0..99).map(|state| (state, 0, state + 1)).collect();
    let graph = settled(table(100, &edges), &[99]);
    for max_states in [0, 1, 50, 99, 100, 101] {
        let limits = Limits { max_states, ..Limits::default() };
        let found = explore(&graph, &limits, &mut |_| {});
        assert_eq!(found.is_complete(), max_states >= 100);
        assert_eq!(found.end == End::StateLimit, max_states < 100);
        assert_eq!(found.liveness.is_some(), max_states >= 100);
        let states = found.states().len() as u64;
        assert_eq!(states, max_states.clamp(1, 100));
        assert_eq!(found.levels.iter().sum::<u64>(), states);
        assert_eq!(found.path_to(states as u32 - 1).unwrap().len() as u64, states - 1);
        let missing = TraceError::NoState { state: 100, states };
        assert_eq!(found.path_to(100), Err(missing));
    }
}

#[test]
fn parts_are_blanked_one_by_one() {
    let mut graph = Graph::new(250);
    for state in 1..250 {
        graph.edge(0, by(0, state));
    }
    let found = all(&graph);
    let counts: Vec<_> = found.projections.iter().map(|p| (p.part.as_str(), p.states)).collect();
    assert_eq!(counts, [("units", 25), ("tens", 30), ("rest", 100)]);
    let none = explore(&graph, &Limits::default(), &mut |_| {}).projections;
    assert_eq!(none, []);
}

#[test]
fn what_cannot_be_numbered_is_told() {
    let mut graph = Graph::new(2);
    graph.rows[0] = vec![outside(1); 65_536];
    let found = all(&graph);
    assert_eq!((found.end, found.transitions), (End::Closed, 65_536));
    graph.edge(0, outside(1));
    let many = Malformed::TooManyEdges { state: 0, edges: 65_537 };
    assert_eq!(all(&graph).end, End::Malformed(many));
    let high = table(2, &[(0, 127, 1), (1, 127, 0)]);
    assert_eq!(liveness(&high).nearest.unwrap().cycle.len(), 2);
    let class = Malformed::Class { state: 1, edge: 1, class: 128 };
    let wrong = table(3, &[(0, 127, 1), (1, 0, 0), (1, 128, 2)]);
    let found = all(&wrong);
    assert_eq!((found.end, found.states()), (End::Malformed(class), [0, 1].as_slice()));
}

#[test]
fn a_path_must_exist() {
    let graph = table(2, &[(0, 0, 1)]);
    let steps = [0, 0].map(|edge| Step { edge });
    assert_eq!(walk(&graph, &steps), Err(TraceError::NoEdge { step: 1, edge: 0, edges: 0 }));
    let found = all(&graph);
    assert_eq!((found.number_of(&1), found.number_of(&2)), (Some(1), None));
    assert_eq!((found.depth(1), found.depth(2)), (Some(1), None));
}

/// Gives other transitions each time.
struct Fickle(std::sync::atomic::AtomicU32);

impl System for Fickle {
    type State = u32;
    fn initial(&self) -> u32 {
        0
    }
    fn expand(&self, state: &u32, edges: &mut Vec<Edge<u32>>) -> Facts {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if *state < 5 {
            edges.push(by(0, next));
        }
        Facts { rest: Rest::Settled, broken: 0 }
    }
    fn parts(&self) -> Vec<String> {
        Vec::new()
    }
    fn without(&self, state: &u32, _: usize) -> u32 {
        *state
    }
}

#[test]
fn a_system_must_repeat_itself() {
    let fickle = Fickle(0.into());
    let found = explore(&fickle, &Limits::default(), &mut |_| {});
    assert_eq!(found.states().len(), 6);
    assert_eq!(found.path_to(5), Err(TraceError::NotRepeatable { from: 4, to: 5 }));
}

#[test]
fn progress_is_told() {
    let graph = table(3, &[(0, 0, 1), (1, 0, 2)]);
    let mut told = Vec::new();
    let found = explore(&graph, &Limits::default(), &mut |progress| told.push(progress));
    let levels: Vec<_> = told.iter().map(|p| (p.level, p.states, p.queue, p.transitions)).collect();
    assert_eq!(levels, [(0, 2, 1, 1), (1, 3, 1, 2), (2, 3, 0, 2)]);
    assert!(told.iter().all(|p| p.rate > 0 && p.bytes > 0));
    assert!(found.bytes >= told[2].bytes);
}
