//! Transition systems given as tables, and what must hold of every lasso found in them.

use model_check::explore::{
    Edge, Exploration, Facts, Limits, Liveness, Rest, Step, System, Trap, explore, walk,
};

/// A system whose states are the rows of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    /// The transitions of each state.
    pub(crate) rows: Vec<Vec<Edge<u32>>>,
    /// What each state is.
    pub(crate) facts: Vec<Facts>,
}

impl Graph {
    /// So many states that move and have no transitions yet. The first is the initial one.
    pub(crate) fn new(states: usize) -> Self {
        let facts = Facts { rest: Rest::Moving, broken: 0 };
        Self { rows: vec![Vec::new(); states], facts: vec![facts; states] }
    }

    /// With a transition.
    pub(crate) fn edge(&mut self, from: u32, edge: Edge<u32>) {
        self.rows[from as usize].push(edge);
    }

    /// The classes of progress that are enabled in a state.
    pub(crate) fn enabled(&self, state: u32) -> u128 {
        let progress = self.rows[state as usize].iter().filter(|edge| edge.progress);
        progress.fold(0, |set, edge| set | 1 << edge.class)
    }

    /// Whether a state is at rest.
    pub(crate) fn is_rest(&self, state: u32) -> bool {
        self.facts[state as usize].rest.is_rest()
    }
}

impl System for Graph {
    type State = u32;
    fn initial(&self) -> u32 {
        0
    }
    fn expand(&self, state: &u32, edges: &mut Vec<Edge<u32>>) -> Facts {
        edges.extend(&self.rows[*state as usize]);
        self.facts[*state as usize]
    }
    fn parts(&self) -> Vec<String> {
        ["units", "tens", "rest"].map(str::to_owned).to_vec()
    }
    fn without(&self, state: &u32, part: usize) -> u32 {
        match part {
            0 => state / 10 * 10,
            1 => state / 100 * 100 + state % 10,
            _ => state % 100,
        }
    }
}

/// Explores everything, with liveness and projections, on one thread.
pub(crate) fn all(graph: &Graph) -> Exploration<'_, Graph> {
    let limits = Limits { projections: true, ..Limits::default() };
    explore(graph, &limits, &mut |_| {})
}

/// The judgement of liveness.
pub(crate) fn liveness(graph: &Graph) -> Liveness {
    let found = all(graph);
    let liveness = found.liveness.clone().expect("everything was explored");
    for trap in liveness.nearest.iter().chain(&liveness.nearest_mixed) {
        check_lasso(graph, &found, trap);
    }
    assert_eq!(liveness.settles(), liveness.nearest.is_none());
    assert_eq!(liveness.mixed == 0, liveness.nearest_mixed.is_none());
    liveness
}

/// A lasso is a shortest path and a cycle of progress that comes back, visits a state that moves,
/// and passes nobody over.
pub(crate) fn check_lasso(graph: &Graph, found: &Exploration<'_, Graph>, trap: &Trap) {
    let lasso = found.lasso(trap).expect("a lasso");
    assert_eq!(Some(lasso.path.len() as u32), found.depth(trap.entry));
    let entry = found.states()[trap.entry as usize];
    let whole: Vec<Step> = lasso.path.iter().chain(&lasso.cycle).copied().collect();
    let walked = walk(graph, &whole).expect("a path");
    let cycle = &walked[lasso.path.len()..];
    let before = walked[..lasso.path.len()].last().map_or(0, |edge| edge.to);
    assert_eq!(before, entry, "the path leads to the trap");
    assert_eq!(walked.last().map_or(0, |edge| edge.to), entry, "the cycle comes back");
    assert!(cycle.iter().all(|edge| edge.progress), "only progress");
    let mut visited = cycle.iter().map(|edge| edge.to).chain([entry]);
    assert!(visited.clone().any(|state| !graph.is_rest(state)), "a state that moves");
    let always = visited.clone().fold(u128::MAX, |set, state| set & graph.enabled(state));
    let moved = cycle.iter().fold(0, |set, edge| set | 1 << edge.class);
    assert_eq!(always & !moved, 0, "nobody is passed over");
    if cycle.is_empty() {
        assert!(visited.all(|state| graph.enabled(state) == 0), "nothing moves");
    }
}
