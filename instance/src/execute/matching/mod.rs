//! Finding patterns in the graph. A pattern becomes a list of steps, each of which tries every
//! candidate for one node or relationship; relationships of one clause are all different.

mod search;

use super::Done;
use super::error::QueryError;
use super::evaluate::Evaluator;
use super::scope::{Row, Scope};
use crate::cypher::Function;
use crate::cypher::ast::{
    BinaryOp, Comparison, EdgePattern, Expr, ExprKind, Logic, NodePattern, Pattern,
    PropertyPattern, Variable,
};
use crate::graph::Graph;
use crate::value::{Item, Name, Value};
use search::Search;

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
    /// A node that no relationship leads to; with its id where the filter tells it.
    Node { slot: usize, pattern: &'q NodePattern, id: Option<&'q Expr> },
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
            matcher.plan(pattern, &mut found, before, graph);
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

    /// Starts where least is to be tried: at a node that is found, else at one whose id is told,
    /// else at the rarest label.
    fn plan(
        &mut self,
        pattern: &'q Pattern,
        found: &mut Vec<usize>,
        before: &Scope,
        graph: &Graph,
    ) {
        let mut nodes = vec![&pattern.start];
        nodes.extend(pattern.hops.iter().map(|(_, node)| node));
        let slots: Vec<_> = nodes.iter().map(|node| self.slot(node.variable.as_ref())).collect();
        let edges: Vec<_> =
            pattern.hops.iter().map(|(edge, _)| self.slot(edge.variable.as_ref())).collect();
        let cost = |at: &usize| match (slots.get(*at), nodes.get(*at)) {
            (Some(slot), _) if found.contains(slot) => 0,
            (_, Some(node)) => {
                let own = node.variable.as_ref();
                let told = own.is_some_and(|own| told_id(self.filter, own, before).is_some());
                if told { 1 } else { 2 + candidates(node, graph) }
            }
            (_, None) => usize::MAX,
        };
        let start = (0..nodes.len()).min_by_key(cost).unwrap_or(0);
        if let (Some(slot), Some(pattern)) = (slots.get(start), nodes.get(start)) {
            let own = pattern.variable.as_ref();
            let id = own.and_then(|own| told_id(self.filter, own, before));
            self.steps.push(Step::Node { slot: *slot, pattern, id });
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

    /// Adds a row for each way in which the patterns fit a row of before, until there are `most`.
    pub(super) fn search(
        &self,
        evaluator: &Evaluator<'_>,
        before: &Row,
        rows: &mut Vec<Row>,
        most: usize,
    ) -> Done<()> {
        let mut row = before.clone();
        row.resize(self.scope.len(), Item::Null);
        let mut set = vec![false; self.scope.len()];
        set.iter_mut().take(before.len()).for_each(|set| *set = true);
        let wanted = self.steps.iter().map(|step| step.wanted(evaluator, before));
        let wanted = wanted.collect::<Done<Vec<_>>>()?;
        let used = Vec::new();
        Search { matcher: self, evaluator, wanted: &wanted, row, set, used, rows, most }.step(0)
    }
}

/// What properties must be, by name.
type WantedProperties = Vec<(Name, Item)>;

/// What the properties of the elements of one step must be. They speak of the row before the
/// clause alone, so that they are evaluated once for it.
#[derive(Default)]
struct Wanted {
    node: WantedProperties,
    edge: WantedProperties,
}

impl Step<'_> {
    fn wanted(&self, evaluator: &Evaluator<'_>, before: &Row) -> Done<Wanted> {
        Ok(match self {
            Step::Node { pattern, .. } => Wanted {
                node: wanted(&pattern.properties, evaluator, before)?,
                edge: WantedProperties::new(),
            },
            Step::Hop { pattern, node, .. } => Wanted {
                node: wanted(&node.properties, evaluator, before)?,
                edge: wanted(&pattern.properties, evaluator, before)?,
            },
            Step::Path { .. } => Wanted::default(),
        })
    }
}

fn wanted(
    pattern: &PropertyPattern,
    evaluator: &Evaluator<'_>,
    before: &Row,
) -> Done<WantedProperties> {
    match pattern {
        PropertyPattern::Each(entries) => entries
            .iter()
            .map(|(name, value)| Ok((name.clone(), evaluator.evaluate(value, before)?)))
            .collect(),
        PropertyPattern::Parameter(parameter) => {
            let value = evaluator.evaluate(parameter, before)?;
            let Value::Map(entries) = &value else {
                return Err(evaluator.mistyped(parameter, "a pattern", "MAP", &value));
            };
            Ok(entries.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
        }
    }
}

/// The id of a node, where a filter is `id(n) = …`, or that and something else, and the other side
/// is known before the clause.
fn told_id<'q>(filter: Option<&'q Expr>, own: &Variable, before: &Scope) -> Option<&'q Expr> {
    let ExprKind::Binary(operator, left, right) = &filter?.kind else { return None };
    if *operator == BinaryOp::Logic(Logic::And) {
        let other = || told_id(Some(right), own, before);
        return told_id(Some(left), own, before).or_else(other);
    }
    if *operator != BinaryOp::Compare(Comparison::Equal) {
        return None;
    }
    let is_id = |expr: &Expr| {
        let ExprKind::Call(Function::Id, of) = &expr.kind else { return false };
        let names = |of: &Expr| matches!(&of.kind, ExprKind::Variable(name) if *name == own.name);
        of.first().is_some_and(names)
    };
    let sides = [(left, right), (right, left)];
    let told = sides.into_iter().find(|(one, other)| is_id(one) && is_known(other, before));
    told.map(|(_, other)| &**other)
}

/// Whether all variables of an expression are known before the clause.
fn is_known(expr: &Expr, before: &Scope) -> bool {
    let unknown = matches!(&expr.kind, ExprKind::Variable(name) if !before.has(name));
    !unknown && expr.kind.parts().into_iter().all(|part| is_known(part, before))
}

/// How many nodes a pattern may be, judged by its labels.
fn candidates(pattern: &NodePattern, graph: &Graph) -> usize {
    let counts = pattern.labels.iter().map(|label| graph.labelled_count(label));
    counts.min().unwrap_or(graph.node_count())
}
