//! Counting all nodes, or all with one label, without looking at each: whoever watches an instance
//! asks for it again and again.

use super::Execution;
use crate::cypher::Aggregate;
use crate::cypher::ast::{
    Clause, Expr, ExprKind, NodePattern, Pattern, Projection, PropertyPattern,
};
use crate::value::{Answer, Name, Value};

impl Execution<'_> {
    /// The one row of `MATCH (n) RETURN count(n)` and of `MATCH (n:Label) RETURN count(*)`; none
    /// for any other query.
    pub(super) fn counted(&self) -> Option<Vec<Answer>> {
        let [Clause::Match { optional: false, patterns, filter: None }, Clause::Return(projection)] =
            self.query.clauses.as_slice()
        else {
            return None;
        };
        let [Pattern { path: None, start, hops, .. }] = patterns.as_slice() else { return None };
        let bare =
            matches!(&start.properties, PropertyPattern::Each(entries) if entries.is_empty());
        if !hops.is_empty() || !bare || !counts_rows(projection, start) {
            return None;
        }
        let count = match start.labels.as_slice() {
            [] => self.view().node_count(),
            [label] => self.view().labelled_count(label),
            [_, _, ..] => return None,
        };
        let count = Value::Int(i64::try_from(count).ok()?);
        Some(projection.items.iter().map(|_| count.clone()).collect())
    }
}

/// Whether each column counts the rows, and nothing else is asked.
fn counts_rows(projection: &Projection, node: &NodePattern) -> bool {
    let plain = projection.order.is_empty()
        && projection.skip.is_none()
        && projection.limit.is_none()
        && !projection.all;
    let own = node.variable.as_ref().map(|variable| &variable.name);
    plain && projection.items.iter().all(|item| counts(&item.value, own))
}

fn counts(value: &Expr, own: Option<&Name>) -> bool {
    let ExprKind::Aggregate { function: Aggregate::Count, distinct: false, of } = &value.kind
    else {
        return false;
    };
    match of.as_deref() {
        None => true,
        Some(of) => matches!(&of.kind, ExprKind::Variable(name) if Some(name) == own),
    }
}
