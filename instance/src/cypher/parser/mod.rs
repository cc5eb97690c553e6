//! Recursive descent over the tokens of one statement. Here is what all parts share: looking
//! ahead, taking, and telling what is wrong.

mod admin;
mod atom;
mod clause;
mod expression;
mod pattern;
mod statement;

use super::ast::Statement;
use super::error::{Place, SyntaxError};
use super::lexer::lex;
use super::token::{Sign, Span, Token, TokenKind};
use crate::value::Name;

/// Greatest length of a statement, in bytes.
pub const MAX_TEXT: usize = 1 << 20;

/// How deep expressions may lie in each other; a chain of operators counts as nested.
pub const MAX_NESTING: usize = 256;

/// How many brackets may be open at once.
const MAX_OPEN: usize = 96;

/// How many clauses a query may have.
pub const MAX_CLAUSES: usize = 256;

/// Words that name no variable unless in backquotes.
const RESERVED: &[&str] = &[
    "ALL",
    "AND",
    "AS",
    "ASC",
    "ASCENDING",
    "BY",
    "CALL",
    "CASE",
    "CONTAINS",
    "CREATE",
    "DELETE",
    "DESC",
    "DESCENDING",
    "DETACH",
    "DISTINCT",
    "ELSE",
    "END",
    "ENDS",
    "EXISTS",
    "FALSE",
    "FOREACH",
    "IN",
    "IS",
    "LIMIT",
    "LOAD",
    "MATCH",
    "MERGE",
    "NOT",
    "NULL",
    "ON",
    "OPTIONAL",
    "OR",
    "ORDER",
    "REMOVE",
    "RETURN",
    "SET",
    "SKIP",
    "STARTS",
    "THEN",
    "TRUE",
    "UNION",
    "UNWIND",
    "WHEN",
    "WHERE",
    "WITH",
    "XOR",
    "YIELD",
];

/// Reads one statement; a semicolon may end it.
///
/// # Errors
/// What is wrong, and where; or what is not supported.
pub fn parse(text: &str) -> Result<Statement, SyntaxError> {
    if text.len() > MAX_TEXT {
        let place = Place { line: 1, column: 1 };
        return Err(SyntaxError::TooMuch { place, what: "bytes of a statement", limit: MAX_TEXT });
    }
    let mut parser = Parser { text, tokens: lex(text)?, at: 0, open: 0 };
    let statement = parser.statement()?;
    while parser.take(Sign::Semicolon) {}
    if parser.peek() != &TokenKind::End {
        return Err(parser.unexpected("the end of the statement"));
    }
    Ok(statement)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    open: usize,
}

/// What comes of a part of a statement.
type Parsed<T> = Result<T, SyntaxError>;

impl Parser<'_> {
    fn peek(&self) -> &TokenKind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &TokenKind {
        self.tokens.get(self.at + ahead).map_or(&TokenKind::End, |token| &token.kind)
    }

    /// Where the next token stands.
    fn span(&self) -> Span {
        let end = Span { start: self.text.len(), end: self.text.len() };
        self.tokens.get(self.at).map_or(end, |token| token.span)
    }

    /// Where the last token stood.
    fn last_span(&self) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or_else(Span::default, |token| token.span)
    }

    fn skip(&mut self) {
        self.at += 1;
    }

    fn sees(&self, sign: Sign) -> bool {
        self.peek() == &TokenKind::Sign(sign)
    }

    fn take(&mut self, sign: Sign) -> bool {
        let seen = self.sees(sign);
        self.at += usize::from(seen);
        seen
    }

    fn expect(&mut self, sign: Sign) -> Parsed<()> {
        let taken = self.take(sign);
        if taken { Ok(()) } else { Err(self.unexpected(&format!("'{}'", sign.as_str()))) }
    }

    fn word_at(&self, ahead: usize) -> Option<&str> {
        match self.peek_at(ahead) {
            TokenKind::Word(word) => Some(word),
            TokenKind::Quoted(_)
            | TokenKind::Int(_)
            | TokenKind::Float(_)
            | TokenKind::Text(_)
            | TokenKind::Parameter(_)
            | TokenKind::Sign(_)
            | TokenKind::End => None,
        }
    }

    /// Whether these keywords come next.
    fn sees_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(ahead, word)| {
            self.word_at(ahead).is_some_and(|seen| seen.eq_ignore_ascii_case(word))
        })
    }

    fn sees_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.sees_words(&[word]))
    }

    fn take_words(&mut self, words: &[&str]) -> bool {
        let seen = self.sees_words(words);
        self.at += if seen { words.len() } else { 0 };
        seen
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        let taken = self.take_words(&[word]);
        if taken { Ok(()) } else { Err(self.unexpected(word)) }
    }

    /// A name that may be any word: of a label, a type, a property, a replica.
    fn name(&mut self, what: &str) -> Parsed<Name> {
        let name: Name = match self.peek() {
            TokenKind::Word(word) => word.as_str().into(),
            TokenKind::Quoted(name) => name.as_str().into(),
            TokenKind::Int(_)
            | TokenKind::Float(_)
            | TokenKind::Text(_)
            | TokenKind::Parameter(_)
            | TokenKind::Sign(_)
            | TokenKind::End => return Err(self.unexpected(what)),
        };
        self.skip();
        Ok(name)
    }

    /// The name of a variable: no reserved word.
    fn variable_name(&mut self) -> Parsed<Name> {
        if self.sees_one_of(RESERVED) {
            return Err(self.unexpected("the name of a variable"));
        }
        self.name("the name of a variable")
    }

    fn sees_variable(&self) -> bool {
        match self.peek() {
            TokenKind::Quoted(_) => true,
            TokenKind::Word(_) => !self.sees_one_of(RESERVED),
            TokenKind::Int(_)
            | TokenKind::Float(_)
            | TokenKind::Text(_)
            | TokenKind::Parameter(_)
            | TokenKind::Sign(_)
            | TokenKind::End => false,
        }
    }

    fn place(&self) -> Place {
        Place::of(self.text, self.span().start)
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let found = self.peek().to_string();
        SyntaxError::Unexpected { place: self.place(), found, expected: expected.into() }
    }

    fn unsupported(&self, what: impl Into<String>) -> SyntaxError {
        self.unsupported_hint(what, String::new())
    }

    fn unsupported_hint(&self, what: impl Into<String>, hint: impl Into<String>) -> SyntaxError {
        SyntaxError::Unsupported { place: self.place(), what: what.into(), hint: hint.into() }
    }
}
