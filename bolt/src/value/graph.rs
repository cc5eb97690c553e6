//! Nodes, relationships and paths. From 5.0 on each carries an element id besides its number; who
//! sends one without a text of its own sends the number as text, as Memgraph does.

use super::Map;
use alloc::{string::String, vec::Vec};

/// A node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Its number.
    pub id: i64,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its properties.
    pub properties: Map,
    /// Its element id; none from a 4.x peer.
    pub element_id: Option<String>,
}

/// A relationship with its ends.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Relationship {
    /// Its number.
    pub id: i64,
    /// The number of the node it begins at.
    pub start: i64,
    /// The number of the node it ends at.
    pub end: i64,
    /// Its type.
    pub kind: String,
    /// Its properties.
    pub properties: Map,
    /// The element ids of itself, start and end; none from a 4.x peer.
    pub element_ids: Option<[String; 3]>,
}

/// A relationship within a path.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnboundRelationship {
    /// Its number.
    pub id: i64,
    /// Its type.
    pub kind: String,
    /// Its properties.
    pub properties: Map,
    /// Its element id; none from a 4.x peer.
    pub element_id: Option<String>,
}

/// A path. It begins at the first node; `indices` then alternates a relationship (counted from 1,
/// negative if walked against its direction) and the node that it leads to (counted from 0). The
/// numbers are carried, not judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// The nodes, each once.
    pub nodes: Vec<Node>,
    /// The relationships, each once.
    pub relationships: Vec<UnboundRelationship>,
    /// The way along them.
    pub indices: Vec<i64>,
}
