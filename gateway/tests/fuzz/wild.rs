//! A session between a client that says anything and instances that are honest until they are not.
//! It is driven as the relay drives it, and looked at after every step.

use super::{
    ALLOCATED,
    script::{Choice, Dialled, Script, Step},
    support::{
        host::{Connection, Database, Role},
        request_bytes,
        requests::run,
        response_bytes,
        rig::start_of,
    },
};
use bolt::{Request, Response, Signature, Version, message::Fetch};
use gateway::session::{
    Ending, Listener, Orders, Policy, Proof, Routing, Session, Standing, Tally, Took, server_name,
};
use std::sync::Arc;

const HOLD_MS: u64 = 5_000;
/// More turns than a script has of bytes and requests.
const TURNS: usize = 20_000;

fn policy(choice: Choice) -> Policy {
    let routing = Routing {
        write: Some("w:7687".to_owned()),
        read: None,
        listener: Listener::Write,
        ttl_s: 10,
    };
    Policy {
        hold_ms: HOLD_MS,
        login_ms: 5_000,
        login_bytes: 64 << 10,
        rewrites: choice.rewrites,
        passthrough: choice.passthrough,
        routing: choice.routes.then_some(routing),
    }
}

/// A message of whole chunks, with this signature.
fn long(signature: u8, chunks: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in 0..chunks {
        bytes.extend([0xFF, 0xFF]);
        let from = bytes.len();
        bytes.resize(from + 0xFFFF, 0x81);
        if chunk == 0 {
            bytes[from..from + 2].copy_from_slice(&[0xB1, signature]);
        }
    }
    bytes.extend([0, 0]);
    bytes
}

pub(crate) struct Wild {
    session: Session,
    now: u64,
    /// What the client said, and how much of it was looked at.
    client: (Vec<u8>, usize),
    instance: Option<Connection>,
    database: Database,
    /// Forwarded and not processed.
    at_instance: Vec<u8>,
    /// What the instance said and nobody looked at.
    said: Vec<u8>,
    /// The client reads nothing.
    is_deaf: bool,
    /// Bytes that the session holds, and the most that it held, also within a call.
    held: isize,
    most: isize,
    tally: Tally,
}

/// What a script came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// The most that the session held, in bytes.
    pub(crate) most: isize,
    pub(crate) tally: Tally,
    pub(crate) ending: Option<Ending>,
}

impl Wild {
    fn new(choice: Choice) -> Self {
        let policy = Arc::new(policy(choice));
        Self {
            session: Session::new(policy, Standing::Open, 0),
            now: 0,
            client: (Vec::new(), 0),
            instance: None,
            database: Database { answers_logoff: choice.logoff, ..Database::default() },
            at_instance: Vec::new(),
            said: Vec::new(),
            is_deaf: false,
            held: 0,
            most: 0,
            tally: Tally::default(),
        }
    }

    /// Plays a script to its end, and then what ends every session or makes it go on.
    pub(crate) fn play(script: &Script) -> Outcome {
        let mut wild = Self::new(script.choice);
        for step in &script.steps {
            wild.step(step);
        }
        wild.rest();
        Outcome { most: wild.most, tally: wild.tally, ending: wild.session.ending() }
    }

    fn is_over(&self) -> bool {
        self.session.ending().is_some()
    }

    /// Calls the session, counts what it allocates, and does what it orders.
    fn call<R>(&mut self, act: impl FnOnce(&mut Session, &[u8], &[u8]) -> R) -> R {
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        let done = act(&mut self.session, &self.client.0[self.client.1..], &self.said);
        let peak = ALLOCATED.peak_usage().saturating_sub(before);
        self.most = self.most.max(self.held + isize::try_from(peak).expect("small"));
        let after = ALLOCATED.current_usage();
        self.held +=
            isize::try_from(after).expect("small") - isize::try_from(before).expect("small");
        done
    }

    /// Bytes that the session gives away are not its own any more.
    fn given(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.held -= isize::try_from(bytes.capacity()).expect("small");
        bytes
    }

    /// The gateway's own words, and its orders.
    fn settle(&mut self) {
        if !self.is_deaf {
            let own = std::mem::take(&mut self.session.to_client);
            drop(self.given(own));
        }
        let news = self.session.has_news();
        let orders = self.session.take_orders();
        assert!(news || orders == Orders::default());
        self.tally += self.session.take_tally();
        if orders.drop_upstream || self.is_over() {
            self.leave();
        }
        let _ = format!("{:?}", self.session);
        assert!(!self.session.is_joined() || self.instance.is_some(), "joined to nobody");
    }

    fn leave(&mut self) {
        self.instance = None;
        self.at_instance.clear();
        self.said.clear();
    }

    fn deliver(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            assert!(self.instance.is_some(), "bytes for an instance while none is connected");
            self.at_instance.extend_from_slice(bytes);
        }
    }

    fn judge(&self, took: &Took, handed: usize, could_pass: bool) {
        assert!(took.consumed <= handed && took.forward.end <= took.consumed, "{took:?}");
        assert!(took.forward.start <= took.forward.end, "{took:?}");
        assert!(could_pass || took.forward.is_empty(), "bytes pass without a route");
    }

    /// Bytes of the client; whether something moved.
    fn hand(&mut self, most: usize) -> bool {
        let count = most.min(self.client.0.len() - self.client.1);
        let had_pending = self.session.has_pending();
        if self.is_over() || (count == 0 && !had_pending) {
            return false;
        }
        let (now, could_pass) = (self.now, self.session.is_passing());
        let took = self.call(|session, client, _| session.client(&client[..count], now));
        self.judge(&took, count, could_pass);
        let lead = std::mem::take(&mut self.session.to_server);
        let lead = self.given(lead);
        self.deliver(&lead);
        let from = self.client.1;
        let passed = self.client.0[from + took.forward.start..from + took.forward.end].to_vec();
        self.deliver(&passed);
        self.client.1 += took.consumed;
        let moved = took.consumed > 0 || had_pending != self.session.has_pending();
        self.settle();
        moved || !lead.is_empty()
    }

    fn serve(&mut self, most: usize) -> bool {
        let Some(connection) = &mut self.instance else { return false };
        let count = most.min(self.at_instance.len());
        let bytes: Vec<u8> = self.at_instance.drain(..count).collect();
        connection.take(&bytes, &mut self.database);
        self.said.append(&mut connection.out);
        count > 0
    }

    /// Bytes of the instance; whether something moved.
    fn take(&mut self, most: usize) -> bool {
        let Some(connection) = &self.instance else { return false };
        let count = most.min(self.said.len());
        let had_withheld = self.session.has_withheld();
        if self.is_over() || !self.session.to_client.is_empty() {
            // The gateway's own words go out first.
            return false;
        }
        if count == 0 && !had_withheld {
            let ends = connection.closed && self.at_instance.is_empty();
            if ends {
                self.server_ends(false);
            }
            return ends;
        }
        let (now, could_pass) = (self.now, self.session.is_passing());
        let took = self.call(|session, _, said| session.server(&said[..count], now));
        self.judge(&took, count, could_pass);
        let lead = std::mem::take(&mut self.session.lead);
        assert!(could_pass || lead.is_empty(), "bytes pass without a route");
        drop(self.given(lead));
        let to_server = std::mem::take(&mut self.session.to_server);
        let to_server = self.given(to_server);
        self.deliver(&to_server);
        self.said.drain(..took.consumed);
        let moved = took.consumed > 0 || had_withheld != self.session.has_withheld();
        self.settle();
        moved
    }

    fn server_ends(&mut self, unsent: bool) {
        let now = self.now;
        self.leave();
        self.call(|session, _, _| session.server_ended(unsent, now));
        self.settle();
    }

    fn dial(&mut self, dialled: Dialled) -> bool {
        if !self.session.wants_dial() {
            return false;
        }
        assert!(self.instance.is_none(), "it dials while it has a connection");
        let now = self.now;
        let name = match dialled {
            Dialled::Nobody => {
                self.call(|session, _, _| session.dial_failed(now));
                self.settle();
                return false;
            }
            Dialled::Meant | Dialled::Unlooked => Some(server_name(start_of(0))),
            Dialled::Other => Some(server_name(start_of(1))),
            Dialled::Nameless => None,
        };
        self.instance = Some(Connection::new(name, Version::MEMGRAPH));
        let expected = (dialled != Dialled::Unlooked).then(|| start_of(0));
        self.call(|session, _, _| session.connected(expected, now));
        let to_server = std::mem::take(&mut self.session.to_server);
        let to_server = self.given(to_server);
        self.deliver(&to_server);
        self.settle();
        true
    }

    fn prove(&mut self, proof: Proof) -> bool {
        let now = self.now;
        let wants = self.session.wants_proof();
        self.call(|session, _, _| session.proven(proof, now));
        self.settle();
        wants
    }

    fn stand(&mut self, standing: Standing) {
        let now = self.now;
        self.call(|session, _, _| session.standing(standing, now));
        self.settle();
    }

    fn cut(&mut self, unsent: bool) {
        let now = self.now;
        self.call(|session, _, _| session.cut(unsent, now));
        self.settle();
        assert!(self.instance.is_none() || self.is_over(), "the upstream outlives its route");
    }

    fn pass_to(&mut self, now: u64) {
        self.now = now;
        self.call(|session, _, _| session.timer(false, now));
        self.settle();
        let due = self.session.deadline().filter(|_| !self.is_over());
        assert!(
            due.is_none_or(|due| due > now),
            "due at {due:?} and it is {now}: a task that spins"
        );
    }

    /// Everything moves until nothing does.
    fn flow(&mut self) {
        for _ in 0..TURNS {
            let dialled = self.dial(Dialled::Meant) | self.prove(Proof::Meant);
            let moved = self.hand(64 << 10) | self.serve(usize::MAX) | self.take(64 << 10);
            if !moved && !dialled {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Say(bytes) => self.client.0.extend_from_slice(bytes),
            Step::SayLong(signature, chunks) => self.client.0.extend(long(*signature, *chunks)),
            Step::Raw(bytes) if self.instance.is_some() => self.said.extend_from_slice(bytes),
            Step::RawLong(signature, chunks) if self.instance.is_some() => {
                self.said.extend(long(*signature, *chunks));
            }
            Step::Records(count) if self.instance.is_some() => {
                let record = response_bytes(&Response::Record(vec!["x".into()]), Version::V5_2);
                self.said.extend(record.repeat((*count).into()));
            }
            Step::Raw(_) | Step::RawLong(..) | Step::Records(_) => {}
            Step::Garble(at, byte) => {
                let count = self.said.len().max(1);
                if let Some(place) = self.said.get_mut(usize::from(*at) % count) {
                    *place = *byte;
                }
            }
            Step::Hand(most) => drop(self.hand((*most).into())),
            Step::Serve(most) => drop(self.serve((*most).into())),
            Step::Take(most) => drop(self.take((*most).into())),
            Step::Flow => self.flow(),
            Step::Cut(unsent) => self.cut(*unsent),
            Step::Stand(standing) => self.stand(*standing),
            Step::Pass(ms) => self.pass_to(self.now + u64::from(*ms)),
            Step::Dial(dialled) => drop(self.dial(*dialled)),
            Step::Prove(proof) => drop(self.prove(*proof)),
            Step::ServerEnds(unsent) => {
                if self.instance.is_some() {
                    self.server_ends(*unsent);
                }
            }
            Step::Demote => self.database.role = Role::Replica,
            Step::ClientEnds => {
                // What it said before is looked at before its end.
                self.client.0.truncate(self.client.1);
                self.call(|session, _, _| session.client_ended());
                self.settle();
            }
            Step::Deaf(is_deaf) => {
                self.is_deaf = *is_deaf;
                self.settle();
            }
            Step::Stop => {
                self.call(|session, _, _| session.stop(Ending::Stopping));
                self.settle();
            }
        }
    }

    /// With a route that opens it goes on, as far as instances answer; with none and enough time it
    /// ends, or has answered everything.
    fn rest(&mut self) {
        self.step(&Step::Deaf(false));
        self.stand(Standing::Open);
        self.flow();
        self.cut(false);
        self.flow();
        self.cut(false);
        self.stand(Standing::Closed);
        for request in [run("CREATE 9"), Request::Pull(Fetch::ALL), Request::Reset] {
            self.client.0.extend(request_bytes(&request, Version::V5_2));
        }
        for _ in 0..TURNS {
            while self.hand(64 << 10) {}
            let Some(due) = self.session.deadline().filter(|_| !self.is_over()) else {
                let unread = self.client.0.len() - self.client.1;
                let waits = self.session.is_held() || self.session.has_pending();
                assert!(self.is_over() || (unread == 0 && !waits), "it waits for ever: {unread}");
                return;
            };
            self.pass_to(due);
        }
        panic!("it neither ends nor goes on");
    }
}

/// Signatures that mean something, and one that does not.
pub(crate) const SIGNATURES: [u8; 10] = [
    Signature::Hello.byte(),
    Signature::Run.byte(),
    Signature::Pull.byte(),
    Signature::Route.byte(),
    Signature::Logon.byte(),
    Signature::Reset.byte(),
    Signature::Success.byte(),
    Signature::Record.byte(),
    Signature::Failure.byte(),
    0x55,
];
