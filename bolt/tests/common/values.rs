//! Values of every kind.

#![allow(clippy::wildcard_enum_match_arm, reason = "most values have no element ids")]

use bolt::{
    Map, Value,
    value::{
        Date, DateTime, DateTimeZoneId, Duration, LocalDateTime, LocalTime, Node, Path, Point2D,
        Point3D, Relationship, Time, TimeForm, UnboundRelationship,
    },
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
};

/// Whole numbers, those near the borders of their forms among them.
pub fn int() -> impl Strategy<Value = i64> {
    prop_oneof![
        any::<i64>(),
        -200..200_i64,
        (0..63_u32, -2..3_i64).prop_map(|(bits, off)| (1_i64 << bits).wrapping_add(off)),
        (0..63_u32, -2..3_i64).prop_map(|(bits, off)| (-1_i64 << bits).wrapping_add(off)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zä€]{0,20}", "[a-z]{250,260}"]
}

fn form() -> impl Strategy<Value = TimeForm> {
    prop_oneof![Just(TimeForm::Utc), Just(TimeForm::Local)]
}

/// A map of plain values.
pub fn plain_map() -> impl Strategy<Value = Map> {
    btree_map(text(), plain(), 0..4)
}

fn node() -> impl Strategy<Value = Node> {
    (int(), vec(text(), 0..3), plain_map(), option::of(text())).prop_map(
        |(id, labels, properties, element_id)| Node { id, labels, properties, element_id },
    )
}

fn unbound() -> impl Strategy<Value = UnboundRelationship> {
    (int(), text(), plain_map(), option::of(text())).prop_map(
        |(id, kind, properties, element_id)| UnboundRelationship {
            id,
            kind,
            properties,
            element_id,
        },
    )
}

fn graph() -> impl Strategy<Value = Value> {
    let ids = option::of([text(), text(), text()]);
    prop_oneof![
        node().prop_map(|node| Value::Node(Box::new(node))),
        unbound().prop_map(|one| Value::UnboundRelationship(Box::new(one))),
        (int(), int(), int(), text(), plain_map(), ids).prop_map(
            |(id, start, end, kind, properties, element_ids)| {
                Value::Relationship(Box::new(Relationship {
                    id,
                    start,
                    end,
                    kind,
                    properties,
                    element_ids,
                }))
            }
        ),
        (vec(node(), 0..3), vec(unbound(), 0..3), vec(int(), 0..5)).prop_map(
            |(nodes, relationships, indices)| {
                Value::Path(Box::new(Path { nodes, relationships, indices }))
            }
        ),
    ]
}

fn temporal() -> impl Strategy<Value = Value> {
    prop_oneof![
        int().prop_map(|days| Value::Date(Date { days })),
        (int(), int()).prop_map(|(nanoseconds, offset_seconds)| {
            Value::Time(Time { nanoseconds, offset_seconds })
        }),
        int().prop_map(|nanoseconds| Value::LocalTime(LocalTime { nanoseconds })),
        (int(), int()).prop_map(|(seconds, nanoseconds)| {
            Value::LocalDateTime(LocalDateTime { seconds, nanoseconds })
        }),
        (int(), int(), int(), form()).prop_map(|(seconds, nanoseconds, offset_seconds, form)| {
            Value::DateTime(Box::new(DateTime { seconds, nanoseconds, offset_seconds, form }))
        }),
        (int(), int(), text(), form()).prop_map(|(seconds, nanoseconds, zone, form)| {
            Value::DateTimeZoneId(Box::new(DateTimeZoneId { seconds, nanoseconds, zone, form }))
        }),
        (int(), int(), int(), int()).prop_map(|(months, days, seconds, nanoseconds)| {
            Value::Duration(Box::new(Duration { months, days, seconds, nanoseconds }))
        }),
        (int(), any::<f64>(), any::<f64>()).prop_map(|(srid, x, y)| Value::Point2D(Point2D {
            srid,
            x,
            y
        })),
        (int(), any::<f64>(), any::<f64>(), any::<f64>())
            .prop_map(|(srid, x, y, z)| Value::Point3D(Box::new(Point3D { srid, x, y, z }))),
    ]
}

fn plain() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        int().prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        text().prop_map(Value::String),
        vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
    ]
}

/// Any value, with lists and maps some levels deep.
pub fn value() -> impl Strategy<Value = Value> {
    prop_oneof![4 => plain(), 1 => graph(), 1 => temporal()].prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::List),
            btree_map("[a-z]{0,4}", inner, 0..20).prop_map(Value::Map),
        ]
    })
}

/// As a peer of 5.x reads it: with element ids everywhere.
pub fn with_element_ids(value: Value) -> Value {
    let id = |number: i64, text: Option<String>| Some(text.unwrap_or_else(|| number.to_string()));
    let ids = |one: &Relationship| {
        let numbers = [one.id, one.start, one.end].map(|number| number.to_string());
        Some(one.element_ids.clone().unwrap_or(numbers))
    };
    changed(value, &id, &ids)
}

/// As a peer of 4.x reads it: without element ids.
pub fn without_element_ids(value: Value) -> Value {
    changed(value, &|_, _| None, &|_| None)
}

fn changed(
    value: Value,
    id: &impl Fn(i64, Option<String>) -> Option<String>,
    ids: &impl Fn(&Relationship) -> Option<[String; 3]>,
) -> Value {
    let node = |node: Node| Node { element_id: id(node.id, node.element_id), ..node };
    let unbound = |one: UnboundRelationship| UnboundRelationship {
        element_id: id(one.id, one.element_id),
        ..one
    };
    match value {
        Value::Node(one) => Value::Node(Box::new(node(*one))),
        Value::UnboundRelationship(one) => Value::UnboundRelationship(Box::new(unbound(*one))),
        Value::Relationship(mut one) => {
            one.element_ids = ids(&one);
            Value::Relationship(one)
        }
        Value::Path(path) => Value::Path(Box::new(Path {
            nodes: path.nodes.into_iter().map(node).collect(),
            relationships: path.relationships.into_iter().map(unbound).collect(),
            ..*path
        })),
        Value::List(values) => {
            Value::List(values.into_iter().map(|value| changed(value, id, ids)).collect())
        }
        Value::Map(map) => {
            Value::Map(map.into_iter().map(|(key, v)| (key, changed(v, id, ids))).collect())
        }
        other => other,
    }
}
