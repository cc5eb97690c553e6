//! What the client asked for since its connection last stood between transactions, kept for as long as
//! nothing of it can have been applied and the client would not notice that it is asked again: until a
//! word of an answer has passed, and where it is a RUN alone until its result is asked for. If the
//! route ends then, it is asked again at the next instance, and the client notices a wait
//! (`design/decisions/0020`, `0027`). Once: a request on which every instance closes the connection
//! must not take the route from everybody for ever.

use super::{Handling, Session, Took};
use bolt::{
    Limits, Response, Signature, Value, Version,
    chunk::{self, Decoder, Event, Frame, Head, Scanner},
};
use ha_core::leadership::Millis;

/// The bytes that are kept at most; longer requests are not asked again.
const KEPT_BYTES: usize = 64 << 10;
/// The bytes that the answer to a RUN may have to be compared.
const RUN_ANSWER_BYTES: usize = 16 << 10;
/// The room that a session may hold on to between requests.
const ROOM: usize = 1 << 10;

/// How far they are.
#[derive(Debug, Default)]
enum Stage {
    /// Nothing is kept.
    #[default]
    Empty,
    /// No word of an answer has passed.
    Unanswered,
    /// They are one RUN, and its SUCCESS is passing.
    Answering,
    /// It has passed: the client knows the columns, and has not asked for the result.
    Answered,
    /// The instance is gone, and had not answered: asked again as soon as that can be.
    Waits,
    /// The instance is gone, and had answered: asked again once the client asks for the result.
    Unfetched,
    /// The RUN was asked again. If its answer names the same columns it goes no further.
    Compared(Decoder),
}

/// The requests that can be asked again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// They are one RUN.
    is_run: bool,
    /// What that was answered.
    answer: Vec<u8>,
    stage: Stage,
    /// They were asked again.
    is_second: bool,
}

impl Kept {
    /// A request begins; `first` says that nothing is open before it.
    pub(super) fn begins(&mut self, head: &Head, first: bool) {
        let signature = head.signature().and_then(Signature::of);
        if matches!(signature, Some(Signature::Logon | Signature::Logoff)) {
            // Credentials are kept elsewhere.
            self.forget();
        } else if first {
            self.forget();
            self.stage = Stage::Unanswered;
            self.is_run = signature == Some(Signature::Run);
            self.is_second = false;
        } else if matches!(self.stage, Stage::Unanswered) {
            self.is_run = false;
        } else {
            // It goes on from an answer that nobody but this instance gave.
            self.forget();
        }
    }

    /// More of a request is forwarded.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if !matches!(self.stage, Stage::Unanswered) {
            return;
        }
        if self.bytes.len() + bytes.len() > KEPT_BYTES {
            return self.forget();
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// More of an answer passes.
    pub(super) fn hears(&mut self, event: &Event<'_>) {
        match (&self.stage, event) {
            (Stage::Empty, _) | (_, Event::Noop) | (Stage::Answering, Event::Length(_)) => {}
            (Stage::Unanswered, Event::Start(head))
                if self.is_run && head.signature() == Some(Signature::Success.byte()) =>
            {
                self.stage = Stage::Answering;
                self.answer.clear();
                self.answer.extend_from_slice(&[head.marker(), Signature::Success.byte()]);
            }
            (Stage::Answering, Event::Body(bytes))
                if self.answer.len() + bytes.len() <= RUN_ANSWER_BYTES =>
            {
                self.answer.extend_from_slice(bytes);
            }
            (Stage::Answering, Event::End(_)) => self.stage = Stage::Answered,
            (
                Stage::Unanswered
                | Stage::Answering
                | Stage::Answered
                | Stage::Waits
                | Stage::Unfetched
                | Stage::Compared(_),
                _,
            ) => self.forget(),
        }
    }

    /// Something is kept.
    pub(super) const fn is_some(&self) -> bool {
        !matches!(self.stage, Stage::Empty)
    }

    /// Unanswered ones wait to be asked again.
    pub(super) const fn waits(&self) -> bool {
        matches!(self.stage, Stage::Waits)
    }

    /// A RUN waits for its result to be asked for, to be asked again.
    pub(super) const fn is_unfetched(&self) -> bool {
        matches!(self.stage, Stage::Unfetched)
    }

    /// The next answer is that to a RUN of which the client has an answer already.
    pub(super) const fn is_compared(&self) -> bool {
        matches!(self.stage, Stage::Compared(_))
    }

    /// They cannot be asked again.
    pub(super) fn forget(&mut self) {
        self.stage = Stage::Empty;
        self.bytes.clear();
        self.bytes.shrink_to(ROOM);
        self.answer.clear();
        self.answer.shrink_to(ROOM);
    }
}

/// The columns that the answer to a RUN names.
fn columns(body: &[u8], version: Version) -> Option<Value> {
    match Response::decode(body, version, Limits::BEFORE_LOGIN) {
        Ok(Response::Success(mut entries)) => entries.remove("fields"),
        Ok(_) | Err(_) => None,
    }
}

impl Session {
    /// Whether all that is open could be asked again, at another instance.
    pub(super) fn can_ask_again(&self) -> bool {
        let is_possible = match self.kept.stage {
            Stage::Unanswered => {
                self.tracker.unanswered() > 0 && self.handling == Handling::Forwarded
            }
            Stage::Answered => true,
            Stage::Empty
            | Stage::Answering
            | Stage::Waits
            | Stage::Unfetched
            | Stage::Compared(_) => false,
        };
        is_possible && !self.kept.is_second
    }

    /// The upstream is given up, and what is open waits for another.
    pub(super) fn ask_again_later(&mut self, now: Millis) {
        self.renew_upstream();
        if matches!(self.kept.stage, Stage::Answered) {
            // Nothing is owed: the client may as well never fetch it.
            self.kept.stage = Stage::Unfetched;
        } else {
            self.kept.stage = Stage::Waits;
            self.wait(now);
        }
    }

    /// Asks again; false if there is still no way. What the client has not said to its end goes on behind
    /// what was said of it.
    pub(super) fn ask_again(&mut self, now: Millis) -> bool {
        if !self.may_begin() {
            self.wait(now);
            return false;
        }
        self.held_no_more();
        self.tally.asked_again += 1;
        self.kept.is_second = true;
        self.kept.stage = if self.kept.is_unfetched() {
            Stage::Compared(Decoder::new(RUN_ANSWER_BYTES))
        } else {
            Stage::Unanswered
        };
        for event in Scanner::new().scan(&self.kept.bytes) {
            self.tracker.client(&event);
        }
        self.to_server.extend_from_slice(&self.kept.bytes);
        true
    }

    /// The requests that wait to be asked again, and whether the last of them has no end yet.
    pub(super) fn waiting_again(&self) -> (Vec<Signature>, bool) {
        let (mut waiting, mut is_within) = (Vec::new(), false);
        if self.kept.waits() {
            for event in Scanner::new().scan(&self.kept.bytes) {
                match event {
                    Event::Start(head) => {
                        waiting.extend(head.signature().and_then(Signature::of));
                        is_within = true;
                    }
                    Event::End(_) => is_within = false,
                    Event::Body(_) | Event::Length(_) | Event::Noop => {}
                }
            }
        }
        (waiting, is_within)
    }

    /// Bytes of the instance while the answer to a RUN that was asked again is due.
    pub(super) fn compare(&mut self, bytes: &[u8]) -> Took {
        let mut rest = bytes;
        while let Stage::Compared(decoder) = &mut self.kept.stage {
            match decoder.next(&mut rest) {
                Ok(None) => break,
                Ok(Some(Frame::Noop)) => {}
                Ok(Some(Frame::Message(body))) => self.compared(&body),
                Err(_) => self.break_off(),
            }
        }
        Took::dropped(bytes.len() - rest.len())
    }

    /// If it is the answer that the client has, the session goes on as if nothing had been lost.
    /// Otherwise the client's next request fails: nothing was fetched, so nothing was applied.
    fn compared(&mut self, body: &[u8]) {
        let version = self.version.unwrap_or(Version::V4_4);
        if let Ok(Response::Failure(failure)) =
            Response::decode(body, version, Limits::BEFORE_LOGIN)
        {
            self.mind_refusal(&failure.message);
        }
        let found = columns(body, version);
        if found.is_none() || found != columns(&self.kept.answer, version) {
            return self.break_off();
        }
        let mut wire = Vec::with_capacity(body.len() + 8);
        chunk::encode(body, &mut wire);
        for event in Scanner::new().scan(&wire) {
            self.tracker.server(&event);
        }
        self.kept.stage = Stage::Answered;
    }
}
