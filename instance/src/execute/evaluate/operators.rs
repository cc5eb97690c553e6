//! Comparing, counting and joining values. Null is "unknown" and spreads.

#![expect(clippy::float_arithmetic, reason = "numbers with a fraction are values of the language")]

use super::{Evaluator, truth_item, type_name};
use crate::cypher::ast::{Comparison, Expr, Logic, Math, TextTest};
use crate::execute::Done;
use crate::value::{Float, Item, Value};
use std::cmp::Ordering;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn compare(
        &self,
        expr: &Expr,
        comparison: Comparison,
        left: &Item,
        right: &Item,
    ) -> Done<Item> {
        let ordered = |test: fn(Ordering) -> bool| {
            Ok(truth_item(self.ordering(expr, left, right)?.map(test)))
        };
        match comparison {
            Comparison::Equal => Ok(truth_item(equal(left, right))),
            Comparison::NotEqual => Ok(truth_item(equal(left, right).map(|same| !same))),
            Comparison::Less => ordered(Ordering::is_lt),
            Comparison::AtMost => ordered(Ordering::is_le),
            Comparison::Greater => ordered(Ordering::is_gt),
            Comparison::AtLeast => ordered(Ordering::is_ge),
        }
    }

    /// The order of two values of one type; none if one is null or no number.
    fn ordering(&self, expr: &Expr, left: &Item, right: &Item) -> Done<Option<Ordering>> {
        if left.is_null() || right.is_null() {
            return Ok(None);
        }
        if let (Some(one), Some(other)) = (number(left), number(right)) {
            return Ok(compare_numbers(one, other));
        }
        match (left, right) {
            (Value::String(one), Value::String(other)) => Ok(Some(one.cmp(other))),
            (Value::Temporal(one), Value::Temporal(other))
                if one.type_name() == other.type_name() =>
            {
                Ok(Some(one.cmp(other)))
            }
            _ => Err(self.unfit(expr, "compare", left, right)),
        }
    }

    pub(super) fn contained(&self, expr: &Expr, value: &Item, list: &Item) -> Done<Item> {
        let Value::List(items) = list else {
            return if list.is_null() {
                Ok(Value::Null)
            } else {
                Err(self.mistyped(expr, "IN", "LIST", list))
            };
        };
        let mut found = Some(false);
        for item in items.iter() {
            self.budget.step()?;
            match equal(value, item) {
                Some(true) => return Ok(Value::Bool(true)),
                Some(false) => {}
                None => found = None,
            }
        }
        Ok(truth_item(found))
    }

    pub(super) fn test_text(
        &self,
        expr: &Expr,
        test: TextTest,
        left: &Item,
        right: &Item,
    ) -> Done<Item> {
        if left.is_null() || right.is_null() {
            return Ok(Value::Null);
        }
        let (Value::String(text), Value::String(part)) = (left, right) else {
            return Err(self.unfit(expr, "search texts in", left, right));
        };
        Ok(Value::Bool(match test {
            TextTest::StartsWith => text.starts_with(&**part),
            TextTest::EndsWith => text.ends_with(&**part),
            TextTest::Contains => text.contains(&**part),
        }))
    }

    pub(super) fn add(&self, expr: &Expr, left: &Item, right: &Item) -> Done<Item> {
        match (left, right) {
            (Value::List(one), Value::List(other)) => {
                self.list(one.iter().chain(other.iter()).cloned().collect())
            }
            (Value::List(items), item) => self.list(items.iter().chain([item]).cloned().collect()),
            (item, Value::List(items)) => {
                self.list(std::iter::once(item).chain(items.iter()).cloned().collect())
            }
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            (Value::String(one), other) => match shown(other) {
                Some(other) => self.text(format!("{one}{other}")),
                None => Err(self.unfit(expr, "add", left, right)),
            },
            (one, Value::String(other)) => match shown(one) {
                Some(one) => self.text(format!("{one}{other}")),
                None => Err(self.unfit(expr, "add", left, right)),
            },
            _ => self.calculate(expr, Math::Add, left, right),
        }
    }

    pub(super) fn calculate(
        &self,
        expr: &Expr,
        operator: Math,
        left: &Item,
        right: &Item,
    ) -> Done<Item> {
        if left.is_null() || right.is_null() {
            return Ok(Value::Null);
        }
        if let (Value::Int(one), Value::Int(other)) = (left, right)
            && operator != Math::Power
        {
            return self.calculate_whole(expr, operator, *one, *other);
        }
        let (Some(one), Some(other)) = (number(left), number(right)) else {
            return Err(self.unfit(expr, "calculate with", left, right));
        };
        let (one, other) = (one.float(), other.float());
        Ok(Value::float(match operator {
            Math::Add => one + other,
            Math::Subtract => one - other,
            Math::Multiply => one * other,
            Math::Divide => one / other,
            Math::Modulo => one % other,
            Math::Power => one.powf(other),
        }))
    }

    fn calculate_whole(&self, expr: &Expr, operator: Math, one: i64, other: i64) -> Done<Item> {
        if other == 0 && matches!(operator, Math::Divide | Math::Modulo) {
            return Err(self.wrong(expr, "Division by zero."));
        }
        let number = match operator {
            Math::Add => one.checked_add(other),
            Math::Subtract => one.checked_sub(other),
            Math::Multiply => one.checked_mul(other),
            Math::Divide => one.checked_div(other),
            Math::Modulo => one.checked_rem(other),
            Math::Power => None,
        };
        number.map(Value::Int).ok_or_else(|| self.wrong(expr, "the result exceeds 64 bits"))
    }

    pub(super) fn negate(&self, expr: &Expr, value: Item) -> Done<Item> {
        match value {
            Value::Null => Ok(Value::Null),
            Value::Int(number) => number
                .checked_neg()
                .map(Value::Int)
                .ok_or_else(|| self.wrong(expr, "the result exceeds 64 bits")),
            Value::Float(number) => Ok(Value::float(-number.get())),
            Value::Bool(_)
            | Value::String(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Temporal(_)
            | Value::Entity(_) => Err(self.mistyped(expr, "a sign", "a number", &value)),
        }
    }

    pub(super) fn plus(&self, expr: &Expr, value: Item) -> Done<Item> {
        if value.is_null() || number(&value).is_some() {
            return Ok(value);
        }
        Err(self.mistyped(expr, "a sign", "a number", &value))
    }

    fn unfit(&self, expr: &Expr, verb: &str, left: &Item, right: &Item) -> super::QueryError {
        let (left, right) = (type_name(left), type_name(right));
        self.wrong(expr, format!("cannot {verb} {left} and {right}"))
    }
}

/// A number of either kind.
#[derive(Clone, Copy)]
pub(in crate::execute) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    pub(in crate::execute) const fn float(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "as in C++: the nearest float")]
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The number that a value is.
pub(in crate::execute) const fn number(value: &Item) -> Option<Number> {
    match value {
        Value::Int(number) => Some(Number::Int(*number)),
        Value::Float(number) => Some(Number::Float(number.get())),
        Value::Null
        | Value::Bool(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Temporal(_)
        | Value::Entity(_) => None,
    }
}

fn compare_numbers(one: Number, other: Number) -> Option<Ordering> {
    match (one, other) {
        (Number::Int(one), Number::Int(other)) => Some(one.cmp(&other)),
        (one, other) => one.float().partial_cmp(&other.float()),
    }
}

/// What a value adds to a text.
fn shown(value: &Item) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(show_float(*number)),
        Value::Null
        | Value::Bool(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Temporal(_)
        | Value::Entity(_) => None,
    }
}

/// A float as a text: always with a fraction.
pub(super) fn show_float(number: Float) -> String {
    format!("{:?}", number.get())
}

/// AND, OR and XOR where each side may be unknown.
pub(super) fn logic(operator: Logic, one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match operator {
        Logic::And => match (one, other) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Logic::Or => match (one, other) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Logic::Xor => Some(one? != other?),
    }
}

/// Whether two values are equal; unknown if one is null. Values of different types are not equal,
/// numbers of both kinds may be; within lists and maps null equals null.
pub(in crate::execute) fn equal(left: &Item, right: &Item) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    if let (Some(one), Some(other)) = (number(left), number(right)) {
        return Some(compare_numbers(one, other) == Some(Ordering::Equal));
    }
    Some(match (left, right) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other.iter()).all(|(a, b)| same(a, b))
        }
        (Value::Map(one), Value::Map(other)) => {
            one.len() == other.len()
                && one.iter().zip(other.iter()).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        _ => left == right,
    })
}

fn same(left: &Item, right: &Item) -> bool {
    equal(left, right).unwrap_or(left.is_null() && right.is_null())
}

/// What equal values have in common, for DISTINCT and groups: a float that is a whole number
/// counts as that number.
pub(in crate::execute) fn group_key(value: &Item) -> Item {
    match value {
        Value::Float(number) => whole(number.get()).map_or_else(|| value.clone(), Value::Int),
        Value::List(items) => Value::list(items.iter().map(group_key).collect()),
        Value::Map(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), group_key(value)));
            Value::Map(Arc::new(entries.collect()))
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::String(_)
        | Value::Temporal(_)
        | Value::Entity(_) => value.clone(),
    }
}

/// The whole number that a float is exactly.
pub(in crate::execute) fn whole(number: f64) -> Option<i64> {
    let fits = number.trunc() == number && (-9.2e18..9.2e18).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    fits.then_some(number as i64)
}

/// The order of ORDER BY, min and max, null last; none where two values have none.
pub(in crate::execute) fn order(left: &Item, right: &Item) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => return Some(Ordering::Equal),
        (Value::Null, _) => return Some(Ordering::Greater),
        (_, Value::Null) => return Some(Ordering::Less),
        _ => {}
    }
    if let (Some(one), Some(other)) = (number(left), number(right)) {
        let nan = || one.float().total_cmp(&other.float());
        return Some(compare_numbers(one, other).unwrap_or_else(nan));
    }
    match (left, right) {
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Temporal(one), Value::Temporal(other)) if one.type_name() == other.type_name() => {
            Some(one.cmp(other))
        }
        (Value::List(one), Value::List(other)) => {
            let pairs = one.iter().zip(other.iter());
            for (one, other) in pairs {
                match order(one, other) {
                    Some(Ordering::Equal) => {}
                    decided => return decided,
                }
            }
            Some(one.len().cmp(&other.len()))
        }
        _ => None,
    }
}
