//! Which kind of statement a text is.

use super::{MAX_CLAUSES, Parsed, Parser};
use crate::cypher::ast::{Query, Statement};
use crate::cypher::error::SyntaxError;
use crate::cypher::token::{Sign, TokenKind};

/// First words of statements of Memgraph that this instance does not speak.
const FOREIGN: &[&str] = &[
    "ADD",
    "ALTER",
    "ANALYZE",
    "CALL",
    "CLEAR",
    "COPY",
    "DEMOTE",
    "DENY",
    "DUMP",
    "EDGE",
    "EXPLAIN",
    "FOREACH",
    "FREE",
    "GRANT",
    "LOAD",
    "LOCK",
    "PROFILE",
    "RECOVER",
    "REVOKE",
    "START",
    "STOP",
    "TERMINATE",
    "UNLOCK",
    "UNREGISTER",
    "USING",
];

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        for (word, statement) in [
            ("BEGIN", Statement::Begin),
            ("COMMIT", Statement::Commit),
            ("ROLLBACK", Statement::Rollback),
        ] {
            if self.take_words(&[word]) {
                return Ok(statement);
            }
        }
        if let Some(admin) = self.admin()? {
            return Ok(Statement::Admin(admin));
        }
        if self.sees_one_of(FOREIGN) {
            let word = self.word_at(0).unwrap_or_default().to_ascii_uppercase();
            return Err(self.unsupported(word));
        }
        Ok(Statement::Query(self.query()?))
    }

    fn query(&mut self) -> Parsed<Query> {
        let mut clauses = Vec::new();
        while self.peek() != &TokenKind::End && !self.sees(Sign::Semicolon) {
            if clauses.len() == MAX_CLAUSES {
                let place = self.place();
                let what = "clauses of a query";
                return Err(SyntaxError::TooMuch { place, what, limit: MAX_CLAUSES });
            }
            clauses.push(self.clause()?);
        }
        if clauses.is_empty() {
            return Err(self.unexpected("a statement"));
        }
        Ok(Query { clauses, text: self.text.into() })
    }
}
