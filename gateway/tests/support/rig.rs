//! A client, a session of the gateway and two instances, with the bytes between them; no sockets.

use super::{
    host::{Connection, Database, Role},
    recorded::{Recording, Said},
    request_bytes,
    requests::{Batch, Told, is_begin, is_end, is_within_after, login, one},
};
use bolt::{
    Limits, Request, Response, Version,
    chunk::{Decoder, Frame},
    handshake::Offer,
    message::HelloMap,
    value::map,
};
use gateway::session::{Ending, Policy, Session, Standing, Writes, server_name};
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
    said: VecDeque<Said>,
    /// What it says when all that is answered.
    last: Vec<u8>,
    current: Option<(Batch, usize)>,
    needs_reset: bool,
    /// The client began a transaction and did not end it.
    in_transaction: bool,
    /// The client's socket takes nothing of what the instance says.
    pub is_clogged: bool,
    /// What waits for it.
    down: Vec<u8>,
    /// No grant: whoever writes to the instance waits, whatever the session says.
    is_frozen: bool,
    up: Vec<u8>,
    pub told: Vec<(u32, Told)>,
    /// What the gateway takes an instance for that it connects to.
    pub writes: Writes,
    pub tally: gateway::session::Tally,
}

pub fn start_of(instance: usize) -> StartId {
    StartId(0x1000 + instance as u128)
}

impl Rig {
    /// A client that connects, logs in and then sends these.
    pub fn new(version: Version, policy: Policy, batches: Vec<Batch>) -> Self {
        let first = Batch { requests: login(version), commits: Vec::new() };
        let said = std::iter::once(first).chain(batches).map(Said::from).collect();
        let (offer, last) = (Offer::of(&[version]).bytes().to_vec(), Vec::new());
        Self::recorded(&Recording { offer, version, said, last }, policy)
    }

    /// A client that says what was recorded.
    pub fn recorded(recording: &Recording, policy: Policy) -> Self {
        let session = Session::new(Arc::new(policy), Standing::Open, 0);
        let Recording { offer, version, said, last } = recording.clone();
        Self {
            session,
            version,
            now: 0,
            databases: [Database::default(), Database::default()],
            upstream: None,
            left: Vec::new(),
            at_server: Vec::new(),
            from_server: Vec::new(),
            from_client: offer,
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
            said: said.into(),
            last,
            current: None,
            needs_reset: false,
            in_transaction: false,
            is_clogged: false,
            down: Vec::new(),
            is_frozen: false,
            up: Vec::new(),
            told: Vec::new(),
            writes: Writes::Taken,
            tally: gateway::session::Tally::default(),
        }
    }

    /// Its driver names itself so.
    pub fn user_agent(&mut self, name: &str) {
        let named = HelloMap(map([("user_agent", name)]));
        let login = self.said.front_mut().expect("its login");
        login.batch.requests[0] = Request::Hello(named);
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

    pub fn promote(&mut self, instance: usize) {
        self.databases[instance].role = Role::Main;
    }

    /// The client asks for this, after its other batches.
    pub fn asks(&mut self, batch: Batch) {
        self.said.push_back(batch.into());
    }

    /// Bytes that the client says beside its batches.
    pub fn says(&mut self, bytes: &[u8]) {
        self.from_client.extend_from_slice(bytes);
    }

    /// Whether the client has got everything it asked for, and asks for nothing more.
    pub fn is_done(&self) -> bool {
        self.ending.is_some() || self.is_said()
    }

    /// Whether the client got all that it asked for.
    pub fn is_said(&self) -> bool {
        self.said.is_empty() && self.current.is_none() && !self.needs_reset
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
        if !self.down.is_empty() {
            if !self.is_clogged {
                let down = std::mem::take(&mut self.down);
                self.hear(&down);
            }
            return !self.is_clogged;
        }
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
        if self.is_clogged {
            self.down = out;
        } else {
            self.hear(&out);
        }
        self.settle();
        moved
    }

    fn deliver(&mut self, bytes: &[u8]) {
        if self.is_frozen {
            return self.up.extend_from_slice(bytes);
        }
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
        if self.down.is_empty() {
            let own = std::mem::take(&mut self.session.to_client);
            self.hear(&own);
        }
        self.tally += self.session.take_tally();
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
            self.session.writes_are(self.writes);
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
        self.down.clear();
        self.up.clear();
    }

    /// The route to the instance ends.
    pub fn cut(&mut self) {
        self.heard_at_cut = self.summaries;
        self.session.cut(!self.down.is_empty(), self.now);
        self.session.standing(Standing::Closed, self.now);
        self.is_frozen = false;
        self.open = None;
        self.settle();
        assert!(self.upstream.is_none(), "the upstream outlives its route");
    }

    /// The instance's process ends; what reached it may have been processed, or not.
    pub fn lose(&mut self, is_processed: bool) {
        self.heard_at_cut = self.summaries;
        if self.upstream.is_some() {
            if !is_processed {
                self.at_server.clear();
            }
            self.from_server.clear();
            // What it said before is written first.
            let down = std::mem::take(&mut self.down);
            self.hear(&down);
            self.session.server_ended(false, self.now);
            self.settle();
        }
        self.cut();
    }

    /// There is a route, to this instance.
    pub fn route(&mut self, instance: usize) {
        self.open = Some(instance);
        self.stand(Standing::Open);
    }

    pub fn stand(&mut self, standing: Standing) {
        self.is_frozen = standing == Standing::Frozen;
        self.session.standing(standing, self.now);
        let up = std::mem::take(&mut self.up);
        self.deliver(&up);
        self.settle();
    }

    pub fn pass_time(&mut self, to: u64) {
        self.now = to;
        self.session.timer(!self.down.is_empty(), to);
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
        let resets = |said: &Said| said.batch.requests == [Request::Reset];
        if std::mem::take(&mut self.needs_reset) && !self.said.front().is_some_and(resets) {
            return self.send(one(Request::Reset));
        }
        match self.said.pop_front() {
            Some(said) => self.send(said),
            None => self.from_client.append(&mut self.last),
        }
    }

    fn send(&mut self, said: impl Into<Said>) {
        let Said { batch, wire } = said.into();
        let usual = || {
            let requests = batch.requests.iter();
            requests.flat_map(|request| request_bytes(request, self.version)).collect()
        };
        let wire = wire.unwrap_or_else(usual);
        self.from_client.extend(wire);
        for request in &batch.requests {
            self.in_transaction = is_within_after(self.in_transaction, request);
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

    /// The writes of what failed; the client gives it up.
    fn open_writes(&mut self) -> Vec<u32> {
        let current = self.current.as_ref().map(|(batch, _)| batch.commits.clone());
        let mut writes = current.unwrap_or_default();
        while let Some(first) = self.said.front().and_then(|said| said.batch.requests.first()) {
            let is_more = matches!(first, Request::Pull(_) | Request::Discard(_));
            if !is_more && (!self.in_transaction || !writes.is_empty() || is_begin(first)) {
                break;
            }
            let Some(Said { batch, .. }) = self.said.pop_front() else { break };
            self.in_transaction &= !batch.requests.iter().any(is_end);
            writes.extend(batch.commits);
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
