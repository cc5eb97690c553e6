//! What a transaction changes, in order: the payload that is replicated.

use super::{EdgeId, Index, NodeId};
use crate::value::{Name, Property};
use serde::{Deserialize, Serialize};
use shell_sim::memgraph::Payload;
use std::fmt;
use std::sync::Arc;

/// A node or a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Object {
    /// A node.
    Node(NodeId),
    /// A relationship.
    Edge(EdgeId),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(id) => id.fmt(f),
            Self::Edge(id) => id.fmt(f),
        }
    }
}

/// One change. Each says all that is needed to know which objects it touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Change {
    /// A node without labels and properties appears.
    CreateNode {
        /// Its id.
        id: NodeId,
    },
    /// A node without relationships goes.
    DeleteNode {
        /// Its id.
        id: NodeId,
    },
    /// A relationship without properties appears.
    CreateEdge {
        /// Its id.
        id: EdgeId,
        /// Where it begins.
        from: NodeId,
        /// Where it ends.
        to: NodeId,
        /// Its type.
        kind: Name,
    },
    /// A relationship goes.
    DeleteEdge {
        /// Its id.
        id: EdgeId,
        /// Where it began.
        from: NodeId,
        /// Where it ended.
        to: NodeId,
    },
    /// A node gets a label that it has not.
    AddLabel {
        /// The node.
        node: NodeId,
        /// The label.
        label: Name,
    },
    /// A node loses a label that it has.
    RemoveLabel {
        /// The node.
        node: NodeId,
        /// The label.
        label: Name,
    },
    /// A property gets a value that is not null.
    SetProperty {
        /// Whose.
        of: Object,
        /// Its name.
        name: Name,
        /// The value.
        value: Property,
    },
    /// A property that is there goes.
    RemoveProperty {
        /// Whose.
        of: Object,
        /// Its name.
        name: Name,
    },
    /// An index appears.
    CreateIndex(Index),
    /// An index goes.
    DropIndex(Index),
}

impl Change {
    /// The object that it makes.
    #[must_use]
    pub const fn created(&self) -> Option<Object> {
        match self {
            Self::CreateNode { id } => Some(Object::Node(*id)),
            Self::CreateEdge { id, .. } => Some(Object::Edge(*id)),
            Self::DeleteNode { .. }
            | Self::DeleteEdge { .. }
            | Self::AddLabel { .. }
            | Self::RemoveLabel { .. }
            | Self::SetProperty { .. }
            | Self::RemoveProperty { .. }
            | Self::CreateIndex(_)
            | Self::DropIndex(_) => None,
        }
    }

    /// The objects that no other transaction may change at the same time. A relationship belongs
    /// to both its ends, as its versions do in Memgraph.
    pub fn touched(&self) -> impl Iterator<Item = Object> {
        let objects = match self {
            Self::CreateNode { id } | Self::DeleteNode { id } => {
                [Some(Object::Node(*id)), None, None]
            }
            Self::CreateEdge { id, from, to, .. } | Self::DeleteEdge { id, from, to } => {
                [Some(Object::Edge(*id)), Some(Object::Node(*from)), Some(Object::Node(*to))]
            }
            Self::AddLabel { node, .. } | Self::RemoveLabel { node, .. } => {
                [Some(Object::Node(*node)), None, None]
            }
            Self::SetProperty { of, .. } | Self::RemoveProperty { of, .. } => {
                [Some(*of), None, None]
            }
            Self::CreateIndex(_) | Self::DropIndex(_) => [None, None, None],
        };
        objects.into_iter().flatten()
    }
}

/// Changes in the order in which they were made. Its copy shares them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Delta(Arc<Vec<Change>>);

impl Delta {
    /// The changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Change>> for Delta {
    fn from(changes: Vec<Change>) -> Self {
        Self(Arc::new(changes))
    }
}

impl Payload for Delta {
    fn absorb(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
        } else if !later.is_empty() {
            Arc::make_mut(&mut self.0).extend_from_slice(later.changes());
        }
    }
}
