//! Layers: each node gets one, so that edges lead downwards but for those that close a cycle, which
//! are turned round. Between two layers of nodes is one for words; an edge passes each layer between
//! its ends through a joint of its own.

use super::Graph;

/// What stands in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A node.
    Node(usize),
    /// An edge on its way.
    Joint(usize),
    /// The words of an edge.
    Words(usize),
}

/// A graph in layers.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// What stands where.
    pub(super) items: Vec<Item>,
    /// The layer of each item.
    pub(super) layer: Vec<usize>,
    /// The items of each edge from above to below, the nodes included.
    pub(super) chains: Vec<Vec<usize>>,
    /// Whether an edge was turned round.
    pub(super) turned: Vec<bool>,
    /// The items of each layer, in an order to begin with.
    pub(super) rows: Vec<Vec<usize>>,
}

impl Layers {
    pub(super) fn of(graph: &Graph) -> Self {
        let turned = turned(graph);
        let ranks = ranks(graph, &turned);
        let height = 2 * ranks.iter().max().map_or(0, |most| most + 1);
        let mut layers = Self {
            items: (0..graph.nodes.len()).map(Item::Node).collect(),
            layer: ranks.iter().map(|rank| 2 * rank).collect(),
            chains: Vec::new(),
            turned,
            rows: vec![Vec::new(); height],
        };
        for node in found_first(graph) {
            layers.rows[layers.layer[node]].push(node);
        }
        for (at, edge) in graph.edges.iter().enumerate() {
            let (above, below) =
                if layers.turned[at] { (edge.to, edge.from) } else { (edge.from, edge.to) };
            let (first, last) = (layers.layer[above], layers.layer[below]);
            let middle = (first + last) / 2;
            let words = if middle % 2 == 1 { middle } else { middle - 1 };
            let mut chain = vec![above];
            for layer in first + 1..last {
                let item = if layer == words { Item::Words(at) } else { Item::Joint(at) };
                let new = layers.items.len();
                layers.items.push(item);
                layers.layer.push(layer);
                layers.rows[layer].push(new);
                chain.push(new);
            }
            chain.push(below);
            layers.chains.push(chain);
        }
        layers
    }

    /// The pairs of items of neighbouring layers that an edge joins, the upper one first.
    pub(super) fn joins(&self) -> Vec<(usize, usize)> {
        self.chains.iter().flat_map(|chain| chain.windows(2).map(|two| (two[0], two[1]))).collect()
    }
}

/// The nodes that edges lead to, in their order.
fn next(graph: &Graph, node: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
    let from = graph.edges.iter().enumerate().filter(move |(_, edge)| edge.from == node);
    from.map(|(at, edge)| (at, edge.to))
}

/// Depth first from the first node, then from whoever was not found: which edges lead back to a
/// node that is still being left.
fn turned(graph: &Graph) -> Vec<bool> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let mut turned = vec![false; graph.edges.len()];
    let mut state = vec![NEW; graph.nodes.len()];
    for root in 0..graph.nodes.len() {
        if state[root] != NEW {
            continue;
        }
        state[root] = OPEN;
        let mut path = vec![(root, next(graph, root).collect::<Vec<_>>().into_iter())];
        while let Some((node, rest)) = path.last_mut() {
            let Some((edge, to)) = rest.next() else {
                state[*node] = DONE;
                path.pop();
                continue;
            };
            turned[edge] = state[to] == OPEN;
            if state[to] == NEW {
                state[to] = OPEN;
                path.push((to, next(graph, to).collect::<Vec<_>>().into_iter()));
            }
        }
    }
    turned
}

/// The nodes in the order in which they are found, nearest first.
fn found_first(graph: &Graph) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::new();
    for root in 0..graph.nodes.len() {
        if order.contains(&root) {
            continue;
        }
        let mut at = order.len();
        order.push(root);
        while let Some(node) = order.get(at).copied() {
            for (_, to) in next(graph, node) {
                if !order.contains(&to) {
                    order.push(to);
                }
            }
            at += 1;
        }
    }
    order
}

/// The longest way to each node along edges as they are turned.
fn ranks(graph: &Graph, turned: &[bool]) -> Vec<usize> {
    let mut ranks = vec![0; graph.nodes.len()];
    // Edges as they are turned close no cycle, so that a way has fewer edges than there are nodes.
    for _ in 0..graph.nodes.len() {
        let before = ranks.clone();
        for (at, edge) in graph.edges.iter().enumerate() {
            let (above, below) =
                if turned[at] { (edge.to, edge.from) } else { (edge.from, edge.to) };
            ranks[below] = ranks[below].max(ranks[above] + 1);
        }
        if ranks == before {
            break;
        }
    }
    ranks
}
