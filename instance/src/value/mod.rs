//! Values of Cypher: what a property may hold, what an expression comes to, and what a client is
//! answered are one type with a different kind of entity in it.

mod depth;
mod float;
mod temporal;

pub use float::Float;
pub use temporal::{Temporal, TemporalError};

use crate::graph::{EdgeId, Node, NodeId, Properties};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A label, a relationship type, a property's name or a variable.
pub type Name = Arc<str>;

/// How deep lists and maps may lie in each other.
pub const MAX_DEPTH: usize = 64;

/// A value; `E` is what stands for nodes, relationships and paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value<E> {
    /// Nothing known.
    Null,
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(Float),
    /// A text.
    String(Arc<str>),
    /// A list.
    List(#[serde(deserialize_with = "depth::within")] Arc<Vec<Self>>),
    /// A map.
    Map(#[serde(deserialize_with = "depth::within")] Arc<BTreeMap<Name, Self>>),
    /// A date, a time or a length of time.
    Temporal(Temporal),
    /// A node, a relationship or a path.
    Entity(E),
}

/// No entity at all: properties cannot hold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Never {}

/// What is stored under a name; `Null` occurs within lists and maps only.
pub type Property = Value<Never>;

/// An entity of the view that a statement works on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// A node.
    Node(NodeId),
    /// A relationship.
    Edge(EdgeId),
    /// A path.
    Path(Arc<Path>),
}

/// Nodes and the relationships between each two of them, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// One more than relationships.
    pub nodes: Vec<NodeId>,
    /// The relationships, whichever way they point.
    pub edges: Vec<EdgeId>,
}

/// What an expression comes to.
pub type Item = Value<Reference>;

/// An entity as a client is shown it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A node.
    Node(NodeView),
    /// A relationship.
    Edge(EdgeView),
    /// A path.
    Path {
        /// One more than relationships.
        nodes: Vec<NodeView>,
        /// The relationships, whichever way they point.
        edges: Vec<EdgeView>,
    },
}

/// A node as a client is shown it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeView {
    /// Its id, the same on the main and on replicas.
    pub id: NodeId,
    /// Its labels, in the order in which they were set.
    pub labels: Vec<Name>,
    /// Its properties.
    pub properties: Properties,
}

/// A relationship as a client is shown it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EdgeView {
    /// Its id, the same on the main and on replicas.
    pub id: EdgeId,
    /// Where it begins.
    pub from: NodeId,
    /// Where it ends.
    pub to: NodeId,
    /// Its type.
    pub kind: Name,
    /// Its properties.
    pub properties: Properties,
}

/// What a client is answered.
pub type Answer = Value<Entity>;

impl NodeView {
    /// A node with its id.
    #[must_use]
    pub fn new(id: NodeId, node: &Node) -> Self {
        Self { id, labels: node.labels.clone(), properties: node.properties.clone() }
    }
}

impl<E> Value<E> {
    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// A list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A map.
    #[must_use]
    pub fn map(entries: BTreeMap<Name, Self>) -> Self {
        Self::Map(Arc::new(entries))
    }

    /// A number with a fraction.
    #[must_use]
    pub const fn float(number: f64) -> Self {
        Self::Float(Float::new(number))
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// How many lists and maps lie in each other, itself included; it stops to look one level
    /// below `MAX_DEPTH`.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth_within(MAX_DEPTH + 1)
    }

    fn depth_within(&self, levels: usize) -> usize {
        if levels == 0 {
            return 0;
        }
        let below = |value: &Self| value.depth_within(levels - 1);
        match self {
            Self::List(items) => 1 + items.iter().map(below).max().unwrap_or(0),
            Self::Map(entries) => 1 + entries.values().map(below).max().unwrap_or(0),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::String(_)
            | Self::Temporal(_)
            | Self::Entity(_) => 0,
        }
    }

    /// The same value with each entity turned into another kind.
    ///
    /// # Errors
    /// The first error of `turn`.
    pub fn convert<F, X>(
        &self,
        turn: &mut impl FnMut(&E) -> Result<Value<F>, X>,
    ) -> Result<Value<F>, X> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Int(number) => Value::Int(*number),
            Self::Float(number) => Value::Float(*number),
            Self::String(text) => Value::String(text.clone()),
            Self::Temporal(temporal) => Value::Temporal(*temporal),
            Self::List(items) => {
                let items = items.iter().map(|item| item.convert(turn));
                Value::list(items.collect::<Result<_, X>>()?)
            }
            Self::Map(entries) => {
                let entries =
                    entries.iter().map(|(name, value)| Ok((name.clone(), value.convert(turn)?)));
                Value::map(entries.collect::<Result<_, X>>()?)
            }
            Self::Entity(entity) => turn(entity)?,
        })
    }
}

impl From<&Property> for Item {
    fn from(property: &Property) -> Self {
        let converted: Result<Self, Never> = property.convert(&mut |never| match *never {});
        match converted {
            Ok(item) => item,
            Err(never) => match never {},
        }
    }
}
