//! The graph: nodes and relationships under ids that are the same on the main and on replicas. A
//! graph is a value whose copy costs nothing, so that a snapshot is a copy; it changes by `Change`s
//! alone, on a main and on a replica alike.

mod apply;
mod change;
mod ids;
mod store;
mod transaction;

pub use apply::Misfit;
pub use change::{Change, Delta, Object};
pub use ids::{EdgeId, Ids, NodeId};
pub use store::{Conflict, Store};
pub use transaction::{Savepoint, Transaction, TransactionId};

use crate::value::{Name, Property};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Properties by name.
pub type Properties = BTreeMap<Name, Property>;

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its labels, in the order in which they were set.
    pub labels: Vec<Name>,
    /// Its properties.
    pub properties: Properties,
    outgoing: RedBlackTreeSetSync<EdgeId>,
    incoming: RedBlackTreeSetSync<EdgeId>,
}

impl Node {
    /// Whether it has a label.
    #[must_use]
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|own| &**own == label)
    }

    /// Relationships that begin here, in the order of their ids.
    pub fn outgoing(&self) -> impl Iterator<Item = EdgeId> {
        self.outgoing.iter().copied()
    }

    /// Relationships that end here, in the order of their ids.
    pub fn incoming(&self) -> impl Iterator<Item = EdgeId> {
        self.incoming.iter().copied()
    }

    /// Whether a relationship begins or ends here.
    #[must_use]
    pub fn has_edges(&self) -> bool {
        !self.outgoing.is_empty() || !self.incoming.is_empty()
    }
}

/// A relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// Where it begins.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// Its type.
    pub kind: Name,
    /// Its properties.
    pub properties: Properties,
}

/// An index on a label, or on a property of nodes with a label. It is listed and replicated;
/// reading goes by label in any case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Index {
    /// The label.
    pub label: Name,
    /// The property.
    pub property: Option<Name>,
}

/// All nodes and relationships at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: RedBlackTreeMapSync<NodeId, Node>,
    edges: RedBlackTreeMapSync<EdgeId, Edge>,
    by_label: RedBlackTreeMapSync<Name, RedBlackTreeSetSync<NodeId>>,
    indexes: RedBlackTreeSetSync<Index>,
}

impl Graph {
    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// A relationship.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(&id)
    }

    /// Nodes, in the order of their ids.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// Relationships, in the order of their ids.
    pub fn edges(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.edges.iter().map(|(id, edge)| (*id, edge))
    }

    /// Nodes with a label, in the order of their ids.
    pub fn labelled(&self, label: &str) -> impl Iterator<Item = NodeId> {
        self.by_label.get(label).into_iter().flat_map(|ids| ids.iter().copied())
    }

    /// How many nodes have a label.
    #[must_use]
    pub fn labelled_count(&self, label: &str) -> usize {
        self.by_label.get(label).map_or(0, RedBlackTreeSetSync::size)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.size()
    }

    /// How many relationships there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.edges.size()
    }

    /// Indexes, in order.
    pub fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter()
    }

    /// Properties of a node or relationship; none if there is no such object.
    #[must_use]
    pub fn properties(&self, object: Object) -> Option<&Properties> {
        match object {
            Object::Node(id) => self.node(id).map(|node| &node.properties),
            Object::Edge(id) => self.edge(id).map(|edge| &edge.properties),
        }
    }
}
