//! How one change changes a graph. A change that does not fit is an error, never left out: a
//! replica that could not take it would silently hold other data than its main.

use super::{Change, Delta, Edge, EdgeId, Graph, Index, Node, NodeId, Object, Properties};
use crate::value::Name;

/// Why a change does not fit the graph it was meant for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The object is not there.
    #[error("there is no {0}: the graph is not the one that the change was made for")]
    Missing(Object),
    /// An object with this id is there already.
    #[error("there is a {0} already: the graph is not the one that the change was made for")]
    Present(Object),
    /// A node with relationships cannot go.
    #[error("{0} still has relationships; they go first")]
    HasEdges(NodeId),
    /// The relationship has other ends.
    #[error("{0} has other ends than the change says")]
    OtherEnds(EdgeId),
    /// The label is there, or not there, already.
    #[error("{0}: label {1} was set or removed before")]
    Label(NodeId, Name),
    /// The property to remove is not there.
    #[error("{0}: there is no property {1} to remove")]
    Property(Object, Name),
    /// Null is no value of a property.
    #[error("{0}: property {1} cannot be set to null; it is removed instead")]
    Null(Object, Name),
    /// The index is there, or not there, already.
    #[error("the index on {0:?} was created or dropped before")]
    Index(Index),
}

impl Graph {
    /// The graph after all changes; this one stays as it is.
    ///
    /// # Errors
    /// The first change that does not fit.
    pub fn after(&self, delta: &Delta) -> Result<Self, Misfit> {
        let mut graph = self.clone();
        for change in delta.changes() {
            graph.apply(change)?;
        }
        Ok(graph)
    }

    /// Makes one change.
    ///
    /// # Errors
    /// If it does not fit; then nothing changed.
    pub fn apply(&mut self, change: &Change) -> Result<(), Misfit> {
        match change {
            Change::CreateNode { id } => self.insert_node(*id),
            Change::DeleteNode { id } => self.remove_node(*id),
            Change::CreateEdge { id, from, to, kind } => self.insert_edge(*id, *from, *to, kind),
            Change::DeleteEdge { id, from, to } => self.remove_edge(*id, *from, *to),
            Change::AddLabel { node, label } => self.add_label(*node, label),
            Change::RemoveLabel { node, label } => self.remove_label(*node, label),
            Change::SetProperty { of, name, value } => {
                if value.is_null() {
                    return Err(Misfit::Null(*of, name.clone()));
                }
                self.properties_mut(*of)?.insert(name.clone(), value.clone());
                Ok(())
            }
            Change::RemoveProperty { of, name } => match self.properties_mut(*of)?.remove(name) {
                Some(_) => Ok(()),
                None => Err(Misfit::Property(*of, name.clone())),
            },
            Change::CreateIndex(index) => {
                if self.indexes.contains(index) {
                    return Err(Misfit::Index(index.clone()));
                }
                self.indexes.insert_mut(index.clone());
                Ok(())
            }
            Change::DropIndex(index) => {
                let dropped = self.indexes.remove_mut(index);
                if dropped { Ok(()) } else { Err(Misfit::Index(index.clone())) }
            }
        }
    }

    fn insert_node(&mut self, id: NodeId) -> Result<(), Misfit> {
        if self.nodes.contains_key(&id) {
            return Err(Misfit::Present(Object::Node(id)));
        }
        self.nodes.insert_mut(id, Node::default());
        Ok(())
    }

    fn remove_node(&mut self, id: NodeId) -> Result<(), Misfit> {
        let node = self.nodes.get(&id).ok_or(Misfit::Missing(Object::Node(id)))?;
        if node.has_edges() {
            return Err(Misfit::HasEdges(id));
        }
        for label in node.labels.clone() {
            self.unlist(&label, id);
        }
        self.nodes.remove_mut(&id);
        Ok(())
    }

    fn insert_edge(
        &mut self,
        id: EdgeId,
        from: NodeId,
        to: NodeId,
        kind: &Name,
    ) -> Result<(), Misfit> {
        if self.edges.contains_key(&id) {
            return Err(Misfit::Present(Object::Edge(id)));
        }
        for end in [from, to] {
            if !self.nodes.contains_key(&end) {
                return Err(Misfit::Missing(Object::Node(end)));
            }
        }
        self.node_mut(from)?.outgoing.insert_mut(id);
        self.node_mut(to)?.incoming.insert_mut(id);
        let edge = Edge { from, to, kind: kind.clone(), properties: Properties::new() };
        self.edges.insert_mut(id, edge);
        Ok(())
    }

    fn remove_edge(&mut self, id: EdgeId, from: NodeId, to: NodeId) -> Result<(), Misfit> {
        let edge = self.edges.get(&id).ok_or(Misfit::Missing(Object::Edge(id)))?;
        if (edge.from, edge.to) != (from, to) {
            return Err(Misfit::OtherEnds(id));
        }
        self.node_mut(from)?.outgoing.remove_mut(&id);
        self.node_mut(to)?.incoming.remove_mut(&id);
        self.edges.remove_mut(&id);
        Ok(())
    }

    fn add_label(&mut self, id: NodeId, label: &Name) -> Result<(), Misfit> {
        let node = self.node_mut(id)?;
        if node.has_label(label) {
            return Err(Misfit::Label(id, label.clone()));
        }
        node.labels.push(label.clone());
        match self.by_label.get_mut(label) {
            Some(ids) => ids.insert_mut(id),
            None => {
                let mut ids = rpds::RedBlackTreeSetSync::new_sync();
                ids.insert_mut(id);
                self.by_label.insert_mut(label.clone(), ids);
            }
        }
        Ok(())
    }

    fn remove_label(&mut self, id: NodeId, label: &Name) -> Result<(), Misfit> {
        let node = self.node_mut(id)?;
        let Some(at) = node.labels.iter().position(|own| own == label) else {
            return Err(Misfit::Label(id, label.clone()));
        };
        node.labels.remove(at);
        self.unlist(label, id);
        Ok(())
    }

    /// Takes a node out of the list of a label; a list that is empty goes.
    fn unlist(&mut self, label: &Name, id: NodeId) {
        let emptied = self.by_label.get_mut(label).is_some_and(|ids| {
            ids.remove_mut(&id);
            ids.is_empty()
        });
        if emptied {
            self.by_label.remove_mut(label);
        }
    }

    fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, Misfit> {
        self.nodes.get_mut(&id).ok_or(Misfit::Missing(Object::Node(id)))
    }

    fn properties_mut(&mut self, of: Object) -> Result<&mut Properties, Misfit> {
        let found = match of {
            Object::Node(id) => self.nodes.get_mut(&id).map(|node| &mut node.properties),
            Object::Edge(id) => self.edges.get_mut(&id).map(|edge| &mut edge.properties),
        };
        found.ok_or(Misfit::Missing(of))
    }
}
