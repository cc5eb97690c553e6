//! Finding patterns in the graph. A pattern becomes a list of steps, each of which tries every
//! candidate for one node or relationship; relationships of one clause are all different.

use super::Done;
use super::error::QueryError;
use super::evaluate::{Evaluator, equal, type_name};
use super::scope::{Row, Scope};
use crate::cypher::Place;
use crate::cypher::ast::{
    Direction, EdgePattern, Expr, NodePattern, Pattern, PropertyPattern, Variable,
};
use crate::graph::{EdgeId, Graph, NodeId, Properties};
use crate::value::{Item, Name, Path, Reference, Value};
use std::sync::Arc;

/// How many nodes and relationships the patterns of one clause may have.
const MAX_ELEMENTS: usize = 256;

/// Patterns, ready to be searched.
pub(super) struct Matcher<'q> {
    /// Variables, and after them a place for each element without one.
    scope: Scope,
    visible: usize,
    steps: Vec<Step<'q>>,
    filter: Option<&'q Expr>,
}

enum Step<'q> {
    /// A node that no relationship leads to.
    Node { slot: usize, pattern: &'q NodePattern },
    /// A relationship of a node that is found, and the node at its other end.
    Hop {
        from: usize,
        slot: usize,
        pattern: &'q EdgePattern,
        forward: bool,
        to: usize,
        node: &'q NodePattern,
    },
    /// A path whose elements are found.
    Path { slot: usize, nodes: Vec<usize>, edges: Vec<usize> },
}

impl<'q> Matcher<'q> {
    /// Plans the search; `before` are the variables of the rows that it starts from.
    pub(super) fn new(
        patterns: &'q [Pattern],
        filter: Option<&'q Expr>,
        before: &Scope,
        graph: &Graph,
    ) -> Done<Self> {
        let elements: usize = patterns.iter().map(|pattern| 1 + 2 * pattern.hops.len()).sum();
        if elements > MAX_ELEMENTS {
            let what = "nodes and relationships in the patterns of one clause";
            return Err(QueryError::TooMuch { what, limit: MAX_ELEMENTS as u64 });
        }
        let scope = before.with_patterns(patterns);
        let visible = scope.len();
        let mut matcher = Self { scope, visible, steps: Vec::new(), filter };
        let mut found: Vec<usize> = (0..before.len()).collect();
        for pattern in patterns {
            matcher.plan(pattern, &mut found, graph);
        }
        Ok(matcher)
    }

    /// All places that a search fills.
    pub(super) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// How many of the places are variables.
    pub(super) const fn visible(&self) -> usize {
        self.visible
    }

    /// The variables after the clause.
    pub(super) fn visible_scope(&self) -> Scope {
        Scope::new(self.scope.names().iter().take(self.visible).cloned().collect())
    }

    fn slot(&mut self, variable: Option<&Variable>) -> usize {
        match variable {
            Some(variable) => self.scope.introduce(&variable.name),
            None => {
                let hidden = format!("\0{}", self.scope.len());
                self.scope.introduce(&Name::from(hidden))
            }
        }
    }

    /// Starts where least is to be tried: at a node that is found, else at the rarest label.
    fn plan(&mut self, pattern: &'q Pattern, found: &mut Vec<usize>, graph: &Graph) {
        let mut nodes = vec![&pattern.start];
        nodes.extend(pattern.hops.iter().map(|(_, node)| node));
        let slots: Vec<_> = nodes.iter().map(|node| self.slot(node.variable.as_ref())).collect();
        let edges: Vec<_> =
            pattern.hops.iter().map(|(edge, _)| self.slot(edge.variable.as_ref())).collect();
        let cost = |at: &usize| match (slots.get(*at), nodes.get(*at)) {
            (Some(slot), _) if found.contains(slot) => 0,
            (_, Some(node)) => 1 + candidates(node, graph),
            (_, None) => usize::MAX,
        };
        let start = (0..nodes.len()).min_by_key(cost).unwrap_or(0);
        if let (Some(slot), Some(pattern)) = (slots.get(start), nodes.get(start)) {
            self.steps.push(Step::Node { slot: *slot, pattern });
        }
        let rightwards = (start..edges.len()).map(|at| (at, true));
        let leftwards = (0..start).rev().map(|at| (at, false));
        for (at, forward) in rightwards.chain(leftwards) {
            let (from, to) = if forward { (at, at + 1) } else { (at + 1, at) };
            if let (Some((edge, _)), Some(slot), Some(from), Some(node), Some(to)) =
                (pattern.hops.get(at), edges.get(at), slots.get(from), nodes.get(to), slots.get(to))
            {
                let (from, slot, to) = (*from, *slot, *to);
                self.steps.push(Step::Hop { from, slot, pattern: edge, forward, to, node });
            }
        }
        found.extend(slots.iter().chain(&edges));
        if let Some(path) = &pattern.path {
            let slot = self.slot(Some(path));
            found.push(slot);
            self.steps.push(Step::Path { slot, nodes: slots, edges });
        }
    }

    /// Adds a row for each way in which the patterns fit a row of before.
    pub(super) fn search(
        &self,
        evaluator: &Evaluator<'_>,
        before: &Row,
        rows: &mut Vec<Row>,
    ) -> Done<()> {
        let mut row = before.clone();
        row.resize(self.scope.len(), Item::Null);
        let mut set = vec![false; self.scope.len()];
        set.iter_mut().take(before.len()).for_each(|set| *set = true);
        let mut search = Search { matcher: self, evaluator, row, set, used: Vec::new(), rows };
        search.step(0)
    }
}

/// How many nodes a pattern may be, judged by its labels.
fn candidates(pattern: &NodePattern, graph: &Graph) -> usize {
    let counts = pattern.labels.iter().map(|label| graph.labelled_count(label));
    counts.min().unwrap_or(graph.node_count())
}

/// One search from one row.
struct Search<'a, 'q> {
    matcher: &'a Matcher<'q>,
    evaluator: &'a Evaluator<'a>,
    row: Row,
    /// Which places hold a value.
    set: Vec<bool>,
    /// Relationships that are taken.
    used: Vec<EdgeId>,
    rows: &'a mut Vec<Row>,
}

impl<'q> Search<'_, 'q> {
    fn step(&mut self, at: usize) -> Done<()> {
        let matcher = self.matcher;
        match matcher.steps.get(at) {
            None => self.found(),
            Some(Step::Node { slot, pattern }) => self.node(at, *slot, pattern),
            Some(Step::Hop { from, slot, pattern, forward, to, node }) => {
                self.entity(*slot, "RELATIONSHIP", |reference| {
                    matches!(reference, Reference::Edge(_))
                })?;
                self.entity(*to, "NODE", |reference| matches!(reference, Reference::Node(_)))?;
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

    fn node(&mut self, at: usize, slot: usize, pattern: &'q NodePattern) -> Done<()> {
        self.entity(slot, "NODE", |reference| matches!(reference, Reference::Node(_)))?;
        if self.is_set(slot) {
            let Some(id) = self.node_at(slot) else { return Ok(()) };
            return if self.node_fits(id, pattern)? { self.step(at + 1) } else { Ok(()) };
        }
        let graph = self.evaluator.view;
        let rarest = pattern.labels.iter().min_by_key(|label| graph.labelled_count(label));
        let (labelled, all) = match rarest {
            Some(label) => (Some(graph.labelled(label)), None),
            None => (None, Some(graph.nodes().map(|(id, _)| id))),
        };
        let ids = labelled.into_iter().flatten().chain(all.into_iter().flatten());
        for id in ids {
            if self.node_fits(id, pattern)? {
                self.put(slot, Value::Entity(Reference::Node(id)));
                self.step(at + 1)?;
            }
        }
        self.clear(slot);
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
            let Some(edge) = graph.edge(id) else { continue };
            // A loop is met twice where both ways are looked at, and counts once.
            let again =
                !begins_here && edge.from == edge.to && pattern.direction == Direction::Either;
            let other = if begins_here { edge.to } else { edge.from };
            let taken = again
                || self.used.contains(&id)
                || edge_was_set && self.edge_at(slot) != Some(id)
                || node_was_set && self.node_at(to) != Some(other);
            if taken || !self.edge_fits(id, pattern)? || !self.node_fits(other, node)? {
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

    fn node_fits(&self, id: NodeId, pattern: &NodePattern) -> Done<bool> {
        self.evaluator.budget.step()?;
        let Some(node) = self.evaluator.view.node(id) else { return Ok(false) };
        if !pattern.labels.iter().all(|label| node.has_label(label)) {
            return Ok(false);
        }
        self.properties_fit(&node.properties, &pattern.properties)
    }

    fn edge_fits(&self, id: EdgeId, pattern: &EdgePattern) -> Done<bool> {
        self.evaluator.budget.step()?;
        let Some(edge) = self.evaluator.view.edge(id) else { return Ok(false) };
        if !pattern.kinds.is_empty() && !pattern.kinds.contains(&edge.kind) {
            return Ok(false);
        }
        self.properties_fit(&edge.properties, &pattern.properties)
    }

    fn properties_fit(&self, properties: &Properties, pattern: &PropertyPattern) -> Done<bool> {
        let fits = |name: &Name, wanted: &Item| {
            let own = properties.get(name).map_or(Value::Null, Item::from);
            equal(&own, wanted) == Some(true)
        };
        match pattern {
            PropertyPattern::Each(entries) => {
                for (name, wanted) in entries {
                    if !fits(name, &self.evaluator.evaluate(wanted, &self.row)?) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            PropertyPattern::Parameter(parameter) => {
                let value = self.evaluator.evaluate(parameter, &self.row)?;
                let Value::Map(entries) = &value else {
                    return Err(self.evaluator.mistyped(parameter, "a pattern", "MAP", &value));
                };
                Ok(entries.iter().all(|(name, wanted)| fits(name, wanted)))
            }
        }
    }

    /// A variable from before that stands in a pattern is what the pattern takes it for, or null,
    /// which matches nothing.
    fn entity(&self, slot: usize, wanted: &str, is: fn(&Reference) -> bool) -> Done<()> {
        let value = self.row.get(slot).unwrap_or(&Value::Null);
        let fits = matches!(value, Value::Entity(reference) if is(reference));
        if fits || value.is_null() {
            return Ok(());
        }
        let name = self.matcher.scope.names().get(slot).map_or("", |name| &**name);
        let found = type_name(value);
        let what = format!("{name} stands for {wanted} in the pattern, and is {found}");
        Err(QueryError::value(Place::of(self.evaluator.text, 0), what))
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
