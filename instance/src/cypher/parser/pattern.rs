//! Patterns: chains of nodes and relationships.

use super::{Parsed, Parser};
use crate::cypher::ast::{Direction, EdgePattern, ExprKind, NodePattern, Pattern, PropertyPattern};
use crate::cypher::error::SyntaxError;
use crate::cypher::token::{Sign, TokenKind};
use crate::value::Name;

/// How many relationships a pattern may have.
const MAX_HOPS: usize = 128;

impl Parser<'_> {
    pub(super) fn patterns(&mut self) -> Parsed<Vec<Pattern>> {
        self.separated(Self::pattern)
    }

    pub(super) fn pattern(&mut self) -> Parsed<Pattern> {
        let begin = self.span();
        let mut path = None;
        if self.sees_variable() && self.peek_at(1) == &TokenKind::Sign(Sign::Equal) {
            path = Some(self.variable()?);
            self.expect(Sign::Equal)?;
        }
        if self.peek_at(1) == &TokenKind::Sign(Sign::Open) && self.word_at(0).is_some() {
            let word = self.word_at(0).unwrap_or_default();
            return Err(self.unsupported(format!("{word}() in a pattern")));
        }
        let start = self.node_pattern()?;
        let mut hops = Vec::new();
        while self.sees(Sign::Minus) || self.sees(Sign::Less) {
            if hops.len() == MAX_HOPS {
                let place = self.place();
                let what = "relationships of a pattern";
                return Err(SyntaxError::TooMuch { place, what, limit: MAX_HOPS });
            }
            let edge = self.edge_pattern()?;
            hops.push((edge, self.node_pattern()?));
        }
        Ok(Pattern { path, start, hops, span: begin.to(self.last_span()) })
    }

    fn node_pattern(&mut self) -> Parsed<NodePattern> {
        let begin = self.span();
        self.expect(Sign::Open)?;
        let variable = if self.sees_variable() { Some(self.variable()?) } else { None };
        let labels = if self.sees(Sign::Colon) { self.labels()? } else { Vec::new() };
        let properties = self.property_pattern()?;
        if self.sees_words(&["WHERE"]) {
            let hint = "; write WHERE after the pattern";
            return Err(self.unsupported_hint("WHERE in a pattern", hint));
        }
        self.expect(Sign::Close)?;
        Ok(NodePattern { variable, labels, properties, span: begin.to(self.last_span()) })
    }

    /// `:A:B`.
    pub(super) fn labels(&mut self) -> Parsed<Vec<Name>> {
        let mut labels: Vec<Name> = Vec::new();
        while self.take(Sign::Colon) {
            if let TokenKind::Parameter(_) = self.peek() {
                return Err(self.unsupported("a label that is a parameter"));
            }
            let label = self.name("a label")?;
            if !labels.contains(&label) {
                labels.push(label);
            }
            if [Sign::Bar, Sign::Ampersand, Sign::Bang].into_iter().any(|sign| self.sees(sign)) {
                let hint = "; write :A:B for a node with both";
                return Err(self.unsupported_hint("a label expression", hint));
            }
        }
        Ok(labels)
    }

    fn edge_pattern(&mut self) -> Parsed<EdgePattern> {
        let begin = self.span();
        let left = self.take(Sign::Less);
        self.expect(Sign::Minus)?;
        let (mut variable, mut kinds) = (None, Vec::new());
        let mut properties = PropertyPattern::Each(Vec::new());
        if self.take(Sign::OpenList) {
            if self.sees_variable() {
                variable = Some(self.variable()?);
            }
            if self.take(Sign::Colon) {
                kinds = self.kinds()?;
            }
            if self.sees(Sign::Star) {
                return Err(self.unsupported("a path of variable length"));
            }
            properties = self.property_pattern()?;
            self.expect(Sign::CloseList)?;
        }
        self.expect(Sign::Minus)?;
        let right = self.take(Sign::Greater);
        let direction = match (left, right) {
            (true, false) => Direction::Left,
            (false, true) => Direction::Right,
            (true, true) | (false, false) => Direction::Either,
        };
        Ok(EdgePattern { variable, kinds, properties, direction, span: begin.to(self.last_span()) })
    }

    /// `A|B`, also `A|:B`.
    fn kinds(&mut self) -> Parsed<Vec<Name>> {
        let mut kinds = vec![self.name("a relationship type")?];
        while self.take(Sign::Bar) {
            self.take(Sign::Colon);
            kinds.push(self.name("a relationship type")?);
        }
        Ok(kinds)
    }

    fn property_pattern(&mut self) -> Parsed<PropertyPattern> {
        let begin = self.span();
        if let TokenKind::Parameter(name) = self.peek() {
            let name = Name::from(name.as_str());
            self.skip();
            let parameter = self.expr(ExprKind::Parameter(name), begin)?;
            return Ok(PropertyPattern::Parameter(parameter));
        }
        if !self.sees(Sign::OpenMap) {
            return Ok(PropertyPattern::Each(Vec::new()));
        }
        Ok(PropertyPattern::Each(self.map_entries()?))
    }
}
