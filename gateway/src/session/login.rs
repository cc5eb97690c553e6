//! Login: the client's messages are kept, so that the session can be moved, and sent one after the
//! other, so that nothing of the client reaches an instance that has not said which one it is.

use super::{Ending, Phase, Session, Took, Upstream, identity, identity::Greeting};
use bolt::{
    Signature, Version,
    chunk::{self, Decoder, Event, Frame, Head, Scanner},
    handshake::{HANDSHAKE_BYTES, Offer},
    tracker::Tracker,
    wipe,
};
use ha_core::leadership::Millis;
use std::fmt;
use zeroize::Zeroizing;

/// What a session needs to log in again. Wiped when it is dropped.
pub(super) struct Login {
    handshake: [u8; HANDSHAKE_BYTES],
    offer: Option<Offer>,
    /// The client's HELLO, and from 5.1 on LOGON, in chunks.
    messages: Vec<Zeroizing<Vec<u8>>>,
    /// So many of them have an answer that was told to the client.
    answered: usize,
    /// It was held for as long as may be, and goes on waiting.
    is_held_again: bool,
    /// The client was told of a version that the gateway does not speak.
    is_foreign: bool,
    decoder: Decoder,
    renewal: Option<Renewal>,
}

/// A LOGON of a client that was logged in before.
struct Renewal {
    /// What was forwarded of it, in chunks.
    wire: Zeroizing<Vec<u8>>,
    /// It is not longer than a login may be.
    fits: bool,
    /// The instance's SUCCESS to it is passing, or has.
    is_accepted: bool,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("messages", &self.messages.len())
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}

impl Login {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            handshake: [0; HANDSHAKE_BYTES],
            offer: None,
            messages: Vec::new(),
            answered: 0,
            is_held_again: false,
            is_foreign: false,
            decoder: Decoder::new(bytes),
            renewal: None,
        }
    }

    pub(super) fn offered(&mut self, offer: Offer, bytes: &[u8]) {
        self.offer = Some(offer);
        for (to, from) in self.handshake.iter_mut().zip(bytes) {
            *to = *from;
        }
    }

    pub(super) const fn handshake(&self) -> &[u8] {
        &self.handshake
    }

    pub(super) const fn offer(&self) -> Option<Offer> {
        self.offer
    }

    pub(super) const fn was_answered(&self) -> bool {
        self.answered > 0 || self.is_foreign
    }

    /// A message is there to its end whose answer the client does not have.
    pub(super) const fn has_unanswered(&self) -> bool {
        self.messages.len() > self.answered
    }

    /// Whether it may go on waiting, which it may once.
    pub(super) const fn holds_again(&mut self) -> bool {
        !std::mem::replace(&mut self.is_held_again, true)
    }

    /// The client's first message holds this text.
    pub(super) fn names(&self, text: &str) -> bool {
        let hello = self.messages.first();
        hello.is_some_and(|wire| wire.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    pub(super) const fn told_unknown_version(&mut self) {
        self.is_foreign = true;
    }

    pub(super) fn forget(&mut self) {
        self.messages = Vec::new();
        self.renewal = None;
    }

    /// Bytes of a LOGON after the first one may still be in the hands of who moves them.
    pub(super) const fn is_renewed(&self) -> bool {
        self.renewal.is_some()
    }
}

/// The bytes that a LOGON has, usually.
const RENEWAL_ROOM: usize = 1 << 10;

/// The messages that a login of this version consists of.
fn needed(version: Version) -> usize {
    1 + usize::from(version.has_logon())
}

impl Session {
    /// Bytes of a client that is not logged in.
    pub(super) fn login_bytes(&mut self, bytes: &[u8], now: Millis) -> Took {
        // What belongs to a login is known with the version only.
        let Some(version) = self.version else { return Took::NOTHING };
        let mut rest = bytes;
        while self.login.messages.len() < needed(version) {
            match self.login.decoder.next(&mut rest) {
                Ok(None) => break,
                Ok(Some(Frame::Noop)) => {}
                Ok(Some(Frame::Message(body))) => self.login_message(Zeroizing::new(body)),
                Err(_) => self.end(Ending::LoginBytes),
            }
            if self.ending().is_some() {
                return Took::dropped(bytes.len());
            }
        }
        if matches!(self.phase, Phase::Refused) {
            self.tell_refused(now);
        } else {
            self.send_login();
            if !matches!(self.upstream, Upstream::Login { .. }) {
                self.wait(now);
            }
        }
        Took::dropped(bytes.len() - rest.len())
    }

    fn login_message(&mut self, body: Zeroizing<Vec<u8>>) {
        let signature = body.get(1).copied().and_then(Signature::of);
        let due = if self.login.messages.is_empty() { Signature::Hello } else { Signature::Logon };
        if signature == Some(Signature::Goodbye) {
            return self.end(Ending::Goodbye);
        }
        if signature != Some(due) {
            self.say(&bolt::server::broken());
            return self.end(Ending::Protocol);
        }
        let mut wire = Zeroizing::new(Vec::with_capacity(body.len() + 64));
        chunk::encode(&body, &mut wire);
        self.login.messages.push(wire);
    }

    /// Sends the login message that is next, if it is there and due.
    pub(super) fn send_login(&mut self) {
        let Upstream::Login { next, sent, .. } = &mut self.upstream else { return };
        if *sent {
            return;
        }
        if let Some(message) = self.login.messages.get(*next) {
            wipe::grow(&mut self.to_server, message);
            *sent = true;
        }
    }

    /// Answers to login messages.
    pub(super) fn login_answers(&mut self, bytes: &[u8], now: Millis) -> Took {
        let mut rest = bytes;
        while let Upstream::Login { decoder, .. } = &mut self.upstream {
            match decoder.next(&mut rest) {
                Ok(None) => break,
                Ok(Some(Frame::Noop)) => {}
                Ok(Some(Frame::Message(body))) => self.login_answer(&body, now),
                Err(_) => self.not_understood(now),
            }
        }
        Took::dropped(bytes.len() - rest.len())
    }

    /// The instance does not speak as one: as if it had closed.
    fn not_understood(&mut self, now: Millis) {
        self.orders.void = true;
        self.orders.put_off = true;
        self.leave_upstream();
        self.wait(now);
    }

    fn login_answer(&mut self, body: &[u8], now: Millis) {
        let Some(version) = self.version else { return self.not_understood(now) };
        let Upstream::Login { next, sent, .. } = &mut self.upstream else { return };
        let index = *next;
        if !*sent {
            return self.not_understood(now);
        }
        let greeting = identity::greeting(body, version);
        let is_new = index >= self.login.answered;
        match greeting {
            Greeting::Unreadable => return self.not_understood(now),
            Greeting::Refused if is_new => {
                chunk::encode(body, &mut self.to_client);
                return self.end(Ending::LoginRefused);
            }
            Greeting::Refused => return self.end(Ending::Unmovable),
            Greeting::From(start) if index == 0 => {
                if self.expected.is_some_and(|expected| expected != start) {
                    return self.not_understood(now);
                }
            }
            Greeting::Nameless if index == 0 => {
                if self.expected.is_some() {
                    return self.not_understood(now);
                }
            }
            Greeting::From(_) | Greeting::Nameless => {}
        }
        *next += 1;
        *sent = false;
        if is_new {
            chunk::encode(body, &mut self.to_client);
            self.login.answered = index + 1;
        }
        if index + 1 == needed(version) {
            self.join();
        } else {
            self.send_login();
        }
    }

    /// LOGOFF or LOGON of a client that is logged in passes: what it logged in with before is forgotten,
    /// and until another login is known the session cannot go on elsewhere.
    pub(super) fn renew_login(&mut self, signature: Signature, now: Millis) {
        self.movable = false;
        let is_logon = signature == Signature::Logon;
        if self.version.is_some_and(Version::has_logon) {
            self.login.messages.truncate(1);
            self.login.renewal = is_logon.then(|| Renewal {
                wire: Zeroizing::new(Vec::with_capacity(RENEWAL_ROOM)),
                fits: true,
                is_accepted: false,
            });
        } else {
            self.login.forget();
        }
        self.logs_on = is_logon;
        self.login_by = Some(now.saturating_add(self.policy.login_ms));
    }

    /// More of a LOGON that is forwarded.
    pub(super) fn renewal_passes(&mut self, event: &Event<'_>) {
        let limit = self.policy.login_bytes;
        if let Some(renewal) = &mut self.login.renewal {
            let wire = event.wire();
            renewal.fits &= renewal.wire.len() + wire.len() <= limit;
            if renewal.fits {
                wipe::grow(&mut renewal.wire, wire);
            }
        }
        if matches!(event, Event::End(_)) {
            self.logs_on = false;
            self.login_by = None;
        }
    }

    /// An answer begins; called before the tracker knows.
    pub(super) fn renewal_answered(&mut self, head: &Head) {
        if self.tracker.requests().next() != Some(Signature::Logon) {
            return;
        }
        if head.signature() == Some(Signature::Success.byte()) {
            if let Some(renewal) = &mut self.login.renewal {
                renewal.is_accepted = true;
            }
        } else {
            // Whoever is not let in is closed, and that says nothing of the instance.
            self.login.renewal = None;
            self.is_closing = true;
        }
    }

    /// Keeps the new login once it is certain that it was the one that succeeded. An instance that
    /// answers LOGOFF with nothing (MR 7) leaves a request unanswered for good, and no boundary comes.
    pub(super) fn keep_renewal(&mut self) {
        let is_kept = self.login.renewal.as_ref().is_some_and(|renewal| renewal.is_accepted);
        if !is_kept || !self.tracker.is_boundary() {
            return;
        }
        if let Some(renewal) = self.login.renewal.take().filter(|renewal| renewal.fits) {
            self.login.messages.push(renewal.wire);
            self.movable = true;
        }
    }

    /// The instance knows the client: its requests may pass.
    fn join(&mut self) {
        self.upstream = Upstream::Joined;
        self.login_by = None;
        self.tracker = Tracker::default();
        self.tracker.writes_are(self.writes);
        self.server_scanner = Scanner::new();
        if matches!(self.phase, Phase::Login) {
            self.phase = Phase::Ready;
            self.held_no_more();
        } else {
            self.tally.rehomed += 1;
        }
    }
}
