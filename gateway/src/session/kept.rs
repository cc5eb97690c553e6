//! What the client asked for since its connection last stood between transactions, kept for as long as
//! no word of an answer has passed and nothing of it can have been applied: if the route ends then, it
//! is asked again at the next instance, and the client notices a wait. Once: a request on which every
//! instance closes the connection must not take the route from everybody for ever.

use super::{Request, Session};
use bolt::{
    Signature,
    chunk::{Event, Scanner},
};
use ha_core::leadership::Millis;

/// The bytes that are kept at most; longer requests are not asked again.
const KEPT_BYTES: usize = 64 << 10;
/// The room that a session may hold on to between requests.
const ROOM: usize = 1 << 10;

/// The requests that can be asked again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    is_whole: bool,
    /// They wait to be asked again.
    pub(super) waits: bool,
    /// They were.
    is_second: bool,
}

impl Kept {
    /// A request begins; `first` says that nothing is open before it.
    pub(super) fn begins(&mut self, first: bool) {
        if first {
            self.bytes.clear();
            self.is_whole = true;
            self.is_second = false;
        }
    }

    /// More of a request is forwarded.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if !self.is_whole {
            return;
        }
        if self.bytes.len() + bytes.len() > KEPT_BYTES {
            return self.forget();
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Nothing speaks against asking them again.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// They cannot be asked again.
    pub(super) fn forget(&mut self) {
        self.is_whole = false;
        self.waits = false;
        self.bytes.clear();
        self.bytes.shrink_to(ROOM);
    }
}

impl Session {
    /// Whether all that is open could be asked again, at another instance.
    pub(super) fn can_ask_again(&self) -> bool {
        self.kept.is_whole
            && !self.kept.is_second
            && self.tracker.unanswered() > 0
            && !self.tracker.is_within_request()
            && self.request == Request::Forwarded
    }

    /// The upstream is given up, and what is open waits for another.
    pub(super) fn ask_again_later(&mut self, now: Millis) {
        self.renew_upstream();
        self.kept.waits = true;
        self.wait(now);
    }

    /// Asks again; false if there is still no way.
    pub(super) fn ask_again(&mut self, now: Millis) -> bool {
        if !self.may_begin() {
            self.wait(now);
            return false;
        }
        self.held_no_more();
        self.kept.waits = false;
        self.kept.is_second = true;
        for event in Scanner::new().scan(&self.kept.bytes) {
            self.tracker.client(&event);
        }
        self.to_server.extend_from_slice(&self.kept.bytes);
        true
    }

    /// The requests that wait to be asked again.
    pub(super) fn waiting_again(&self) -> Vec<Signature> {
        let mut waiting = Vec::new();
        if self.kept.waits {
            for event in Scanner::new().scan(&self.kept.bytes) {
                if let Event::Start(head) = event {
                    waiting.extend(head.signature().and_then(Signature::of));
                }
            }
        }
        waiting
    }
}
