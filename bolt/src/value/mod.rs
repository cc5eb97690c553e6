//! The values that Bolt carries.

mod graph;
mod temporal;

use alloc::{borrow::ToOwned, boxed::Box, string::String, vec::Vec};
pub use graph::{Node, Path, Relationship, UnboundRelationship};
pub use temporal::{
    Date, DateTime, DateTimeZoneId, Duration, LocalDateTime, LocalTime, Point2D, Point3D, Time,
    TimeForm,
};

use alloc::collections::BTreeMap;
use core::fmt;

/// A map, in the order of its keys as Memgraph sends it. A key that stands twice is refused when a
/// map is decoded.
pub type Map = BTreeMap<String, Value>;

/// A value of PackStream, or of one of the structures that Bolt defines.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// Text.
    String(String),
    /// Bytes. Memgraph has no marker for them (BG 1.3).
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Self>),
    /// Values by name.
    Map(Map),
    /// A node.
    Node(Box<Node>),
    /// A relationship with its ends.
    Relationship(Box<Relationship>),
    /// A relationship within a path.
    UnboundRelationship(Box<UnboundRelationship>),
    /// A path.
    Path(Box<Path>),
    /// A day.
    Date(Date),
    /// A time of day with an offset.
    Time(Time),
    /// A time of day.
    LocalTime(LocalTime),
    /// A day with a time.
    LocalDateTime(LocalDateTime),
    /// An instant with an offset.
    DateTime(Box<DateTime>),
    /// An instant with the name of a time zone.
    DateTimeZoneId(Box<DateTimeZoneId>),
    /// A span of time.
    Duration(Box<Duration>),
    /// A point in a plane.
    Point2D(Point2D),
    /// A point in space.
    Point3D(Box<Point3D>),
}

/// The sort of a value, for errors and for those who judge without looking at the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// [`Value::Null`].
    Null,
    /// [`Value::Bool`].
    Bool,
    /// [`Value::Int`].
    Int,
    /// [`Value::Float`].
    Float,
    /// [`Value::String`].
    String,
    /// [`Value::Bytes`].
    Bytes,
    /// [`Value::List`].
    List,
    /// [`Value::Map`].
    Map,
    /// Any of the structures.
    Structure,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Int => "an integer",
            Self::Float => "a float",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Structure => "a structure",
        })
    }
}

impl Value {
    /// Its sort.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::String(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Node(_)
            | Self::Relationship(_)
            | Self::UnboundRelationship(_)
            | Self::Path(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::LocalTime(_)
            | Self::LocalDateTime(_)
            | Self::DateTime(_)
            | Self::DateTimeZoneId(_)
            | Self::Duration(_)
            | Self::Point2D(_)
            | Self::Point3D(_) => Kind::Structure,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self { Some(*value) } else { None }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value.as_str()) } else { None }
    }

    /// The list, if it is one.
    #[must_use]
    pub const fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(value) = self { Some(value.as_slice()) } else { None }
    }

    /// The map, if it is one.
    #[must_use]
    pub const fn as_map(&self) -> Option<&Map> {
        if let Self::Map(value) = self { Some(value) } else { None }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Vec<Self>> for Value {
    fn from(value: Vec<Self>) -> Self {
        Self::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A map of these entries; of two with one key the last stays.
#[must_use]
pub fn map<K: Into<String>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Map {
    entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}
