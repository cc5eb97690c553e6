//! The first bytes of a connection: what kind of client speaks, which versions it offers, and which
//! one Memgraph would choose (BG 1.1, 1.2). Knows nothing of messages.

use crate::Version;

/// With these four bytes a Bolt client begins.
pub const MAGIC: [u8; 4] = [0x60, 0x60, 0xB0, 0x17];

/// The bytes of a client's handshake: magic and four slots.
pub const HANDSHAKE_BYTES: usize = 20;

/// The protocol's answer when no version fits; the connection is then closed. Memgraph itself sends
/// [`crate::server::broken`] in its place, which clients read as a version nobody has.
pub const REFUSAL: [u8; 4] = [0; 4];

/// What the first byte of a connection tells about the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The Bolt magic begins.
    Bolt,
    /// A TLS handshake record.
    Tls,
    /// An HTTP request, hence an upgrade to a WebSocket.
    WebSocket,
    /// Nobody that Memgraph understands.
    Unknown(u8),
}

impl Opening {
    /// Judges the first byte.
    #[must_use]
    pub const fn of(first: u8) -> Self {
        match first {
            0x60 => Self::Bolt,
            0x16 => Self::Tls,
            b'G' => Self::WebSocket,
            other => Self::Unknown(other),
        }
    }
}

/// One of the four offers of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Nothing is offered, here and (for Memgraph) in the slots behind it.
    Empty,
    /// The client could negotiate by manifest; Memgraph does not know it and goes on.
    Manifest,
    /// `highest` and so many minor versions below it.
    Versions {
        /// The highest of the range.
        highest: Version,
        /// How many minor versions below it are meant too.
        range: u8,
    },
}

impl Slot {
    const MANIFEST: [u8; 4] = [0, 0, 1, 0xFF];

    /// Reads the four bytes of a slot. The first byte is reserved and not looked at.
    #[must_use]
    pub fn read(bytes: [u8; 4]) -> Self {
        let [_, range, minor, major] = bytes;
        if bytes == Self::MANIFEST {
            return Self::Manifest;
        }
        if (range, minor, major) == (0, 0, 0) {
            return Self::Empty;
        }
        Self::Versions { highest: Version::new(major, minor), range }
    }

    /// The four bytes of a slot.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        match self {
            Self::Empty => [0; 4],
            Self::Manifest => Self::MANIFEST,
            Self::Versions { highest, range } => [0, range, highest.minor, highest.major],
        }
    }

    /// The highest version of this slot that is accepted, as Memgraph judges: a range whose highest
    /// minor is zero matches nothing (BG 1.2).
    fn best(self, accepted: &[Version]) -> Option<Version> {
        let Self::Versions { highest, range } = self else { return None };
        if range > 0 && highest.minor == 0 {
            return None;
        }
        let lowest = highest.minor.saturating_sub(range);
        (lowest..=highest.minor)
            .rev()
            .map(|minor| Version::new(highest.major, minor))
            .find(|version| accepted.contains(version))
    }
}

/// The offers of a client, in its order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The four slots.
    pub slots: [Slot; 4],
}

impl Offer {
    /// Reads the 20 bytes of a handshake.
    ///
    /// # Errors
    /// The first four bytes are not the magic.
    pub fn read(bytes: &[u8; HANDSHAKE_BYTES]) -> Result<Self, HandshakeError> {
        for (offset, (found, expected)) in bytes.iter().zip(MAGIC).enumerate() {
            if *found != expected {
                return Err(HandshakeError { offset, expected, found: *found });
            }
        }
        let slot = |at: usize| {
            let at = MAGIC.len() + 4 * at;
            Slot::read([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Ok(Self { slots: [slot(0), slot(1), slot(2), slot(3)] })
    }

    /// What a client sends to offer these versions in this order, without ranges; at most four.
    #[must_use]
    pub fn of(versions: &[Version]) -> Self {
        let mut slots = [Slot::Empty; 4];
        for (slot, version) in slots.iter_mut().zip(versions) {
            *slot = Slot::Versions { highest: *version, range: 0 };
        }
        Self { slots }
    }

    /// The 20 bytes of a handshake.
    #[must_use]
    pub fn bytes(&self) -> [u8; HANDSHAKE_BYTES] {
        let mut bytes = [0; HANDSHAKE_BYTES];
        let slots = self.slots.iter().flat_map(|slot| slot.bytes());
        for (to, from) in bytes.iter_mut().zip(MAGIC.into_iter().chain(slots)) {
            *to = from;
        }
        bytes
    }

    /// The version that Memgraph chooses: slots in the client's order, the first match, nothing
    /// behind the first empty slot (BG 1.2).
    #[must_use]
    pub fn choose(&self, accepted: &[Version]) -> Option<Version> {
        self.slots
            .iter()
            .take_while(|slot| **slot != Slot::Empty)
            .find_map(|slot| slot.best(accepted))
    }
}

/// The answer that names the chosen version.
#[must_use]
pub const fn answer(version: Version) -> [u8; 4] {
    [0, 0, version.minor, version.major]
}

/// Reads a server's answer to a handshake; nothing if it refuses, or names what was not offered.
#[must_use]
pub fn read_answer(bytes: [u8; 4], offered: &Offer) -> Option<Version> {
    let [reserved, range, minor, major] = bytes;
    let version = Version::new(major, minor);
    if (reserved, range) != (0, 0) || bytes == REFUSAL {
        return None;
    }
    offered.choose(&[version])
}

/// Collects the 20 bytes of a handshake from pieces of any size.
#[derive(Debug, Clone, Default)]
pub struct HandshakeReader {
    bytes: [u8; HANDSHAKE_BYTES],
    len: usize,
}

impl HandshakeReader {
    /// Nothing was read yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what it needs from the front of `input`, which then begins behind it. `None` asks for
    /// more bytes; a wrong byte of the magic is an error as soon as it is seen.
    ///
    /// # Errors
    /// A byte of the magic is wrong.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Offer>, HandshakeError> {
        while self.len < HANDSHAKE_BYTES {
            let Some((&byte, rest)) = input.split_first() else { return Ok(None) };
            if let Some(&expected) = MAGIC.get(self.len)
                && byte != expected
            {
                return Err(HandshakeError { offset: self.len, expected, found: byte });
            }
            self.bytes[self.len] = byte;
            self.len += 1;
            *input = rest;
        }
        Offer::read(&self.bytes).map(Some)
    }

    /// What was read so far, to be sent on or again.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The client does not speak Bolt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "byte {offset} of the handshake is {found:#04x}, and {expected:#04x} in Bolt's magic 60 60 b0 17"
)]
pub struct HandshakeError {
    /// Where, counted from the first byte of the connection.
    pub offset: usize,
    /// The byte that belongs there.
    pub expected: u8,
    /// The byte that is there.
    pub found: u8,
}
