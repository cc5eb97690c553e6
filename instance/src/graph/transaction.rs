//! A transaction: a private view over a snapshot, and the changes that lead from one to the other.

use super::{Change, Delta, EdgeId, Graph, Ids, Index, Misfit, NodeId, Object};
use crate::value::{Name, Property};
use std::fmt;
use std::sync::Arc;

/// A transaction of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub u64);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "transaction {}", self.0)
    }
}

/// A transaction. It sees its snapshot and its own changes, and nobody else sees those.
#[derive(Debug)]
pub struct Transaction {
    pub(super) id: TransactionId,
    /// The version of the store that it began with.
    pub(super) began: u64,
    /// How many of its changes were claimed.
    pub(super) claimed: usize,
    /// What it holds.
    pub(super) held: Vec<Object>,
    snapshot: Graph,
    view: Graph,
    ids: Arc<Ids>,
    changes: Vec<Change>,
    staged: usize,
}

/// A place in a transaction to which it can return.
#[derive(Debug, Clone)]
pub struct Savepoint {
    view: Graph,
    changes: usize,
}

impl Transaction {
    pub(super) fn new(id: TransactionId, began: u64, snapshot: Graph, ids: Arc<Ids>) -> Self {
        let view = snapshot.clone();
        Self {
            id,
            began,
            claimed: 0,
            held: Vec::new(),
            snapshot,
            view,
            ids,
            changes: Vec::new(),
            staged: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// What it sees.
    #[must_use]
    pub const fn view(&self) -> &Graph {
        &self.view
    }

    /// What it began with.
    #[must_use]
    pub const fn snapshot(&self) -> &Graph {
        &self.snapshot
    }

    /// All its changes.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The changes since the last call: the payload of one statement.
    pub fn stage(&mut self) -> Delta {
        let fresh = self.changes.get(self.staged..).unwrap_or_default().to_vec();
        self.staged = self.changes.len();
        Delta::from(fresh)
    }

    /// Where it stands.
    #[must_use]
    pub fn savepoint(&self) -> Savepoint {
        Savepoint { view: self.view.clone(), changes: self.changes.len() }
    }

    /// Undoes what came after a savepoint; ids given since are not given again.
    pub fn return_to(&mut self, savepoint: Savepoint) {
        self.view = savepoint.view;
        self.changes.truncate(savepoint.changes);
        self.claimed = self.claimed.min(savepoint.changes);
        self.staged = self.staged.min(savepoint.changes);
    }

    /// Makes a node.
    ///
    /// # Errors
    /// If its id is taken.
    pub fn create_node(&mut self) -> Result<NodeId, Misfit> {
        let id = self.ids.next_node();
        self.make(Change::CreateNode { id })?;
        Ok(id)
    }

    /// Makes a relationship.
    ///
    /// # Errors
    /// If one of its ends is not there.
    pub fn create_edge(&mut self, from: NodeId, to: NodeId, kind: &Name) -> Result<EdgeId, Misfit> {
        let id = self.ids.next_edge();
        self.make(Change::CreateEdge { id, from, to, kind: kind.clone() })?;
        Ok(id)
    }

    /// Deletes a node without relationships.
    ///
    /// # Errors
    /// If it is not there or has relationships.
    pub fn delete_node(&mut self, id: NodeId) -> Result<(), Misfit> {
        self.make(Change::DeleteNode { id })
    }

    /// Deletes a relationship.
    ///
    /// # Errors
    /// If it is not there.
    pub fn delete_edge(&mut self, id: EdgeId) -> Result<(), Misfit> {
        let edge = self.view.edge(id).ok_or(Misfit::Missing(Object::Edge(id)))?;
        let (from, to) = (edge.from, edge.to);
        self.make(Change::DeleteEdge { id, from, to })
    }

    /// Gives a node a label; whether that changed anything.
    ///
    /// # Errors
    /// If the node is not there.
    pub fn add_label(&mut self, node: NodeId, label: &Name) -> Result<bool, Misfit> {
        let lacks = !self.label_of(node, label)?;
        if lacks {
            self.make(Change::AddLabel { node, label: label.clone() })?;
        }
        Ok(lacks)
    }

    /// Takes a label from a node; whether that changed anything.
    ///
    /// # Errors
    /// If the node is not there.
    pub fn remove_label(&mut self, node: NodeId, label: &Name) -> Result<bool, Misfit> {
        let has = self.label_of(node, label)?;
        if has {
            self.make(Change::RemoveLabel { node, label: label.clone() })?;
        }
        Ok(has)
    }

    fn label_of(&self, node: NodeId, label: &Name) -> Result<bool, Misfit> {
        let found = self.view.node(node).ok_or(Misfit::Missing(Object::Node(node)))?;
        Ok(found.has_label(label))
    }

    /// Sets a property, or removes it by null; whether there was anything to do. A value that is
    /// equal to the one before counts as set: Memgraph writes it too.
    ///
    /// # Errors
    /// If the object is not there.
    pub fn set_property(
        &mut self,
        of: Object,
        name: &Name,
        value: Property,
    ) -> Result<bool, Misfit> {
        let properties = self.view.properties(of).ok_or(Misfit::Missing(of))?;
        let name = name.clone();
        if !value.is_null() {
            self.make(Change::SetProperty { of, name, value })?;
        } else if properties.contains_key(&name) {
            self.make(Change::RemoveProperty { of, name })?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Makes an index; whether that changed anything. As in Memgraph, who makes or drops an index
    /// is alone: the caller sees to it that no other transaction changes indexes meanwhile.
    ///
    /// # Errors
    /// Never by what a caller can do.
    pub fn create_index(&mut self, index: Index) -> Result<bool, Misfit> {
        let lacks = self.view.indexes().all(|own| *own != index);
        if lacks {
            self.make(Change::CreateIndex(index))?;
        }
        Ok(lacks)
    }

    /// Drops an index; whether that changed anything.
    ///
    /// # Errors
    /// Never by what a caller can do.
    pub fn drop_index(&mut self, index: Index) -> Result<bool, Misfit> {
        let has = self.view.indexes().any(|own| *own == index);
        if has {
            self.make(Change::DropIndex(index))?;
        }
        Ok(has)
    }

    fn make(&mut self, change: Change) -> Result<(), Misfit> {
        self.view.apply(&change)?;
        self.changes.push(change);
        Ok(())
    }
}
