//! Operators, by the strength with which they bind: OR, XOR, AND, NOT, comparisons, `+ -`,
//! `* / %`, `^`, signs, then the words of texts and lists, then indexing.

use super::{MAX_NESTING, MAX_OPEN, Parsed, Parser};
use crate::cypher::ast::{
    BinaryOp, Comparison, Expr, ExprKind, Logic, Math, Span, TextTest, UnaryOp,
};
use crate::cypher::error::{Place, SyntaxError};
use crate::cypher::token::{Sign, TokenKind};

/// How strongly NOT binds: weaker than comparisons.
const NOT: u8 = 4;
const COMPARISON: u8 = 5;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        if self.open == MAX_OPEN {
            let place = self.place();
            return Err(SyntaxError::TooMuch { place, what: "open brackets", limit: MAX_OPEN });
        }
        self.open += 1;
        let parsed = self.binary(1);
        self.open -= 1;
        parsed
    }

    /// A node of the tree, if the tree is not too deep then.
    pub(super) fn expr(&self, kind: ExprKind, span: Span) -> Parsed<Expr> {
        let depth = 1 + kind.parts().iter().map(|part| part.depth).max().unwrap_or(0);
        if depth > MAX_NESTING {
            let place = Place::of(self.text, span.start);
            let what = "operators and expressions within each other";
            return Err(SyntaxError::TooMuch { place, what, limit: MAX_NESTING });
        }
        Ok(Expr { kind, span, depth })
    }

    /// The operator that comes next, with its strength.
    fn binary_operator(&self) -> Option<(BinaryOp, u8)> {
        let TokenKind::Sign(sign) = *self.peek() else {
            let words = [
                ("OR", BinaryOp::Logic(Logic::Or), 1),
                ("XOR", BinaryOp::Logic(Logic::Xor), 2),
                ("AND", BinaryOp::Logic(Logic::And), 3),
            ];
            let found = words.into_iter().find(|(word, ..)| self.sees_words(&[word]));
            return found.map(|(_, operator, strength)| (operator, strength));
        };
        let signs = [
            (Sign::Equal, BinaryOp::Compare(Comparison::Equal), COMPARISON),
            (Sign::NotEqual, BinaryOp::Compare(Comparison::NotEqual), COMPARISON),
            (Sign::BangEqual, BinaryOp::Compare(Comparison::NotEqual), COMPARISON),
            (Sign::Less, BinaryOp::Compare(Comparison::Less), COMPARISON),
            (Sign::AtMost, BinaryOp::Compare(Comparison::AtMost), COMPARISON),
            (Sign::Greater, BinaryOp::Compare(Comparison::Greater), COMPARISON),
            (Sign::AtLeast, BinaryOp::Compare(Comparison::AtLeast), COMPARISON),
            (Sign::Plus, BinaryOp::Math(Math::Add), 6),
            (Sign::Minus, BinaryOp::Math(Math::Subtract), 6),
            (Sign::Star, BinaryOp::Math(Math::Multiply), 7),
            (Sign::Slash, BinaryOp::Math(Math::Divide), 7),
            (Sign::Percent, BinaryOp::Math(Math::Modulo), 7),
            (Sign::Caret, BinaryOp::Math(Math::Power), 8),
        ];
        let found = signs.into_iter().find(|(own, ..)| *own == sign);
        found.map(|(_, operator, strength)| (operator, strength))
    }

    /// Operands and operators that bind at least so strongly; operators of one strength from the
    /// left.
    fn binary(&mut self, least: u8) -> Parsed<Expr> {
        let mut left = self.prefixed(least)?;
        while let Some((operator, strength)) = self.binary_operator() {
            if strength < least {
                break;
            }
            self.skip();
            let right = self.binary(strength + 1)?;
            if strength == COMPARISON
                && self.binary_operator().is_some_and(|(_, s)| s == COMPARISON)
            {
                let hint = "; write a < b AND b < c";
                return Err(self.unsupported_hint("a chain of comparisons", hint));
            }
            let span = left.span.to(right.span);
            left = self.expr(ExprKind::Binary(operator, left.into(), right.into()), span)?;
        }
        Ok(left)
    }

    /// NOT and signs before an operand.
    fn prefixed(&mut self, least: u8) -> Parsed<Expr> {
        let begin = self.span();
        if least <= NOT && self.sees_words(&["NOT"]) {
            let mut count = 0_usize;
            while self.take_words(&["NOT"]) {
                count += 1;
            }
            let mut operand = self.binary(NOT + 1)?;
            for _ in 0..count {
                let span = begin.to(operand.span);
                operand = self.expr(ExprKind::Unary(UnaryOp::Not, operand.into()), span)?;
            }
            return Ok(operand);
        }
        let mut signs = Vec::new();
        loop {
            let at = self.span();
            if self.take(Sign::Minus) {
                if let Some(number) = self.negative_number(at)? {
                    return self.with_signs(signs, number);
                }
                signs.push((UnaryOp::Minus, at));
            } else if self.take(Sign::Plus) {
                signs.push((UnaryOp::Plus, at));
            } else {
                break;
            }
        }
        let operand = self.operand()?;
        self.with_signs(signs, operand)
    }

    fn with_signs(&self, signs: Vec<(UnaryOp, Span)>, mut operand: Expr) -> Parsed<Expr> {
        for (sign, at) in signs.into_iter().rev() {
            let span = at.to(operand.span);
            operand = self.expr(ExprKind::Unary(sign, operand.into()), span)?;
        }
        Ok(operand)
    }

    /// Words of texts, lists and null after an operand.
    fn operand(&mut self) -> Parsed<Expr> {
        let mut left = self.indexed()?;
        loop {
            let words: [(&[&str], BinaryOp); 4] = [
                (&["STARTS", "WITH"], BinaryOp::Text(TextTest::StartsWith)),
                (&["ENDS", "WITH"], BinaryOp::Text(TextTest::EndsWith)),
                (&["CONTAINS"], BinaryOp::Text(TextTest::Contains)),
                (&["IN"], BinaryOp::In),
            ];
            if let Some((_, operator)) = words.into_iter().find(|(words, _)| self.take_words(words))
            {
                let right = self.indexed()?;
                let span = left.span.to(right.span);
                left = self.expr(ExprKind::Binary(operator, left.into(), right.into()), span)?;
            } else if self.take_words(&["IS"]) {
                let negated = self.take_words(&["NOT"]);
                self.expect_word("NULL")?;
                let span = left.span.to(self.last_span());
                left = self.expr(ExprKind::IsNull { of: left.into(), negated }, span)?;
            } else if self.sees(Sign::Matches) {
                return Err(self.unsupported("a regular expression"));
            } else {
                return Ok(left);
            }
        }
    }

    /// An atom with what is looked up in it.
    fn indexed(&mut self) -> Parsed<Expr> {
        let mut of = self.atom()?;
        loop {
            let begin = of.span;
            let kind = if self.take(Sign::Dot) {
                ExprKind::Property(of.into(), self.name("the name of a property")?)
            } else if self.sees(Sign::Colon) {
                ExprKind::HasLabels(of.into(), self.labels()?)
            } else if self.take(Sign::OpenList) {
                self.index(of)?
            } else {
                return Ok(of);
            };
            of = self.expr(kind, begin.to(self.last_span()))?;
        }
    }

    fn index(&mut self, of: Expr) -> Parsed<ExprKind> {
        let bound = |parser: &Self| parser.sees(Sign::Dots) || parser.sees(Sign::CloseList);
        let from = if bound(self) { None } else { Some(Box::new(self.expression()?)) };
        if self.take(Sign::Dots) {
            let to = if bound(self) { None } else { Some(Box::new(self.expression()?)) };
            self.expect(Sign::CloseList)?;
            return Ok(ExprKind::Slice(of.into(), from, to));
        }
        let Some(at) = from else { return Err(self.unexpected("a position or '..'")) };
        self.expect(Sign::CloseList)?;
        Ok(ExprKind::Index(of.into(), at))
    }
}
