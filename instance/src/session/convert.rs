//! Values of Bolt to values of Cypher and back.

use crate::graph::EdgeId;
use crate::value::{Answer, EdgeView, Entity, Name, NodeView, Property, Temporal, Value};
use bolt::Version;
use bolt::value as wire;

/// A parameter that no property could hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} cannot be a parameter; pass its properties in a map")]
pub(crate) struct Unfit(bolt::value::Kind);

const NANOS_PER_MICRO: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A parameter. What is finer than a microsecond is cut off, as Memgraph does.
pub(crate) fn parameter(value: &wire::Value) -> Result<Property, Unfit> {
    Ok(match value {
        wire::Value::Null => Value::Null,
        wire::Value::Bool(truth) => Value::Bool(*truth),
        wire::Value::Int(number) => Value::Int(*number),
        wire::Value::Float(number) => Value::float(*number),
        wire::Value::String(text) => Value::text(text.as_str()),
        wire::Value::List(items) => {
            Value::list(items.iter().map(parameter).collect::<Result<_, _>>()?)
        }
        wire::Value::Map(map) => {
            let entry =
                |(name, value): (&String, _)| Ok((Name::from(name.as_str()), parameter(value)?));
            Value::map(map.iter().map(entry).collect::<Result<_, _>>()?)
        }
        wire::Value::Date(date) => {
            let days = i32::try_from(date.days).map_err(|_| Unfit(value.kind()))?;
            Value::Temporal(Temporal::Date { days })
        }
        wire::Value::LocalTime(time) => {
            Value::Temporal(Temporal::LocalTime { micros: time.nanoseconds / NANOS_PER_MICRO })
        }
        wire::Value::LocalDateTime(time) => Value::Temporal(Temporal::LocalDateTime {
            micros: micros(time.seconds, time.nanoseconds).ok_or(Unfit(value.kind()))?,
        }),
        wire::Value::DateTime(time) => {
            let utc = time.in_form(wire::TimeForm::Utc).ok_or(Unfit(value.kind()))?;
            let offset = i32::try_from(utc.offset_seconds).map_err(|_| Unfit(value.kind()))?;
            Value::Temporal(Temporal::ZonedDateTime {
                micros: micros(utc.seconds, utc.nanoseconds).ok_or(Unfit(value.kind()))?,
                offset_seconds: offset,
            })
        }
        wire::Value::Duration(span) if span.months == 0 => {
            let days = span.days.checked_mul(SECONDS_PER_DAY);
            let seconds = days.and_then(|days| days.checked_add(span.seconds));
            let total = seconds.and_then(|seconds| micros(seconds, span.nanoseconds));
            let micros = total.ok_or(Unfit(value.kind()))?;
            Value::Temporal(Temporal::Duration { micros })
        }
        wire::Value::Bytes(_)
        | wire::Value::Node(_)
        | wire::Value::Relationship(_)
        | wire::Value::UnboundRelationship(_)
        | wire::Value::Path(_)
        | wire::Value::Time(_)
        | wire::Value::DateTimeZoneId(_)
        | wire::Value::Duration(_)
        | wire::Value::Point2D(_)
        | wire::Value::Point3D(_) => return Err(Unfit(value.kind())),
    })
}

fn micros(seconds: i64, nanoseconds: i64) -> Option<i64> {
    seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(nanoseconds / NANOS_PER_MICRO)
}

/// A value of a row, as a peer of that version reads it.
pub(super) fn answer(value: &Answer, version: Version) -> wire::Value {
    match value {
        Value::Null => wire::Value::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::Float(number) => number.get().into(),
        Value::String(text) => (&**text).into(),
        Value::List(items) => {
            items.iter().map(|item| answer(item, version)).collect::<Vec<_>>().into()
        }
        Value::Map(map) => {
            let entries =
                map.iter().map(|(name, value)| (name.to_string(), answer(value, version)));
            wire::map(entries).into()
        }
        Value::Temporal(temporal) => time(*temporal, version),
        Value::Entity(Entity::Node(view)) => wire::Value::Node(Box::new(node(view, version))),
        Value::Entity(Entity::Edge(view)) => {
            wire::Value::Relationship(Box::new(wire::Relationship {
                id: id(view.id.0),
                start: id(view.from.0),
                end: id(view.to.0),
                kind: view.kind.to_string(),
                properties: properties(&view.properties, version),
                element_ids: None,
            }))
        }
        Value::Entity(Entity::Path { nodes, edges }) => {
            wire::Value::Path(Box::new(path(nodes, edges, version)))
        }
    }
}

/// Ids on the wire are signed; ours never come near the sign.
fn id(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn properties(properties: &crate::graph::Properties, version: Version) -> wire::Map {
    let shown = |value: &Property| -> wire::Value {
        let converted: Result<Answer, crate::value::Never> =
            value.convert(&mut |never| match *never {});
        match converted {
            Ok(value) => answer(&value, version),
            Err(never) => match never {},
        }
    };
    properties.iter().map(|(name, value)| (name.to_string(), shown(value))).collect()
}

fn node(view: &NodeView, version: Version) -> wire::Node {
    wire::Node {
        id: id(view.id.0),
        labels: view.labels.iter().map(ToString::to_string).collect(),
        properties: properties(&view.properties, version),
        element_id: None,
    }
}

/// Nodes and relationships once each, and the way along them.
fn path(nodes: &[NodeView], edges: &[EdgeView], version: Version) -> wire::Path {
    let (mut unique, mut known): (Vec<&NodeView>, Vec<EdgeId>) = (Vec::new(), Vec::new());
    let mut relationships = Vec::new();
    let mut indices = Vec::new();
    let place = |view: &'_ NodeView, unique: &mut Vec<_>| {
        let found = unique.iter().position(|other: &&NodeView| other.id == view.id);
        found.unwrap_or(unique.len())
    };
    for (at, view) in nodes.iter().enumerate() {
        let index = place(view, &mut unique);
        if index == unique.len() {
            unique.push(view);
        }
        let Some(edge) = at.checked_sub(1).and_then(|before| edges.get(before)) else { continue };
        let found = known.iter().position(|other| *other == edge.id);
        let position = found.unwrap_or(known.len());
        if found.is_none() {
            known.push(edge.id);
            relationships.push(wire::UnboundRelationship {
                id: id(edge.id.0),
                kind: edge.kind.to_string(),
                properties: properties(&edge.properties, version),
                element_id: None,
            });
        }
        let position = i64::try_from(position + 1).unwrap_or(i64::MAX);
        let forward = nodes.get(at - 1).is_some_and(|from| from.id == edge.from);
        indices.push(if forward { position } else { -position });
        indices.push(i64::try_from(index).unwrap_or(i64::MAX));
    }
    let nodes = unique.into_iter().map(|view| node(view, version)).collect();
    wire::Path { nodes, relationships, indices }
}

fn time(temporal: Temporal, version: Version) -> wire::Value {
    let split = |micros: i64| {
        let nanoseconds = micros.rem_euclid(MICROS_PER_SECOND) * NANOS_PER_MICRO;
        (micros.div_euclid(MICROS_PER_SECOND), nanoseconds)
    };
    match temporal {
        Temporal::Date { days } => wire::Value::Date(wire::Date { days: days.into() }),
        Temporal::LocalTime { micros } => wire::Value::LocalTime(wire::LocalTime {
            nanoseconds: micros.saturating_mul(NANOS_PER_MICRO),
        }),
        Temporal::LocalDateTime { micros } => {
            let (seconds, nanoseconds) = split(micros);
            wire::Value::LocalDateTime(wire::LocalDateTime { seconds, nanoseconds })
        }
        Temporal::ZonedDateTime { micros, offset_seconds } => {
            let (seconds, nanoseconds) = split(micros);
            let offset_seconds = offset_seconds.into();
            let form = wire::TimeForm::Utc;
            let utc = wire::DateTime { seconds, nanoseconds, offset_seconds, form };
            let local = utc.in_form(wire::TimeForm::Local).filter(|_| version.major < 5);
            wire::Value::DateTime(Box::new(local.unwrap_or(utc)))
        }
        Temporal::Duration { micros } => {
            let (seconds, nanoseconds) = split(micros);
            wire::Value::Duration(Box::new(wire::Duration {
                months: 0,
                days: seconds.div_euclid(SECONDS_PER_DAY),
                seconds: seconds.rem_euclid(SECONDS_PER_DAY),
                nanoseconds,
            }))
        }
    }
}
