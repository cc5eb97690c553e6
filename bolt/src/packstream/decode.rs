//! Bytes to values.

use super::{Limits, marker};
use crate::{Map, Value};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

/// Bytes that are not what was expected of them. Names no content: it may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset} of the message: expected {expected}, found {found}")]
pub struct DecodeError {
    /// Where, counted from the first byte of the message.
    pub offset: usize,
    /// What belongs there.
    pub expected: &'static str,
    /// What is there.
    pub found: Found,
}

/// What a decoder met in place of what it expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The message ends.
    End,
    /// A marker, signature or other byte.
    Byte(u8),
    /// A number: of bytes, of values, of fields.
    Number(u64),
    /// Bytes that are no UTF-8.
    NoText,
    /// A key that stands in the map already.
    SameKey,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the end of the message"),
            Self::Byte(byte) => write!(f, "{byte:#04x}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::NoText => f.write_str("bytes that are not UTF-8"),
            Self::SameKey => f.write_str("a key that the map has already"),
        }
    }
}

/// Reads values from the bytes of a message.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Values and levels that are still accepted.
    values: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// A reader that stands at the first byte.
    ///
    /// # Errors
    /// The message has more bytes than `limits` accept.
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, DecodeError> {
        if bytes.len() > limits.bytes {
            let found = Found::Number(bytes.len() as u64);
            let expected = "a message of no more bytes than the limit";
            return Err(DecodeError { offset: 0, expected, found });
        }
        Ok(Self { bytes, at: 0, values: limits.values, depth: limits.depth })
    }

    /// Where the next byte is.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Asserts that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.bytes.get(self.at) {
            None => Ok(()),
            Some(byte) => Err(self.error(self.at, "the end of the message", Found::Byte(*byte))),
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// There is none, or one that exceeds a limit.
    pub fn value(&mut self) -> Result<Value, DecodeError> {
        let at = self.at;
        self.count(at)?;
        let byte = self.byte("a value")?;
        match byte {
            marker::NULL => Ok(Value::Null),
            marker::FALSE => Ok(Value::Bool(false)),
            marker::TRUE => Ok(Value::Bool(true)),
            marker::FLOAT => Ok(Value::Float(f64::from_be_bytes(self.array("a float")?))),
            0x00..=0x7F | 0xF0..=0xFF | marker::INT_8..=marker::INT_64 => {
                self.int_behind(byte, at).map(Value::Int)
            }
            marker::BYTES_8..=marker::BYTES_32 => {
                let length = self.length(byte - marker::BYTES_8)?;
                Ok(Value::Bytes(self.take(length, "bytes")?.to_vec()))
            }
            0x80..=0x8F | marker::STRING_8..=marker::STRING_32 => {
                self.text_behind(byte, at).map(Value::String)
            }
            0x90..=0x9F | marker::LIST_8..=marker::LIST_32 => {
                self.list_behind(byte, at).map(Value::List)
            }
            0xA0..=0xAF | marker::MAP_8..=marker::MAP_32 => {
                self.map_behind(byte, at).map(Value::Map)
            }
            0xB0..=0xBF | marker::STRUCT_8 | marker::STRUCT_16 => {
                let fields = self.fields_behind(byte)?;
                self.deeper(at)?;
                let value = self.structure(fields)?;
                self.depth += 1;
                Ok(value)
            }
            other => Err(self.error(at, "a value", Found::Byte(other))),
        }
    }

    /// Reads the head of a structure: the number of its fields and its signature.
    ///
    /// # Errors
    /// There is none.
    pub fn head(&mut self) -> Result<(usize, u8), DecodeError> {
        let at = self.at;
        let byte = self.byte("a structure")?;
        match byte {
            0xB0..=0xBF | marker::STRUCT_8 | marker::STRUCT_16 => {
                let fields = self.fields_behind(byte)?;
                Ok((fields, self.byte("the signature of a structure")?))
            }
            other => Err(self.error(at, "a structure", Found::Byte(other))),
        }
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// There is something else.
    pub fn int(&mut self, expected: &'static str) -> Result<i64, DecodeError> {
        let at = self.at;
        self.count(at)?;
        match self.byte(expected)? {
            byte @ (0x00..=0x7F | 0xF0..=0xFF | marker::INT_8..=marker::INT_64) => {
                self.int_behind(byte, at)
            }
            other => Err(self.error(at, expected, Found::Byte(other))),
        }
    }

    /// Reads a floating point number.
    ///
    /// # Errors
    /// There is something else.
    pub fn float(&mut self, expected: &'static str) -> Result<f64, DecodeError> {
        let at = self.at;
        self.count(at)?;
        match self.byte(expected)? {
            marker::FLOAT => Ok(f64::from_be_bytes(self.array(expected)?)),
            other => Err(self.error(at, expected, Found::Byte(other))),
        }
    }

    /// Reads text.
    ///
    /// # Errors
    /// There is something else.
    pub fn text(&mut self, expected: &'static str) -> Result<String, DecodeError> {
        let at = self.at;
        self.count(at)?;
        match self.byte(expected)? {
            byte @ (0x80..=0x8F | marker::STRING_8..=marker::STRING_32) => {
                self.text_behind(byte, at)
            }
            other => Err(self.error(at, expected, Found::Byte(other))),
        }
    }

    /// Reads a list.
    ///
    /// # Errors
    /// There is something else.
    pub fn list(&mut self, expected: &'static str) -> Result<Vec<Value>, DecodeError> {
        let at = self.at;
        self.count(at)?;
        match self.byte(expected)? {
            byte @ (0x90..=0x9F | marker::LIST_8..=marker::LIST_32) => self.list_behind(byte, at),
            other => Err(self.error(at, expected, Found::Byte(other))),
        }
    }

    /// Reads a map.
    ///
    /// # Errors
    /// There is something else, or a key stands twice.
    pub fn map(&mut self, expected: &'static str) -> Result<Map, DecodeError> {
        let at = self.at;
        self.count(at)?;
        match self.byte(expected)? {
            byte @ (0xA0..=0xAF | marker::MAP_8..=marker::MAP_32) => self.map_behind(byte, at),
            other => Err(self.error(at, expected, Found::Byte(other))),
        }
    }

    /// The number of entries of a map that begins here, each of which is a text and a value. Not held
    /// against the bytes that are left: the front of a map can be read without its end.
    pub(crate) fn entries(&mut self) -> Result<usize, DecodeError> {
        let at = self.at;
        match self.byte("a map")? {
            byte @ (0xA0..=0xAF | marker::MAP_8..=marker::MAP_32) => {
                self.size(byte, marker::TINY_MAP, marker::MAP_8)
            }
            other => Err(self.error(at, "a map", Found::Byte(other))),
        }
    }

    /// The length of a list that begins here, and its elements by `read`, which counts them.
    pub(super) fn each<T>(
        &mut self,
        expected: &'static str,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let at = self.at;
        self.count(at)?;
        let length = match self.byte(expected)? {
            byte @ (0x90..=0x9F | marker::LIST_8..=marker::LIST_32) => {
                self.size(byte, marker::TINY_LIST, marker::LIST_8)?
            }
            other => return Err(self.error(at, expected, Found::Byte(other))),
        };
        self.backed(length, at, "a list no longer than the message")?;
        self.deeper(at)?;
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(read(self)?);
        }
        self.depth += 1;
        Ok(values)
    }

    /// An error at `offset`.
    pub(super) const fn error(
        &self,
        offset: usize,
        expected: &'static str,
        found: Found,
    ) -> DecodeError {
        DecodeError { offset, expected, found }
    }

    fn list_behind(&mut self, byte: u8, at: usize) -> Result<Vec<Value>, DecodeError> {
        let length = self.size(byte, marker::TINY_LIST, marker::LIST_8)?;
        self.backed(length, at, "a list no longer than the message")?;
        self.deeper(at)?;
        let mut values = Vec::new();
        for _ in 0..length {
            values.push(self.value()?);
        }
        self.depth += 1;
        Ok(values)
    }

    fn map_behind(&mut self, byte: u8, at: usize) -> Result<Map, DecodeError> {
        let length = self.size(byte, marker::TINY_MAP, marker::MAP_8)?;
        // A key and a value have a byte each.
        self.backed(length.saturating_mul(2), at, "a map no longer than the message")?;
        self.deeper(at)?;
        let mut map = Map::new();
        for _ in 0..length {
            let key_at = self.at;
            let key = self.text("the key of a map")?;
            if map.contains_key(&key) {
                return Err(self.error(key_at, "another key", Found::SameKey));
            }
            map.insert(key, self.value()?);
        }
        self.depth += 1;
        Ok(map)
    }

    fn text_behind(&mut self, byte: u8, at: usize) -> Result<String, DecodeError> {
        let length = self.size(byte, marker::TINY_STRING, marker::STRING_8)?;
        let bytes = self.take(length, "a string")?;
        match core::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.error(at, "a string", Found::NoText)),
        }
    }

    fn int_behind(&mut self, byte: u8, at: usize) -> Result<i64, DecodeError> {
        const WHAT: &str = "an integer";
        Ok(match byte {
            0x00..=0x7F | 0xF0..=0xFF => i64::from(i8::from_be_bytes([byte])),
            marker::INT_8 => i64::from(i8::from_be_bytes(self.array(WHAT)?)),
            marker::INT_16 => i64::from(i16::from_be_bytes(self.array(WHAT)?)),
            marker::INT_32 => i64::from(i32::from_be_bytes(self.array(WHAT)?)),
            marker::INT_64 => i64::from_be_bytes(self.array(WHAT)?),
            other => return Err(self.error(at, WHAT, Found::Byte(other))),
        })
    }

    fn fields_behind(&mut self, byte: u8) -> Result<usize, DecodeError> {
        match byte {
            marker::STRUCT_8 => self.length(0),
            marker::STRUCT_16 => self.length(1),
            tiny => Ok(usize::from(tiny & 0x0F)),
        }
    }

    /// The size behind a marker: in its low half if it is a tiny one.
    fn size(&mut self, byte: u8, tiny: u8, first: u8) -> Result<usize, DecodeError> {
        if byte & 0xF0 == tiny { Ok(usize::from(byte & 0x0F)) } else { self.length(byte - first) }
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, width: u8) -> Result<usize, DecodeError> {
        const WHAT: &str = "a length";
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.array(WHAT)?)),
            1 => usize::from(u16::from_be_bytes(self.array(WHAT)?)),
            _ => usize::try_from(u32::from_be_bytes(self.array(WHAT)?)).unwrap_or(usize::MAX),
        })
    }

    /// One more value is read.
    pub(super) fn count(&mut self, at: usize) -> Result<(), DecodeError> {
        match self.values.checked_sub(1) {
            Some(left) => {
                self.values = left;
                Ok(())
            }
            None => {
                let expected = "no more values in one message than the limit";
                Err(self.error(at, expected, self.bytes.get(at).map_or(Found::End, one_byte)))
            }
        }
    }

    /// One level further down; who comes back up counts it back.
    fn deeper(&mut self, at: usize) -> Result<(), DecodeError> {
        match self.depth.checked_sub(1) {
            Some(left) => {
                self.depth = left;
                Ok(())
            }
            None => {
                let expected = "no more values within each other than the limit";
                Err(self.error(at, expected, self.bytes.get(at).map_or(Found::End, one_byte)))
            }
        }
    }

    /// So many bytes at least are left, and so many values are still accepted.
    fn backed(&self, least: usize, at: usize, expected: &'static str) -> Result<(), DecodeError> {
        let left = self.bytes.len() - self.at;
        if least > left {
            return Err(self.error(at, expected, Found::Number(least as u64)));
        }
        if least > self.values {
            let expected = "no more values in one message than the limit";
            return Err(self.error(at, expected, Found::Number(least as u64)));
        }
        Ok(())
    }

    pub(super) fn byte(&mut self, expected: &'static str) -> Result<u8, DecodeError> {
        let Some(byte) = self.bytes.get(self.at) else {
            return Err(self.error(self.at, expected, Found::End));
        };
        self.at += 1;
        Ok(*byte)
    }

    fn take(&mut self, count: usize, expected: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(count);
        let Some(taken) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.error(self.at, expected, Found::End));
        };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], DecodeError> {
        let at = self.at;
        let bytes = self.take(N, expected)?;
        <[u8; N]>::try_from(bytes).map_err(|_| self.error(at, expected, Found::End))
    }
}

const fn one_byte(byte: &u8) -> Found {
    Found::Byte(*byte)
}
