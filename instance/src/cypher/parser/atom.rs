//! Constants, variables, functions and what stands in brackets.

use super::{Parsed, Parser};
use crate::cypher::ast::{Expr, ExprKind, Span};
use crate::cypher::function::{Aggregate, Function};
use crate::cypher::token::{Sign, TokenKind};
use crate::value::{Name, Property, Value};

impl Parser<'_> {
    pub(super) fn atom(&mut self) -> Parsed<Expr> {
        let begin = self.span();
        let kind = match self.peek().clone() {
            TokenKind::Int(number) => {
                let Ok(number) = i64::try_from(number) else {
                    return Err(self.unexpected("a number below 9223372036854775808"));
                };
                self.skip();
                ExprKind::Literal(Value::Int(number))
            }
            TokenKind::Float(number) => {
                self.skip();
                ExprKind::Literal(Value::float(number))
            }
            TokenKind::Text(text) => {
                self.skip();
                ExprKind::Literal(Value::text(text))
            }
            TokenKind::Parameter(name) => {
                self.skip();
                ExprKind::Parameter(name.into())
            }
            TokenKind::Sign(Sign::Open) => {
                self.skip();
                let mut inner = self.expression()?;
                self.expect(Sign::Close)?;
                inner.span = begin.to(self.last_span());
                return Ok(inner);
            }
            TokenKind::Sign(Sign::OpenList) => self.list()?,
            TokenKind::Sign(Sign::OpenMap) => ExprKind::Map(self.map_entries()?),
            TokenKind::Word(word) => self.worded(&word)?,
            TokenKind::Quoted(name) => {
                self.skip();
                ExprKind::Variable(name.into())
            }
            TokenKind::Sign(_) | TokenKind::End => {
                return Err(self.unexpected("an expression"));
            }
        };
        let span = begin.to(self.last_span());
        self.expr(kind, span)
    }

    /// A number after a minus sign, so that the least number can be written.
    pub(super) fn negative_number(&mut self, minus: Span) -> Parsed<Option<Expr>> {
        let TokenKind::Int(number) = *self.peek() else { return Ok(None) };
        let binds_stronger = [Sign::OpenList, Sign::Dot, Sign::Colon, Sign::Caret]
            .into_iter()
            .any(|sign| self.peek_at(1) == &TokenKind::Sign(sign));
        let Some(number) = 0_i64.checked_sub_unsigned(number).filter(|_| !binds_stronger) else {
            return Ok(None);
        };
        if self.word_at(1).is_some_and(is_operand_word) {
            return Ok(None);
        }
        self.skip();
        let span = minus.to(self.last_span());
        self.expr(ExprKind::Literal(Value::Int(number)), span).map(Some)
    }

    fn list(&mut self) -> Parsed<ExprKind> {
        self.expect(Sign::OpenList)?;
        let binds = self.word_at(1).is_some_and(|word| word.eq_ignore_ascii_case("IN"));
        if self.sees_variable() && binds {
            return Err(self.unsupported("a list comprehension"));
        }
        let items =
            if self.sees(Sign::CloseList) { Vec::new() } else { self.separated(Self::expression)? };
        self.expect(Sign::CloseList)?;
        Ok(ExprKind::List(items))
    }

    pub(super) fn map_entries(&mut self) -> Parsed<Vec<(Name, Expr)>> {
        self.expect(Sign::OpenMap)?;
        if self.take(Sign::CloseMap) {
            return Ok(Vec::new());
        }
        let entries = self.separated(|parser| {
            let name = parser.name("the name of an entry")?;
            parser.expect(Sign::Colon)?;
            Ok((name, parser.expression()?))
        })?;
        self.expect(Sign::CloseMap)?;
        Ok(entries)
    }

    /// What begins with a word: a constant, CASE, a function or a variable.
    fn worded(&mut self, word: &str) -> Parsed<ExprKind> {
        let constants = [
            ("NULL", Property::Null),
            ("TRUE", Property::Bool(true)),
            ("FALSE", Property::Bool(false)),
        ];
        let calls = self.peek_at(1) == &TokenKind::Sign(Sign::Open);
        if let Some((_, constant)) =
            constants.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name))
        {
            self.skip();
            return Ok(ExprKind::Literal(constant));
        }
        if self.take_words(&["CASE"]) {
            return self.case();
        }
        if calls { self.call(word) } else { Ok(ExprKind::Variable(self.variable_name()?)) }
    }

    fn call(&mut self, name: &str) -> Parsed<ExprKind> {
        if let Some(function) = Aggregate::by_name(name) {
            self.skip();
            return self.aggregate(function);
        }
        let Some(function) = Function::by_name(name) else {
            return Err(self.unsupported(format!("the function {name}()")));
        };
        self.skip();
        self.expect(Sign::Open)?;
        if self.sees_words(&["DISTINCT"]) {
            return Err(self.unexpected("an argument without DISTINCT"));
        }
        let arguments =
            if self.sees(Sign::Close) { Vec::new() } else { self.separated(Self::expression)? };
        let (least, most) = function.arguments();
        if arguments.len() < least || arguments.len() > most {
            let given = arguments.len();
            let wanted =
                if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let name = function.name();
            let expected = format!("{wanted} arguments of {name}(), given are {given}");
            return Err(self.unexpected(&expected));
        }
        self.expect(Sign::Close)?;
        Ok(ExprKind::Call(function, arguments))
    }

    fn aggregate(&mut self, function: Aggregate) -> Parsed<ExprKind> {
        self.expect(Sign::Open)?;
        if function == Aggregate::Count && self.take(Sign::Star) {
            self.expect(Sign::Close)?;
            return Ok(ExprKind::Aggregate { function, distinct: false, of: None });
        }
        let distinct = self.take_words(&["DISTINCT"]);
        let of = Some(Box::new(self.expression()?));
        if self.sees(Sign::Comma) {
            return Err(self.unsupported(format!("{}() of two values", function.name())));
        }
        self.expect(Sign::Close)?;
        Ok(ExprKind::Aggregate { function, distinct, of })
    }

    fn case(&mut self) -> Parsed<ExprKind> {
        let subject = match self.sees_words(&["WHEN"]) {
            true => None,
            false => Some(Box::new(self.expression()?)),
        };
        let mut arms = Vec::new();
        while self.take_words(&["WHEN"]) {
            let when = self.expression()?;
            self.expect_word("THEN")?;
            arms.push((when, self.expression()?));
        }
        if arms.is_empty() {
            return Err(self.unexpected("WHEN"));
        }
        let otherwise = match self.take_words(&["ELSE"]) {
            true => Some(Box::new(self.expression()?)),
            false => None,
        };
        self.expect_word("END")?;
        Ok(ExprKind::Case { subject, arms, otherwise })
    }
}

/// Words that bind more strongly to the number before them than its sign does.
fn is_operand_word(word: &str) -> bool {
    ["IN", "IS", "STARTS", "ENDS", "CONTAINS"].into_iter().any(|own| word.eq_ignore_ascii_case(own))
}
