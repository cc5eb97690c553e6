//! Messages in chunks: two bytes of length, so many bytes, and two zero bytes behind the last chunk
//! (BG 1.3). Two zero bytes between messages mean nothing and keep a connection alive. The decoder
//! assembles messages; the scanner assembles nothing and only tells where they begin and end.

mod decoder;
mod scanner;

use alloc::vec::Vec;
pub use decoder::{ChunkError, Decoder, Frame};
pub use scanner::{Event, Events, Head, Scanner};

/// A lone end of message, allowed between messages from 4.1 on.
pub const NOOP: [u8; 2] = [0, 0];

/// The most bytes that one chunk holds.
pub const CHUNK_BYTES: usize = 0xFFFF;

/// Appends `message` in chunks to `out`.
pub fn encode(message: &[u8], out: &mut Vec<u8>) {
    let chunks = message.len().div_ceil(CHUNK_BYTES);
    out.reserve(message.len() + 2 * chunks + NOOP.len());
    for chunk in message.chunks(CHUNK_BYTES) {
        let length = u16::try_from(chunk.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(chunk);
    }
    out.extend_from_slice(&NOOP);
}
