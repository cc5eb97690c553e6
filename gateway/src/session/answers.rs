//! Answers of the instance: they pass as they are, but for failures that show that no main answered.

use super::{Session, Took, Withheld, requests::Span, rewrite, rewrite::Rewrite};
use bolt::{Limits, Response, Signature, chunk::Event, message::Failure, server::FaultClass};
use ha_core::leadership::Millis;

/// The bytes that a FAILURE may have to be read.
const FAILURE_BYTES: usize = 16 << 10;

impl Session {
    pub(super) fn answers(&mut self, bytes: &[u8], now: Millis) -> Took {
        if !self.is_passing() {
            return Took::NOTHING;
        }
        if self.kept.is_compared() {
            return self.compare(bytes);
        }
        if self.withheld.as_ref().is_some_and(|withheld| withheld.is_read) {
            self.release_failure();
            if !self.to_client.is_empty() {
                // The gateway's own words go out before more of the instance's.
                return Took::NOTHING;
            }
        }
        let took = self.scan_answers(bytes);
        self.mind_overdue(now);
        took
    }

    fn scan_answers(&mut self, bytes: &[u8]) -> Took {
        let mut scanner = self.server_scanner.clone();
        let mut before = scanner.withheld().len();
        let mut events = scanner.scan(bytes);
        let mut span = Span::default();
        loop {
            if self.withheld.is_none() {
                let records = events.records().len();
                if records > 0 {
                    self.kept.forget();
                    self.tracker.records();
                    let end = bytes.len() - events.rest().len();
                    span.forward_to(end);
                    span.at = end;
                }
            }
            let Some(event) = events.next() else { break };
            let end = bytes.len() - events.rest().len();
            if self.policy.rewrites
                && let Event::Start(head) = &event
                && head.signature() == Some(Signature::Failure.byte())
            {
                let (wire, body) = (Vec::new(), vec![head.marker(), Signature::Failure.byte()]);
                self.withheld =
                    Some(Withheld { head: *head, wire, body, is_read: false, is_whole: false });
            }
            let is_read = match &mut self.withheld {
                Some(withheld) => withheld.take(&event),
                None => {
                    self.hears(&event);
                    let early = event.wire().get(..before).unwrap_or_default();
                    self.lead.extend_from_slice(early);
                    span.forward_to(end);
                    false
                }
            };
            before = 0;
            span.at = end;
            if is_read {
                break;
            }
        }
        if events.rest().is_empty() {
            span.at = bytes.len();
        }
        self.server_scanner = scanner;
        span.took()
    }

    /// More of an answer passes.
    fn hears(&mut self, event: &Event<'_>) {
        if let Event::Start(head) = event {
            self.renewal_answered(head);
        }
        self.kept.hears(event);
        self.tracker.server(event);
        if matches!(event, Event::End(_)) {
            self.keep_renewal();
        }
    }

    /// A FAILURE was read, or is too long to be read: it passes, in its own words or in ours.
    fn release_failure(&mut self) {
        let Some(withheld) = self.withheld.take() else { return };
        let is_batched = self.tracker.is_batched();
        self.hears(&Event::Start(withheld.head));
        if !withheld.is_whole {
            return self.lead.extend_from_slice(&withheld.wire);
        }
        self.hears(&Event::End(&[]));
        let version = self.version.unwrap_or(bolt::Version::V4_4);
        let failure = match Response::decode(&withheld.body, version, Limits::BEFORE_LOGIN) {
            Ok(Response::Failure(failure)) => failure,
            Ok(Response::Success(_) | Response::Record(_) | Response::Ignored) | Err(_) => {
                return self.lead.extend_from_slice(&withheld.wire);
            }
        };
        self.is_closing |= failure.code == FaultClass::Execution.code();
        let rule = self.mind_refusal(&failure.message);
        if rule.is_none_or(|rule| is_batched && !rule.in_prepare) {
            // What failed in batches was undone; the batches before it were not.
            return self.lead.extend_from_slice(&withheld.wire);
        }
        self.tally.failed_retryable += 1;
        let code = FaultClass::MainChanged.code().to_owned();
        self.say(&Response::Failure(Failure { code, ..failure }));
    }

    /// The row by which a failure with this text is told so that drivers retry it. If it shows that
    /// the instance is not the main, the route ends.
    pub(super) fn mind_refusal(&mut self, message: &str) -> Option<Rewrite> {
        let rule = rewrite(message).filter(|_| self.policy.rewrites)?;
        self.tally.forbidden += u32::from(rule.shows_no_main);
        self.orders.void |= rule.shows_no_main;
        Some(rule)
    }
}

impl Withheld {
    /// One more event; whether it was the last that is read.
    fn take(&mut self, event: &Event<'_>) -> bool {
        self.wire.extend_from_slice(event.wire());
        if let Event::Body(body) = event {
            // One byte more than is read tells that it is too long.
            let room = (FAILURE_BYTES + 1).saturating_sub(self.body.len());
            self.body.extend_from_slice(body.get(..room).unwrap_or(body));
        }
        self.is_whole = matches!(event, Event::End(_));
        self.is_read = self.is_whole || self.body.len() > FAILURE_BYTES;
        self.is_read
    }
}
