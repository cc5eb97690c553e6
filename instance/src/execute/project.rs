//! WITH and RETURN: columns, groups, DISTINCT, ORDER BY, SKIP and LIMIT.

use super::aggregate::{aggregates, group};
use super::check::{has_aggregate, star};
use super::evaluate::{Evaluator, group_key, order, type_name};
use super::scope::{Row, Scope, Table};
use super::{Done, Execution, QueryError};
use crate::cypher::Place;
use crate::cypher::ast::{Clause, Expr, ExprKind, Projection};
use crate::value::{Item, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// A row after the clause, with what ORDER BY sorts it by.
struct Projected {
    row: Row,
    keys: Vec<Item>,
}

impl Execution<'_> {
    pub(super) fn project(&self, projection: &Projection, table: Table) -> Done<Table> {
        let mut names = if projection.all { star(&table.scope) } else { Vec::new() };
        names.extend(projection.items.iter().map(|item| item.name.clone()));
        let scope = Scope::new(names);
        let grouped = projection.items.iter().any(|item| has_aggregate(&item.value));
        let mut rows = if grouped {
            self.grouped(projection, &table, &scope)?
        } else {
            self.each(projection, &table, &scope)?
        };
        if projection.distinct {
            let mut seen = BTreeSet::new();
            rows.retain(|projected| {
                seen.insert(projected.row.iter().map(group_key).collect::<Vec<_>>())
            });
        }
        self.sort(projection, &mut rows)?;
        let skip = self.bound(projection.skip.as_ref(), "SKIP")?.unwrap_or(0);
        let limit = self.bound(projection.limit.as_ref(), "LIMIT")?.unwrap_or(usize::MAX);
        let rows = rows.into_iter().skip(skip).take(limit).map(|projected| projected.row);
        let mut kept = Vec::new();
        let evaluator = self.evaluator(&scope);
        for row in rows {
            match &projection.filter {
                Some(filter) if !evaluator.passes(filter, &row)? => {}
                Some(_) | None => kept.push(row),
            }
        }
        Ok(Table { scope, rows: kept })
    }

    /// How many rows a clause takes of the ones before it: a LIMIT takes the first ones alone, where
    /// nothing is sorted, grouped or told apart. What it does not take is not looked for, as in
    /// Memgraph, whose rows are pulled one by one. A LIMIT that cannot be is told when its clause runs.
    pub(super) fn taken_by(&self, clause: Option<&Clause>) -> usize {
        let Some(Clause::With(projection) | Clause::Return(projection)) = clause else {
            return usize::MAX;
        };
        let grouped = projection.items.iter().any(|item| has_aggregate(&item.value));
        if grouped || projection.distinct || !projection.order.is_empty() {
            return usize::MAX;
        }
        let skip = self.bound(projection.skip.as_ref(), "SKIP");
        let limit = self.bound(projection.limit.as_ref(), "LIMIT");
        match (skip, limit) {
            (Ok(skip), Ok(Some(limit))) => limit.saturating_add(skip.unwrap_or(0)),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => usize::MAX,
        }
    }

    /// One row for each row before.
    fn each(&self, projection: &Projection, table: &Table, scope: &Scope) -> Done<Vec<Projected>> {
        let evaluator = self.evaluator(&table.scope);
        let all = if projection.all { star(&table.scope) } else { Vec::new() };
        let slots: Vec<_> = all.iter().filter_map(|name| table.scope.slot(name)).collect();
        let mut both = table.scope.names().to_vec();
        both.extend(scope.names().iter().cloned());
        let both = Scope::new(both);
        let mut rows = Vec::new();
        for before in &table.rows {
            let mut row: Row = slots.iter().filter_map(|slot| before.get(*slot)).cloned().collect();
            for item in &projection.items {
                row.push(evaluator.evaluate(&item.value, before)?);
            }
            self.budget.row(rows.len(), row.len())?;
            let keys = if projection.order.is_empty() {
                Vec::new()
            } else {
                let wide: Row = before.iter().chain(&row).cloned().collect();
                let known = columns(projection, &row);
                self.keys(projection, &Evaluator { known: &known, ..self.evaluator(&both) }, &wide)?
            };
            rows.push(Projected { row, keys });
        }
        Ok(rows)
    }

    /// One row for each group of rows that are equal in the columns without aggregates.
    fn grouped(
        &self,
        projection: &Projection,
        table: &Table,
        scope: &Scope,
    ) -> Done<Vec<Projected>> {
        let evaluator = self.evaluator(&table.scope);
        let all = if projection.all { star(&table.scope) } else { Vec::new() };
        let stars: Vec<_> = all.iter().filter_map(|name| table.scope.slot(name)).collect();
        let plain: Vec<_> =
            projection.items.iter().filter(|item| !has_aggregate(&item.value)).collect();
        let counted = aggregates(projection);
        let key = |row: &Row| {
            let mut key: Row = stars.iter().filter_map(|slot| row.get(*slot)).cloned().collect();
            for item in &plain {
                key.push(evaluator.evaluate(&item.value, row)?);
            }
            Ok(key)
        };
        let groups = group(&evaluator, &table.rows, &counted, stars.len() + plain.len(), key)?;
        let nothing = Scope::default();
        let mut rows = Vec::new();
        for (key, values) in groups {
            let mut known: Vec<(&Expr, Item)> = counted.iter().copied().zip(values).collect();
            let keyed = key.iter().skip(stars.len()).cloned();
            known.extend(plain.iter().map(|item| &item.value).zip(keyed));
            let mut row: Row = key.iter().take(stars.len()).cloned().collect();
            for item in &projection.items {
                let evaluator = Evaluator { known: &known, scope: &nothing, ..evaluator };
                row.push(evaluator.evaluate(&item.value, &Row::new())?);
            }
            self.budget.row(rows.len(), row.len())?;
            known.truncate(counted.len());
            known.extend(columns(projection, &row));
            let evaluator = Evaluator { known: &known, ..self.evaluator(scope) };
            let keys = self.keys(projection, &evaluator, &row)?;
            rows.push(Projected { row, keys });
        }
        Ok(rows)
    }

    fn keys(&self, projection: &Projection, evaluator: &Evaluator<'_>, row: &Row) -> Done<Row> {
        projection.order.iter().map(|(key, _)| evaluator.evaluate(key, row)).collect()
    }

    fn sort(&self, projection: &Projection, rows: &mut [Projected]) -> Done<()> {
        let mut wrong = None;
        rows.sort_by(|one, other| {
            for (at, (one, other)) in one.keys.iter().zip(&other.keys).enumerate() {
                let Some(ordering) = order(one, other) else {
                    wrong.get_or_insert_with(|| (at, type_name(one), type_name(other)));
                    return Ordering::Equal;
                };
                let descending =
                    projection.order.get(at).is_some_and(|(_, descending)| *descending);
                let ordering = if descending { ordering.reverse() } else { ordering };
                if ordering.is_ne() {
                    return ordering;
                }
            }
            Ordering::Equal
        });
        let Some((at, one, other)) = wrong else { return Ok(()) };
        let start = projection.order.get(at).map_or(0, |(key, _)| key.span.start);
        let place = Place::of(&self.query.text, start);
        Err(QueryError::value(place, format!("{one} and {other} have no order")))
    }

    /// The number of SKIP or LIMIT.
    fn bound(&self, bound: Option<&Expr>, clause: &str) -> Done<Option<usize>> {
        let Some(bound) = bound else { return Ok(None) };
        let scope = Scope::default();
        let evaluator = self.evaluator(&scope);
        let value = evaluator.evaluate(bound, &Row::new())?;
        let Value::Int(number) = value else {
            return Err(evaluator.mistyped(bound, clause, "INTEGER", &value));
        };
        let number = usize::try_from(number);
        let wrong = |_| evaluator.wrong(bound, format!("{clause} must not be negative"));
        number.map(Some).map_err(wrong)
    }
}

/// The values of a projected row by the expressions that they came from, as far as an alias gives
/// no other meaning to a variable in them.
fn columns<'p>(projection: &'p Projection, row: &Row) -> Vec<(&'p Expr, Item)> {
    let before = row.len() - projection.items.len();
    let values = row.iter().skip(before).cloned();
    let columns = projection.items.iter().map(|item| &item.value).zip(values);
    columns.filter(|(value, _)| !is_hidden(value, projection)).collect()
}

/// Whether an alias hides a variable of an expression.
fn is_hidden(value: &Expr, projection: &Projection) -> bool {
    let ExprKind::Variable(name) = &value.kind else {
        return value.kind.parts().into_iter().any(|part| is_hidden(part, projection));
    };
    projection.items.iter().any(|item| item.name == *name && item.value != *value)
}
