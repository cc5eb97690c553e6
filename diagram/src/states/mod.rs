//! The reachable shapes of a cluster: every state of a configuration of the model checker, explored
//! by its engine, projected on what a stranger sees of it, and joined by the rules and events that
//! lead from one shape to the next.

mod shape;
mod told;
mod words;

pub use shape::{Main, Move, Old, Shape, Voter, Why};

use crate::{
    canvas::Hue,
    graph::{Edge, Graph, Label, Node},
};
use ha_core::rules::RuleId;
use model_check::{
    explore::{Limits, explore},
    model::{Budget, Configuration, Model, NoStart, Outside},
};
use std::collections::{BTreeMap, BTreeSet};
use told::Told;

/// How many states are looked at, at most; a picture of more says so.
pub const MOST_STATES: u64 = 60_000;

/// The shapes of one configuration.
#[derive(Debug, Clone)]
pub struct States {
    /// The name of the configuration.
    pub name: &'static str,
    /// What may happen in it.
    pub about: &'static str,
    /// How many states have these shapes.
    pub states: usize,
    /// Whether there is none beyond them.
    pub is_complete: bool,
    /// The rules that lead from one shape to another.
    pub rules: BTreeSet<RuleId>,
    graph: Graph,
}

/// A configuration with so little happening that a person can look at all of it: each fault once at
/// most, and one of them. Where data that branched off is the matter, a client writes, and it is the
/// main whose process ends.
#[must_use]
pub fn reduced(mut configuration: Configuration) -> Configuration {
    let writes = u8::from(configuration.settings.sets_aside);
    configuration.budget.faults = configuration.budget.faults.min(1);
    for (kind, most) in &mut configuration.budget.each {
        if writes > 0 && *kind == Outside::Crash {
            *kind = Outside::Main;
        }
        *most = if *kind == Outside::Write { writes } else { (*most).min(1) };
    }
    configuration
}

impl States {
    /// The shapes of a configuration, as it is; see [`reduced`].
    ///
    /// # Errors
    /// The cluster that everything begins with does not come to rest.
    pub fn of(configuration: Configuration) -> Result<Self, NoStart> {
        let (name, about) = (configuration.name, configuration.about);
        let outside = in_words(&configuration.budget);
        let model = Model::new(configuration)?;
        let told = Told(&model);
        let limits = Limits { max_states: MOST_STATES, liveness: false, ..Limits::default() };
        let found = explore(&told, &limits, &mut |_| {});
        let mut shapes: Vec<Shape> = Vec::new();
        let mut edges: BTreeMap<(Shape, Shape), BTreeSet<Label>> = BTreeMap::new();
        for state in found.states() {
            let world = model.world(&state.packed);
            // There is a record from the bootstrap on, and nobody deletes it.
            let Some(from) = Shape::of(&world) else { continue };
            if !shapes.contains(&from) {
                shapes.push(from);
            }
            for (act, budget) in told.acts(state) {
                let (next, _) = told.take(state, act, budget);
                let known = found.number_of(&next).is_some();
                let to = Shape::of(&model.world(&next.packed)).filter(|to| *to != from && known);
                if let Some(to) = to {
                    let label = words::label(&world, state, act, from, to);
                    edges.entry((from, to)).or_default().insert(label);
                }
            }
        }
        let states = found.states().len();
        let is_complete = found.is_complete();
        let mut graph = Graph {
            title: format!("Shapes of a cluster: {name}"),
            notes: notes(about, &outside, states, is_complete),
            nodes: shapes.iter().map(|shape| node(*shape)).collect(),
            edges: Vec::new(),
        };
        for ((from, to), labels) in edges {
            let number = |of: Shape| shapes.iter().position(|shape| *shape == of);
            if let (Some(from), Some(to)) = (number(from), number(to)) {
                graph.edges.push(Edge { from, to, labels: labels.into_iter().collect() });
            }
        }
        let rules = rules(&graph);
        Ok(Self { name, about, states, is_complete, rules, graph })
    }

    /// How many shapes there are.
    #[must_use]
    pub fn shapes(&self) -> usize {
        self.graph.nodes.len()
    }

    /// As a picture.
    #[must_use]
    pub fn svg(&self) -> String {
        self.graph.svg()
    }

    /// As Mermaid text.
    #[must_use]
    pub fn mermaid(&self) -> String {
        self.graph.mermaid()
    }
}

fn node(shape: Shape) -> Node {
    Node { title: shape.title(), lines: shape.lines(), tone: shape.tone() }
}

/// The rules on the edges.
fn rules(graph: &Graph) -> BTreeSet<RuleId> {
    let labels = graph.edges.iter().flat_map(|edge| &edge.labels);
    let on = |label: &Label| {
        let id = label.text.split(' ').next().filter(|_| label.hue == Hue::Rule)?;
        RuleId::ALL.iter().copied().find(|rule| rule.to_string() == id)
    };
    labels.filter_map(on).collect()
}

/// What may happen, and how often.
pub(crate) fn in_words(budget: &Budget) -> String {
    let mut words: Vec<String> = Vec::new();
    for (kind, word) in Outside::WORDS {
        match budget.of(*kind) {
            0 => {}
            most => words.push(format!("{word} (at most {most})")),
        }
    }
    words.join(", ")
}

fn notes(about: &str, outside: &str, states: usize, is_complete: bool) -> Vec<String> {
    let more = if is_complete { "" } else { " and there are more, which are not shown" };
    vec![
        format!("{about}. From outside: {outside}; one fault at most."),
        format!(
            "{states} states of the model have these shapes{more}. Thick border: where it begins. \
             Green: as it should be. Blue: on the way. Red: something is amiss, and nothing is on \
             the way yet. Blue words are rules, red words are what befalls the cluster."
        ),
    ]
}
