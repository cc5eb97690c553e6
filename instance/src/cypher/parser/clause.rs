//! Clauses of queries.

use super::{Parsed, Parser};
use crate::cypher::ast::{
    Clause, Expr, ExprKind, Projection, ProjectionItem, RemoveItem, SetItem, Variable,
};
use crate::cypher::token::Sign;
use crate::value::Name;

/// First words of clauses that this instance does not speak.
const FOREIGN: &[&str] = &["CALL", "FOREACH", "LOAD", "UNION", "YIELD", "USING", "FINISH"];

impl Parser<'_> {
    pub(super) fn clause(&mut self) -> Parsed<Clause> {
        if self.take_words(&["OPTIONAL", "MATCH"]) {
            self.match_clause(true)
        } else if self.take_words(&["MATCH"]) {
            self.match_clause(false)
        } else if self.take_words(&["CREATE"]) {
            Ok(Clause::Create(self.patterns()?))
        } else if self.take_words(&["MERGE"]) {
            self.merge()
        } else if self.take_words(&["UNWIND"]) {
            let list = self.expression()?;
            self.expect_word("AS")?;
            Ok(Clause::Unwind { list, variable: self.variable()? })
        } else if self.take_words(&["WITH"]) {
            let mut projection = self.projection()?;
            projection.filter = self.filter()?;
            Ok(Clause::With(projection))
        } else if self.take_words(&["RETURN"]) {
            Ok(Clause::Return(self.projection()?))
        } else if self.take_words(&["SET"]) {
            Ok(Clause::Set(self.set_items()?))
        } else if self.take_words(&["REMOVE"]) {
            Ok(Clause::Remove(self.separated(Self::remove_item)?))
        } else if self.take_words(&["DETACH", "DELETE"]) {
            Ok(Clause::Delete { detach: true, targets: self.separated(Self::expression)? })
        } else if self.take_words(&["DELETE"]) {
            Ok(Clause::Delete { detach: false, targets: self.separated(Self::expression)? })
        } else if self.sees_one_of(FOREIGN) {
            let word = self.word_at(0).unwrap_or_default().to_ascii_uppercase();
            Err(self.unsupported(word))
        } else {
            let clauses = "MATCH, OPTIONAL MATCH, CREATE, MERGE, UNWIND, WITH, RETURN, SET, \
                 REMOVE, DELETE or DETACH DELETE";
            Err(self.unexpected(clauses))
        }
    }

    /// At least one part, with commas between them.
    pub(super) fn separated<T>(&mut self, part: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut parts = vec![part(self)?];
        while self.take(Sign::Comma) {
            parts.push(part(self)?);
        }
        Ok(parts)
    }

    pub(super) fn variable(&mut self) -> Parsed<Variable> {
        let span = self.span();
        Ok(Variable { name: self.variable_name()?, span })
    }

    fn filter(&mut self) -> Parsed<Option<Expr>> {
        if self.take_words(&["WHERE"]) { self.expression().map(Some) } else { Ok(None) }
    }

    fn match_clause(&mut self, optional: bool) -> Parsed<Clause> {
        let patterns = self.patterns()?;
        Ok(Clause::Match { optional, patterns, filter: self.filter()? })
    }

    fn merge(&mut self) -> Parsed<Clause> {
        let pattern = self.pattern()?;
        let (mut on_create, mut on_match) = (Vec::new(), Vec::new());
        loop {
            if self.take_words(&["ON", "CREATE", "SET"]) {
                on_create.append(&mut self.set_items()?);
            } else if self.take_words(&["ON", "MATCH", "SET"]) {
                on_match.append(&mut self.set_items()?);
            } else if self.sees_words(&["ON"]) {
                return Err(self.unexpected("ON CREATE SET or ON MATCH SET"));
            } else {
                return Ok(Clause::Merge { pattern, on_create, on_match });
            }
        }
    }

    fn set_items(&mut self) -> Parsed<Vec<SetItem>> {
        self.separated(Self::set_item)
    }

    fn set_item(&mut self) -> Parsed<SetItem> {
        let target = self.target()?;
        if let Some(name) = self.target_property()? {
            self.expect(Sign::Equal)?;
            Ok(SetItem::Property(target, name, self.expression()?))
        } else if self.take(Sign::PlusEqual) {
            Ok(SetItem::Merge(target, self.expression()?))
        } else if self.take(Sign::Equal) {
            Ok(SetItem::Replace(target, self.expression()?))
        } else if self.sees(Sign::Colon) {
            Ok(SetItem::Labels(target, self.labels()?))
        } else {
            Err(self.unexpected("'.', '=', '+=' or ':'"))
        }
    }

    fn remove_item(&mut self) -> Parsed<RemoveItem> {
        let target = self.target()?;
        if let Some(name) = self.target_property()? {
            Ok(RemoveItem::Property(target, name))
        } else if self.sees(Sign::Colon) {
            Ok(RemoveItem::Labels(target, self.labels()?))
        } else {
            Err(self.unexpected("'.' or ':'"))
        }
    }

    /// What SET and REMOVE change: a variable.
    fn target(&mut self) -> Parsed<Expr> {
        let span = self.span();
        let name = self.variable_name()?;
        self.expr(ExprKind::Variable(name), span)
    }

    fn target_property(&mut self) -> Parsed<Option<Name>> {
        if !self.take(Sign::Dot) {
            return Ok(None);
        }
        let name = self.name("the name of a property")?;
        if self.sees(Sign::Dot) || self.sees(Sign::OpenList) {
            return Err(self.unsupported("a change within the value of a property"));
        }
        Ok(Some(name))
    }

    fn projection(&mut self) -> Parsed<Projection> {
        let start = self.span();
        let distinct = self.take_words(&["DISTINCT"]);
        let all = self.take(Sign::Star);
        let mut items = Vec::new();
        if !all || self.take(Sign::Comma) {
            items = self.separated(Self::projection_item)?;
        }
        let mut order = Vec::new();
        if self.take_words(&["ORDER"]) {
            self.expect_word("BY")?;
            order = self.separated(Self::order_item)?;
        }
        let skip = if self.take_words(&["SKIP"]) { Some(self.expression()?) } else { None };
        let limit = if self.take_words(&["LIMIT"]) { Some(self.expression()?) } else { None };
        let span = start.to(self.last_span());
        Ok(Projection { distinct, all, items, order, skip, limit, filter: None, span })
    }

    fn projection_item(&mut self) -> Parsed<ProjectionItem> {
        let value = self.expression()?;
        if self.take_words(&["AS"]) {
            return Ok(ProjectionItem { value, name: self.variable_name()?, aliased: true });
        }
        let name = if let ExprKind::Variable(name) = &value.kind {
            name.clone()
        } else {
            self.text.get(value.span.start..value.span.end).unwrap_or_default().into()
        };
        Ok(ProjectionItem { value, name, aliased: false })
    }

    fn order_item(&mut self) -> Parsed<(Expr, bool)> {
        let value = self.expression()?;
        let descending = self.take_words(&["DESC"]) || self.take_words(&["DESCENDING"]);
        if !descending && !self.take_words(&["ASC"]) {
            self.take_words(&["ASCENDING"]);
        }
        Ok((value, descending))
    }
}
