//! What servers answer.

use super::{ExtraError, MessageError, Signature};
use crate::{
    Map, Value, Version, chunk,
    packstream::{Limits, Reader, Writer},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// Why a request failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The code; drivers judge by its second dotted part (BG 4.1).
    pub code: String,
    /// What happened, for people.
    pub message: String,
    /// What else the server said.
    pub details: Map,
}

impl Failure {
    /// A failure without details.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Map::new() }
    }
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// SUCCESS: the request was carried out.
    Success(Map),
    /// RECORD: a row of a result; the answer to its PULL is still to come.
    Record(Vec<Value>),
    /// IGNORED: an earlier request failed.
    Ignored,
    /// FAILURE: the request failed.
    Failure(Failure),
}

impl Response {
    /// SUCCESS without metadata.
    #[must_use]
    pub const fn success() -> Self {
        Self::Success(Map::new())
    }

    /// What it is.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        match self {
            Self::Success(_) => Signature::Success,
            Self::Record(_) => Signature::Record,
            Self::Ignored => Signature::Ignored,
            Self::Failure(_) => Signature::Failure,
        }
    }

    /// It ends the answer to a request: everything does but RECORD.
    #[must_use]
    pub const fn is_summary(&self) -> bool {
        !matches!(self, Self::Record(_))
    }

    /// Reads a message of a server.
    ///
    /// # Errors
    /// Its bytes are no PackStream, or no answer.
    pub fn decode(body: &[u8], version: Version, limits: Limits) -> Result<Self, MessageError> {
        let mut reader = Reader::new(body, limits)?;
        let (found, byte) = reader.head()?;
        let has_fields = |signature, expected| {
            let wrong = MessageError::Fields { signature, version, expected, found };
            if found == expected { Ok(()) } else { Err(wrong) }
        };
        let response = if byte == Signature::Record.byte() {
            has_fields(Signature::Record, 1)?;
            Self::Record(reader.list("the fields of a record")?)
        } else if byte == Signature::Success.byte() {
            has_fields(Signature::Success, 1)?;
            Self::Success(reader.map("metadata as a map")?)
        } else if byte == Signature::Failure.byte() {
            has_fields(Signature::Failure, 1)?;
            let mut map = reader.map("code and message in a map")?;
            let code = taken(&mut map, "code")?;
            let message = taken(&mut map, "message")?;
            Self::Failure(Failure { code, message, details: map })
        } else if byte == Signature::Ignored.byte() {
            // Old servers put an empty map into it.
            if found == 1 {
                reader.map("metadata as a map")?;
            } else {
                has_fields(Signature::Ignored, 0)?;
            }
            Self::Ignored
        } else {
            return Err(MessageError::Signature { byte, direction: "answer" });
        };
        reader.finish()?;
        Ok(response)
    }

    /// Appends the message as it goes over the wire, in chunks, to `out`.
    ///
    /// # Errors
    /// Something in it is too long.
    pub fn send(&self, version: Version, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let mut body = Vec::new();
        self.encode(version, &mut body)?;
        chunk::encode(&body, out);
        Ok(())
    }

    /// Appends the message, not yet in chunks, to `out`.
    ///
    /// # Errors
    /// Something in it is too long.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let mut writer = Writer::new(version, out);
        writer.head(u8::from(*self != Self::Ignored), self.signature().byte());
        match self {
            Self::Success(map) => writer.map(map)?,
            Self::Record(values) => writer.list(values)?,
            Self::Ignored => {}
            Self::Failure(failure) => {
                let mut map = failure.details.clone();
                map.insert("code".to_owned(), failure.code.as_str().into());
                map.insert("message".to_owned(), failure.message.as_str().into());
                writer.map(&map)?;
            }
        }
        Ok(())
    }
}

fn taken(map: &mut Map, key: &'static str) -> Result<String, MessageError> {
    match map.remove(key) {
        Some(Value::String(text)) => Ok(text),
        other => Err(MessageError::Entry {
            signature: Signature::Failure,
            error: ExtraError::new(key, "a string", other.as_ref()),
        }),
    }
}
