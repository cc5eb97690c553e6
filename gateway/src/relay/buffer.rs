//! One direction's bytes: a buffer that is there only while it holds some, what of it goes out, and
//! what was not looked at yet.

use crate::session::Took;
use std::{cell::RefCell, ops::Range};
use zeroize::Zeroize;

/// Buffers that a thread keeps for the next session that needs one.
const KEPT: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take(size: usize) -> Vec<u8> {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.filter(|buffer| buffer.len() == size).unwrap_or_else(|| vec![0; size])
}

fn give(buffer: Vec<u8>) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT {
            spare.push(buffer);
        }
    });
}

/// One direction of a session.
#[derive(Debug)]
pub(super) struct Half {
    size: usize,
    buffer: Option<Vec<u8>>,
    /// Bytes that were read and not looked at.
    fresh: Range<usize>,
    /// Bytes that go out.
    out: Range<usize>,
    /// Bytes that go out before those, and how many of them have.
    lead: Vec<u8>,
    lead_at: usize,
    /// Secret bytes were in the buffer since it was taken.
    is_secret: bool,
    /// Bytes were written that may be kept back on this side of the socket.
    pub(super) needs_flush: bool,
    /// The side that is read sends no more.
    pub(super) ended: bool,
}

impl Half {
    pub(super) const fn new(size: usize) -> Self {
        Self {
            size,
            buffer: None,
            fresh: 0..0,
            out: 0..0,
            lead: Vec::new(),
            lead_at: 0,
            is_secret: false,
            needs_flush: false,
            ended: false,
        }
    }

    /// Where to read into: a whole buffer, since it is read only when nothing is left of the last.
    pub(super) fn space(&mut self) -> &mut [u8] {
        let size = self.size;
        self.buffer.get_or_insert_with(|| take(size))
    }

    pub(super) const fn filled(&mut self, count: usize) {
        self.fresh = 0..count;
    }

    /// What was read and not looked at.
    pub(super) fn fresh(&self) -> &[u8] {
        self.buffer.as_ref().and_then(|buffer| buffer.get(self.fresh.clone())).unwrap_or_default()
    }

    /// What became of the first of them. `secret` ones are wiped with the buffer, once they are out.
    pub(super) fn took(&mut self, took: &Took, lead: Vec<u8>, secret: bool) {
        let from = self.fresh.start;
        self.fresh.start = from + took.consumed;
        self.out = from + took.forward.start..from + took.forward.end;
        self.lead = lead;
        self.lead_at = 0;
        self.is_secret |= secret;
    }

    /// These go out, and nothing else was to.
    pub(super) fn say(&mut self, lead: Vec<u8>) {
        self.lead = lead;
        self.lead_at = 0;
    }

    /// What goes out next.
    pub(super) fn pending(&self) -> &[u8] {
        if self.lead_at < self.lead.len() {
            return &self.lead[self.lead_at..];
        }
        self.buffer.as_ref().and_then(|buffer| buffer.get(self.out.clone())).unwrap_or_default()
    }

    /// Something goes out, or may be kept back.
    pub(super) fn is_pending(&self) -> bool {
        self.needs_flush || self.lead_at < self.lead.len() || !self.out.is_empty()
    }

    pub(super) fn wrote(&mut self, count: usize) {
        if self.lead_at < self.lead.len() {
            self.lead_at += count;
        } else {
            self.out.start += count;
        }
        if !self.lead.is_empty() && self.lead_at >= self.lead.len() {
            // A login may have been in it.
            self.lead.zeroize();
            self.lead = Vec::new();
            self.lead_at = 0;
        }
    }

    /// Nothing of it goes out any more; what was read is gone too, if `all`.
    pub(super) fn forget(&mut self, all: bool) {
        self.out = 0..0;
        self.lead.zeroize();
        self.lead = Vec::new();
        self.lead_at = 0;
        self.needs_flush = false;
        if all {
            self.fresh = 0..0;
            self.ended = false;
        }
        self.rest();
    }

    /// Gives the buffer back if nothing is in it.
    pub(super) fn rest(&mut self) {
        if self.fresh.is_empty() && self.out.is_empty() {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(mut buffer) = self.buffer.take() {
            if std::mem::take(&mut self.is_secret) {
                buffer.as_mut_slice().zeroize();
            }
            give(buffer);
        }
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_wiped_with_their_buffer() {
        for secret in [true, false] {
            let mut half = Half::new(64);
            half.space()[..6].copy_from_slice(b"secret");
            half.filled(6);
            half.took(&Took { consumed: 6, forward: 0..6 }, Vec::new(), secret);
            assert_eq!(half.pending(), b"secret", "it goes out first");
            half.wrote(6);
            half.rest();
            let mut next = Half::new(64);
            assert_eq!(next.space().starts_with(b"secret"), !secret);
        }
    }
}
