//! One search: candidates for each step in turn, and back where none fits.

use super::{Matcher, Step, Wanted};
use crate::cypher::Place;
use crate::cypher::ast::{Direction, EdgePattern, Expr, NodePattern};
use crate::execute::Done;
use crate::execute::error::QueryError;
use crate::execute::evaluate::{Evaluator, Number, equal, number, type_name, whole};
use crate::execute::scope::Row;
use crate::graph::{EdgeId, NodeId, Properties};
use crate::value::{Item, Name, Path, Reference, Value};
use std::sync::Arc;

/// One search from one row.
pub(super) struct Search<'a, 'q> {
    pub(super) matcher: &'a Matcher<'q>,
    pub(super) evaluator: &'a Evaluator<'a>,
    /// What properties must be, for each step.
    pub(super) wanted: &'a [Wanted],
    pub(super) row: Row,
    /// Which places hold a value.
    pub(super) set: Vec<bool>,
    /// Relationships that are taken.
    pub(super) used: Vec<EdgeId>,
    pub(super) rows: &'a mut Vec<Row>,
    /// How many rows there may be in the end.
    pub(super) most: usize,
}

impl<'q> Search<'_, 'q> {
    pub(super) fn step(&mut self, at: usize) -> Done<()> {
        let matcher = self.matcher;
        match matcher.steps.get(at) {
            None => self.found(),
            Some(Step::Node { slot, pattern, id }) => self.node(at, *slot, pattern, *id),
            Some(Step::Hop { from, slot, pattern, forward, to, node }) => {
                self.entity(*slot, pattern.span.start, "RELATIONSHIP", |reference| {
                    matches!(reference, Reference::Edge(_))
                })?;
                self.is_node(*to, node)?;
                let Some(from) = self.node_at(*from) else { return Ok(()) };
                self.hop(at, from, *slot, pattern, *forward, (*to, node))
            }
            Some(Step::Path { slot, nodes, edges }) => {
                let path = Path {
                    nodes: nodes.iter().filter_map(|slot| self.node_at(*slot)).collect(),
                    edges: edges.iter().filter_map(|slot| self.edge_at(*slot)).collect(),
                };
                self.put(*slot, Value::Entity(Reference::Path(Arc::new(path))));
                self.step(at + 1)?;
                self.clear(*slot);
                Ok(())
            }
        }
    }

    /// Whether nobody takes a further row.
    fn is_full(&self) -> bool {
        self.rows.len() >= self.most
    }

    fn found(&mut self) -> Done<()> {
        if let Some(filter) = self.matcher.filter
            && !self.evaluator.passes(filter, &self.row)?
        {
            return Ok(());
        }
        let visible = self.matcher.visible;
        self.evaluator.budget.row(self.rows.len(), visible)?;
        self.rows.push(self.row.iter().take(visible).cloned().collect());
        Ok(())
    }

    fn node(
        &mut self,
        at: usize,
        slot: usize,
        pattern: &'q NodePattern,
        id: Option<&'q Expr>,
    ) -> Done<()> {
        self.is_node(slot, pattern)?;
        if self.is_set(slot) {
            let Some(id) = self.node_at(slot) else { return Ok(()) };
            return if self.node_fits(at, id, pattern)? { self.step(at + 1) } else { Ok(()) };
        }
        let graph = self.evaluator.view;
        if let Some(id) = id {
            let id = self.evaluator.evaluate(id, &self.row)?;
            return match node_id(&id) {
                Some(id) => self.candidate(at, slot, id, pattern),
                None => Ok(()),
            };
        }
        match pattern.labels.iter().min_by_key(|label| graph.labelled_count(label)) {
            Some(rarest) => {
                for id in graph.labelled(rarest) {
                    if self.is_full() {
                        break;
                    }
                    self.candidate(at, slot, id, pattern)?;
                }
            }
            None => {
                for (id, node) in graph.nodes() {
                    if self.is_full() {
                        break;
                    }
                    self.evaluator.budget.step()?;
                    if self.properties_fit(&node.properties, self.wanted_of_node(at)) {
                        self.put(slot, Value::Entity(Reference::Node(id)));
                        self.step(at + 1)?;
                    }
                }
            }
        }
        self.clear(slot);
        Ok(())
    }

    /// Goes on with a node if it fits.
    fn candidate(
        &mut self,
        at: usize,
        slot: usize,
        id: NodeId,
        pattern: &'q NodePattern,
    ) -> Done<()> {
        if self.node_fits(at, id, pattern)? {
            self.put(slot, Value::Entity(Reference::Node(id)));
            self.step(at + 1)?;
            self.clear(slot);
        }
        Ok(())
    }

    fn hop(
        &mut self,
        at: usize,
        from: NodeId,
        slot: usize,
        pattern: &'q EdgePattern,
        forward: bool,
        (to, node): (usize, &'q NodePattern),
    ) -> Done<()> {
        let graph = self.evaluator.view;
        let Some(found) = graph.node(from) else { return Ok(()) };
        let (outgoing, incoming) = match (pattern.direction, forward) {
            (Direction::Right, true) | (Direction::Left, false) => (true, false),
            (Direction::Left, true) | (Direction::Right, false) => (false, true),
            (Direction::Either, _) => (true, true),
        };
        let outgoing = outgoing.then(|| found.outgoing());
        let incoming = incoming.then(|| found.incoming());
        let edges = outgoing.into_iter().flatten().map(|id| (id, true));
        let edges = edges.chain(incoming.into_iter().flatten().map(|id| (id, false)));
        let (edge_was_set, node_was_set) = (self.is_set(slot), self.is_set(to));
        for (id, begins_here) in edges {
            if self.is_full() {
                break;
            }
            let Some(edge) = graph.edge(id) else { continue };
            // A loop is met twice where both ways are looked at, and counts once.
            let again =
                !begins_here && edge.from == edge.to && pattern.direction == Direction::Either;
            let other = if begins_here { edge.to } else { edge.from };
            let taken = again
                || self.used.contains(&id)
                || edge_was_set && self.edge_at(slot) != Some(id)
                || node_was_set && self.node_at(to) != Some(other);
            if taken || !self.edge_fits(at, id, pattern)? || !self.node_fits(at, other, node)? {
                continue;
            }
            if !edge_was_set {
                self.put(slot, Value::Entity(Reference::Edge(id)));
            }
            if !node_was_set {
                self.put(to, Value::Entity(Reference::Node(other)));
            }
            self.used.push(id);
            self.step(at + 1)?;
            self.used.pop();
            // Both ends of a pattern may be one variable: it is free again for the next candidate.
            if !node_was_set {
                self.clear(to);
            }
        }
        if !edge_was_set {
            self.clear(slot);
        }
        Ok(())
    }

    fn node_fits(&self, at: usize, id: NodeId, pattern: &NodePattern) -> Done<bool> {
        self.evaluator.budget.step()?;
        let Some(node) = self.evaluator.view.node(id) else { return Ok(false) };
        let labelled = pattern.labels.iter().all(|label| node.has_label(label));
        Ok(labelled && self.properties_fit(&node.properties, self.wanted_of_node(at)))
    }

    fn edge_fits(&self, at: usize, id: EdgeId, pattern: &EdgePattern) -> Done<bool> {
        self.evaluator.budget.step()?;
        let Some(edge) = self.evaluator.view.edge(id) else { return Ok(false) };
        let typed = pattern.kinds.is_empty() || pattern.kinds.contains(&edge.kind);
        Ok(typed && self.properties_fit(&edge.properties, self.wanted_of_edge(at)))
    }

    fn wanted_of_node(&self, at: usize) -> &[(Name, Item)] {
        self.wanted.get(at).map_or(&[], |wanted| &wanted.node)
    }

    fn wanted_of_edge(&self, at: usize) -> &[(Name, Item)] {
        self.wanted.get(at).map_or(&[], |wanted| &wanted.edge)
    }

    fn properties_fit(&self, properties: &Properties, wanted: &[(Name, Item)]) -> bool {
        wanted.iter().all(|(name, wanted)| {
            let own = properties.get(name).map(Item::from);
            own.is_some_and(|own| equal(&own, wanted) == Some(true))
        })
    }

    /// A variable from before that stands in a pattern is what the pattern takes it for, or null,
    /// which matches nothing.
    fn entity(
        &self,
        slot: usize,
        byte: usize,
        wanted: &str,
        is: fn(&Reference) -> bool,
    ) -> Done<()> {
        let value = self.row.get(slot).unwrap_or(&Value::Null);
        let fits = matches!(value, Value::Entity(reference) if is(reference));
        if fits || value.is_null() {
            return Ok(());
        }
        let name = self.matcher.scope.names().get(slot).map_or("", |name| &**name);
        let found = type_name(value);
        let what = format!("{name} stands for {wanted} in the pattern, and is {found}");
        Err(QueryError::value(Place::of(self.evaluator.text, byte), what))
    }

    fn is_node(&self, slot: usize, pattern: &NodePattern) -> Done<()> {
        self.entity(slot, pattern.span.start, "NODE", |reference| {
            matches!(reference, Reference::Node(_))
        })
    }

    fn is_set(&self, slot: usize) -> bool {
        self.set.get(slot).copied().unwrap_or(false)
    }

    fn put(&mut self, slot: usize, value: Item) {
        if let (Some(place), Some(set)) = (self.row.get_mut(slot), self.set.get_mut(slot)) {
            *place = value;
            *set = true;
        }
    }

    fn clear(&mut self, slot: usize) {
        if let (Some(place), Some(set)) = (self.row.get_mut(slot), self.set.get_mut(slot)) {
            *place = Value::Null;
            *set = false;
        }
    }

    fn node_at(&self, slot: usize) -> Option<NodeId> {
        match self.row.get(slot) {
            Some(Value::Entity(Reference::Node(id))) => Some(*id),
            _ => None,
        }
    }

    fn edge_at(&self, slot: usize) -> Option<EdgeId> {
        match self.row.get(slot) {
            Some(Value::Entity(Reference::Edge(id))) => Some(*id),
            _ => None,
        }
    }
}

/// The node that a value is the id of.
fn node_id(value: &Item) -> Option<NodeId> {
    let id = match number(value)? {
        Number::Int(id) => Some(id),
        Number::Float(id) => whole(id),
    };
    id.and_then(|id| u64::try_from(id).ok()).map(NodeId)
}
