//! After something was lost that had not been committed: the gateway answers in the instance's place.
//! The oldest unanswered request, or else the next one, fails so that drivers retry it; what follows
//! is ignored until RESET, as after any failure; then the session goes on at another instance.

use super::{Ending, Handling, Phase, Session, Took, Upstream};
use bolt::{
    Response, Signature,
    chunk::{Event, Scanner},
    server::{Fault, FaultClass},
    tracker::Tracker,
};

const MESSAGE: &str =
    "the request was not carried out, and its transaction is undone. Try it again.";

/// The client's message under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    None,
    /// It is answered when it has ended.
    Open(Option<Signature>),
    /// It was forwarded in part, and is answered already.
    Answered,
}

/// What the gateway plays.
#[derive(Debug)]
pub(super) struct Broken {
    /// A request failed: all but RESET are ignored.
    failed: bool,
    /// A transaction or result is gone of which the client was not told.
    lost: bool,
    current: Current,
}

impl Session {
    /// Gives up the upstream, and answers for it from now on.
    pub(super) fn break_off(&mut self) {
        let (mut owed, is_within) = self.waiting_again();
        let is_within = is_within || self.tracker.is_within_request();
        if !self.kept.is_compared() {
            owed.extend(self.tracker.requests());
        }
        self.kept.forget();
        let within = std::mem::replace(&mut self.handling, Handling::Forwarded);
        self.route_body = Vec::new();
        let current = match (self.pending.take(), within) {
            (Some(head), _) => Current::Open(head.signature().and_then(Signature::of)),
            (None, Handling::Route) => Current::Open(Some(Signature::Route)),
            (None, Handling::Reset) => Current::Open(Some(Signature::Reset)),
            (None, Handling::Forwarded) if is_within => Current::Answered,
            (None, Handling::Forwarded) => Current::None,
        };
        let failed = self.tracker.is_failed();
        self.phase = Phase::Broken(Broken { failed, lost: true, current });
        self.renew_upstream();
        self.held_no_more();
        for signature in owed {
            self.answer_for(Some(signature));
        }
        self.mend();
    }

    /// Nothing is known of an upstream any more. A message that the gateway answers itself and that
    /// has not ended goes on being one.
    pub(super) fn renew_upstream(&mut self) {
        self.leave_upstream();
        self.tracker = Tracker::default();
        self.server_scanner = Scanner::new();
    }

    /// Bytes of a client whose requests are answered here.
    pub(super) fn discarded(&mut self, bytes: &[u8]) -> Took {
        let mut scanner = self.client_scanner.clone();
        let mut events = scanner.scan(bytes);
        for event in events.by_ref() {
            let Phase::Broken(broken) = &mut self.phase else { break };
            match event {
                Event::Start(head) => {
                    broken.current = Current::Open(head.signature().and_then(Signature::of));
                }
                Event::End(_) => {
                    let ended = std::mem::replace(&mut broken.current, Current::None);
                    if let Current::Open(signature) = ended {
                        self.answer_for(signature);
                    }
                    self.mend();
                }
                Event::Body(_) | Event::Length(_) | Event::Noop => {}
            }
            if !matches!(self.phase, Phase::Broken(_)) || self.has_said_enough() {
                break;
            }
        }
        let consumed = bytes.len() - events.rest().len();
        self.client_scanner = scanner;
        Took::dropped(consumed)
    }

    fn answer_for(&mut self, signature: Option<Signature>) {
        let Phase::Broken(broken) = &mut self.phase else { return };
        match signature {
            Some(Signature::Goodbye) => self.end(Ending::Goodbye),
            Some(Signature::Reset) => {
                (broken.failed, broken.lost) = (false, false);
                self.say(&Response::success());
            }
            Some(_) if broken.failed => self.say(&Response::Ignored),
            // What it asks for has happened.
            Some(Signature::Rollback) => {
                broken.lost = false;
                self.say(&Response::success());
            }
            Some(_) => {
                broken.failed = true;
                self.tally.failed_retryable += 1;
                let fault = Fault::new(
                    FaultClass::MainChanged,
                    format!("{}: {MESSAGE}", self.standing.reason()),
                );
                self.say(&Response::Failure(fault.failure()));
            }
            None => {
                self.say(&bolt::server::broken());
                self.end(Ending::Protocol);
            }
        }
    }

    /// Nothing is owed any more: the session goes on, elsewhere when its client asks for something.
    fn mend(&mut self) {
        let Phase::Broken(broken) = &self.phase else { return };
        if broken.failed || broken.lost || broken.current != Current::None {
            return;
        }
        debug_assert!(matches!(self.upstream, Upstream::None));
        self.phase = Phase::Ready;
    }
}
