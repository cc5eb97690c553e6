//! PackStream: values as bytes. A decoder never reserves memory for a length that the input does
//! not back, and counts depth and values against [`Limits`]; an encoder refuses what has no form on
//! the wire.

mod decode;
mod encode;
mod marker;
mod structure;

use alloc::vec::Vec;
pub use decode::{DecodeError, Found, Reader};
pub use encode::{EncodeError, Writer};

use crate::{Value, Version};

/// What a decoder accepts of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the message.
    pub bytes: usize,
    /// Values, each element of a list, key and entry of a map and field of a structure being one.
    /// In memory a value takes some [`Value`]s' size, whatever it takes on the wire.
    pub values: usize,
    /// Lists, maps and structures within each other.
    pub depth: usize,
}

impl Limits {
    /// Of a client that has not logged in.
    pub const BEFORE_LOGIN: Self = Self { bytes: 64 << 10, values: 1 << 10, depth: 8 };
    /// Of a client that has, and of a server.
    pub const USUAL: Self = Self { bytes: 16 << 20, values: 1 << 20, depth: 64 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Decodes bytes that are exactly one value.
///
/// # Errors
/// They are not, or are more than `limits` accept; the error names the offset.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Value, DecodeError> {
    let mut reader = Reader::new(bytes, limits)?;
    let value = reader.value()?;
    reader.finish()?;
    Ok(value)
}

/// Appends a value to `out`, as a peer of that version reads it.
///
/// # Errors
/// It has no form on the wire: something in it is longer than 2³² − 1.
pub fn encode(value: &Value, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    Writer::new(version, out).value(value)
}
