//! A client, a gateway that forwards bytes, and a server machine, with the bytes that are under way
//! between them.

use crate::common::{
    host::{Choice, Host},
    request_bytes, response_bytes,
};
use bolt::{
    Map, Request, Response, Version,
    chunk::{Decoder, Frame, Scanner},
    message::{AuthMap, Extra, HelloMap, Route, RouteTarget},
    server::{Session, State},
    tracker::Tracker,
    value::map,
};
use std::collections::VecDeque;

pub(crate) fn hello() -> Request {
    Request::Hello(HelloMap(map([("user_agent", "test/1")])))
}

pub(crate) fn route() -> Request {
    let target = RouteTarget::Extra(Extra::none());
    Request::Route(Route { routing: Map::new(), bookmarks: Vec::new(), target })
}

/// The three and what is under way.
pub(crate) struct Wire {
    version: Version,
    /// Said by the client, not forwarded.
    said: Vec<u8>,
    from_client: Scanner,
    /// Forwarded, not served.
    forwarded: Vec<u8>,
    at_server: Decoder,
    pub(crate) host: Host,
    /// Answered, not relayed.
    answered: Vec<u8>,
    from_server: Scanner,
    pub(crate) tracker: Tracker,
    /// Requests whose answers are not relayed to the end: the place of the end among all bytes of the
    /// server, and whether they committed something.
    out: VecDeque<(usize, bool)>,
    relayed: usize,
    produced: usize,
    /// Answers as the client reads them.
    at_client: Decoder,
    has_failed: bool,
    closed: bool,
}

impl Wire {
    /// A client that logged in.
    pub(crate) fn logged_in(session: Session) -> Self {
        let mut wire = Self {
            version: Version::V5_2,
            said: Vec::new(),
            from_client: Scanner::new(),
            forwarded: Vec::new(),
            at_server: Decoder::new(1 << 20),
            host: Host::new(session),
            answered: Vec::new(),
            from_server: Scanner::new(),
            tracker: Tracker::default(),
            out: VecDeque::new(),
            relayed: 0,
            produced: 0,
            at_client: Decoder::new(1 << 20),
            has_failed: false,
            closed: false,
        };
        wire.version = wire.host.session.version();
        wire.say(&hello());
        if wire.version.has_logon() {
            wire.say(&Request::Logon(AuthMap::default()));
        }
        wire.settle();
        assert_eq!(wire.host.session.state(), State::Idle);
        wire
    }

    /// The client says something, if its version has it.
    pub(crate) fn say(&mut self, request: &Request) {
        if request.encode(self.version, &mut Vec::new()).is_ok() {
            self.said.extend(request_bytes(request, self.version));
        }
    }

    pub(crate) fn forward(&mut self, count: usize) {
        let rest = self.said.split_off(count.min(self.said.len()));
        let bytes = std::mem::replace(&mut self.said, rest);
        for event in self.from_client.scan(&bytes) {
            self.tracker.client(&event);
            self.forwarded.extend(event.wire());
        }
    }

    pub(crate) fn serve(&mut self, choice: Choice) {
        if self.closed {
            return;
        }
        let forwarded = std::mem::take(&mut self.forwarded);
        let mut rest = &forwarded[..];
        let frame = self.at_server.next(&mut rest).expect("short messages");
        self.forwarded = rest.to_vec();
        let Some(Frame::Message(body)) = frame else { return };
        let before = self.host.commits;
        let reply = self.host.answer(&body, choice).expect("the order of calls");
        for message in &reply.messages {
            let bytes = response_bytes(message, self.version);
            self.produced += bytes.len();
            self.answered.extend(bytes);
        }
        if !reply.messages.is_empty() {
            self.out.push_back((self.produced, self.host.commits > before));
        }
        self.closed = reply.close.is_some();
    }

    pub(crate) fn relay(&mut self, count: usize) {
        let rest = self.answered.split_off(count.min(self.answered.len()));
        let bytes = std::mem::replace(&mut self.answered, rest);
        let mut events = self.from_server.scan(&bytes);
        loop {
            let records = events.records();
            if !records.is_empty() {
                self.tracker.records();
                self.relayed += records.len();
            }
            let Some(event) = events.next() else { break };
            self.tracker.server(&event);
            self.relayed += event.wire().len();
            let mut wire = event.wire();
            while let Some(frame) = self.at_client.next(&mut wire).expect("short messages") {
                let Frame::Message(body) = frame else { continue };
                let answer = Response::decode(&body, self.version, bolt::Limits::USUAL);
                match answer.expect("an answer") {
                    Response::Failure(_) | Response::Ignored => self.has_failed = true,
                    Response::Success(_) | Response::Record(_) => {}
                }
            }
        }
        while self.out.front().is_some_and(|(end, _)| *end <= self.relayed) {
            self.out.pop_front();
        }
    }

    pub(crate) fn settle(&mut self) {
        self.forward(usize::MAX);
        while !self.forwarded.is_empty() && !self.closed {
            self.serve(Choice::default());
        }
        self.relay(usize::MAX);
    }

    /// The client saw a failure, and has not been told so before.
    pub(crate) fn client_saw_failure(&mut self) -> bool {
        std::mem::take(&mut self.has_failed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// What forbids to change the upstream now; nothing at a boundary.
    pub(crate) fn what_is_open(&self) -> Option<&'static str> {
        let session = &self.host.session;
        if session.is_in_transaction() {
            return Some("a transaction is open");
        }
        match session.state() {
            State::Init | State::Idle => {}
            State::Result => return Some("a result is open"),
            State::Error => return Some("a request failed"),
            State::Closed => return Some("the connection is closed"),
        }
        if !self.forwarded.is_empty() || !self.at_server.is_between_messages() {
            return Some("a request is under way");
        }
        if self.relayed < self.produced || !self.out.is_empty() {
            return Some("an answer is under way");
        }
        None
    }

    /// Something was committed, and the client cannot know.
    pub(crate) fn has_unanswered_commit(&self) -> bool {
        self.out.iter().any(|(_, commits)| *commits) || self.host.is_within_batches()
    }
}
