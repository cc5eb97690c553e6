//! Places that sessions share in groups, so that many at once do not meet in one line of memory: the
//! grant as they look at it, and what they count.

use crate::gate::Readable;
use ha_core::{grant::GrantHolder, leadership::Millis};
use std::sync::{
    Arc, RwLock,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// So many groups.
pub(crate) const SHARDS: usize = 16;

/// The grant, as of its last change.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) holder: GrantHolder,
    /// See [`crate::gate::View::route_no`].
    pub(crate) route_no: u64,
    /// Where reads may go while it lives.
    pub(crate) readable: Arc<[Readable]>,
}

/// One group's place.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Shard {
    pub(crate) held: RwLock<Held>,
    /// Sessions with something open at the main.
    pub(crate) busy: AtomicI64,
    /// When the last byte from the main arrived, in monotonic milliseconds; 0 if none did.
    pub(crate) last_byte: AtomicU64,
}

impl Shard {
    pub(crate) const fn new(held: Held) -> Self {
        Self { held: RwLock::new(held), busy: AtomicI64::new(0), last_byte: AtomicU64::new(0) }
    }

    /// A byte from the main arrived.
    pub(crate) fn heard(&self, now: Millis) {
        if self.last_byte.load(Relaxed) != now {
            self.last_byte.store(now, Relaxed);
        }
    }
}
