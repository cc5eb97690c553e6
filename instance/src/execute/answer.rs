//! Rows as a client is shown them: entities with their labels and properties as they are when the
//! query ends.

use super::scope::Table;
use super::{Done, Execution, QueryError};
use crate::graph::{EdgeId, Graph, NodeId};
use crate::value::{Answer, EdgeView, Entity, NodeView, Reference, Value};

impl Execution<'_> {
    pub(super) fn answers(&self, table: &Table) -> Done<Vec<Vec<Answer>>> {
        let graph = self.view();
        let mut show = |reference: &Reference| show(graph, reference).map(Value::Entity);
        let rows = table.rows.iter();
        rows.map(|row| row.iter().map(|item| item.convert(&mut show)).collect()).collect()
    }
}

fn show(graph: &Graph, reference: &Reference) -> Done<Entity> {
    Ok(match reference {
        Reference::Node(id) => Entity::Node(node(graph, *id)?),
        Reference::Edge(id) => Entity::Edge(edge(graph, *id)?),
        Reference::Path(path) => Entity::Path {
            nodes: path.nodes.iter().map(|id| node(graph, *id)).collect::<Done<_>>()?,
            edges: path.edges.iter().map(|id| edge(graph, *id)).collect::<Done<_>>()?,
        },
    })
}

fn node(graph: &Graph, id: NodeId) -> Done<NodeView> {
    let node = graph.node(id).ok_or(QueryError::ReturnedDeleted)?;
    Ok(NodeView::new(id, node))
}

fn edge(graph: &Graph, id: EdgeId) -> Done<EdgeView> {
    let edge = graph.edge(id).ok_or(QueryError::ReturnedDeleted)?;
    let (from, to, kind) = (edge.from, edge.to, edge.kind.clone());
    Ok(EdgeView { id, from, to, kind, properties: edge.properties.clone() })
}
