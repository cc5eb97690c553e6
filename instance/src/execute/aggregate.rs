//! Aggregates over the rows of a group.

#![expect(clippy::float_arithmetic, reason = "sums and averages of numbers with a fraction")]

use super::evaluate::{Evaluator, group_key, order};
use super::scope::Row;
use super::{Done, QueryError};
use crate::cypher::Aggregate;
use crate::cypher::ast::{Expr, ExprKind, Projection};
use crate::value::{Item, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The aggregates of a projection, each once.
pub(super) fn aggregates(projection: &Projection) -> Vec<&Expr> {
    let mut found = Vec::new();
    for item in &projection.items {
        collect(&item.value, &mut found);
    }
    for (key, _) in &projection.order {
        collect(key, &mut found);
    }
    found
}

fn collect<'q>(expr: &'q Expr, found: &mut Vec<&'q Expr>) {
    if matches!(expr.kind, ExprKind::Aggregate { .. }) {
        if !found.contains(&expr) {
            found.push(expr);
        }
        return;
    }
    for part in expr.kind.parts() {
        collect(part, found);
    }
}

/// Rows by their keys, in the order in which keys are first met, with the values of the
/// aggregates; without a key there is one group, also if there is no row.
pub(super) fn group(
    evaluator: &Evaluator<'_>,
    rows: &[Row],
    aggregates: &[&Expr],
    key_length: usize,
    key: impl Fn(&Row) -> Done<Row>,
) -> Done<Vec<(Row, Vec<Item>)>> {
    let mut places: BTreeMap<Row, usize> = BTreeMap::new();
    let mut groups: Vec<(Row, Vec<Tally>)> = Vec::new();
    let tallies = || aggregates.iter().map(|_| Tally::default()).collect::<Vec<_>>();
    if key_length == 0 {
        groups.push((Row::new(), tallies()));
    }
    for row in rows {
        let mut place = 0;
        if key_length > 0 {
            let values = key(row)?;
            let key = values.iter().map(group_key).collect();
            place = *places.entry(key).or_insert(groups.len());
            if place == groups.len() {
                groups.push((values, tallies()));
            }
        }
        let Some((_, tallies)) = groups.get_mut(place) else { continue };
        for (tally, aggregate) in tallies.iter_mut().zip(aggregates) {
            tally.add(evaluator, aggregate, row)?;
        }
    }
    let mut finished = Vec::new();
    for (key, tallies) in groups {
        let values = tallies.into_iter().zip(aggregates);
        let values = values.map(|(tally, aggregate)| tally.finish(evaluator, aggregate));
        finished.push((key, values.collect::<Done<_>>()?));
    }
    Ok(finished)
}

/// What one aggregate has seen.
#[derive(Default)]
struct Tally {
    seen: BTreeSet<Item>,
    count: i64,
    /// The least, the greatest or the sum.
    value: Option<Item>,
    items: Vec<Item>,
}

impl Tally {
    fn add(&mut self, evaluator: &Evaluator<'_>, aggregate: &Expr, row: &Row) -> Done<()> {
        let ExprKind::Aggregate { function, distinct, of } = &aggregate.kind else {
            return Ok(());
        };
        let Some(of) = of else {
            self.count += 1;
            return Ok(());
        };
        let value = evaluator.evaluate(of, row)?;
        if value.is_null() || *distinct && !self.seen.insert(group_key(&value)) {
            return Ok(());
        }
        self.count += 1;
        match function {
            Aggregate::Count => {}
            Aggregate::Min | Aggregate::Max => self.extreme(evaluator, *function, of, value)?,
            Aggregate::Sum | Aggregate::Avg => self.sum(evaluator, *function, of, &value)?,
            Aggregate::Collect => {
                evaluator.budget.build(super::limits::VALUE_BYTES)?;
                self.items.push(value);
            }
        }
        Ok(())
    }

    fn extreme(
        &mut self,
        evaluator: &Evaluator<'_>,
        function: Aggregate,
        of: &Expr,
        value: Item,
    ) -> Done<()> {
        let best = self.value.get_or_insert_with(|| value.clone());
        let Some(ordering) = order(&value, best) else {
            let what = format!("{}() of values that have no order", function.name());
            return Err(evaluator.wrong(of, what));
        };
        let better = if function == Aggregate::Min { ordering.is_lt() } else { ordering.is_gt() };
        if better {
            *best = value;
        }
        Ok(())
    }

    fn sum(
        &mut self,
        evaluator: &Evaluator<'_>,
        function: Aggregate,
        of: &Expr,
        value: &Item,
    ) -> Done<()> {
        let sum = match (self.value.as_ref().unwrap_or(&Value::Int(0)), value) {
            (Value::Int(sum), Value::Int(number)) => match sum.checked_add(*number) {
                Some(sum) => Value::Int(sum),
                None => return Err(evaluator.wrong(of, "the sum exceeds 64 bits")),
            },
            (sum, value) => match (float(sum), float(value)) {
                (Some(sum), Some(number)) => Value::float(sum + number),
                _ => {
                    let name = function.name();
                    return Err(evaluator.mistyped(of, &format!("{name}()"), "a number", value));
                }
            },
        };
        self.value = Some(sum);
        Ok(())
    }

    fn finish(self, evaluator: &Evaluator<'_>, aggregate: &Expr) -> Result<Item, QueryError> {
        let ExprKind::Aggregate { function, .. } = &aggregate.kind else { return Ok(Value::Null) };
        Ok(match function {
            Aggregate::Count => Value::Int(self.count),
            Aggregate::Min | Aggregate::Max => self.value.unwrap_or(Value::Null),
            Aggregate::Sum => self.value.unwrap_or(Value::Int(0)),
            Aggregate::Avg => match self.value.as_ref().and_then(float) {
                #[expect(clippy::cast_precision_loss, reason = "rows are fewer than 2^53")]
                Some(sum) => Value::float(sum / self.count as f64),
                None => Value::Null,
            },
            Aggregate::Collect => evaluator.list(self.items)?,
        })
    }
}

fn float(value: &Item) -> Option<f64> {
    super::evaluate::number(value).map(super::evaluate::Number::float)
}
