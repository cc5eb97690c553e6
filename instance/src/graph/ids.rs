//! Ids of nodes and relationships. They are given once: a transaction that is rolled back leaves a
//! gap, and a replica goes on behind what it was sent (MR 10.2 compares ids on main and replica).

use super::{Change, Object};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares an id.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $word:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub u64);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($word, " {}"), self.0)
            }
        }
    };
}

id! {
    /// A node, for as long as the data lives.
    NodeId, "node"
}
id! {
    /// A relationship, for as long as the data lives.
    EdgeId, "relationship"
}

/// The source of ids of one instance, shared by its transactions.
#[derive(Debug, Default)]
pub struct Ids {
    nodes: AtomicU64,
    edges: AtomicU64,
}

impl Ids {
    /// The id of a new node.
    pub(super) fn next_node(&self) -> NodeId {
        NodeId(self.nodes.fetch_add(1, Ordering::Relaxed))
    }

    /// The id of a new relationship.
    pub(super) fn next_edge(&self) -> EdgeId {
        EdgeId(self.edges.fetch_add(1, Ordering::Relaxed))
    }

    /// Never gives again an id that a change from elsewhere brought.
    pub(super) fn pass(&self, change: &Change) {
        match change.created() {
            Some(Object::Node(id)) => {
                self.nodes.fetch_max(id.0.saturating_add(1), Ordering::Relaxed);
            }
            Some(Object::Edge(id)) => {
                self.edges.fetch_max(id.0.saturating_add(1), Ordering::Relaxed);
            }
            None => {}
        }
    }
}
