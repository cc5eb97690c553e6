//! A client, a session of the gateway and two instances, with the bytes between them; no sockets.

use super::{
    host::{Connection, Database, Role},
    request_bytes,
};
use bolt::{
    Limits, Request, Response, Version,
    chunk::{Decoder, Frame},
    handshake::Offer,
    message::{AuthMap, Extra, Fetch, HelloMap, Run},
    value::map,
};
use gateway::session::{Ending, Policy, Session, Standing, server_name};
use ha_core::ids::StartId;
use std::{collections::VecDeque, sync::Arc};

pub const HOLD_MS: u64 = 5_000;

pub fn policy() -> Policy {
    Policy {
        hold_ms: HOLD_MS,
        login_ms: 5_000,
        login_bytes: 64 << 10,
        rewrites: true,
        passthrough: true,
        routing: None,
    }
}

/// What a client sends at once and then waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub requests: Vec<Request>,
    /// The write that the last answer of the batch acknowledges.
    pub commits: Vec<u32>,
}

/// What became of a write, as the client knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    Acked,
    /// It is to be tried again.
    Retry,
    /// It failed otherwise.
    Failed,
}

pub struct Rig {
    pub session: Session,
    pub version: Version,
    pub now: u64,
    databases: [Database; 2],
    /// The connection of the gateway, and the instance it goes to.
    upstream: Option<(usize, Connection)>,
    /// What an instance got and did not process when the gateway left it.
    left: Vec<(usize, Connection, Vec<u8>)>,
    /// Forwarded and not processed by the instance.
    at_server: Vec<u8>,
    /// Answered by the instance, not handed to the gateway.
    from_server: Vec<u8>,
    /// Said by the client, not handed to the gateway.
    from_client: Vec<u8>,
    /// Everything that the client got, and what it made of it.
    pub received: Vec<u8>,
    /// Everything that each instance got.
    pub delivered: [Vec<u8>; 2],
    decoder: Decoder,
    handshake: usize,
    pub answers: Vec<Response>,
    pub asked: usize,
    pub summaries: usize,
    /// How many of them there were when the route was cut last.
    pub heard_at_cut: usize,
    /// Which instance may be dialled.
    pub open: Option<usize>,
    pub ending: Option<Ending>,
    batches: VecDeque<Batch>,
    current: Option<(Batch, usize)>,
    needs_reset: bool,
    pub told: Vec<(u32, Told)>,
    pub tally: gateway::session::Tally,
}

pub fn start_of(instance: usize) -> StartId {
    StartId(0x1000 + instance as u128)
}

pub fn run(query: &str) -> Request {
    Request::Run(Run { query: query.to_owned(), ..Run::default() })
}

pub fn auto(write: u32) -> Batch {
    Batch {
        requests: vec![run(&format!("CREATE {write}")), Request::Pull(Fetch::ALL)],
        commits: vec![write],
    }
}

pub fn one(request: Request) -> Batch {
    Batch { requests: vec![request], commits: Vec::new() }
}

pub fn explicit(writes: &[u32]) -> Vec<Batch> {
    let mut batches = vec![one(Request::Begin(Extra::none()))];
    for write in writes {
        let requests = vec![run(&format!("CREATE {write}")), Request::Pull(Fetch::ALL)];
        batches.push(Batch { requests, commits: Vec::new() });
    }
    batches.push(Batch { requests: vec![Request::Commit], commits: writes.to_vec() });
    batches
}

fn login(version: Version) -> Vec<Request> {
    let mut hello = map([("user_agent", "test/1")]);
    let auth = AuthMap::basic("neo", "secret");
    if version.has_logon() {
        return vec![Request::Hello(HelloMap(hello)), Request::Logon(auth)];
    }
    hello.extend(auth.0);
    vec![Request::Hello(HelloMap(hello))]
}

impl Rig {
    /// A client that connects, logs in and then sends these.
    pub fn new(version: Version, policy: Policy, batches: Vec<Batch>) -> Self {
        let session = Session::new(Arc::new(policy), Standing::Open, 0);
        let first = Batch { requests: login(version), commits: Vec::new() };
        let batches = std::iter::once(first).chain(batches).collect();
        Self {
            session,
            version,
            now: 0,
            databases: [Database::default(), Database::default()],
            upstream: None,
            left: Vec::new(),
            at_server: Vec::new(),
            from_server: Vec::new(),
            from_client: Offer::of(&[version]).bytes().to_vec(),
            received: Vec::new(),
            delivered: [Vec::new(), Vec::new()],
            decoder: Decoder::new(1 << 20),
            handshake: 4,
            answers: Vec::new(),
            asked: 0,
            summaries: 0,
            heard_at_cut: 0,
            open: Some(0),
            ending: None,
            batches,
            current: None,
            needs_reset: false,
            told: Vec::new(),
            tally: gateway::session::Tally::default(),
        }
    }

    /// Its driver names itself so.
    pub fn user_agent(&mut self, name: &str) {
        let named = HelloMap(map([("user_agent", name)]));
        let login = self.batches.front_mut().expect("its login");
        login.requests[0] = Request::Hello(named);
    }

    /// What a client says until it is logged in.
    pub fn opening(&self) -> Vec<u8> {
        let mut bytes = Offer::of(&[self.version]).bytes().to_vec();
        for request in login(self.version) {
            bytes.extend(request_bytes(&request, self.version));
        }
        bytes
    }

    pub fn database(&mut self, instance: usize) -> &mut Database {
        &mut self.databases[instance]
    }

    pub fn demote(&mut self, instance: usize) {
        self.databases[instance].role = Role::Replica;
    }

    /// The client asks for this, after its other batches.
    pub fn asks(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// Bytes that the client says beside its batches.
    pub fn says(&mut self, bytes: &[u8]) {
        self.from_client.extend_from_slice(bytes);
    }

    /// Whether the client has got everything it asked for, and asks for nothing more.
    pub fn is_done(&self) -> bool {
        self.ending.is_some()
            || (self.batches.is_empty() && self.current.is_none() && !self.needs_reset)
    }

    /// The gateway's client direction: hands over at most so many bytes. False if nothing moved.
    pub fn client_step(&mut self, most: usize) -> bool {
        self.speak();
        let count = most.min(self.from_client.len());
        if self.ending.is_some() || (count == 0 && !self.session.has_pending()) {
            return false;
        }
        let bytes = self.from_client[..count].to_vec();
        let had_pending = self.session.has_pending();
        let took = self.session.client(&bytes, self.now);
        assert!(took.consumed <= bytes.len() && took.forward.end <= took.consumed);
        self.from_client.drain(..took.consumed);
        let mut out = std::mem::take(&mut self.session.to_server);
        out.extend_from_slice(&bytes[took.forward]);
        let moved =
            !out.is_empty() || took.consumed > 0 || had_pending != self.session.has_pending();
        self.deliver(&out);
        self.settle();
        moved
    }

    /// The instance processes at most so many bytes of what was forwarded.
    pub fn serve_step(&mut self, most: usize) -> bool {
        let Some((instance, connection)) = &mut self.upstream else { return false };
        let count = most.min(self.at_server.len());
        let bytes: Vec<u8> = self.at_server.drain(..count).collect();
        connection.take(&bytes, &mut self.databases[*instance]);
        self.from_server.append(&mut connection.out);
        count > 0
    }

    /// The gateway's other direction.
    pub fn server_step(&mut self, most: usize) -> bool {
        let Some((_, connection)) = &self.upstream else { return false };
        let is_closed = connection.closed;
        let count = most.min(self.from_server.len());
        if count == 0 && !self.session.has_withheld() {
            if is_closed && self.ending.is_none() {
                self.upstream = None;
                self.session.server_ended(false, self.now);
                self.settle();
                return true;
            }
            return false;
        }
        let bytes = self.from_server[..count].to_vec();
        let had_withheld = self.session.has_withheld();
        let took = self.session.server(&bytes, self.now);
        self.from_server.drain(..took.consumed.min(self.from_server.len()));
        let mut out = std::mem::take(&mut self.session.lead);
        out.extend_from_slice(&bytes[took.forward]);
        let to_server = std::mem::take(&mut self.session.to_server);
        self.deliver(&to_server);
        // What stood in front of the gateway's own words was of the instance.
        let moved = took.consumed > 0 || had_withheld != self.session.has_withheld();
        self.hear(&out);
        self.settle();
        moved
    }

    fn deliver(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let instance = self.upstream.as_ref().map(|(instance, _)| *instance);
        let instance = instance.expect("bytes for an instance while none is connected");
        self.delivered[instance].extend_from_slice(bytes);
        self.at_server.extend_from_slice(bytes);
    }

    /// Does what the session orders.
    fn settle(&mut self) {
        let own = std::mem::take(&mut self.session.to_client);
        self.hear(&own);
        let tally = self.session.take_tally();
        self.tally.held += tally.held;
        self.tally.rehomed += tally.rehomed;
        self.tally.asked_again += tally.asked_again;
        self.tally.failed_retryable += tally.failed_retryable;
        self.tally.in_doubt += tally.in_doubt;
        self.tally.forbidden += tally.forbidden;
        let orders = self.session.take_orders();
        if orders.drop_upstream {
            self.leave();
        }
        if let Some(ending) = self.session.ending() {
            self.ending = Some(ending);
            self.leave();
        }
        if self.session.wants_dial()
            && let Some(instance) = self.open
        {
            assert!(self.upstream.is_none());
            let name = server_name(start_of(instance));
            self.upstream = Some((instance, Connection::new(Some(name), Version::MEMGRAPH)));
            self.session.connected(Some(start_of(instance)), self.now);
            let hello = std::mem::take(&mut self.session.to_server);
            self.deliver(&hello);
        }
    }

    /// The gateway closes its connection; what the instance got, it processes all the same.
    fn leave(&mut self) {
        if let Some((instance, connection)) = self.upstream.take() {
            self.left.push((instance, connection, std::mem::take(&mut self.at_server)));
        }
        self.at_server.clear();
        self.from_server.clear();
    }

    /// The route to the instance ends.
    pub fn cut(&mut self) {
        self.heard_at_cut = self.summaries;
        self.session.cut(false, self.now);
        self.session.standing(Standing::Closed, self.now);
        self.open = None;
        self.settle();
        assert!(self.upstream.is_none(), "the upstream outlives its route");
    }

    /// There is a route, to this instance.
    pub fn route(&mut self, instance: usize) {
        self.open = Some(instance);
        self.session.standing(Standing::Open, self.now);
        self.settle();
    }

    pub fn stand(&mut self, standing: Standing) {
        self.session.standing(standing, self.now);
        self.settle();
    }

    pub fn pass_time(&mut self, to: u64) {
        self.now = to;
        self.session.timer(false, to);
        self.settle();
    }

    /// Steps of the three parties in turns until this holds.
    pub fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if holds(self) {
                return;
            }
            self.client_step(64);
            self.serve_step(64);
            self.server_step(64);
        }
        panic!("it never holds");
    }

    /// What instances got and had not processed, they process now.
    pub fn finish_left(&mut self) {
        for (instance, mut connection, bytes) in std::mem::take(&mut self.left) {
            connection.take(&bytes, &mut self.databases[instance]);
        }
    }

    /// The client sends its next batch, once the last one is answered.
    fn speak(&mut self) {
        if self.current.is_some() || self.handshake > 0 {
            return;
        }
        if self.needs_reset {
            self.needs_reset = false;
            return self.send(one(Request::Reset));
        }
        if let Some(batch) = self.batches.pop_front() {
            self.send(batch);
        }
    }

    fn send(&mut self, batch: Batch) {
        for request in &batch.requests {
            self.from_client.extend(request_bytes(request, self.version));
        }
        self.asked += batch.requests.len();
        let left = batch.requests.len();
        self.current = Some((batch, left));
    }

    /// Bytes reach the client.
    fn hear(&mut self, mut bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        let skipped = self.handshake.min(bytes.len());
        self.handshake -= skipped;
        bytes = &bytes[skipped..];
        while let Some(frame) = self.decoder.next(&mut bytes).expect("short messages") {
            let Frame::Message(body) = frame else { continue };
            let answer = Response::decode(&body, self.version, Limits::USUAL).expect("an answer");
            if answer.is_summary() {
                self.summary(&answer);
            }
            self.answers.push(answer);
        }
    }

    fn summary(&mut self, answer: &Response) {
        self.summaries += 1;
        let (batch, left) = self.current.as_mut().expect("an answer to nothing");
        *left -= 1;
        let told = match answer {
            Response::Success(_) if *left == 0 => Some(Told::Acked),
            Response::Success(_) | Response::Record(_) | Response::Ignored => None,
            Response::Failure(failure) if failure.code.contains("TransientError") => {
                Some(Told::Retry)
            }
            Response::Failure(_) => Some(Told::Failed),
        };
        if let Some(told) = told {
            let transaction: Vec<u32> =
                if told == Told::Acked { batch.commits.clone() } else { self.open_writes() };
            self.told.extend(transaction.into_iter().map(|write| (write, told)));
        }
        let is_over = self.current.as_ref().is_some_and(|(_, left)| *left == 0);
        if matches!(answer, Response::Failure(_)) {
            self.needs_reset = true;
        }
        if is_over {
            self.current = None;
        }
    }

    /// The writes of the transaction that failed; the client gives it up.
    fn open_writes(&mut self) -> Vec<u32> {
        let current = self.current.as_ref().map(|(batch, _)| batch.commits.clone());
        let current = current.unwrap_or_default();
        if !current.is_empty() {
            return current;
        }
        let mut writes = Vec::new();
        let inside = |batch: &Batch| batch.requests.first() != Some(&Request::Begin(Extra::none()));
        while self.batches.front().is_some_and(inside) {
            let Some(batch) = self.batches.pop_front() else { break };
            let ends = batch.requests.contains(&Request::Commit);
            writes = batch.commits;
            if ends {
                break;
            }
        }
        writes
    }

    /// What the instance said and nobody took.
    pub fn unheard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.from_server)
    }

    /// Everything moves until nothing does.
    pub fn run(&mut self) {
        for _ in 0..100_000 {
            self.settle();
            let moved = self.client_step(usize::MAX);
            let served = self.serve_step(usize::MAX);
            let answered = self.server_step(usize::MAX);
            if !moved && !served && !answered {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

/// A client whose login went through, with the usual policy.
pub fn logged_in(batches: Vec<Batch>) -> Rig {
    Rig::new(Version::V5_2, policy(), batches)
}

/// The codes of the failures among answers.
pub fn failure_codes(answers: &[Response]) -> Vec<&str> {
    let mut codes = Vec::new();
    for answer in answers {
        if let Response::Failure(failure) = answer {
            codes.push(failure.code.as_str());
        }
    }
    codes
}
