//! The machine itself.

use super::{
    Ask, Close, Fault, FaultClass, Misuse, Origin, Outcome, Reply, RouteAnswer, Settings, State,
    Step, TransactionText, broken,
};
use crate::{
    Limits, Map, Request, Response, Signature, Value,
    message::{Amount, Extra, Fetch, HelloMap, MessageError, Route, Run},
};
use alloc::{borrow::ToOwned, string::String, vec, vec::Vec};

/// What the host was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Login,
    Logoff,
    Run,
    Fetch,
    Begin(Origin),
    End(Origin),
    Reset,
    Route,
}

/// The result that is open.
#[derive(Debug, Clone, PartialEq)]
struct OpenResult {
    /// Its number within the transaction; none outside.
    qid: Option<i64>,
    /// It belongs to a step of a transaction, with the options of its RUN.
    text: Option<(TransactionText, Extra)>,
}

/// One session, from the end of its handshake on.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    pending: Option<Pending>,
    logged_in: bool,
    in_transaction: bool,
    /// A request failed within the transaction: it cannot be committed any more.
    expects_rollback: bool,
    /// The number of the next result within the transaction.
    next_qid: i64,
    result: Option<OpenResult>,
}

impl Session {
    /// A session whose version was just chosen.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::Init,
            pending: None,
            logged_in: false,
            in_transaction: false,
            expects_rollback: false,
            next_qid: 0,
            result: None,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The version that is spoken.
    #[must_use]
    pub const fn version(&self) -> crate::Version {
        self.settings.version
    }

    /// A transaction is open, begun by message or by text.
    #[must_use]
    pub const fn is_in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// The host owes the outcome of an ask.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.pending.is_some()
    }

    /// What the next message may consist of.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        if self.logged_in { self.settings.limits } else { self.settings.before_login }
    }

    /// Takes the bytes of a message. One that cannot be read ends the connection, or is ignored
    /// like any other in the state Error.
    ///
    /// # Errors
    /// The host is not to hand over a message now.
    pub fn message(&mut self, body: &[u8]) -> Result<Step, Misuse> {
        self.may_take()?;
        match Request::decode(body, self.settings.version, self.limits()) {
            Ok(request) => self.request(request),
            Err(error) if self.state == State::Error && !is_garbage(&error) => {
                Ok(Step::Reply(Reply::one(Response::Ignored)))
            }
            Err(error) => Ok(self.close_broken(Close::Unreadable(error))),
        }
    }

    /// Takes a request.
    ///
    /// # Errors
    /// The host is not to hand over a request now.
    pub fn request(&mut self, request: Request) -> Result<Step, Misuse> {
        self.may_take()?;
        Ok(match self.state {
            State::Init => self.in_init(request),
            State::Error => self.in_error(&request),
            State::Idle | State::Result | State::Closed => self.executing(request),
        })
    }

    const fn may_take(&self) -> Result<(), Misuse> {
        match (self.state, self.pending) {
            (State::Closed, _) => Err(Misuse::Closed),
            (_, Some(_)) => Err(Misuse::Unanswered),
            (_, None) => Ok(()),
        }
    }

    fn in_init(&mut self, request: Request) -> Step {
        let has_logon = self.settings.version.has_logon();
        match request {
            Request::Hello(hello) if !matches!(hello.user_agent(), Ok(Some(_))) => {
                self.wrong(Signature::Hello)
            }
            Request::Hello(_) if has_logon => Step::Reply(self.welcome()),
            Request::Hello(hello) => self.login(&hello),
            Request::Logon(auth) => self.ask(Pending::Login, Ask::Authenticate(auth)),
            Request::Logoff
            | Request::Goodbye
            | Request::Reset
            | Request::AckFailure
            | Request::Run(_)
            | Request::Pull(_)
            | Request::Discard(_)
            | Request::Begin(_)
            | Request::Commit
            | Request::Rollback
            | Request::Route(_)
            | Request::Telemetry(_) => self.wrong(request.signature()),
        }
    }

    fn login(&mut self, hello: &HelloMap) -> Step {
        self.ask(Pending::Login, Ask::Authenticate(hello.auth()))
    }

    fn in_error(&mut self, request: &Request) -> Step {
        if *request == Request::Reset {
            return self.ask(Pending::Reset, Ask::Reset);
        }
        if *request != Request::AckFailure {
            return Step::Reply(Reply::one(Response::Ignored));
        }
        self.state = State::Idle;
        Step::Reply(Reply::success([]))
    }

    fn executing(&mut self, request: Request) -> Step {
        match (request, self.state) {
            (Request::Run(run), State::Idle) => self.run(run),
            (Request::Pull(fetch), State::Result) => self.fetch(fetch, Ask::Pull),
            (Request::Discard(fetch), State::Result) => self.fetch(fetch, Ask::Discard),
            (Request::Begin(extra), State::Idle) => self.begin(extra, Origin::Message),
            (Request::Commit, State::Idle) => self.commit(Origin::Message),
            (Request::Rollback, State::Idle) => self.rollback(Origin::Message),
            (Request::Reset, _) => self.ask(Pending::Reset, Ask::Reset),
            (Request::Route(route), _) => self.route(route),
            (Request::Logoff, _) => self.ask(Pending::Logoff, Ask::Logoff),
            (Request::Goodbye, _) => {
                self.state = State::Closed;
                Step::Reply(Reply { messages: Vec::new(), close: Some(Close::Goodbye) })
            }
            (other, _) => self.wrong(other.signature()),
        }
    }

    fn run(&mut self, run: Run) -> Step {
        let Run { query, parameters, extra } = run;
        if let Some(text) = TransactionText::of(&query) {
            return Step::Reply(self.opened(&[], Some((text, extra))));
        }
        let in_transaction = self.in_transaction;
        self.ask(Pending::Run, Ask::Run { query, parameters, extra, in_transaction })
    }

    fn fetch(&mut self, fetch: Fetch, ask: fn(Amount) -> Ask) -> Step {
        let Some(result) = self.result.as_ref() else {
            return self.wrong(Signature::Pull);
        };
        if fetch.qid.is_some_and(|qid| qid != result.qid.unwrap_or(0)) {
            return self.fail(Fault::client("Query with specified ID does not exist!"));
        }
        match result.text.clone() {
            None => self.ask(Pending::Fetch, ask(fetch.amount)),
            Some((TransactionText::Begin, extra)) => self.begin(extra, Origin::Text),
            Some((TransactionText::Commit, _)) => self.commit(Origin::Text),
            Some((TransactionText::Rollback, _)) => self.rollback(Origin::Text),
        }
    }

    fn begin(&mut self, extra: Extra, origin: Origin) -> Step {
        if self.in_transaction {
            return self.fail(Fault::client("Nested transactions are not supported."));
        }
        self.ask(Pending::Begin(origin), Ask::Begin(extra, origin))
    }

    fn commit(&mut self, origin: Origin) -> Step {
        if !self.in_transaction {
            return self.fail(Fault::client("No current transaction to commit."));
        }
        if self.expects_rollback {
            return self.fail(Fault::client(
                "Transaction can't be committed because there was a previous error. Please invoke \
                 a rollback instead.",
            ));
        }
        self.ask(Pending::End(origin), Ask::Commit(origin))
    }

    fn rollback(&mut self, origin: Origin) -> Step {
        if !self.in_transaction {
            return self.fail(Fault::client("No current transaction to rollback."));
        }
        self.ask(Pending::End(origin), Ask::Rollback(origin))
    }

    fn route(&mut self, route: Route) -> Step {
        match self.settings.route {
            RouteAnswer::Host => self.ask(Pending::Route, Ask::Route(route)),
            RouteAnswer::Community => {
                let text = "Route message is not supported in Memgraph!";
                self.fail(Fault::new(FaultClass::Route, text))
            }
            RouteAnswer::NoCluster => self.fail(Fault::client(
                "You cannot fetch routing table from an instance which is not part of a cluster.",
            )),
        }
    }

    /// Takes what became of the last ask.
    ///
    /// # Errors
    /// Nothing was asked, or something else.
    pub fn outcome(&mut self, outcome: Outcome) -> Result<Reply, Misuse> {
        if self.state == State::Closed {
            return Err(Misuse::Closed);
        }
        let Some(pending) = self.pending.take() else { return Err(Misuse::Unasked) };
        Ok(match (pending, outcome) {
            (Pending::Login, Outcome::Failed(fault)) => {
                self.state = State::Closed;
                let messages = vec![Response::Failure(fault.failure())];
                Reply { messages, close: Some(Close::Login) }
            }
            (_, Outcome::Failed(fault)) => self.failed(&fault),
            (Pending::Login, Outcome::Done) => {
                self.state = State::Idle;
                self.logged_in = true;
                self.welcome()
            }
            (Pending::Logoff, Outcome::Done) => {
                self.state = State::Init;
                self.logged_in = false;
                self.result = None;
                let answers = self.settings.answers_logoff;
                if answers { Reply::success([]) } else { Reply::default() }
            }
            (Pending::Run, Outcome::Prepared(fields)) => self.opened(&fields, None),
            (Pending::Fetch, Outcome::Fetched { has_more, summary }) => {
                self.fetched(has_more, summary)
            }
            (Pending::Begin(origin), Outcome::Done) => self.ended(true, origin),
            (Pending::End(origin), Outcome::Done) => self.ended(false, origin),
            (Pending::Reset, Outcome::Done) => {
                self.state = State::Idle;
                self.result = None;
                self.ended(false, Origin::Message)
            }
            (Pending::Route, Outcome::Routed(map)) => {
                self.state = State::Idle;
                self.result = None;
                Reply::one(Response::Success(map))
            }
            (
                Pending::Login | Pending::Logoff | Pending::Run | Pending::Fetch | Pending::Route,
                Outcome::Done | Outcome::Prepared(_) | Outcome::Fetched { .. } | Outcome::Routed(_),
            )
            | (
                Pending::Begin(_) | Pending::End(_) | Pending::Reset,
                Outcome::Prepared(_) | Outcome::Fetched { .. } | Outcome::Routed(_),
            ) => {
                self.pending = Some(pending);
                return Err(Misuse::Unasked);
            }
        })
    }

    /// The answer to HELLO and to LOGON.
    fn welcome(&self) -> Reply {
        let id = [("connection_id", super::CONNECTION_ID.into())];
        let name = self.settings.server_name.as_deref();
        let name = name.map(|name| ("server", Value::from(name)));
        Reply::one(Response::Success(crate::value::map(id.into_iter().chain(name))))
    }

    /// A result is open.
    fn opened(&mut self, fields: &[String], text: Option<(TransactionText, Extra)>) -> Reply {
        let mut map = Map::new();
        let fields = fields.iter().map(|field| field.as_str().into()).collect();
        map.insert("fields".to_owned(), Value::List(fields));
        let mut qid = None;
        if self.in_transaction {
            qid = Some(self.next_qid);
            self.next_qid = self.next_qid.saturating_add(1);
            if self.settings.version.major > 1 {
                map.insert("qid".to_owned(), qid.into());
            }
        }
        self.result = Some(OpenResult { qid, text });
        self.state = State::Result;
        Reply::one(Response::Success(map))
    }

    /// Records of the open result were sent.
    fn fetched(&mut self, has_more: bool, mut summary: Map) -> Reply {
        // pymgclient crashes where it is missing (BG 6).
        summary.insert("has_more".to_owned(), has_more.into());
        if !has_more {
            self.result = None;
            self.state = State::Idle;
        }
        Reply::one(Response::Success(summary))
    }

    /// A transaction begun or ended.
    fn ended(&mut self, in_transaction: bool, origin: Origin) -> Reply {
        self.in_transaction = in_transaction;
        self.expects_rollback = false;
        self.next_qid = 0;
        match origin {
            Origin::Message => Reply::success([]),
            Origin::Text => self.fetched(false, Map::new()),
        }
    }

    fn ask(&mut self, pending: Pending, ask: Ask) -> Step {
        self.pending = Some(pending);
        Step::Ask(ask)
    }

    fn fail(&mut self, fault: Fault) -> Step {
        Step::Reply(self.failed(&fault))
    }

    fn failed(&mut self, fault: &Fault) -> Reply {
        self.state = State::Error;
        self.result = None;
        self.expects_rollback = self.in_transaction;
        Reply::one(Response::Failure(fault.failure()))
    }

    fn wrong(&mut self, signature: Signature) -> Step {
        self.close_broken(Close::WrongState(signature, self.state))
    }

    fn close_broken(&mut self, why: Close) -> Step {
        self.state = State::Closed;
        Step::Reply(Reply { messages: vec![broken()], close: Some(why) })
    }
}

/// The bytes are no message at all, as opposed to one that is not known or not of this version.
const fn is_garbage(error: &MessageError) -> bool {
    match error {
        MessageError::Decode(_) | MessageError::Encode(_) => true,
        MessageError::Signature { .. }
        | MessageError::Version { .. }
        | MessageError::Fields { .. }
        | MessageError::Entry { .. } => false,
    }
}
