//! Functions of texts. Positions and sizes count characters.

use super::Evaluator;
use super::functions::count;
use crate::cypher::Function;
use crate::cypher::ast::Expr;
use crate::execute::Done;
use crate::value::{Item, Value};

impl Evaluator<'_> {
    /// A function whose first argument is a text.
    pub(super) fn call_text(
        &self,
        expr: &Expr,
        function: Function,
        arguments: &[Item],
    ) -> Done<Item> {
        let Some((first, others)) = arguments.split_first() else {
            return Err(self.wrong(expr, "an argument is missing"));
        };
        let Value::String(text) = first else { return self.unfit_argument(expr, function, first) };
        match (function, others) {
            (Function::Size, []) => Ok(count(text.chars().count())),
            (Function::ToLower, []) => self.text(text.to_lowercase()),
            (Function::ToUpper, []) => self.text(text.to_uppercase()),
            (Function::Trim, []) => self.text(text.trim().into()),
            (Function::Reverse, []) => self.text(text.chars().rev().collect()),
            (Function::Left, [length]) => {
                let length = self.length(expr, length)?;
                self.text(text.chars().take(length).collect())
            }
            (Function::Right, [length]) => {
                let length = self.length(expr, length)?;
                let skipped = text.chars().count().saturating_sub(length);
                self.text(text.chars().skip(skipped).collect())
            }
            (Function::Substring, [from]) => {
                let from = self.length(expr, from)?;
                self.text(text.chars().skip(from).collect())
            }
            (Function::Substring, [from, length]) => {
                let (from, length) = (self.length(expr, from)?, self.length(expr, length)?);
                self.text(text.chars().skip(from).take(length).collect())
            }
            (Function::Split, [Value::String(by)]) => {
                self.budget.build(text.len())?;
                if by.is_empty() {
                    return self.list(text.chars().map(|c| Value::text(c.to_string())).collect());
                }
                self.list(text.split(&**by).map(Value::text).collect())
            }
            (Function::Replace, [Value::String(part), Value::String(by)]) => {
                let grown = text.len().saturating_add(1).saturating_mul(by.len());
                self.budget.build(grown)?;
                self.text(text.replace(&**part, by))
            }
            (_, [wrong, ..]) => self.unfit_argument(expr, function, wrong),
            (_, []) => self.unfit_argument(expr, function, first),
        }
    }

    fn length(&self, expr: &Expr, value: &Item) -> Done<usize> {
        match value {
            Value::Int(number) => usize::try_from(*number)
                .map_err(|_| self.wrong(expr, "a position or length must not be negative")),
            Value::Null
            | Value::Bool(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Temporal(_)
            | Value::Entity(_) => {
                Err(self.mistyped(expr, "a position or length", "INTEGER", value))
            }
        }
    }
}
