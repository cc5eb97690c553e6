//! Functions of entities, lists, numbers and times, and looking into lists. A null argument gives
//! null unless the function says otherwise.

use super::operators::{Number, number, show_float, whole};
use super::{Evaluator, type_name};
use crate::cypher::Function;
use crate::cypher::ast::Expr;
use crate::execute::error::{QueryError, temporal};
use crate::execute::scope::Row;
use crate::execute::{Done, Place};
use crate::graph::{Edge, EdgeId, Node, NodeId, Object};
use crate::value::{Item, Name, Path, Reference, Temporal, TemporalError, Value};

impl Evaluator<'_> {
    pub(super) fn call(&self, expr: &Expr, function: Function, arguments: &[Item]) -> Done<Item> {
        if function == Function::Coalesce {
            let found = arguments.iter().find(|argument| !argument.is_null());
            return Ok(found.cloned().unwrap_or(Value::Null));
        }
        if function == Function::ValueType {
            return Ok(Value::text(arguments.first().map_or("NULL", type_name)));
        }
        if arguments.iter().any(Item::is_null) {
            return Ok(Value::Null);
        }
        match arguments {
            [] => self.moment(expr, function),
            [value] => self.call_one(expr, function, value),
            _ if function == Function::Range => self.range(expr, arguments),
            _ => self.call_text(expr, function, arguments),
        }
    }

    /// Functions of no argument: what time it is.
    fn moment(&self, expr: &Expr, function: Function) -> Done<Item> {
        let micros = self.settings.now_micros;
        let moments = [
            (Function::Timestamp, Value::Int(micros)),
            (
                Function::DateTime,
                Value::Temporal(Temporal::ZonedDateTime { micros, offset_seconds: 0 }),
            ),
            (Function::LocalDateTime, Value::Temporal(Temporal::LocalDateTime { micros })),
            (Function::LocalTime, Value::Temporal(Temporal::time_at(micros))),
            (Function::Date, Value::Temporal(Temporal::date_at(micros))),
        ];
        let found = moments.into_iter().find(|(own, _)| *own == function);
        found.map(|(_, moment)| moment).ok_or_else(|| self.wrong(expr, "an argument is missing"))
    }

    fn call_one(&self, expr: &Expr, function: Function, value: &Item) -> Done<Item> {
        match (function, value) {
            (Function::Abs | Function::Ceil | Function::Floor | Function::Sign, _) => {
                self.round(expr, function, value)
            }
            (Function::Date, _) => self.parse(expr, function, value, Temporal::parse_date),
            (Function::LocalTime, _) => self.parse(expr, function, value, Temporal::parse_time),
            (Function::LocalDateTime, _) => {
                self.parse(expr, function, value, Temporal::parse_local)
            }
            (Function::DateTime, _) => self.parse(expr, function, value, Temporal::parse_zoned),
            (Function::Duration, _) => self.parse(expr, function, value, Temporal::parse_duration),
            (
                Function::Head
                | Function::Last
                | Function::Tail
                | Function::Reverse
                | Function::Size,
                _,
            ) => self.look(expr, function, value),
            (
                Function::ToInteger | Function::ToFloat | Function::ToBoolean | Function::ToString,
                _,
            ) => self.cast(expr, function, value),
            (_, Value::Entity(_) | Value::Map(_)) => self.inspect(expr, function, value),
            _ => self.call_text(expr, function, std::slice::from_ref(value)),
        }
    }

    fn round(&self, expr: &Expr, function: Function, value: &Item) -> Done<Item> {
        let Some(number) = number(value) else { return self.unfit_argument(expr, function, value) };
        Ok(match (function, number) {
            (Function::Abs, Number::Int(number)) => match number.checked_abs() {
                Some(number) => Value::Int(number),
                None => return Err(self.wrong(expr, "the result exceeds 64 bits")),
            },
            (Function::Sign, Number::Int(number)) => Value::Int(number.signum()),
            (Function::Sign, Number::Float(number)) => {
                Value::Int(i64::from(number > 0.0) - i64::from(number < 0.0))
            }
            (Function::Abs, number) => Value::float(number.float().abs()),
            (Function::Ceil, number) => Value::float(number.float().ceil()),
            (_, number) => Value::float(number.float().floor()),
        })
    }

    fn parse(
        &self,
        expr: &Expr,
        function: Function,
        value: &Item,
        parse: fn(&str) -> Result<Temporal, TemporalError>,
    ) -> Done<Item> {
        let Value::String(text) = value else { return self.unfit_argument(expr, function, value) };
        let place = Place::of(self.text, expr.span.start);
        parse(text).map(Value::Temporal).map_err(|why| temporal(place, &why))
    }

    /// Functions of entities and maps.
    fn inspect(&self, expr: &Expr, function: Function, value: &Item) -> Done<Item> {
        let names = |names: &mut dyn Iterator<Item = &Name>| {
            self.list(names.map(|name| Value::String(name.clone())).collect())
        };
        match (function, value) {
            (Function::Keys, Value::Map(entries)) => names(&mut entries.keys()),
            (Function::Properties, Value::Map(_)) => Ok(value.clone()),
            (Function::Keys, Value::Entity(of)) => names(&mut self.properties(expr, of)?.keys()),
            (Function::Properties, Value::Entity(of)) => {
                let properties = self.properties(expr, of)?.iter();
                self.map(properties.map(|(name, value)| (name.clone(), value.into())).collect())
            }
            (Function::Id, Value::Entity(Reference::Node(id))) => Ok(whole_id(id.0)),
            (Function::Id, Value::Entity(Reference::Edge(id))) => Ok(whole_id(id.0)),
            (Function::Labels, Value::Entity(Reference::Node(id))) => {
                names(&mut self.node(*id)?.labels.iter())
            }
            (Function::Type, Value::Entity(Reference::Edge(id))) => {
                Ok(Value::String(self.edge(*id)?.kind.clone()))
            }
            (Function::StartNode, Value::Entity(Reference::Edge(id))) => {
                Ok(node_item(self.edge(*id)?.from))
            }
            (Function::EndNode, Value::Entity(Reference::Edge(id))) => {
                Ok(node_item(self.edge(*id)?.to))
            }
            (_, Value::Entity(Reference::Path(path))) => self.inspect_path(expr, function, path),
            _ => self.unfit_argument(expr, function, value),
        }
    }

    fn inspect_path(&self, expr: &Expr, function: Function, path: &Path) -> Done<Item> {
        match (function, path.edges.len()) {
            (Function::Nodes, _) => self.list(path.nodes.iter().map(|id| node_item(*id)).collect()),
            (Function::Relationships, _) => {
                let edges = path.edges.iter();
                self.list(edges.map(|id| Value::Entity(Reference::Edge(*id))).collect())
            }
            (Function::Length, length) => Ok(count(length)),
            _ => Err(self.wrong(expr, format!("{}() takes no path", function.name()))),
        }
    }

    fn node(&self, id: NodeId) -> Done<&Node> {
        self.view.node(id).ok_or(QueryError::Deleted(Object::Node(id)))
    }

    fn edge(&self, id: EdgeId) -> Done<&Edge> {
        self.view.edge(id).ok_or(QueryError::Deleted(Object::Edge(id)))
    }

    /// Functions of lists, some of which take texts too.
    fn look(&self, expr: &Expr, function: Function, value: &Item) -> Done<Item> {
        match (function, value) {
            (Function::Size, Value::Map(entries)) => return Ok(count(entries.len())),
            (_, Value::String(_)) => {
                return self.call_text(expr, function, std::slice::from_ref(value));
            }
            _ => {}
        }
        let Value::List(items) = value else { return self.unfit_argument(expr, function, value) };
        match (function, items.len()) {
            (Function::Head, _) => Ok(items.first().cloned().unwrap_or(Value::Null)),
            (Function::Last, _) => Ok(items.last().cloned().unwrap_or(Value::Null)),
            (Function::Tail, _) => self.list(items.iter().skip(1).cloned().collect()),
            (Function::Reverse, _) => self.list(items.iter().rev().cloned().collect()),
            (Function::Size, length) => Ok(count(length)),
            _ => self.unfit_argument(expr, function, value),
        }
    }

    /// From one type to another; a text that is no such value gives null.
    fn cast(&self, expr: &Expr, function: Function, value: &Item) -> Done<Item> {
        let cast = match (function, value) {
            (Function::ToInteger, Value::Int(_))
            | (Function::ToFloat, Value::Float(_))
            | (Function::ToBoolean, Value::Bool(_))
            | (Function::ToString, Value::String(_)) => Some(value.clone()),
            (Function::ToInteger, Value::Bool(truth)) => Some(Value::Int(i64::from(*truth))),
            (Function::ToInteger, Value::Float(number)) => {
                let number = whole(number.get().trunc()).map(Value::Int);
                Some(number.ok_or_else(|| self.wrong(expr, "the result exceeds 64 bits"))?)
            }
            (Function::ToInteger, Value::String(text)) => {
                let text = text.trim();
                let parsed = text.parse().ok();
                let float = || text.parse::<f64>().ok().and_then(|number| whole(number.trunc()));
                Some(parsed.or_else(float).map_or(Value::Null, Value::Int))
            }
            (Function::ToFloat, Value::Int(number)) => {
                Some(Value::float(Number::Int(*number).float()))
            }
            (Function::ToFloat, Value::String(text)) => {
                Some(text.trim().parse().map_or(Value::Null, Value::float))
            }
            (Function::ToBoolean, Value::Int(number)) => Some(Value::Bool(*number != 0)),
            (Function::ToBoolean, Value::String(text)) => {
                let text = text.trim().to_ascii_lowercase();
                Some(text.parse().map_or(Value::Null, Value::Bool))
            }
            (Function::ToString, Value::Bool(truth)) => Some(Value::text(truth.to_string())),
            (Function::ToString, Value::Int(number)) => Some(Value::text(number.to_string())),
            (Function::ToString, Value::Float(number)) => Some(Value::text(show_float(*number))),
            (Function::ToString, Value::Temporal(moment)) => Some(Value::text(moment.to_string())),
            _ => None,
        };
        cast.map_or_else(|| self.unfit_argument(expr, function, value), Ok)
    }

    fn range(&self, expr: &Expr, arguments: &[Item]) -> Done<Item> {
        let mut bounds = Vec::new();
        for argument in arguments {
            let Value::Int(number) = argument else {
                return self.unfit_argument(expr, Function::Range, argument);
            };
            bounds.push(*number);
        }
        let (from, to, step) = match bounds.as_slice() {
            [from, to] => (*from, *to, 1),
            [from, to, step] => (*from, *to, *step),
            _ => return Err(self.wrong(expr, "range() needs two or three numbers")),
        };
        if step == 0 {
            return Err(self.wrong(expr, "the step of range() must not be 0"));
        }
        let mut items = Vec::new();
        let mut next = Some(from);
        while let Some(number) =
            next.filter(|number| if step > 0 { *number <= to } else { *number >= to })
        {
            self.budget.build(super::VALUE_BYTES)?;
            items.push(Value::Int(number));
            next = number.checked_add(step);
        }
        Ok(Value::list(items))
    }

    /// `of[at]`: an item of a list, counted from 0 or from the end by -1, or an entry by name.
    pub(super) fn index(&self, expr: &Expr, of: &Expr, at: &Expr, row: &Row) -> Done<Item> {
        let (of, at) = (self.evaluate(of, row)?, self.evaluate(at, row)?);
        match (&of, &at) {
            (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
            (Value::List(items), Value::Int(at)) => {
                let at = position(*at, items.len());
                let at = usize::try_from(at).ok();
                Ok(at.and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null))
            }
            (Value::Map(_) | Value::Entity(_), Value::String(name)) => {
                self.property(expr, &of, name)
            }
            _ => {
                let (of, at) = (type_name(&of), type_name(&at));
                Err(self.wrong(expr, format!("cannot look into {of} by {at}")))
            }
        }
    }

    /// `of[from..to]`: the items from one position up to before another.
    pub(super) fn slice(
        &self,
        expr: &Expr,
        of: &Expr,
        from: Option<&Expr>,
        to: Option<&Expr>,
        row: &Row,
    ) -> Done<Item> {
        let of = self.evaluate(of, row)?;
        let mut bounds = [None, None];
        for (slot, bound) in bounds.iter_mut().zip([from, to]) {
            let Some(bound) = bound else { continue };
            *slot = Some(self.evaluate(bound, row)?);
        }
        let Value::List(items) = &of else {
            if of.is_null() {
                return Ok(Value::Null);
            }
            return Err(self.mistyped(expr, "a part of a list", "LIST", &of));
        };
        let length = items.len();
        let mut ends = [0, length];
        for (end, bound) in ends.iter_mut().zip(&bounds) {
            match bound {
                None => {}
                Some(Value::Int(at)) => {
                    let at = position(*at, length).max(0);
                    *end = usize::try_from(at).map_or(length, |at| at.min(length));
                }
                Some(Value::Null) => return Ok(Value::Null),
                Some(other) => return Err(self.mistyped(expr, "a position", "INTEGER", other)),
            }
        }
        let [from, to] = ends;
        self.list(items.get(from..to).unwrap_or_default().to_vec())
    }

    pub(super) fn unfit_argument<T>(
        &self,
        expr: &Expr,
        function: Function,
        value: &Item,
    ) -> Done<T> {
        let (name, found) = (function.name(), type_name(value));
        Err(self.wrong(expr, format!("{name}() takes no {found}")))
    }
}

/// A position from the start, where negative ones count from the end.
fn position(at: i64, length: usize) -> i64 {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    if at < 0 { at.saturating_add(length) } else { at }
}

/// A number of things.
pub(super) fn count(things: usize) -> Item {
    Value::Int(i64::try_from(things).unwrap_or(i64::MAX))
}

fn whole_id(id: u64) -> Item {
    Value::Int(i64::try_from(id).unwrap_or(i64::MAX))
}

fn node_item(id: NodeId) -> Item {
    Value::Entity(Reference::Node(id))
}
