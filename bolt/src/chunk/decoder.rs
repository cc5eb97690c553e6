//! Assembles messages from bytes in any split, up to a limit.

use crate::wipe;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// What a stream of chunks consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message, without lengths and end.
    Message(Vec<u8>),
    /// Two zero bytes between messages.
    Noop,
}

/// A message is longer than allowed. The stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the message that begins at byte {start} of the stream has at least {bytes} bytes, at most \
     {limit} are accepted"
)]
pub struct ChunkError {
    /// The first byte of the message, counted from the first byte that the decoder saw.
    pub start: u64,
    /// Its bytes, with those of the chunk that is too much.
    pub bytes: usize,
    /// The bytes that are accepted.
    pub limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Both bytes of a length are missing.
    Length,
    /// The low byte of a length is missing.
    LowByte(u8),
    /// So many bytes of a chunk are missing, at least one.
    Chunk(u16),
}

/// Assembles messages. Holds no more memory than the message that it is in the middle of, and never
/// more than twice its limit. A message may be a login: no copy of it stays in memory that was given
/// back; what was handed out is in the hands of who took it.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    part: Part,
    message: Zeroizing<Vec<u8>>,
    /// A chunk of the message was announced, so that two zero bytes end it.
    begun: bool,
    /// Bytes taken from the stream, and of those the ones before the message.
    taken: u64,
    start: u64,
    broken: Option<ChunkError>,
}

impl Decoder {
    /// A decoder of messages of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            part: Part::Length,
            message: Zeroizing::new(Vec::new()),
            begun: false,
            taken: 0,
            start: 0,
            broken: None,
        }
    }

    /// From now on messages may have so many bytes: a client that logged in may send larger ones.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// No byte of an unfinished message or NOOP was taken.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        !self.begun && self.part == Part::Length
    }

    /// Takes bytes from the front of `input`, up to the end of the next frame; `input` then begins
    /// behind it. `None` asks for more bytes, and `input` is empty.
    ///
    /// # Errors
    /// The message is longer than allowed. It is known before the bytes of the chunk that is too
    /// much are taken, and every later call answers the same.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, ChunkError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        while let Some((&byte, rest)) = input.split_first() {
            match self.part {
                Part::Length => {
                    self.take(input, rest, 1);
                    self.part = Part::LowByte(byte);
                }
                Part::LowByte(high) => {
                    self.take(input, rest, 1);
                    if let Some(frame) = self.length(u16::from_be_bytes([high, byte]))? {
                        return Ok(Some(frame));
                    }
                }
                Part::Chunk(missing) => {
                    let count = input.len().min(usize::from(missing));
                    let (piece, rest) = input.split_at(count);
                    wipe::grow(&mut self.message, piece);
                    self.take(input, rest, count);
                    let left = missing.saturating_sub(u16::try_from(count).unwrap_or(missing));
                    self.part = if left == 0 { Part::Length } else { Part::Chunk(left) };
                }
            }
        }
        Ok(None)
    }

    fn take<'a>(&mut self, input: &mut &'a [u8], rest: &'a [u8], count: usize) {
        *input = rest;
        self.taken += count as u64;
    }

    fn length(&mut self, length: u16) -> Result<Option<Frame>, ChunkError> {
        self.part = Part::Length;
        if length == 0 {
            let whole = core::mem::take(&mut *self.message);
            let begun = core::mem::take(&mut self.begun);
            return Ok(Some(if begun { Frame::Message(whole) } else { Frame::Noop }));
        }
        if !self.begun {
            self.begun = true;
            self.start = self.taken - 2;
        }
        let bytes = self.message.len() + usize::from(length);
        if bytes > self.limit {
            let error = ChunkError { start: self.start, bytes, limit: self.limit };
            self.broken = Some(error);
            self.message = Zeroizing::new(Vec::new());
            return Err(error);
        }
        self.part = Part::Chunk(length);
        Ok(None)
    }
}
