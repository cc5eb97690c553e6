//! The raw `data` of a timeline item: values as the file wrote them. This module decides only what
//! a value may be; it deliberately does not know what a key means.

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use std::{collections::BTreeMap, fmt};

/// One value of `data`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// `null`: the source does not say.
    Unstated,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text, also where the source gives no exact number (`"80+"`).
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A nested mapping.
    Fields(Data),
}

/// A mapping of keys to values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Data(pub BTreeMap<String, Value>);

impl Data {
    /// The value under a key; `None` too where the file says `null`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| **value != Value::Unstated)
    }

    /// The text under a key, if it is text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_text)
    }

    /// The number under a key, if it is an exact one.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.get(key).and_then(Value::as_number)
    }

    /// The flag under a key, if it is one.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key) {
            Some(Value::Flag(flag)) => Some(*flag),
            Some(
                Value::Unstated
                | Value::Number(_)
                | Value::Text(_)
                | Value::List(_)
                | Value::Fields(_),
            )
            | None => None,
        }
    }

    /// The values under a key: the members of a list, or the one value.
    #[must_use]
    pub fn each(&self, key: &str) -> &[Value] {
        match self.get(key) {
            Some(Value::List(list)) => list,
            Some(
                one @ (Value::Unstated
                | Value::Flag(_)
                | Value::Number(_)
                | Value::Text(_)
                | Value::Fields(_)),
            ) => std::slice::from_ref(one),
            None => &[],
        }
    }
}

impl Value {
    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Unstated | Self::Flag(_) | Self::Number(_) | Self::List(_) | Self::Fields(_) => {
                None
            }
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn as_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Unstated | Self::Flag(_) | Self::Text(_) | Self::List(_) | Self::Fields(_) => {
                None
            }
        }
    }

    /// The nested mapping, if it is one.
    #[must_use]
    pub const fn as_fields(&self) -> Option<&Data> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::Unstated | Self::Flag(_) | Self::Number(_) | Self::Text(_) | Self::List(_) => {
                None
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstated => f.write_str("null"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "`{text}`"),
            Self::List(list) => write!(f, "a list of {}", list.len()),
            Self::Fields(fields) => write!(f, "a mapping of {}", fields.0.len()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unstated => to.serialize_unit(),
            Self::Flag(flag) => to.serialize_bool(*flag),
            Self::Number(number) => to.serialize_i64(*number),
            Self::Text(text) => to.serialize_str(text),
            Self::List(list) => list.serialize(to),
            Self::Fields(fields) => fields.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyValue)
    }
}

/// Accepts every value but a number with a fraction, which the default answer refuses.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, true, false, a whole number, text, a list or a mapping")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number)
            .map(Value::Number)
            .map_err(|_| E::custom(format_args!("the number {number} is too large")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unstated)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unstated)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        Value::deserialize(from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(one) = seq.next_element()? {
            list.push(one);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, value)) = map.next_entry()? {
            fields.insert(key, value);
        }
        Ok(Value::Fields(Data(fields)))
    }
}
