//! Requests of a client that is logged in: each is judged by its signature, before its first byte
//! leaves, and then forwarded, answered here, or held.

use super::{Ending, Handling, Session, Standing, Took, Upstream};
use bolt::{
    Signature, Version,
    chunk::{Event, Head},
    tracker::Transaction,
};
use ha_core::leadership::Millis;
use std::ops::Range;

/// The bytes that a ROUTE may have.
const ROUTE_BYTES: usize = 64 << 10;

/// What is to be done with a message.
enum Verdict {
    Take(Handling),
    /// Not yet.
    Wait,
    /// The connection ends.
    End,
}

/// What of the bytes was looked at, and what goes on.
#[derive(Debug, Default)]
pub(super) struct Span {
    pub(super) at: usize,
    pub(super) forward: Range<usize>,
}

impl Span {
    /// Whether bytes that begin here could go out with those before.
    pub(super) const fn continues(&self) -> bool {
        self.forward.start == self.forward.end || self.forward.end == self.at
    }

    pub(super) const fn forward_to(&mut self, end: usize) {
        if self.forward.start == self.forward.end {
            self.forward = self.at..end;
        } else {
            self.forward.end = end;
        }
    }

    pub(super) fn took(self) -> Took {
        Took { consumed: self.at, forward: self.forward }
    }
}

impl Session {
    pub(super) fn requests(&mut self, bytes: &[u8], now: Millis) -> Took {
        if self.kept.waits() && !self.ask_again(now) {
            return Took::NOTHING;
        }
        if let Some(head) = self.pending {
            match self.judge(&head, now) {
                Verdict::Wait => return Took::NOTHING,
                Verdict::End => return Took::dropped(bytes.len()),
                Verdict::Take(handling) => {
                    self.pending = None;
                    self.handling = handling;
                    if handling == Handling::Forwarded {
                        self.to_server.extend_from_slice(head.wire());
                        self.forwards(&Event::Start(head));
                    }
                }
            }
        }
        // Within a message that is none of Bolt's, the tracker has given up.
        let is_within = self.tracker.is_within_request() || self.tracker.lost().is_some();
        if is_within && !self.is_passing() {
            return Took::NOTHING;
        }
        self.scan_requests(bytes, now)
    }

    fn scan_requests(&mut self, bytes: &[u8], now: Millis) -> Took {
        let mut scanner = self.client_scanner.clone();
        let mut withheld = scanner.withheld().len();
        let mut events = scanner.scan(bytes);
        let mut span = Span::default();
        while let Some(event) = events.next() {
            let end = bytes.len() - events.rest().len();
            if let Event::Start(head) = &event {
                match self.judge(head, now) {
                    Verdict::Take(handling)
                        if handling != Handling::Forwarded || span.continues() =>
                    {
                        self.handling = handling;
                    }
                    Verdict::Take(_) | Verdict::Wait => {
                        self.pending = Some(*head);
                        span.at = end;
                        break;
                    }
                    Verdict::End => return Took::dropped(bytes.len()),
                }
            }
            let is_noop = matches!(event, Event::Noop);
            if self.handling == Handling::Forwarded && (!is_noop || self.is_passing()) {
                if is_noop && !span.continues() {
                    span.at = end;
                    continue;
                }
                self.forwards(&event);
                let before = event.wire().get(..withheld).unwrap_or_default();
                self.to_server.extend_from_slice(before);
                span.forward_to(end);
            } else if !is_noop {
                self.local_request(&event);
            }
            withheld = 0;
            span.at = end;
            if self.ending().is_some() {
                return Took::dropped(bytes.len());
            }
            if self.has_said_enough() {
                break;
            }
        }
        if events.rest().is_empty() {
            span.at = bytes.len();
        }
        self.client_scanner = scanner;
        span.took()
    }

    /// An event of a message that is forwarded.
    fn forwards(&mut self, event: &Event<'_>) {
        if let Event::Start(head) = event {
            self.kept.begins(head, self.tracker.is_boundary());
        }
        self.kept.add(event.wire());
        self.tracker.client(event);
        if self.logs_on {
            self.renewal_passes(event);
        }
        let is_end = matches!(event, Event::End(_));
        if is_end && self.kept.is_some() && self.tracker.is_commit_pending() {
            self.kept.forget();
        }
    }

    /// A transaction may begin now.
    pub(super) const fn may_begin(&self) -> bool {
        matches!(self.upstream, Upstream::Joined) && matches!(self.standing, Standing::Open)
    }

    /// An event of a message that the gateway answers.
    fn local_request(&mut self, event: &Event<'_>) {
        match event {
            Event::Body(body) if self.handling == Handling::Route => {
                if self.route_body.len() + body.len() > ROUTE_BYTES {
                    self.say(&bolt::server::broken());
                    return self.end(Ending::Protocol);
                }
                self.route_body.extend_from_slice(body);
            }
            Event::End(_) => {
                match self.handling {
                    Handling::Route => self.answer_route(),
                    Handling::Reset => self.say(&bolt::Response::success()),
                    Handling::Forwarded => {}
                }
                self.handling = Handling::Forwarded;
            }
            Event::Start(_) | Event::Body(_) | Event::Length(_) | Event::Noop => {}
        }
    }

    fn judge(&mut self, head: &Head, now: Millis) -> Verdict {
        let signature = head.signature().and_then(Signature::of);
        let is_joined = matches!(self.upstream, Upstream::Joined);
        if signature == Some(Signature::Goodbye) && !self.is_passing() {
            self.end(Ending::Goodbye);
            return Verdict::End;
        }
        if signature == Some(Signature::Reset) && !is_joined {
            self.kept.forget();
            return Verdict::Take(Handling::Reset);
        }
        if signature == Some(Signature::Route) && self.answers_route() && !self.tracker.is_failed()
        {
            let is_quiet = self.tracker.unanswered() == 0 && !self.tracker.is_within_answer();
            return if is_quiet { Verdict::Take(Handling::Route) } else { Verdict::Wait };
        }
        if is_joined && (self.tracker.is_full() || self.kept.is_compared()) {
            return Verdict::Wait;
        }
        let passes = is_joined
            && match self.standing {
                Standing::Open => true,
                Standing::Draining => !self.begins(signature),
                Standing::Frozen | Standing::Closed => false,
            };
        if !passes {
            self.wait(now);
            return Verdict::Wait;
        }
        if self.kept.is_unfetched() {
            self.ask_again(now);
            return Verdict::Wait;
        }
        self.held_no_more();
        match signature {
            Some(Signature::Goodbye) => self.said_goodbye = true,
            Some(signature @ (Signature::Logoff | Signature::Logon)) => {
                self.renew_login(signature, now);
            }
            Some(_) | None => {}
        }
        Verdict::Take(Handling::Forwarded)
    }

    /// A transaction begins with it.
    fn begins(&self, signature: Option<Signature>) -> bool {
        let is_within =
            self.tracker.transaction() != Transaction::None || self.tracker.has_open_result();
        match signature {
            Some(Signature::Begin) => true,
            Some(Signature::Run) => !is_within,
            Some(_) | None => false,
        }
    }

    fn answers_route(&self) -> bool {
        self.policy.routing.is_some() && self.version.is_some_and(|v| v >= Version::V4_3)
    }
}
