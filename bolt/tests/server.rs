//! The server machine: conversations as tables of request and what follows.

use bolt::{
    Limits, Request, Response, Version,
    message::{Amount, AuthMap, Extra, Fetch, HelloMap, Route, RouteTarget, Run},
    server::{
        Ask, Close, Fault, FaultClass, Misuse, Origin, Outcome, Reply, RouteAnswer, SERVER_NAME,
        Session, Settings, State, Step,
    },
    value::{Map, Value, map},
};

fn hello() -> Request {
    Request::Hello(HelloMap(map([("user_agent", "test/1"), ("scheme", "none")])))
}

fn run(query: &str) -> Request {
    Request::Run(Run { query: query.to_owned(), ..Run::default() })
}

fn route() -> Request {
    let target = RouteTarget::Extra(Extra::none());
    Request::Route(Route { routing: Map::new(), bookmarks: Vec::new(), target })
}

const PULL: Request = Request::Pull(Fetch::ALL);

/// A session that logged in.
fn idle(settings: Settings) -> Session {
    let mut session = Session::new(settings);
    if session.request(hello()).map(|step| matches!(step, Step::Reply(_))) == Ok(true) {
        session.request(Request::Logon(AuthMap::basic("a", "b"))).expect("LOGON");
    }
    session.outcome(Outcome::Done).expect("a login");
    assert_eq!(session.state(), State::Idle);
    session
}

fn memgraph() -> Settings {
    Settings::memgraph(Version::V5_2)
}

/// Carries out whatever is asked, with these columns and no more records.
fn answered(session: &mut Session, request: Request) -> Reply {
    match session.request(request).expect("a request") {
        Step::Reply(reply) => reply,
        Step::Ask(Ask::Run { .. }) => {
            session.outcome(Outcome::Prepared(vec!["n".to_owned()])).expect("prepared")
        }
        Step::Ask(Ask::Pull(_) | Ask::Discard(_)) => {
            let done = Outcome::Fetched { has_more: false, summary: map([("type", "r")]) };
            session.outcome(done).expect("fetched")
        }
        Step::Ask(Ask::Route(_)) => session.outcome(Outcome::Routed(Map::new())).expect("routed"),
        Step::Ask(_) => session.outcome(Outcome::Done).expect("done"),
    }
}

fn failed(session: &mut Session, request: Request) -> Reply {
    let step = session.request(request).expect("a request");
    assert!(matches!(step, Step::Ask(_)), "{step:?}");
    session.outcome(Outcome::Failed(Fault::client("no"))).expect("failed")
}

fn success<const N: usize>(entries: [(&str, Value); N]) -> Reply {
    Reply { messages: vec![Response::Success(map(entries))], close: None }
}

fn failure(reply: &Reply) -> (&str, &str) {
    match &reply.messages[..] {
        [Response::Failure(failure)] => (&failure.code, &failure.message),
        other => panic!("no failure alone: {other:?}"),
    }
}

const CLIENT: &str = "Memgraph.ClientError.MemgraphError.MemgraphError";

#[test]
fn login_up_to_4() {
    let mut session = Session::new(Settings::memgraph(Version::V4_4));
    let map =
        map([("user_agent", "t"), ("scheme", "basic"), ("principal", "a"), ("credentials", "b")]);
    let step = session.request(Request::Hello(HelloMap(map))).expect("HELLO");
    let Step::Ask(Ask::Authenticate(auth)) = step else { panic!("{step:?}") };
    assert_eq!((auth.scheme(), auth.principal(), auth.credentials()), ("basic", "a", "b"));
    assert_eq!(
        session.outcome(Outcome::Done),
        Ok(success([("connection_id", "bolt-1".into()), ("server", SERVER_NAME.into())]))
    );
    assert_eq!(session.state(), State::Idle);
}

#[test]
fn login_from_5() {
    let mut session = Session::new(Settings { server_name: None, ..memgraph() });
    assert_eq!(session.request(PULL).map(|_| session.state()), Ok(State::Closed));
    let mut session = Session::new(Settings { server_name: None, ..memgraph() });
    let welcome = success([("connection_id", "bolt-1".into())]);
    assert_eq!(session.request(hello()), Ok(Step::Reply(welcome.clone())));
    assert_eq!(session.state(), State::Init);
    assert_eq!(answered(&mut session, Request::Logon(AuthMap::default())), welcome);
    assert_eq!(session.state(), State::Idle);
}

#[test]
fn a_refused_login_closes() {
    for fault in [Fault::unauthenticated(), Fault::new(FaultClass::SessionLimit, "too many")] {
        let mut session = Session::new(Settings::memgraph(Version::V4_1));
        session.request(hello()).expect("HELLO");
        let reply = session.outcome(Outcome::Failed(fault.clone())).expect("refused");
        assert_eq!(failure(&reply), (fault.class.code(), &fault.message[..]));
        assert_eq!(reply.close, Some(Close::Login));
        assert_eq!(session.request(hello()), Err(Misuse::Closed));
    }
    assert_eq!(
        Fault::unauthenticated().failure().code,
        "Memgraph.ClientError.Security.Unauthenticated"
    );
}

#[test]
fn a_hello_without_a_name_closes() {
    let mut session = Session::new(memgraph());
    let step = session.request(Request::Hello(HelloMap::default())).expect("HELLO");
    let Step::Reply(reply) = step else { panic!("{step:?}") };
    assert_eq!(failure(&reply).0, "Memgraph.ExecutionException");
    assert!(reply.close.is_some());
}

#[test]
fn a_statement_of_its_own() {
    let mut session = idle(memgraph());
    let step = session.request(run("RETURN 1")).expect("RUN");
    let Step::Ask(Ask::Run { query, in_transaction, .. }) = step else { panic!("{step:?}") };
    assert_eq!((&query[..], in_transaction), ("RETURN 1", false));
    let fields = Value::List(vec!["1".into()]);
    assert_eq!(
        session.outcome(Outcome::Prepared(vec!["1".to_owned()])),
        Ok(success([("fields", fields)]))
    );
    let some = Request::Pull(Fetch { amount: Amount::AtMost(1), qid: None });
    assert_eq!(session.request(some), Ok(Step::Ask(Ask::Pull(Amount::AtMost(1)))));
    let more = Outcome::Fetched { has_more: true, summary: Map::new() };
    assert_eq!(session.outcome(more), Ok(success([("has_more", true.into())])));
    assert_eq!(session.state(), State::Result);
    assert_eq!(
        session.request(Request::Discard(Fetch::ALL)),
        Ok(Step::Ask(Ask::Discard(Amount::All)))
    );
    let last = Outcome::Fetched { has_more: false, summary: map([("type", "r")]) };
    assert_eq!(
        session.outcome(last),
        Ok(success([("has_more", false.into()), ("type", "r".into())]))
    );
    assert_eq!(session.state(), State::Idle);
}

#[test]
fn a_transaction_numbers_its_results() {
    let mut session = idle(memgraph());
    assert_eq!(answered(&mut session, Request::Begin(Extra::none())), success([]));
    let fields = || ("fields", Value::List(vec!["n".into()]));
    for qid in 0..3_i64 {
        assert_eq!(
            answered(&mut session, run("RETURN 1")),
            success([fields(), ("qid", qid.into())])
        );
        let fetch = Fetch { amount: Amount::All, qid: Some(qid) };
        answered(&mut session, Request::Pull(fetch));
    }
    assert!(session.is_in_transaction());
    assert_eq!(session.request(Request::Commit), Ok(Step::Ask(Ask::Commit(Origin::Message))));
    assert_eq!(session.outcome(Outcome::Done), Ok(success([])));
    assert!(!session.is_in_transaction());
    assert_eq!(answered(&mut session, run("RETURN 1")), success([fields()]), "outside: no number");
    answered(&mut session, PULL);
    answered(&mut session, Request::Begin(Extra::none()));
    assert_eq!(answered(&mut session, run("R")), success([fields(), ("qid", 0_i64.into())]));
    let fetch = Fetch { amount: Amount::All, qid: Some(7) };
    let Ok(Step::Reply(reply)) = session.request(Request::Pull(fetch)) else { panic!("an ask") };
    assert_eq!(failure(&reply), (CLIENT, "Query with specified ID does not exist!"));
    assert_eq!(session.state(), State::Error);
}

#[test]
fn a_transaction_by_text() {
    let mut session = idle(Settings::memgraph(Version::V4_4));
    assert_eq!(
        answered(&mut session, run(" begin\n")),
        success([("fields", Value::List(Vec::new()))])
    );
    assert!(!session.is_in_transaction(), "it begins when it is pulled");
    let step = session.request(PULL);
    assert_eq!(step, Ok(Step::Ask(Ask::Begin(Extra::none(), Origin::Text))));
    assert_eq!(session.outcome(Outcome::Done), Ok(success([("has_more", false.into())])));
    assert!(session.is_in_transaction());
    answered(&mut session, run("COMMIT"));
    assert_eq!(
        session.request(Request::Discard(Fetch::ALL)),
        Ok(Step::Ask(Ask::Commit(Origin::Text)))
    );
    session.outcome(Outcome::Done).expect("committed");
    assert!(!session.is_in_transaction());
    let step = session.request(run("BEGIN;")).expect("RUN");
    assert!(matches!(step, Step::Ask(Ask::Run { .. })), "another statement: {step:?}");
}

#[test]
fn steps_out_of_place_fail() {
    let cases: [(&[Request], Request, &str); 4] = [
        (&[], Request::Commit, "No current transaction to commit."),
        (&[], Request::Rollback, "No current transaction to rollback."),
        (
            &[Request::Begin(Extra::none())],
            Request::Begin(Extra::none()),
            "Nested transactions are not supported.",
        ),
        (&[run("ROLLBACK")], PULL, "No current transaction to rollback."),
    ];
    for (before, request, expected) in cases {
        let mut session = idle(memgraph());
        for request in before {
            answered(&mut session, request.clone());
        }
        let Ok(Step::Reply(reply)) = session.request(request) else { panic!("an ask") };
        assert_eq!(failure(&reply), (CLIENT, expected));
        assert_eq!((reply.close, session.state()), (None, State::Error));
    }
}

#[test]
fn after_a_failure_all_is_ignored_until_reset() {
    let ignored = Reply { messages: vec![Response::Ignored], close: None };
    let mut session = idle(memgraph());
    answered(&mut session, Request::Begin(Extra::none()));
    assert_eq!(failure(&failed(&mut session, run("x"))), (CLIENT, "no"));
    let requests = [
        PULL,
        run("x"),
        Request::Begin(Extra::none()),
        Request::Commit,
        Request::Rollback,
        route(),
        hello(),
        Request::Logoff,
        Request::Telemetry(1),
        Request::Goodbye,
    ];
    for request in requests {
        assert_eq!(session.request(request), Ok(Step::Reply(ignored.clone())));
    }
    let unknown = session.message(&[0xB0, 0x99]);
    assert_eq!(unknown, Ok(Step::Reply(ignored)), "what is not known is ignored too");
    assert_eq!(session.request(Request::Reset), Ok(Step::Ask(Ask::Reset)));
    assert_eq!(session.outcome(Outcome::Done), Ok(success([])));
    assert_eq!((session.state(), session.is_in_transaction()), (State::Idle, false));
}

#[test]
fn a_failed_commit_leaves_a_transaction_for_reset() {
    let mut session = idle(memgraph());
    answered(&mut session, Request::Begin(Extra::none()));
    failed(&mut session, Request::Commit);
    assert_eq!((session.state(), session.is_in_transaction()), (State::Error, true));
    answered(&mut session, Request::Reset);
    assert!(!session.is_in_transaction());
}

#[test]
fn version_1_acknowledges_failures() {
    let mut session = Session::new(Settings::memgraph(Version::V1_0));
    answered(&mut session, hello());
    answered(&mut session, run("BEGIN"));
    answered(&mut session, PULL);
    failed(&mut session, run("x"));
    assert_eq!(answered(&mut session, Request::AckFailure), success([]));
    answered(&mut session, run("COMMIT"));
    let Ok(Step::Reply(reply)) = session.request(PULL) else { panic!("an ask") };
    assert!(failure(&reply).1.starts_with("Transaction can't be committed"));
    answered(&mut session, Request::AckFailure);
    answered(&mut session, run("ROLLBACK"));
    answered(&mut session, PULL);
    assert_eq!((session.state(), session.is_in_transaction()), (State::Idle, false));
}

#[test]
fn what_does_not_fit_the_state_closes() {
    let open: &[Request] = &[run("RETURN 1")];
    let cases: [(&[Request], Request); 10] = [
        (&[], PULL),
        (&[], Request::Discard(Fetch::ALL)),
        (&[], Request::Telemetry(0)),
        (&[], hello()),
        (&[], Request::Logon(AuthMap::default())),
        (&[], Request::AckFailure),
        (open, run("RETURN 2")),
        (open, Request::Begin(Extra::none())),
        (open, Request::Commit),
        (open, Request::Rollback),
    ];
    for (before, request) in cases {
        let mut session = idle(memgraph());
        for request in before {
            answered(&mut session, request.clone());
        }
        let state = session.state();
        let signature = request.signature();
        let Ok(Step::Reply(reply)) = session.request(request) else { panic!("an ask") };
        assert_eq!(failure(&reply).0, "Memgraph.ExecutionException");
        assert_eq!(reply.close, Some(Close::WrongState(signature, state)));
        assert_eq!(session.request(Request::Reset), Err(Misuse::Closed));
    }
    let mut session = idle(memgraph());
    let Ok(Step::Reply(reply)) = session.message(&[0xB0, 0x99]) else { panic!("an ask") };
    assert_eq!(failure(&reply).0, "Memgraph.ExecutionException");
    assert!(matches!(reply.close, Some(Close::Unreadable(_))));
}

#[test]
fn route_is_answered_as_set() {
    let cases = [
        (RouteAnswer::Community, "66", "Route message is not supported in Memgraph!"),
        (
            RouteAnswer::NoCluster,
            CLIENT,
            "You cannot fetch routing table from an instance which is not part of a cluster.",
        ),
    ];
    for (answer, code, message) in cases {
        let mut session = idle(Settings { route: answer, ..memgraph() });
        let Ok(Step::Reply(reply)) = session.request(route()) else { panic!("an ask") };
        assert_eq!(failure(&reply), (code, message));
        assert_eq!((reply.close, session.state()), (None, State::Error));
    }
    let mut session = idle(Settings { route: RouteAnswer::Host, ..memgraph() });
    assert!(matches!(session.request(route()), Ok(Step::Ask(Ask::Route(_)))));
    let routed = session.outcome(Outcome::Routed(map([("rt", Value::Null)])));
    assert_eq!(routed, Ok(success([("rt", Value::Null)])));
}

#[test]
fn goodbye_and_logoff() {
    let mut session = idle(memgraph());
    assert_eq!(answered(&mut session, Request::Logoff), Reply::default(), "as Memgraph: nothing");
    assert_eq!((session.state(), session.limits()), (State::Init, Limits::BEFORE_LOGIN));
    answered(&mut session, Request::Logon(AuthMap::default()));
    assert_eq!(session.limits(), Limits::USUAL);
    assert_eq!(
        answered(&mut session, Request::Goodbye),
        Reply { messages: Vec::new(), close: Some(Close::Goodbye) }
    );
    let mut session = idle(Settings { answers_logoff: true, ..memgraph() });
    assert_eq!(answered(&mut session, Request::Logoff), success([]));
}

#[test]
fn the_order_of_calls_is_held() {
    let mut session = idle(memgraph());
    assert_eq!(session.outcome(Outcome::Done), Err(Misuse::Unasked));
    session.request(run("RETURN 1")).expect("RUN");
    assert_eq!(session.request(PULL), Err(Misuse::Unanswered));
    assert_eq!(session.outcome(Outcome::Done), Err(Misuse::Unasked));
    assert!(session.is_waiting());
    assert!(session.outcome(Outcome::Prepared(Vec::new())).is_ok());
}

#[test]
fn before_login_little_is_read() {
    let mut session = Session::new(memgraph());
    let mut body = Vec::new();
    let big = map([("user_agent", "x".repeat(70_000))]);
    Request::Hello(HelloMap(big)).encode(Version::V5_2, &mut body).expect("HELLO");
    let Ok(Step::Reply(reply)) = session.message(&body) else { panic!("an ask") };
    assert!(matches!(reply.close, Some(Close::Unreadable(_))));
}

#[test]
fn classes_have_memgraphs_codes() {
    let codes = [
        (FaultClass::Client, CLIENT),
        (FaultClass::Transient, "Memgraph.TransientError.MemgraphError.MemgraphError"),
        (FaultClass::Database, "Memgraph.DatabaseError.MemgraphError.MemgraphError"),
        (FaultClass::SessionLimit, "Memgraph.ClientError.Statement.SessionLimitReached"),
        (FaultClass::MainChanged, "Memgraph.TransientError.Cluster.MainChanged"),
        (FaultClass::Other("a.b".to_owned()), "a.b"),
    ];
    for (class, code) in codes {
        assert_eq!(Fault::new(class, "").failure().code, code);
    }
}
