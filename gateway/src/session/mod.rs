//! One client's session as a machine: bytes and events of both sides in, what to forward, hold,
//! answer and close out. No sockets, no clock, no threads: time is an argument, and who moves the
//! bytes is [`crate::relay`].
//!
//! **What it promises.** Bytes are forwarded as they came, or not at all. Nothing is forwarded to an
//! instance after [`Session::cut`]. Each request gets one summary, of the instance or of the
//! gateway, or the connection ends. What the gateway answers with
//! [`bolt::server::FaultClass::MainChanged`] was certainly not applied: where a commit may have
//! been applied whose answer is out, the connection ends without an answer (BG 4.3).
//!
//! **How it is driven.** [`Session::client`] and [`Session::server`] take the next bytes of a side and
//! say how many were looked at and which of them to write to the other side, in place. What stands
//! in [`Session::to_server`] or [`Session::lead`] after such a call goes out before those bytes, and
//! [`Session::to_client`] before the next call of [`Session::server`]. Bytes that were not looked at
//! are handed over again, when something has changed. No call writes bytes of an instance while the
//! route is not open; the driver looks at that once more when it writes.

mod answers;
mod broken;
mod change;
mod identity;
mod kept;
mod login;
mod opening;
mod refused;
mod requests;
mod rewrite;
mod route;
mod types;

pub use bolt::tracker::Writes;
pub(crate) use identity::{Greeting, LOGIN_ANSWER_BYTES, greeting};
pub use identity::{server_name, start_of};
pub use rewrite::{REWRITES, Rewrite, rewrite};
pub use route::Routing;
pub use types::{Ending, Listener, Orders, Policy, Proof, Standing, Tally, Took};

use bolt::{
    Response, Version,
    chunk::{Decoder, Head, Scanner},
    handshake::HandshakeReader,
    tracker::Tracker,
};
use broken::Broken;
use ha_core::{ids::StartId, leadership::Millis};
use kept::Kept;
use login::Login;
use std::sync::Arc;

/// A client that does not read is not answered more than this, and one answer.
const OWN_BYTES: usize = 16 << 10;

/// How far the client is.
#[derive(Debug)]
enum Phase {
    /// Its handshake is read.
    Opening(HandshakeReader),
    /// Its login messages are read, kept, and sent to whatever upstream there is.
    Login,
    /// No route came in time before it was logged in: its next message is answered with that.
    Refused,
    /// It is logged in: its requests pass.
    Ready,
    /// What it had open was lost: the gateway answers in the instance's place.
    Broken(Broken),
    /// It speaks what the gateway does not: bytes pass unread.
    Plain,
    /// The connection is to be closed.
    Ended(Ending),
}

/// How far the connection to the instance is.
#[derive(Debug)]
enum Upstream {
    None,
    /// Connected; whether it is the instance meant has to be found out apart from this connection.
    Unproven,
    /// The answer to the handshake is awaited: what came of it, and how many bytes.
    Handshake([u8; 4], usize),
    /// The client's login messages are sent, one after the other.
    Login {
        decoder: Decoder,
        /// The message whose answer is next.
        next: usize,
        /// It was sent.
        sent: bool,
    },
    /// The instance has what the client sent, and answers it.
    Joined,
}

/// What is done with the client's message under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handling {
    /// It is forwarded.
    Forwarded,
    /// It is a ROUTE, which the gateway answers.
    Route,
    /// It is a RESET with nothing to reset, which the gateway answers.
    Reset,
}

/// A FAILURE that is read before it passes.
#[derive(Debug)]
struct Withheld {
    head: Head,
    wire: Vec<u8>,
    body: Vec<u8>,
    /// It is there to its end, or too long to be read.
    is_read: bool,
    /// It is there to its end.
    is_whole: bool,
}

/// A client's session.
#[derive(Debug)]
pub struct Session {
    policy: Arc<Policy>,
    phase: Phase,
    upstream: Upstream,
    standing: Standing,
    /// The start of the process that the upstream has to be, if it is to be looked at.
    expected: Option<StartId>,
    /// As told to the client.
    version: Option<Version>,
    login: Login,
    client_scanner: Scanner,
    server_scanner: Scanner,
    tracker: Tracker,
    /// What the instance does with writes.
    writes: Writes,
    /// The front of a client's message that waits.
    pending: Option<Head>,
    handling: Handling,
    kept: Kept,
    /// The body of a ROUTE.
    route_body: Vec<u8>,
    withheld: Option<Withheld>,
    /// The session may go on elsewhere: its login is known and nothing else belongs to it.
    movable: bool,
    /// The instance said that it closes the connection.
    is_closing: bool,
    /// A LOGON after LOGOFF is under way.
    logs_on: bool,
    said_goodbye: bool,
    client_gone: bool,
    /// Since when something waits for a route.
    held_since: Option<Millis>,
    /// Since when the grant is out.
    frozen_since: Option<Millis>,
    /// By when the present login has to be complete.
    login_by: Option<Millis>,
    orders: Orders,
    tally: Tally,
    /// The gateway's own words to the client, to be written before any later bytes of the instance.
    pub to_client: Vec<u8>,
    /// Bytes of the instance that came before those of the present call.
    pub lead: Vec<u8>,
    /// To be written to the instance.
    pub to_server: Vec<u8>,
}

impl Session {
    /// A client that was accepted now.
    #[must_use]
    pub fn new(policy: Arc<Policy>, standing: Standing, now: Millis) -> Self {
        let login_by = Some(now.saturating_add(policy.login_ms));
        let login = Login::new(policy.login_bytes);
        Self {
            policy,
            phase: Phase::Opening(HandshakeReader::new()),
            upstream: Upstream::None,
            standing,
            expected: None,
            version: None,
            login,
            client_scanner: Scanner::new(),
            server_scanner: Scanner::new(),
            tracker: Tracker::default(),
            writes: Writes::Taken,
            pending: None,
            handling: Handling::Forwarded,
            kept: Kept::default(),
            route_body: Vec::new(),
            withheld: None,
            movable: true,
            is_closing: false,
            logs_on: false,
            said_goodbye: false,
            client_gone: false,
            held_since: None,
            frozen_since: None,
            login_by,
            orders: Orders::default(),
            tally: Tally::default(),
            to_client: Vec::new(),
            lead: Vec::new(),
            to_server: Vec::new(),
        }
    }

    /// The next bytes of the client.
    pub fn client(&mut self, bytes: &[u8], now: Millis) -> Took {
        match self.phase {
            Phase::Ready | Phase::Broken(_) if self.has_said_enough() => Took::NOTHING,
            Phase::Opening(_) => self.opening(bytes, now),
            Phase::Login | Phase::Refused => self.login_bytes(bytes, now),
            Phase::Ready => self.requests(bytes, now),
            Phase::Broken(_) => self.discarded(bytes),
            Phase::Plain if self.is_passing() => {
                self.held_no_more();
                Took::all(bytes)
            }
            Phase::Plain => self.wait(now),
            Phase::Ended(_) => Took::dropped(bytes.len()),
        }
    }

    /// The next bytes of the instance.
    pub fn server(&mut self, bytes: &[u8], now: Millis) -> Took {
        if matches!(self.phase, Phase::Ended(_)) {
            return Took::dropped(bytes.len());
        }
        match self.upstream {
            Upstream::None | Upstream::Unproven => Took::NOTHING,
            Upstream::Handshake(..) => self.handshake_answer(bytes),
            Upstream::Login { .. } => self.login_answers(bytes, now),
            Upstream::Joined if matches!(self.phase, Phase::Plain) => {
                if self.is_passing() {
                    Took::all(bytes)
                } else {
                    Took::NOTHING
                }
            }
            Upstream::Joined => self.answers(bytes, now),
        }
    }

    /// What the instance does with writes from now on, as far as is certain. Told after
    /// [`Session::connected`], and whenever it may have been otherwise for a while.
    pub fn writes_are(&mut self, writes: Writes) {
        self.writes = writes;
        self.tracker.writes_are(writes);
    }

    /// An instance should be dialled.
    #[must_use]
    pub const fn wants_dial(&self) -> bool {
        matches!(self.upstream, Upstream::None)
            && matches!(self.standing, Standing::Open)
            && match self.phase {
                Phase::Login | Phase::Plain => true,
                Phase::Ready => self.has_pending(),
                Phase::Opening(_) | Phase::Refused | Phase::Broken(_) | Phase::Ended(_) => false,
            }
    }

    /// Whether the upstream is the instance meant has to be found out apart from this connection,
    /// and told by [`Session::proven`].
    #[must_use]
    pub const fn wants_proof(&self) -> bool {
        matches!(self.upstream, Upstream::Unproven)
    }

    /// Why the connection is to be closed, if it is, once [`Session::to_client`] is written.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        match self.phase {
            Phase::Ended(ending) => Some(ending),
            Phase::Opening(_)
            | Phase::Login
            | Phase::Refused
            | Phase::Ready
            | Phase::Broken(_)
            | Phase::Plain => None,
        }
    }

    /// What the driver has to do, once.
    pub const fn take_orders(&mut self) -> Orders {
        std::mem::replace(&mut self.orders, Orders::NONE)
    }

    /// What happened since the last call.
    pub const fn take_tally(&mut self) -> Tally {
        std::mem::replace(&mut self.tally, Tally::NONE)
    }

    /// There may be something that [`Session::take_orders`] or [`Session::take_tally`] tells.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.orders != Orders::NONE || self.tally != Tally::NONE
    }

    /// A transaction may be open, or a request is unanswered.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match (&self.phase, &self.upstream) {
            (Phase::Ready, Upstream::Joined) => !self.tracker.is_boundary(),
            (Phase::Plain, Upstream::Joined) => true,
            (
                Phase::Opening(_)
                | Phase::Login
                | Phase::Refused
                | Phase::Ready
                | Phase::Broken(_)
                | Phase::Plain
                | Phase::Ended(_),
                Upstream::None
                | Upstream::Unproven
                | Upstream::Handshake(..)
                | Upstream::Login { .. }
                | Upstream::Joined,
            ) => false,
        }
    }

    /// The bytes that it takes, or took last, may be credentials.
    #[must_use]
    pub const fn is_in_login(&self) -> bool {
        matches!(self.phase, Phase::Login | Phase::Refused) || self.login.is_renewed()
    }

    /// An instance is there that is proven and logged in to.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        matches!(self.upstream, Upstream::Joined)
    }

    /// The front of a client's message waits, or requests wait to be asked again: hand over what
    /// follows once more, even if nothing does.
    #[must_use]
    pub const fn has_pending(&self) -> bool {
        self.pending.is_some() || self.kept.waits()
    }

    /// An answer was read that did not pass yet: hand over what follows once more, even if nothing
    /// does.
    #[must_use]
    pub fn has_withheld(&self) -> bool {
        self.withheld.as_ref().is_some_and(|withheld| withheld.is_read)
    }

    /// A client's message waits for a route.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held_since.is_some()
    }

    /// The driver has a reason of its own to end the connection.
    pub fn stop(&mut self, why: Ending) {
        self.end(why);
    }

    /// Bytes pass between client and instance.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self.upstream, Upstream::Joined)
            && matches!(self.standing, Standing::Open | Standing::Draining)
    }

    /// Nothing is taken: it waits for a route.
    fn wait(&mut self, now: Millis) -> Took {
        if self.held_since.is_none() {
            self.held_since = Some(now);
            self.tally.held += u32::from(!matches!(self.standing, Standing::Open));
        }
        Took::NOTHING
    }

    const fn held_no_more(&mut self) {
        self.held_since = None;
    }

    fn end(&mut self, ending: Ending) {
        if matches!(self.phase, Phase::Ended(_)) {
            return;
        }
        self.tally.in_doubt += u32::from(ending == Ending::InDoubt);
        self.phase = Phase::Ended(ending);
        self.leave_upstream();
        self.kept.forget();
        self.login.forget();
    }

    /// The upstream is not used any more.
    fn leave_upstream(&mut self) {
        if !matches!(self.upstream, Upstream::None) {
            self.orders.drop_upstream = true;
        }
        self.upstream = Upstream::None;
        self.to_server.clear();
        self.withheld = None;
    }

    /// The client has to read what the gateway itself said before it is answered more.
    const fn has_said_enough(&self) -> bool {
        self.to_client.len() >= OWN_BYTES
    }

    /// Puts an answer of the gateway's own where the client reads it.
    fn say(&mut self, response: &Response) {
        let Some(version) = self.version else { return };
        // Our own answers are short, so that they always have a form.
        let _ = response.send(version, &mut self.to_client);
    }
}
