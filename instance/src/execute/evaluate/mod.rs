//! Expressions to values, over one row and the view of a transaction.

mod functions;
mod operators;
mod texts;

pub(super) use operators::{Number, equal, group_key, number, order, whole};

use super::error::QueryError;
use super::limits::{Budget, VALUE_BYTES};
use super::scope::{Row, Scope};
use super::{Done, Settings};
use crate::cypher::Place;
use crate::cypher::ast::{BinaryOp, Expr, ExprKind, Logic, Math, UnaryOp};
use crate::graph::{Graph, Object, Properties};
use crate::value::{Item, MAX_DEPTH, Name, Reference, Value};
use std::collections::BTreeMap;

/// What expressions are evaluated with.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub(super) view: &'a Graph,
    pub(super) settings: &'a Settings,
    pub(super) text: &'a str,
    pub(super) scope: &'a Scope,
    pub(super) budget: &'a Budget,
    /// Expressions whose values are known for this row: aggregates, and columns under ORDER BY.
    pub(super) known: &'a [(&'a Expr, Item)],
}

impl<'a> Evaluator<'a> {
    /// The value of an expression.
    pub(super) fn evaluate(&self, expr: &Expr, row: &Row) -> Done<Item> {
        self.budget.step()?;
        let in_scope = matches!(&expr.kind, ExprKind::Variable(name) if self.scope.has(name));
        let mut known = self.known.iter().filter(|_| !in_scope);
        if let Some((_, value)) = known.find(|(known, _)| *known == expr) {
            return Ok(value.clone());
        }
        match &expr.kind {
            ExprKind::Literal(literal) => Ok(Item::from(literal)),
            ExprKind::Parameter(name) => match self.settings.parameters.get(name) {
                Some(value) => Ok(Item::from(value)),
                None => Err(QueryError::Parameter(name.clone())),
            },
            ExprKind::Variable(name) => self.variable(name, row),
            ExprKind::Property(of, name) => {
                let of_value = self.evaluate(of, row)?;
                self.property(of, &of_value, name)
            }
            ExprKind::Index(of, at) => self.index(expr, of, at, row),
            ExprKind::Slice(of, from, to) => {
                self.slice(expr, of, from.as_deref(), to.as_deref(), row)
            }
            ExprKind::List(items) => {
                let items = items.iter().map(|item| self.evaluate(item, row));
                self.list(items.collect::<Done<_>>()?)
            }
            ExprKind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.evaluate(value, row)?)));
                self.map(entries.collect::<Done<_>>()?)
            }
            ExprKind::Unary(operator, operand) => {
                let value = self.evaluate(operand, row)?;
                match operator {
                    UnaryOp::Not => {
                        Ok(truth_item(self.truth(operand, &value)?.map(|truth| !truth)))
                    }
                    UnaryOp::Minus => self.negate(operand, value),
                    UnaryOp::Plus => self.plus(operand, value),
                }
            }
            ExprKind::Binary(operator, left, right) => {
                self.binary(expr, *operator, left, right, row)
            }
            ExprKind::IsNull { of, negated } => {
                Ok(Value::Bool(self.evaluate(of, row)?.is_null() != *negated))
            }
            ExprKind::HasLabels(of, labels) => {
                let value = self.evaluate(of, row)?;
                self.has_labels(of, &value, labels)
            }
            ExprKind::Call(function, arguments) => {
                let values = arguments.iter().map(|argument| self.evaluate(argument, row));
                self.call(expr, *function, &values.collect::<Done<Vec<_>>>()?)
            }
            ExprKind::Aggregate { .. } => {
                Err(self.wrong(expr, "an aggregate stands outside of WITH and RETURN"))
            }
            ExprKind::Case { subject, arms, otherwise } => {
                self.case(subject.as_deref(), arms, otherwise.as_deref(), row)
            }
        }
    }

    /// Whether a row passes a filter: only what is certainly true.
    pub(super) fn passes(&self, filter: &Expr, row: &Row) -> Done<bool> {
        let value = self.evaluate(filter, row)?;
        Ok(self.truth(filter, &value)? == Some(true))
    }

    fn variable(&self, name: &Name, row: &Row) -> Done<Item> {
        let value = self.scope.slot(name).and_then(|slot| row.get(slot));
        value.cloned().ok_or_else(|| QueryError::Unbound(name.clone()))
    }

    fn binary(
        &self,
        expr: &Expr,
        operator: BinaryOp,
        left: &Expr,
        right: &Expr,
        row: &Row,
    ) -> Done<Item> {
        let left_value = self.evaluate(left, row)?;
        if let BinaryOp::Logic(operator) = operator {
            let one = self.truth(left, &left_value)?;
            match (operator, one) {
                (Logic::And, Some(false)) => return Ok(Value::Bool(false)),
                (Logic::Or, Some(true)) => return Ok(Value::Bool(true)),
                _ => {}
            }
            let right_value = self.evaluate(right, row)?;
            let other = self.truth(right, &right_value)?;
            return Ok(truth_item(operators::logic(operator, one, other)));
        }
        let right_value = self.evaluate(right, row)?;
        let (one, other) = (&left_value, &right_value);
        match operator {
            BinaryOp::Compare(comparison) => self.compare(expr, comparison, one, other),
            BinaryOp::In => self.contained(expr, one, other),
            BinaryOp::Text(test) => self.test_text(expr, test, one, other),
            BinaryOp::Math(Math::Add) => self.add(expr, one, other),
            BinaryOp::Math(math) => self.calculate(expr, math, one, other),
            BinaryOp::Logic(_) => Err(self.wrong(expr, "a condition that was not decided as one")),
        }
    }

    /// True, false or unknown.
    fn truth(&self, expr: &Expr, value: &Item) -> Done<Option<bool>> {
        match value {
            Value::Bool(truth) => Ok(Some(*truth)),
            Value::Null => Ok(None),
            Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Temporal(_)
            | Value::Entity(_) => Err(self.mistyped(expr, "a condition", "BOOLEAN", value)),
        }
    }

    fn case(
        &self,
        subject: Option<&Expr>,
        arms: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        row: &Row,
    ) -> Done<Item> {
        let subject = subject.map(|subject| self.evaluate(subject, row)).transpose()?;
        for (when, then) in arms {
            let chosen = match &subject {
                Some(subject) => equal(subject, &self.evaluate(when, row)?) == Some(true),
                None => self.passes(when, row)?,
            };
            if chosen {
                return self.evaluate(then, row);
            }
        }
        otherwise.map_or(Ok(Value::Null), |otherwise| self.evaluate(otherwise, row))
    }

    /// A property of a node or relationship, or an entry of a map; null where there is none.
    fn property(&self, expr: &Expr, of: &Item, name: &str) -> Done<Item> {
        match of {
            Value::Null => Ok(Value::Null),
            Value::Map(entries) => Ok(entries.get(name).cloned().unwrap_or(Value::Null)),
            Value::Entity(reference) => {
                let properties = self.properties(expr, reference)?;
                Ok(properties.get(name).map_or(Value::Null, Item::from))
            }
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Temporal(_) => {
                Err(self.mistyped(expr, "a property", "NODE, RELATIONSHIP or MAP", of))
            }
        }
    }

    /// The properties of an entity that is not a path.
    fn properties(&self, expr: &Expr, reference: &Reference) -> Done<&'a Properties> {
        let object = match reference {
            Reference::Node(id) => Object::Node(*id),
            Reference::Edge(id) => Object::Edge(*id),
            Reference::Path(_) => {
                let what = "a path has no properties; take one of nodes() or relationships()";
                return Err(self.wrong(expr, what));
            }
        };
        self.view.properties(object).ok_or(QueryError::Deleted(object))
    }

    fn has_labels(&self, expr: &Expr, of: &Item, labels: &[Name]) -> Done<Item> {
        match of {
            Value::Null => Ok(Value::Null),
            Value::Entity(Reference::Node(id)) => {
                let node = self.view.node(*id).ok_or(QueryError::Deleted(Object::Node(*id)))?;
                Ok(Value::Bool(labels.iter().all(|label| node.has_label(label))))
            }
            Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Temporal(_)
            | Value::Entity(_) => Err(self.mistyped(expr, "a label", "NODE", of)),
        }
    }

    /// A list that is not too deep; its bytes count.
    pub(super) fn list(&self, items: Vec<Item>) -> Done<Item> {
        self.budget.build(items.len() * VALUE_BYTES)?;
        Self::shallow(Value::list(items))
    }

    /// A map that is not too deep; its bytes count.
    pub(super) fn map(&self, entries: BTreeMap<Name, Item>) -> Done<Item> {
        self.budget.build(entries.len() * 2 * VALUE_BYTES)?;
        Self::shallow(Value::map(entries))
    }

    fn shallow(value: Item) -> Done<Item> {
        if value.depth() > MAX_DEPTH {
            let what = "levels of lists and maps";
            return Err(QueryError::TooMuch { what, limit: MAX_DEPTH as u64 });
        }
        Ok(value)
    }

    /// A text; its bytes count.
    fn text(&self, text: String) -> Done<Item> {
        self.budget.build(text.len())?;
        Ok(Value::text(text))
    }

    /// A mistake at an expression.
    pub(super) fn wrong(&self, expr: &Expr, what: impl Into<String>) -> QueryError {
        QueryError::value(Place::of(self.text, expr.span.start), what)
    }

    /// A value of the wrong type at an expression.
    pub(super) fn mistyped(&self, expr: &Expr, of: &str, wanted: &str, found: &Item) -> QueryError {
        let found = type_name(found);
        self.wrong(expr, format!("{of} needs {wanted}, and this is {found}"))
    }
}

/// True, false or unknown as a value.
fn truth_item(truth: Option<bool>) -> Item {
    truth.map_or(Value::Null, Value::Bool)
}

/// What `valueType` calls the type of a value.
pub(super) fn type_name(value: &Item) -> &'static str {
    match value {
        Value::Null => "NULL",
        Value::Bool(_) => "BOOLEAN",
        Value::Int(_) => "INTEGER",
        Value::Float(_) => "FLOAT",
        Value::String(_) => "STRING",
        Value::List(_) => "LIST",
        Value::Map(_) => "MAP",
        Value::Temporal(temporal) => temporal.type_name(),
        Value::Entity(Reference::Node(_)) => "NODE",
        Value::Entity(Reference::Edge(_)) => "RELATIONSHIP",
        Value::Entity(Reference::Path(_)) => "PATH",
    }
}
