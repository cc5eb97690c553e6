//! Tells where messages begin and end while their bytes pass unchanged: for a gateway, which judges
//! a message by its signature and forwards it without holding it. Memory does not depend on input.
//!
//! At the front of a message up to [`Head::MOST`] bytes are withheld until its signature is known,
//! however the stream is split, so that a gateway can decide before the first byte leaves it.

const RECORD: u8 = crate::Signature::Record.byte();

/// The front of a message: everything up to its signature, as it was on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    wire: [u8; Self::MOST],
    len: u8,
    marker: u8,
    signature: Option<u8>,
}

impl Head {
    /// Two lengths, marker and signature.
    pub const MOST: usize = 6;

    const EMPTY: Self = Self { wire: [0; Self::MOST], len: 0, marker: 0, signature: None };

    /// The bytes of the stream, to be forwarded first.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire[..usize::from(self.len)]
    }

    /// The first byte of the message: `B0` and the number of fields, in every message of Bolt.
    #[must_use]
    pub const fn marker(&self) -> u8 {
        self.marker
    }

    /// The second byte of the message; none if the message has one byte only.
    #[must_use]
    pub const fn signature(&self) -> Option<u8> {
        self.signature
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.wire.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }
}

/// What the scanner sees. Forwarding [`Event::wire`] of each, in order, forwards the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message begins.
    Start(Head),
    /// Bytes of the message behind its signature.
    Body(&'a [u8]),
    /// Bytes of a chunk's length within the message.
    Length(&'a [u8]),
    /// The message has ended; the last bytes of its end.
    End(&'a [u8]),
    /// Two zero bytes between messages.
    Noop,
}

impl Event<'_> {
    /// The bytes of the stream that this event stands for.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        match self {
            Self::Start(head) => head.wire(),
            Self::Body(bytes) | Self::Length(bytes) | Self::End(bytes) => bytes,
            Self::Noop => &super::NOOP,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Length,
    LowByte(u8),
    Chunk(u16),
}

/// How far the present message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No chunk of a message was announced.
    Between,
    /// Its marker is missing.
    Marker,
    /// Its signature is missing.
    Signature,
    /// Its front is complete.
    Body,
    /// Its end was seen, and not yet told.
    Ended,
}

/// Scans one direction of a connection, from the first byte behind the handshake.
#[derive(Debug, Clone)]
pub struct Scanner {
    part: Part,
    stage: Stage,
    head: Head,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// A scanner that stands between messages.
    #[must_use]
    pub const fn new() -> Self {
        Self { part: Part::Length, stage: Stage::Between, head: Head::EMPTY }
    }

    /// The events of the next bytes of the stream. What is not taken from the iterator is not
    /// scanned; [`Events::rest`] tells it.
    pub const fn scan<'s, 'b>(&'s mut self, bytes: &'b [u8]) -> Events<'s, 'b> {
        Events { scanner: self, bytes, at: 0 }
    }

    /// Every byte that was scanned has been told in an event, and no message is open.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        self.stage == Stage::Between && self.part == Part::Length
    }

    /// Bytes that were scanned and told in no event yet. Who gives up scanning forwards them.
    #[must_use]
    pub fn withheld(&self) -> &[u8] {
        self.head.wire()
    }

    fn next<'b>(&mut self, bytes: &'b [u8], at: &mut usize) -> Option<Event<'b>> {
        if self.stage == Stage::Ended {
            self.stage = Stage::Between;
            return Some(Event::End(&[]));
        }
        while let Some(&byte) = bytes.get(*at) {
            match self.part {
                Part::Length => {
                    *at += 1;
                    self.part = Part::LowByte(byte);
                    if self.stage != Stage::Body {
                        self.head.push(byte);
                    } else if *at == bytes.len() {
                        return Some(Event::Length(&bytes[*at - 1..]));
                    }
                }
                Part::LowByte(high) => {
                    // The high byte is told with this one, unless it came at the end of a split.
                    let from = at.saturating_sub(1);
                    *at += 1;
                    let length = u16::from_be_bytes([high, byte]);
                    if let Some(event) = self.length(length, &bytes[from..*at]) {
                        return Some(event);
                    }
                }
                Part::Chunk(missing) => {
                    if let Some(event) = self.chunk(missing, &bytes[*at..], at) {
                        return Some(event);
                    }
                }
            }
        }
        None
    }

    fn length<'b>(&mut self, length: u16, wire: &'b [u8]) -> Option<Event<'b>> {
        self.part = if length == 0 { Part::Length } else { Part::Chunk(length) };
        let low = wire.last().copied().unwrap_or(0);
        match (self.stage, length) {
            (Stage::Body, 0) => {
                self.stage = Stage::Between;
                Some(Event::End(wire))
            }
            (Stage::Body, _) => Some(Event::Length(wire)),
            (Stage::Between | Stage::Ended, 0) => {
                self.head = Head::EMPTY;
                Some(Event::Noop)
            }
            (Stage::Marker | Stage::Signature, 0) => {
                self.head.push(low);
                self.stage = Stage::Ended;
                Some(Event::Start(core::mem::replace(&mut self.head, Head::EMPTY)))
            }
            (Stage::Between | Stage::Ended, _) => {
                self.head.push(low);
                self.stage = Stage::Marker;
                None
            }
            (Stage::Marker | Stage::Signature, _) => {
                self.head.push(low);
                None
            }
        }
    }

    fn chunk<'b>(&mut self, missing: u16, bytes: &'b [u8], at: &mut usize) -> Option<Event<'b>> {
        let is_body = matches!(self.stage, Stage::Body);
        let count = if is_body { bytes.len().min(usize::from(missing)) } else { 1 };
        *at += count;
        let left = missing.saturating_sub(u16::try_from(count).unwrap_or(missing));
        self.part = if left == 0 { Part::Length } else { Part::Chunk(left) };
        if is_body {
            return Some(Event::Body(&bytes[..count]));
        }
        let byte = bytes[0];
        self.head.push(byte);
        if self.stage == Stage::Marker {
            self.head.marker = byte;
            self.stage = Stage::Signature;
            return None;
        }
        self.head.signature = Some(byte);
        self.stage = Stage::Body;
        Some(Event::Start(core::mem::replace(&mut self.head, Head::EMPTY)))
    }
}

/// The events of one piece of the stream.
#[derive(Debug)]
pub struct Events<'s, 'b> {
    scanner: &'s mut Scanner,
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Events<'_, 'b> {
    /// Takes the whole RECORD messages that come next, each in one chunk, as they are: most bytes of
    /// a server are these, and a gateway has nothing to decide about them. Empty if others come next,
    /// or a message is open. They are told in no event.
    pub fn records(&mut self) -> &'b [u8] {
        let from = self.at;
        if self.scanner.is_between_messages() {
            while let Some(length) = whole_record(&self.bytes[self.at..]) {
                self.at += length;
            }
        }
        &self.bytes[from..self.at]
    }

    /// The bytes behind the last event: who stops here scans them later.
    #[must_use]
    pub fn rest(&self) -> &'b [u8] {
        &self.bytes[self.at..]
    }
}

impl<'b> Iterator for Events<'_, 'b> {
    type Item = Event<'b>;

    fn next(&mut self) -> Option<Event<'b>> {
        self.scanner.next(self.bytes, &mut self.at)
    }
}

/// The bytes of the RECORD in front, if it is there to its end and in one chunk.
fn whole_record(bytes: &[u8]) -> Option<usize> {
    let [high, low, 0xB1, RECORD, ..] = *bytes else { return None };
    let end = usize::from(u16::from_be_bytes([high, low])) + 2;
    // Where the chunk ends before its second byte, no end follows: those bytes are not zero.
    (bytes.get(end..end + 2)? == super::NOOP).then_some(end + 2)
}
