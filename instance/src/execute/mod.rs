//! Queries on the view of a transaction: rows, changes and a summary. A clause works through all
//! rows of the clause before it, so that nothing reads what its own clause writes.

mod aggregate;
mod answer;
mod check;
mod error;
mod evaluate;
mod limits;
mod matching;
mod project;
mod scope;
mod shortcut;
mod summary;
mod update;

pub use check::{Prepared, prepare};
pub use error::QueryError;
pub use limits::Limits;
pub use summary::{Access, Stats};

use crate::cypher::Place;
use crate::cypher::ast::{Clause, Expr, Query, Variable};
use crate::graph::Transaction;
use crate::value::{Answer, Item, MAX_DEPTH, Name, Property};
use evaluate::Evaluator;
use limits::Budget;
use matching::Matcher;
use scope::{Row, Scope, Table};
use std::collections::BTreeMap;

/// What a query is run with.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Parameters by name.
    pub parameters: BTreeMap<Name, Property>,
    /// The time that `datetime()` and `timestamp()` give, in microseconds since 1970.
    pub now_micros: i64,
    /// Bounds.
    pub limits: Limits,
}

/// What a query came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Names of columns.
    pub columns: Vec<Name>,
    /// Rows, each with one value for each column.
    pub rows: Vec<Vec<Answer>>,
    /// What changed.
    pub stats: Stats,
}

impl Prepared {
    /// Runs the query on a transaction. What it changed is in the transaction, to be claimed.
    ///
    /// # Errors
    /// Why it failed; the transaction is then as it was before.
    pub fn run(
        &self,
        settings: &Settings,
        transaction: &mut Transaction,
    ) -> Result<Outcome, QueryError> {
        let savepoint = transaction.savepoint();
        let mut execution = Execution {
            query: self.query(),
            settings,
            budget: Budget::new(settings.limits),
            stats: Stats::default(),
            transaction,
        };
        let outcome = execution.run(self.columns());
        if outcome.is_err() {
            execution.transaction.return_to(savepoint);
        }
        outcome
    }
}

/// One run of a query.
struct Execution<'a> {
    query: &'a Query,
    settings: &'a Settings,
    budget: Budget,
    stats: Stats,
    transaction: &'a mut Transaction,
}

/// What a part of a run comes to.
type Done<T> = Result<T, QueryError>;

impl Execution<'_> {
    fn run(&mut self, columns: &[Name]) -> Done<Outcome> {
        for value in self.settings.parameters.values() {
            if value.depth() > MAX_DEPTH {
                let what = "levels of lists and maps in a parameter";
                return Err(QueryError::TooMuch { what, limit: MAX_DEPTH as u64 });
            }
        }
        if let Some(row) = self.counted() {
            return Ok(Outcome { columns: columns.to_vec(), rows: vec![row], stats: self.stats });
        }
        let mut table = Table { scope: Scope::default(), rows: vec![Row::new()] };
        let mut answered = Vec::new();
        for (at, clause) in self.query.clauses.iter().enumerate() {
            match clause {
                Clause::Match { optional, patterns, filter } => {
                    let matcher =
                        Matcher::new(patterns, filter.as_ref(), &table.scope, self.view())?;
                    let most = self.taken_by(self.query.clauses.get(at + 1));
                    table = self.find(&matcher, *optional, table, most)?;
                }
                Clause::Create(patterns) => table = self.create(patterns, table)?,
                Clause::Merge { pattern, on_create, on_match } => {
                    table = self.merge(pattern, on_create, on_match, table)?;
                }
                Clause::Unwind { list, variable } => table = self.unwind(list, variable, &table)?,
                Clause::With(projection) => table = self.project(projection, table)?,
                Clause::Return(projection) => {
                    let returned = self.project(projection, table)?;
                    answered = self.answers(&returned)?;
                    table = Table::default();
                }
                Clause::Set(items) => self.set(items, &table)?,
                Clause::Remove(items) => self.remove(items, &table)?,
                Clause::Delete { detach, targets } => self.delete(*detach, targets, &table)?,
            }
        }
        Ok(Outcome { columns: columns.to_vec(), rows: answered, stats: self.stats })
    }

    fn view(&self) -> &crate::graph::Graph {
        self.transaction.view()
    }

    fn evaluator<'a>(&'a self, scope: &'a Scope) -> Evaluator<'a> {
        Evaluator {
            view: self.transaction.view(),
            settings: self.settings,
            text: &self.query.text,
            scope,
            budget: &self.budget,
            known: &[],
        }
    }

    fn evaluate(&self, expr: &Expr, scope: &Scope, row: &Row) -> Done<Item> {
        self.evaluator(scope).evaluate(expr, row)
    }

    /// The first rows that the patterns give, `most` of them at most.
    fn find(
        &self,
        matcher: &Matcher<'_>,
        optional: bool,
        table: Table,
        most: usize,
    ) -> Done<Table> {
        let evaluator = self.evaluator(matcher.scope());
        let mut rows = Vec::new();
        for row in table.rows {
            let before = rows.len();
            if before >= most {
                break;
            }
            matcher.search(&evaluator, &row, &mut rows, most)?;
            if optional && rows.len() == before {
                let mut row = row;
                row.resize(matcher.visible(), Item::Null);
                self.budget.row(rows.len(), row.len())?;
                rows.push(row);
            }
        }
        Ok(Table { scope: matcher.visible_scope(), rows })
    }

    fn unwind(&self, list: &Expr, variable: &Variable, table: &Table) -> Done<Table> {
        let mut scope = table.scope.clone();
        scope.introduce(&variable.name);
        let mut rows = Vec::new();
        for row in &table.rows {
            let value = self.evaluate(list, &table.scope, row)?;
            let items = match &value {
                Item::Null => continue,
                Item::List(items) => items,
                Item::Bool(_)
                | Item::Int(_)
                | Item::Float(_)
                | Item::String(_)
                | Item::Map(_)
                | Item::Temporal(_)
                | Item::Entity(_) => {
                    let evaluator = self.evaluator(&table.scope);
                    return Err(evaluator.mistyped(list, "UNWIND", "LIST", &value));
                }
            };
            for item in items.iter() {
                self.budget.row(rows.len(), row.len() + 1)?;
                let mut row = row.clone();
                row.push(item.clone());
                rows.push(row);
            }
        }
        Ok(Table { scope, rows })
    }
}
