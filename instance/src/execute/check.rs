//! What can be refused before a query runs: variables that nothing introduced, clauses in the
//! wrong order, aggregates in the wrong place. It also tells the columns and whether it writes.

use super::error::QueryError;
use super::scope::Scope;
use super::summary::Access;
use crate::cypher::Place;
use crate::cypher::ast::{
    Clause, Direction, Expr, ExprKind, Pattern, Projection, PropertyPattern, Query, RemoveItem,
    SetItem, Variable,
};
use crate::value::Name;

const AGGREGATES: &str = "Aggregation functions are only allowed in WITH and RETURN.";
const NESTED: &str = "Using aggregation functions inside aggregation functions is not allowed.";
const AFTER_RETURN: &str = "RETURN can only be the last clause of a query.";
const READ_AFTER_UPDATE: &str =
    "MATCH and UNWIND can't be put after RETURN clause or after an update; put WITH between them.";
const ONE_TYPE: &str = "A single relationship type must be specified when creating an edge.";
const ONE_WAY: &str = "Bidirectional relationship are not supported when creating an edge";
const NO_ALIAS: &str = "Only variables can be non-aliased in WITH.";
const NOTHING_IN_SCOPE: &str = "There are no variables in scope to use for '*'.";

/// A query that was found sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    query: Query,
    columns: Vec<Name>,
    access: Access,
}

impl Prepared {
    /// Names of the columns that it returns; none without RETURN.
    #[must_use]
    pub fn columns(&self) -> &[Name] {
        &self.columns
    }

    /// Whether it reads or writes.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }

    pub(super) const fn query(&self) -> &Query {
        &self.query
    }
}

/// Checks a query.
///
/// # Errors
/// Why it can never run.
pub fn prepare(query: Query) -> Result<Prepared, QueryError> {
    let mut checker = Checker { text: &query.text, scope: Scope::default(), columns: Vec::new() };
    let mut updated = false;
    for (at, clause) in query.clauses.iter().enumerate() {
        let last = at + 1 == query.clauses.len();
        match clause {
            Clause::Return(_) if !last => return Err(QueryError::Clause(AFTER_RETURN)),
            Clause::Match { .. } | Clause::Unwind { .. } if updated => {
                return Err(QueryError::Clause(READ_AFTER_UPDATE));
            }
            Clause::Match { .. } | Clause::Unwind { .. } | Clause::With(_) if last => {
                return Err(QueryError::NoResult);
            }
            Clause::With(_) => updated = false,
            Clause::Return(_) | Clause::Match { .. } | Clause::Unwind { .. } => {}
            Clause::Create(_)
            | Clause::Merge { .. }
            | Clause::Set(_)
            | Clause::Remove(_)
            | Clause::Delete { .. } => updated = true,
        }
        checker.clause(clause)?;
    }
    let columns = checker.columns;
    let access = access(&query.clauses);
    Ok(Prepared { query, columns, access })
}

fn access(clauses: &[Clause]) -> Access {
    let reads = |clause: &Clause| matches!(clause, Clause::Match { .. } | Clause::Merge { .. });
    let writes = |clause: &Clause| {
        matches!(
            clause,
            Clause::Create(_)
                | Clause::Merge { .. }
                | Clause::Set(_)
                | Clause::Remove(_)
                | Clause::Delete { .. }
        )
    };
    match (clauses.iter().any(reads), clauses.iter().any(writes)) {
        (_, false) => Access::Read,
        (false, true) => Access::Write,
        (true, true) => Access::ReadWrite,
    }
}

struct Checker<'a> {
    text: &'a str,
    scope: Scope,
    columns: Vec<Name>,
}

type Checked = Result<(), QueryError>;

impl Checker<'_> {
    fn clause(&mut self, clause: &Clause) -> Checked {
        match clause {
            Clause::Match { patterns, filter, .. } => {
                self.patterns(patterns, Use::Find)?;
                filter.iter().try_for_each(|filter| self.plain(filter))
            }
            Clause::Create(patterns) => self.patterns(patterns, Use::Create),
            Clause::Merge { pattern, on_create, on_match } => {
                self.patterns(std::slice::from_ref(pattern), Use::Merge)?;
                on_create.iter().chain(on_match).try_for_each(|item| self.set_item(item))
            }
            Clause::Unwind { list, variable } => {
                self.plain(list)?;
                self.fresh(variable)
            }
            Clause::With(projection) => {
                self.projection(projection)?;
                for item in projection.items.iter().filter(|item| !item.aliased) {
                    if !matches!(item.value.kind, ExprKind::Variable(_)) {
                        return Err(QueryError::Clause(NO_ALIAS));
                    }
                }
                projection.filter.iter().try_for_each(|filter| self.plain(filter))
            }
            Clause::Return(projection) => {
                self.projection(projection)?;
                self.columns = self.scope.names().to_vec();
                Ok(())
            }
            Clause::Set(items) => items.iter().try_for_each(|item| self.set_item(item)),
            Clause::Remove(items) => items.iter().try_for_each(|item| match item {
                RemoveItem::Property(of, _) | RemoveItem::Labels(of, _) => self.plain(of),
            }),
            Clause::Delete { targets, .. } => {
                targets.iter().try_for_each(|target| self.plain(target))
            }
        }
    }

    fn set_item(&self, item: &SetItem) -> Checked {
        match item {
            SetItem::Property(of, _, value)
            | SetItem::Replace(of, value)
            | SetItem::Merge(of, value) => {
                self.plain(of)?;
                self.plain(value)
            }
            SetItem::Labels(of, _) => self.plain(of),
        }
    }

    /// An expression over the rows before the clause, without aggregates.
    fn plain(&self, expr: &Expr) -> Checked {
        if let ExprKind::Variable(name) = &expr.kind
            && !self.scope.has(name)
        {
            return Err(QueryError::Unbound(name.clone()));
        }
        if matches!(expr.kind, ExprKind::Aggregate { .. }) {
            return Err(QueryError::Clause(AGGREGATES));
        }
        expr.kind.parts().into_iter().try_for_each(|part| self.plain(part))
    }

    fn fresh(&mut self, variable: &Variable) -> Checked {
        if self.scope.has(&variable.name) {
            return Err(QueryError::Redeclared(variable.name.clone()));
        }
        self.scope.introduce(&variable.name);
        Ok(())
    }

    fn patterns(&mut self, patterns: &[Pattern], used: Use) -> Checked {
        let scope = self.scope.with_patterns(patterns);
        for pattern in patterns {
            self.properties(&pattern.start.properties, &scope)?;
            for (edge, node) in &pattern.hops {
                self.properties(&edge.properties, &scope)?;
                self.properties(&node.properties, &scope)?;
            }
        }
        let mut own = Scope::default();
        for pattern in patterns {
            self.pattern(pattern, used, &mut own)?;
        }
        self.scope = scope;
        Ok(())
    }

    /// Variables and types of one pattern; `own` has those of the same clause.
    fn pattern(&self, pattern: &Pattern, used: Use, own: &mut Scope) -> Checked {
        let nodes = pattern.hops.iter().map(|(_, node)| node);
        for node in std::iter::once(&pattern.start).chain(nodes) {
            let Some(variable) = &node.variable else { continue };
            let bound = self.scope.has(&variable.name) || own.has(&variable.name);
            let bare = node.labels.is_empty() && is_empty(&node.properties);
            if bound && used != Use::Find && (!bare || pattern.hops.is_empty()) {
                return Err(QueryError::Redeclared(variable.name.clone()));
            }
            own.introduce(&variable.name);
        }
        for (edge, _) in &pattern.hops {
            if let Some(variable) = &edge.variable {
                let again = own.has(&variable.name);
                if again || used != Use::Find && self.scope.has(&variable.name) {
                    return Err(QueryError::Redeclared(variable.name.clone()));
                }
                own.introduce(&variable.name);
            }
            if used != Use::Find && edge.kinds.len() != 1 {
                return Err(QueryError::Clause(ONE_TYPE));
            }
            if used == Use::Create && edge.direction == Direction::Either {
                return Err(QueryError::Clause(ONE_WAY));
            }
        }
        if let Some(path) = &pattern.path {
            if self.scope.has(&path.name) || own.has(&path.name) {
                return Err(QueryError::Redeclared(path.name.clone()));
            }
            own.introduce(&path.name);
        }
        Ok(())
    }

    /// Properties in a pattern speak of the rows before their clause alone, since the order in
    /// which a pattern is searched is not theirs to know.
    fn properties(&self, properties: &PropertyPattern, after: &Scope) -> Checked {
        let PropertyPattern::Each(entries) = properties else { return Ok(()) };
        for (_, value) in entries {
            match self.plain(value) {
                Err(QueryError::Unbound(name)) if after.has(&name) => {
                    let place = Place::of(self.text, value.span.start);
                    let what = "a property of a pattern that speaks of the same pattern";
                    let hint = "; compare in WHERE, or introduce the variable in a clause before";
                    return Err(QueryError::Unsupported { place, what, hint });
                }
                checked => checked?,
            }
        }
        Ok(())
    }

    fn projection(&mut self, projection: &Projection) -> Checked {
        let mut names = if projection.all { star(&self.scope) } else { Vec::new() };
        if projection.all && names.is_empty() {
            return Err(QueryError::Clause(NOTHING_IN_SCOPE));
        }
        for item in &projection.items {
            if names.contains(&item.name) {
                return Err(QueryError::SameColumn(item.name.clone()));
            }
            names.push(item.name.clone());
            self.column(&item.value)?;
        }
        let aggregated = projection.items.iter().any(|item| has_aggregate(&item.value));
        let projected = Scope::new(names);
        for (value, _) in &projection.order {
            if aggregated || projection.distinct {
                self.order_of_columns(value, projection, &projected, aggregated)?;
            } else {
                let mut both = self.scope.clone();
                projected.names().iter().for_each(|name| {
                    both.introduce(name);
                });
                let checker = Checker { text: self.text, scope: both, columns: Vec::new() };
                checker.plain(value)?;
            }
        }
        for bound in projection.skip.iter().chain(&projection.limit) {
            let nothing = Checker { text: self.text, scope: Scope::default(), columns: Vec::new() };
            nothing.plain(bound)?;
        }
        self.scope = projected;
        Ok(())
    }

    /// A column: with aggregates in it, it has no variable outside of them.
    fn column(&self, value: &Expr) -> Checked {
        if !has_aggregate(value) {
            return self.plain(value);
        }
        if let ExprKind::Aggregate { of, .. } = &value.kind {
            return of.iter().try_for_each(|of| {
                if has_aggregate(of) { Err(QueryError::Clause(NESTED)) } else { self.plain(of) }
            });
        }
        value.kind.parts().into_iter().try_for_each(|part| {
            if !has_aggregate(part) && has_variable(part) {
                let place = Place::of(self.text, part.span.start);
                let what = "a variable beside an aggregate in one column";
                let hint = "; make it a column of its own, in a WITH before";
                return Err(QueryError::Unsupported { place, what, hint });
            }
            self.column(part)
        })
    }

    /// Where rows are no longer those before the clause, ORDER BY speaks of columns.
    fn order_of_columns(
        &self,
        value: &Expr,
        projection: &Projection,
        projected: &Scope,
        aggregated: bool,
    ) -> Checked {
        if projection.items.iter().any(|item| item.value == *value) {
            return Ok(());
        }
        if let ExprKind::Variable(name) = &value.kind {
            let known = projected.has(name);
            return if known { Ok(()) } else { Err(QueryError::Unbound(name.clone())) };
        }
        if matches!(value.kind, ExprKind::Aggregate { .. }) {
            return if aggregated {
                self.column(value)
            } else {
                Err(QueryError::Clause(AGGREGATES))
            };
        }
        value
            .kind
            .parts()
            .into_iter()
            .try_for_each(|part| self.order_of_columns(part, projection, projected, aggregated))
    }
}

/// What a pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Find,
    Create,
    Merge,
}

fn is_empty(properties: &PropertyPattern) -> bool {
    match properties {
        PropertyPattern::Each(entries) => entries.is_empty(),
        PropertyPattern::Parameter(_) => false,
    }
}

/// The columns of `*`: all variables, by name.
pub(super) fn star(scope: &Scope) -> Vec<Name> {
    let mut names = scope.names().to_vec();
    names.sort();
    names
}

/// Whether an aggregate occurs.
pub(super) fn has_aggregate(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Aggregate { .. })
        || expr.kind.parts().into_iter().any(has_aggregate)
}

fn has_variable(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Variable(_)) || expr.kind.parts().into_iter().any(has_variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cypher::ast::Statement;
    use crate::cypher::parse;

    fn checked(text: &str) -> Result<Prepared, QueryError> {
        let Ok(Statement::Query(query)) = parse(text) else { panic!("{text} is no query") };
        prepare(query)
    }

    #[test]
    fn access_follows_the_clauses() {
        for (text, access) in [
            ("RETURN 1", Access::Read),
            ("MATCH (n) RETURN n", Access::Read),
            ("CREATE (n)", Access::Write),
            ("UNWIND [1] AS i CREATE (n) RETURN n", Access::Write),
            ("MERGE (n)", Access::ReadWrite),
            ("MATCH (n) DELETE n", Access::ReadWrite),
            ("MATCH (n) SET n.a = 1", Access::ReadWrite),
        ] {
            assert_eq!(checked(text).expect(text).access(), access, "{text}");
        }
    }

    #[test]
    fn columns_are_known_before_the_run() {
        let prepared = checked("MATCH (b)-[r]->(a) RETURN *, a.x  +  1, count(*) AS n");
        let columns = prepared.expect("sound").columns().to_vec();
        let columns: Vec<_> = columns.iter().map(|name| &**name).collect();
        assert_eq!(columns, ["a", "b", "r", "a.x  +  1", "n"]);
    }
}
