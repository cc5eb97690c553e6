use super::{Edge, Graph, Label, Node, Tone, place::Placed};
use crate::canvas::Hue;

fn graph(nodes: usize, edges: &[(usize, usize)]) -> Graph {
    let node = |at| Node { title: format!("node {at}"), lines: vec![], tone: Tone::Good };
    let label = |text: String| Label { hue: Hue::Rule, text, link: None };
    Graph {
        title: "graph".into(),
        notes: vec![],
        nodes: (0..nodes).map(node).collect(),
        edges: edges
            .iter()
            .map(|(from, to)| Edge {
                from: *from,
                to: *to,
                labels: vec![label(format!("{from} to {to}"))],
            })
            .collect(),
    }
}

/// A cycle with a chord, two edges between the same nodes, and one that skips layers.
fn tangle() -> Graph {
    graph(6, &[(0, 1), (1, 2), (2, 0), (0, 2), (2, 3), (3, 2), (0, 4), (4, 5), (5, 0), (1, 5)])
}

#[test]
fn edges_lead_downwards_but_those_that_close_a_cycle() {
    let graph = tangle();
    let placed = Placed::of(&graph);
    let layer = &placed.layers.layer;
    for (at, edge) in graph.edges.iter().enumerate() {
        let down = layer[edge.from] < layer[edge.to];
        assert_eq!(down, !placed.layers.turned[at], "{} to {}", edge.from, edge.to);
    }
    assert_eq!(placed.layers.turned.iter().filter(|turned| **turned).count(), 3);
}

#[test]
fn nothing_stands_on_something_else() {
    let placed = Placed::of(&tangle());
    for row in &placed.layers.rows {
        for two in row.windows(2) {
            let right = placed.x[two[0]] + placed.size[two[0]].0 / 2;
            let left = placed.x[two[1]] - placed.size[two[1]].0 / 2;
            assert!(right < left, "{two:?}: {right} and {left}");
        }
    }
    for two in placed.bands.windows(2) {
        assert!(two[0].1 < two[1].0, "{two:?}");
    }
}

#[test]
fn every_word_is_in_both_forms() {
    let graph = tangle();
    let (picture, text) = (graph.svg(), graph.mermaid());
    for node in &graph.nodes {
        assert!(picture.contains(&format!(">{}<", node.title)) && text.contains(&node.title));
    }
    for edge in &graph.edges {
        let words = &edge.labels[0].text;
        assert!(picture.contains(&format!(">{words}<")) && text.contains(words), "{words}");
    }
    assert_eq!(picture.matches("marker-end").count(), graph.edges.len());
}

#[test]
fn a_graph_of_nothing_can_be_drawn() {
    assert!(Graph::default().svg().ends_with("</svg>\n"));
}
