//! Clauses that change the graph, row by row.

use super::error::QueryError;
use super::matching::Matcher;
use super::scope::{Row, Scope, Table};
use super::{Done, Execution};
use crate::cypher::ast::{
    Direction, Expr, NodePattern, Pattern, PropertyPattern, RemoveItem, SetItem, Variable,
};
use crate::graph::{EdgeId, NodeId, Object};
use crate::value::{Item, MAX_DEPTH, Name, Path, Property, Reference, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Execution<'_> {
    pub(super) fn create(&mut self, patterns: &[Pattern], table: Table) -> Done<Table> {
        let scope = table.scope.with_patterns(patterns);
        let mut rows = Vec::new();
        for row in table.rows {
            let before = row.clone();
            let mut row = row;
            row.resize(scope.len(), Item::Null);
            for pattern in patterns {
                self.create_pattern(pattern, &table.scope, &before, &scope, &mut row)?;
            }
            self.budget.row(rows.len(), row.len())?;
            rows.push(row);
        }
        Ok(Table { scope, rows })
    }

    fn create_pattern(
        &mut self,
        pattern: &Pattern,
        before: &Scope,
        known: &Row,
        scope: &Scope,
        row: &mut Row,
    ) -> Done<()> {
        let mut from = self.create_node(&pattern.start, before, known, scope, row)?;
        let mut path = Path { nodes: vec![from], edges: Vec::new() };
        for (edge, node) in &pattern.hops {
            let to = self.create_node(node, before, known, scope, row)?;
            let Some(kind) = edge.kinds.first() else {
                return Err(QueryError::Clause("a relationship without a type"));
            };
            let properties = self.pattern_properties(&edge.properties, before, known)?;
            let (begin, end) = match edge.direction {
                Direction::Right | Direction::Either => (from, to),
                Direction::Left => (to, from),
            };
            let id = self.transaction.create_edge(begin, end, kind)?;
            self.stats.relationships_created += 1;
            self.set_all(Object::Edge(id), properties)?;
            put(scope, row, edge.variable.as_ref(), Reference::Edge(id));
            path.edges.push(id);
            path.nodes.push(to);
            from = to;
        }
        if pattern.path.is_some() {
            let path = Reference::Path(Arc::new(path));
            put(scope, row, pattern.path.as_ref(), path);
        }
        Ok(())
    }

    /// A node of a pattern: the one that its variable holds, else a new one.
    fn create_node(
        &mut self,
        pattern: &NodePattern,
        before: &Scope,
        known: &Row,
        scope: &Scope,
        row: &mut Row,
    ) -> Done<NodeId> {
        let slot = pattern.variable.as_ref().and_then(|variable| scope.slot(&variable.name));
        let bound = pattern.variable.as_ref().is_some_and(|variable| before.has(&variable.name));
        match slot.and_then(|slot| row.get(slot)) {
            Some(Value::Entity(Reference::Node(id))) => return Ok(*id),
            Some(value) if bound || !value.is_null() => {
                let name = pattern.variable.as_ref().map_or("", |variable| &*variable.name);
                let found = super::evaluate::type_name(value);
                let what = format!("{name} is {found}, and a relationship needs a NODE at its end");
                let place = super::Place::of(&self.query.text, pattern.span.start);
                return Err(QueryError::value(place, what));
            }
            Some(_) | None => {}
        }
        let properties = self.pattern_properties(&pattern.properties, before, known)?;
        let id = self.transaction.create_node()?;
        self.stats.nodes_created += 1;
        self.add_labels(id, &pattern.labels)?;
        self.set_all(Object::Node(id), properties)?;
        put(scope, row, pattern.variable.as_ref(), Reference::Node(id));
        Ok(id)
    }

    fn pattern_properties(
        &self,
        pattern: &PropertyPattern,
        scope: &Scope,
        row: &Row,
    ) -> Done<Vec<(Name, Property)>> {
        match pattern {
            PropertyPattern::Each(entries) => entries
                .iter()
                .map(|(name, value)| {
                    let item = self.evaluate(value, scope, row)?;
                    Ok((name.clone(), self.storable(value, scope, &item)?))
                })
                .collect(),
            PropertyPattern::Parameter(parameter) => self.entries(parameter, scope, row),
        }
    }

    fn set_all(&mut self, of: Object, properties: Vec<(Name, Property)>) -> Done<()> {
        for (name, value) in properties {
            if self.transaction.set_property(of, &name, value)? {
                self.stats.properties_set += 1;
            }
        }
        Ok(())
    }

    fn add_labels(&mut self, id: NodeId, labels: &[Name]) -> Done<()> {
        for label in labels {
            self.stats.labels_added += u64::from(self.transaction.add_label(id, label)?);
        }
        Ok(())
    }

    pub(super) fn merge(
        &mut self,
        pattern: &Pattern,
        on_create: &[SetItem],
        on_match: &[SetItem],
        table: Table,
    ) -> Done<Table> {
        let patterns = std::slice::from_ref(pattern);
        let mut rows = Vec::new();
        let scope = table.scope.with_patterns(patterns);
        for before in table.rows {
            self.refuse_null(pattern, &table.scope, &before)?;
            let matcher = Matcher::new(patterns, None, &table.scope, self.view())?;
            let mut found = Vec::new();
            matcher.search(&self.evaluator(matcher.scope()), &before, &mut found, usize::MAX)?;
            let (set, found) = if found.is_empty() {
                let mut row = before.clone();
                row.resize(scope.len(), Item::Null);
                self.create_pattern(pattern, &table.scope, &before, &scope, &mut row)?;
                (on_create, vec![row])
            } else {
                (on_match, found)
            };
            for row in found {
                self.budget.row(rows.len(), row.len())?;
                set.iter().try_for_each(|item| self.set_item(item, &scope, &row))?;
                rows.push(row);
            }
        }
        Ok(Table { scope, rows })
    }

    /// Null equals nothing, so that MERGE would create another one each time.
    fn refuse_null(&self, pattern: &Pattern, scope: &Scope, row: &Row) -> Done<()> {
        let hops =
            pattern.hops.iter().flat_map(|(edge, node)| [&edge.properties, &node.properties]);
        for properties in std::iter::once(&pattern.start.properties).chain(hops) {
            for (name, value) in self.pattern_properties(properties, scope, row)? {
                if value.is_null() {
                    let place = super::Place::of(&self.query.text, pattern.span.start);
                    let what = format!("MERGE needs a value for {name}, and this is null");
                    return Err(QueryError::value(place, what));
                }
            }
        }
        Ok(())
    }

    pub(super) fn set(&mut self, items: &[SetItem], table: &Table) -> Done<()> {
        for row in &table.rows {
            items.iter().try_for_each(|item| self.set_item(item, &table.scope, row))?;
        }
        Ok(())
    }

    fn set_item(&mut self, item: &SetItem, scope: &Scope, row: &Row) -> Done<()> {
        match item {
            SetItem::Property(target, name, value) => {
                let Some(of) = self.target(target, scope, row)? else { return Ok(()) };
                let item = self.evaluate(value, scope, row)?;
                let value = self.storable(value, scope, &item)?;
                self.set_all(of, vec![(name.clone(), value)])
            }
            SetItem::Replace(target, map) => {
                let Some(of) = self.target(target, scope, row)? else { return Ok(()) };
                let entries = self.entries(map, scope, row)?;
                let old = self.view().properties(of).ok_or(QueryError::Deleted(of))?;
                let gone = old.keys().filter(|name| entries.iter().all(|(new, _)| new != *name));
                let gone = gone.map(|name| (name.clone(), Property::Null)).collect();
                self.set_all(of, gone)?;
                self.set_all(of, entries)
            }
            SetItem::Merge(target, map) => {
                let Some(of) = self.target(target, scope, row)? else { return Ok(()) };
                let entries = self.entries(map, scope, row)?;
                self.set_all(of, entries)
            }
            SetItem::Labels(target, labels) => {
                let Some(id) = self.labelled(target, scope, row)? else { return Ok(()) };
                self.add_labels(id, labels)
            }
        }
    }

    pub(super) fn remove(&mut self, items: &[RemoveItem], table: &Table) -> Done<()> {
        for row in &table.rows {
            for item in items {
                match item {
                    RemoveItem::Property(target, name) => {
                        if let Some(of) = self.target(target, &table.scope, row)? {
                            self.set_all(of, vec![(name.clone(), Property::Null)])?;
                        }
                    }
                    RemoveItem::Labels(target, labels) => {
                        let Some(id) = self.labelled(target, &table.scope, row)? else { continue };
                        for label in labels {
                            let removed = self.transaction.remove_label(id, label)?;
                            self.stats.labels_removed += u64::from(removed);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The node or relationship that is changed; none if it is null.
    fn target(&self, target: &Expr, scope: &Scope, row: &Row) -> Done<Option<Object>> {
        let value = self.evaluate(target, scope, row)?;
        if value.is_null() {
            return Ok(None);
        }
        let Some(object) = object(&value) else {
            let evaluator = self.evaluator(scope);
            return Err(evaluator.mistyped(target, "a change", "NODE or RELATIONSHIP", &value));
        };
        let present = self.view().properties(object).is_some();
        if present { Ok(Some(object)) } else { Err(QueryError::Deleted(object)) }
    }

    fn labelled(&self, target: &Expr, scope: &Scope, row: &Row) -> Done<Option<NodeId>> {
        match self.target(target, scope, row)? {
            None => Ok(None),
            Some(Object::Node(id)) => Ok(Some(id)),
            Some(Object::Edge(_)) => {
                let what = "a label needs NODE, and this is RELATIONSHIP";
                Err(self.evaluator(scope).wrong(target, what))
            }
        }
    }

    /// The entries of a map, or the properties of a node or relationship.
    fn entries(&self, map: &Expr, scope: &Scope, row: &Row) -> Done<Vec<(Name, Property)>> {
        let value = self.evaluate(map, scope, row)?;
        if let Value::Map(entries) = &value {
            return entries
                .iter()
                .map(|(name, item)| Ok((name.clone(), self.storable(map, scope, item)?)))
                .collect();
        }
        let Some(object) = object(&value) else {
            let evaluator = self.evaluator(scope);
            return Err(evaluator.mistyped(map, "properties", "MAP, NODE or RELATIONSHIP", &value));
        };
        let properties = self.view().properties(object).ok_or(QueryError::Deleted(object))?;
        Ok(properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// A value as it can be stored: without entities, and not too deep.
    fn storable(&self, expr: &Expr, scope: &Scope, item: &Item) -> Done<Property> {
        if item.depth() > MAX_DEPTH {
            let what = "levels of lists and maps in a property";
            return Err(QueryError::TooMuch { what, limit: MAX_DEPTH as u64 });
        }
        item.convert(&mut |reference: &Reference| {
            let found = Value::Entity(reference.clone());
            Err(self.evaluator(scope).mistyped(expr, "a property", "a value", &found))
        })
    }

    /// Relationships go before nodes, so that the order of targets does not matter.
    pub(super) fn delete(&mut self, detach: bool, targets: &[Expr], table: &Table) -> Done<()> {
        let (mut nodes, mut edges) = (BTreeSet::new(), BTreeSet::new());
        for row in &table.rows {
            for target in targets {
                let value = self.evaluate(target, &table.scope, row)?;
                if let Value::Entity(Reference::Path(path)) = &value {
                    nodes.extend(path.nodes.iter().copied());
                    edges.extend(path.edges.iter().copied());
                    continue;
                }
                match object(&value) {
                    Some(Object::Node(id)) => {
                        nodes.insert(id);
                    }
                    Some(Object::Edge(id)) => {
                        edges.insert(id);
                    }
                    None if value.is_null() => {}
                    None => {
                        let wanted = "NODE, RELATIONSHIP or PATH";
                        let evaluator = self.evaluator(&table.scope);
                        return Err(evaluator.mistyped(target, "DELETE", wanted, &value));
                    }
                }
            }
        }
        if detach {
            for node in nodes.iter().filter_map(|id| self.view().node(*id)) {
                edges.extend(node.outgoing().chain(node.incoming()));
            }
        }
        self.delete_edges(&edges)?;
        self.delete_nodes(&nodes)
    }

    fn delete_edges(&mut self, edges: &BTreeSet<EdgeId>) -> Done<()> {
        for id in edges {
            if self.view().edge(*id).is_some() {
                self.transaction.delete_edge(*id)?;
                self.stats.relationships_deleted += 1;
            }
        }
        Ok(())
    }

    fn delete_nodes(&mut self, nodes: &BTreeSet<NodeId>) -> Done<()> {
        for id in nodes {
            let Some(node) = self.view().node(*id) else { continue };
            if node.has_edges() {
                return Err(QueryError::HasEdges);
            }
            self.transaction.delete_node(*id)?;
            self.stats.nodes_deleted += 1;
        }
        Ok(())
    }
}

/// The node or relationship that a value is.
const fn object(value: &Item) -> Option<Object> {
    match value {
        Value::Entity(Reference::Node(id)) => Some(Object::Node(*id)),
        Value::Entity(Reference::Edge(id)) => Some(Object::Edge(*id)),
        Value::Entity(Reference::Path(_))
        | Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Temporal(_) => None,
    }
}

/// Puts an entity where its variable stands.
fn put(scope: &Scope, row: &mut Row, variable: Option<&Variable>, reference: Reference) {
    let slot = variable.and_then(|variable| scope.slot(&variable.name));
    if let Some(place) = slot.and_then(|slot| row.get_mut(slot)) {
        *place = Value::Entity(reference);
    }
}
