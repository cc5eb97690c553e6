//! Values to bytes, each in the shortest form.

use super::marker;
use crate::{Map, Value, Version, value::LocalDateTime};
use alloc::vec::Vec;

/// Something has no form on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {length} elements or bytes, PackStream can say at most 4294967295")]
pub struct EncodeError {
    /// What is too long.
    pub what: &'static str,
    /// Its elements or bytes.
    pub length: usize,
}

/// Appends values to a buffer, as a peer of one version reads them.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    version: Version,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub const fn new(version: Version, out: &'a mut Vec<u8>) -> Self {
        Self { out, version }
    }

    /// Writes a value.
    ///
    /// # Errors
    /// Something in it is too long.
    pub fn value(&mut self, value: &Value) -> Result<(), EncodeError> {
        match value {
            Value::Null => self.byte(marker::NULL),
            Value::Bool(true) => self.byte(marker::TRUE),
            Value::Bool(false) => self.byte(marker::FALSE),
            Value::Int(number) => self.int(*number),
            Value::Float(number) => self.float(*number),
            Value::String(text) => return self.text(text),
            Value::Bytes(bytes) => {
                self.size(None, marker::BYTES_8, bytes.len(), "a value of bytes")?;
                self.out.extend_from_slice(bytes);
            }
            Value::List(values) => return self.list(values),
            Value::Map(map) => return self.map(map),
            Value::Node(node) => return self.node(node),
            Value::Relationship(one) => return self.relationship(one),
            Value::UnboundRelationship(one) => return self.unbound(one),
            Value::Path(path) => return self.path(path),
            Value::Date(date) => self.ints(marker::DATE, [date.days]),
            Value::Time(time) => self.ints(marker::TIME, [time.nanoseconds, time.offset_seconds]),
            Value::LocalTime(time) => self.ints(marker::LOCAL_TIME, [time.nanoseconds]),
            Value::LocalDateTime(LocalDateTime { seconds, nanoseconds }) => {
                self.ints(marker::LOCAL_DATE_TIME, [*seconds, *nanoseconds]);
            }
            Value::DateTime(time) => self.date_time(time),
            Value::DateTimeZoneId(time) => return self.date_time_zone(time),
            Value::Duration(span) => {
                let fields = [span.months, span.days, span.seconds, span.nanoseconds];
                self.ints(marker::DURATION, fields);
            }
            Value::Point2D(point) => self.point(marker::POINT_2D, point.srid, [point.x, point.y]),
            Value::Point3D(point) => {
                self.point(marker::POINT_3D, point.srid, [point.x, point.y, point.z]);
            }
        }
        Ok(())
    }

    /// Writes the head of a structure of at most 15 fields.
    pub fn head(&mut self, fields: u8, signature: u8) {
        self.byte(marker::TINY_STRUCT | fields.min(0x0F));
        self.byte(signature);
    }

    /// Writes a whole number.
    pub fn int(&mut self, number: i64) {
        if let Ok(number) = i8::try_from(number) {
            if number < -16 {
                self.byte(marker::INT_8);
            }
            self.out.extend_from_slice(&number.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.byte(marker::INT_16);
            self.out.extend_from_slice(&number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.byte(marker::INT_32);
            self.out.extend_from_slice(&number.to_be_bytes());
        } else {
            self.byte(marker::INT_64);
            self.out.extend_from_slice(&number.to_be_bytes());
        }
    }

    /// Writes a floating point number.
    pub fn float(&mut self, number: f64) {
        self.byte(marker::FLOAT);
        self.out.extend_from_slice(&number.to_be_bytes());
    }

    /// Writes text.
    ///
    /// # Errors
    /// It is too long.
    pub fn text(&mut self, text: &str) -> Result<(), EncodeError> {
        self.size(Some(marker::TINY_STRING), marker::STRING_8, text.len(), "a string")?;
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Writes a list.
    ///
    /// # Errors
    /// Something in it is too long.
    pub fn list(&mut self, values: &[Value]) -> Result<(), EncodeError> {
        self.list_head(values.len())?;
        values.iter().try_for_each(|value| self.value(value))
    }

    /// Writes a map.
    ///
    /// # Errors
    /// Something in it is too long.
    pub fn map(&mut self, map: &Map) -> Result<(), EncodeError> {
        self.size(Some(marker::TINY_MAP), marker::MAP_8, map.len(), "a map")?;
        for (key, value) in map {
            self.text(key)?;
            self.value(value)?;
        }
        Ok(())
    }

    pub(super) fn list_head(&mut self, length: usize) -> Result<(), EncodeError> {
        self.size(Some(marker::TINY_LIST), marker::LIST_8, length, "a list")
    }

    pub(super) const fn with_element_ids(&self) -> bool {
        self.version.has_element_ids()
    }

    /// The marker with the length: tiny if there is such a marker, else of 1, 2 or 4 bytes.
    fn size(
        &mut self,
        tiny: Option<u8>,
        first: u8,
        length: usize,
        what: &'static str,
    ) -> Result<(), EncodeError> {
        match (tiny, u8::try_from(length)) {
            (Some(tiny), Ok(short)) if short < 0x10 => {
                self.byte(tiny | short);
                return Ok(());
            }
            (_, Ok(short)) => {
                self.out.extend_from_slice(&[first, short]);
                return Ok(());
            }
            (_, Err(_)) => {}
        }
        if let Ok(middle) = u16::try_from(length) {
            self.byte(first + 1);
            self.out.extend_from_slice(&middle.to_be_bytes());
            return Ok(());
        }
        let Ok(long) = u32::try_from(length) else { return Err(EncodeError { what, length }) };
        self.byte(first + 2);
        self.out.extend_from_slice(&long.to_be_bytes());
        Ok(())
    }

    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }
}
