//! The tracker over single conversations, as tables: what each request and answer means for it.

mod common;

use bolt::{
    Map, Request, Response, Signature, Version, chunk,
    message::{Extra, Failure, Fetch, Route, RouteTarget, Run},
    tracker::{Lost, Tracker, Transaction, Writes},
    value::map,
};
use common::{request_bytes, response_bytes};

fn run(query: &str) -> Request {
    Request::Run(Run { query: query.to_owned(), ..Run::default() })
}

fn route() -> Request {
    let target = RouteTarget::Extra(Extra::none());
    Request::Route(Route { routing: Map::new(), bookmarks: Vec::new(), target })
}

fn fed(tracker: &mut Tracker, requests: &[Request], answers: &[Response]) {
    let version = Version::V4_4;
    let mut scanner = chunk::Scanner::new();
    for request in requests {
        let bytes = request_bytes(request, version);
        scanner.scan(&bytes).for_each(|event| tracker.client(&event));
    }
    let mut scanner = chunk::Scanner::new();
    for answer in answers {
        let bytes = response_bytes(answer, version);
        scanner.scan(&bytes).for_each(|event| tracker.server(&event));
    }
}

const PULL: Request = Request::Pull(Fetch::ALL);

#[test]
fn what_drivers_pipeline() {
    let ok = Response::success;
    let begin = Request::Begin(Extra::none());
    let text = |text: &str| [run(text), PULL];
    type Case = (&'static str, Vec<Request>, Vec<Response>, bool, bool);
    // Requests, answers so far, boundary, commit pending.
    let cases: [Case; 12] = [
        ("auto-commit, nothing back", vec![run("R"), PULL], vec![], false, true),
        ("auto-commit, RUN answered", vec![run("R"), PULL], vec![ok()], false, true),
        ("auto-commit, answered", vec![run("R"), PULL], vec![ok(), ok()], true, false),
        ("RUN alone applies nothing", vec![run("R")], vec![], false, false),
        ("transaction, pulled", vec![begin.clone(), run("R"), PULL], vec![ok()], false, false),
        (
            "transaction, COMMIT sent",
            vec![begin.clone(), run("R"), PULL, Request::Commit],
            vec![ok(), ok(), ok()],
            false,
            true,
        ),
        ("transaction, rolled back", vec![begin, Request::Rollback], vec![ok(), ok()], true, false),
        ("the summary says more", vec![run("R"), PULL], vec![ok(), more()], false, false),
        ("RESET", vec![Request::Reset], vec![ok()], true, false),
        (
            "transaction by text, pulled",
            [text("BEGIN"), text("R")].concat(),
            vec![ok(), ok(), ok()],
            false,
            false,
        ),
        (
            "transaction by text, COMMIT sent",
            [text("BEGIN"), text("COMMIT")].concat(),
            vec![ok(), ok(), ok()],
            false,
            true,
        ),
        ("COMMIT by text, not yet pulled", vec![run("COMMIT")], vec![], false, true),
    ];
    for (name, requests, answers, boundary, pending) in cases {
        let mut tracker = Tracker::default();
        fed(&mut tracker, &requests, &answers);
        assert_eq!(tracker.is_boundary(), boundary, "{name}");
        assert_eq!(tracker.is_commit_pending(), pending, "{name}");
    }
}

/// A request that the server answers in an unusual way may leave less behind than it announced.
#[test]
fn what_was_announced_is_not_relied_on() {
    let ok = Response::success;
    let no = || Response::Failure(Failure::new("x", "y"));
    let statement = [run("R"), PULL];
    // ROUTE drops the result of a BEGIN by text that was not pulled: the statement commits.
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[run("BEGIN"), route()], &[ok(), ok()]);
    fed(&mut tracker, &statement, &[ok()]);
    assert!(tracker.is_commit_pending());
    // The same with a COMMIT: the transaction stays open.
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[Request::Begin(Extra::none()), run("COMMIT")], &[ok(), ok()]);
    fed(&mut tracker, &[route()], &[ok()]);
    fed(&mut tracker, &statement, &[ok(), ok()]);
    assert!(!tracker.is_boundary());
    assert_eq!(tracker.transaction(), Transaction::Open);
    // In version 1 a BEGIN may have been ignored, and the failure then acknowledged.
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[run("R")], &[no()]);
    fed(&mut tracker, &[run("BEGIN"), PULL], &[Response::Ignored, Response::Ignored]);
    let mut bytes = Vec::new();
    chunk::encode(&[0xB0, 0x0E], &mut bytes);
    chunk::Scanner::new().scan(&bytes).for_each(|event| tracker.client(&event));
    fed(&mut tracker, &statement, &[ok(), ok()]);
    assert!(tracker.is_commit_pending());
    // A server answers before it has the whole request.
    let mut tracker = Tracker::default();
    let reset = request_bytes(&Request::Reset, Version::V4_4);
    chunk::Scanner::new().scan(&reset[..4]).for_each(|event| tracker.client(&event));
    fed(&mut tracker, &[], &[ok()]);
    assert!(!tracker.is_boundary());
}

fn more() -> Response {
    Response::Success(map([("has_more", true)]))
}

#[test]
fn texts_are_read_for_what_they_may_do() {
    use Transaction::{None, Open, Perhaps};
    let cases = [
        ("BEGIN", Open, false),
        ("  bEgIn\t\n", Open, false),
        ("BEGIN;", Perhaps, false),
        ("/* x */ BEGIN", Perhaps, false),
        ("// x\nBEGIN", Perhaps, false),
        ("/* BEGIN */ RETURN 1", None, false),
        ("RETURN 'BEGIN'", None, false),
        ("BEGINNING", None, false),
        ("", None, false),
        ("USE DATABASE x", None, true),
        ("set session transaction isolation level x", None, true),
        ("MATCH (n) SET n.x = 1", None, false),
    ];
    for (text, expected, sticky) in cases {
        let mut tracker = Tracker::default();
        fed(&mut tracker, &[run(text), PULL], &[Response::success(), Response::success()]);
        assert_eq!(tracker.transaction(), expected, "{text:?}");
        assert_eq!(tracker.is_boundary(), expected == None, "{text:?}");
        assert_eq!(tracker.is_sticky(), sticky, "{text:?}");
        assert_eq!(tracker.lost(), Option::None);
    }
    let long = "x".repeat(70_000) + " COMMIT";
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[run(&long), PULL], &[Response::success(), Response::success()]);
    assert!(tracker.is_boundary());
}

/// Some of a batched statement is committed while records are left.
#[test]
fn batches_stay_pending_to_the_end() {
    for text in [
        "USING PERIODIC COMMIT 5 LOAD CSV",
        "CALL { CREATE (n) } in transactions OF 5 ROWS",
        "LOAD CSV FROM \"https://h/x.csv\" AS r CALL { CREATE (n) } IN TRANSACTIONS OF 5 ROWS",
        "RETURN \"/*\" CALL { CREATE (n) } IN TRANSACTIONS OF 5 ROWS",
    ] {
        let mut tracker = Tracker::default();
        fed(&mut tracker, &[run(text), PULL], &[Response::success(), more()]);
        assert!(tracker.is_commit_pending(), "{text}");
        fed(&mut tracker, &[PULL], &[Response::success()]);
        assert!(!tracker.is_commit_pending() && tracker.is_boundary(), "{text}");
    }
}

/// A summary of any size costs the same; one whose front does not tell counts as open.
#[test]
fn a_long_summary_is_read_at_its_front() {
    let filled = |key: &str, more: bool| {
        let mut summary = map([(key, "x".repeat(5_000))]);
        summary.insert("has_more".to_owned(), more.into());
        Response::Success(summary)
    };
    for (summary, boundary) in
        [(filled("plan", false), true), (filled("plan", true), false), (filled("a", false), false)]
    {
        let mut tracker = Tracker::default();
        fed(&mut tracker, &[run("R"), PULL], &[Response::success(), summary]);
        assert_eq!(tracker.is_boundary(), boundary);
        // The next statement tells what was not known.
        fed(&mut tracker, &[run("R"), PULL], &[Response::success(), Response::success()]);
        assert!(tracker.is_boundary());
    }
}

#[test]
fn what_is_not_understood_is_lost() {
    let mut tracker = Tracker::new(2);
    fed(&mut tracker, &[run("R"), PULL], &[]);
    assert!(tracker.is_full());
    fed(&mut tracker, &[PULL], &[]);
    assert_eq!(tracker.lost(), Some(Lost::TooMany { limit: 2 }));
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[], &[Response::success()]);
    assert!(matches!(tracker.lost(), Some(Lost::Unasked(_))));
    assert!(!tracker.is_boundary() && tracker.is_commit_pending());
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[Request::Reset], &[Response::Record(Vec::new())]);
    assert!(matches!(tracker.lost(), Some(Lost::Unasked(_))), "a RECORD without PULL");
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[PULL], &[]);
    tracker.records();
    assert_eq!(tracker.lost(), None);
    fed(&mut tracker, &[], &[Response::success()]);
    tracker.records();
    assert!(matches!(tracker.lost(), Some(Lost::Unasked(_))), "the same, taken together");
    for body in [&[0xB0, 0x99][..], &[0xB0][..], &[0xB1, 0x70, 0xA0][..]] {
        let (mut tracker, mut bytes) = (Tracker::default(), Vec::new());
        chunk::encode(body, &mut bytes);
        let mut scanner = chunk::Scanner::new();
        scanner.scan(&bytes).for_each(|event| tracker.client(&event));
        assert_eq!(tracker.lost(), Some(Lost::Request(body.get(1).copied())));
    }
    let (mut tracker, mut bytes) = (Tracker::default(), Vec::new());
    chunk::encode(&[0xB3, 0x10, 0xC0], &mut bytes);
    let mut scanner = chunk::Scanner::new();
    scanner.scan(&bytes).for_each(|event| tracker.client(&event));
    assert_eq!(tracker.lost(), Some(Lost::Statement));
}

#[test]
fn unanswered_requests_are_told_in_order() {
    let mut tracker = Tracker::default();
    let requests = [Request::Begin(Extra::none()), run("R"), PULL, Request::Reset];
    fed(&mut tracker, &requests, &[Response::success()]);
    let left: Vec<_> = tracker.requests().collect();
    assert_eq!(left, [Signature::Run, Signature::Pull, Signature::Reset]);
    assert_eq!(tracker.unanswered(), 3);
}

/// A request counts from its first byte on, and an answer to its last.
#[test]
fn halves_of_messages_count() {
    let mut tracker = Tracker::default();
    let (mut client, mut server) = (chunk::Scanner::new(), chunk::Scanner::new());
    let request = request_bytes(&Request::Commit, Version::V4_4);
    client.scan(&request[..4]).for_each(|event| tracker.client(&event));
    assert!(tracker.is_commit_pending() && tracker.is_within_request() && !tracker.is_boundary());
    client.scan(&request[4..]).for_each(|event| tracker.client(&event));
    let answer = response_bytes(&Response::success(), Version::V4_4);
    server.scan(&answer[..answer.len() - 1]).for_each(|event| tracker.server(&event));
    assert!(tracker.is_commit_pending() && tracker.is_within_answer() && !tracker.is_boundary());
    server.scan(&answer[answer.len() - 1..]).for_each(|event| tracker.server(&event));
    assert!(!tracker.is_commit_pending() && tracker.is_boundary());
}

/// A COMMIT of a transaction whose statements were answered by one that refuses writes changes nothing.
#[test]
fn a_commit_of_what_a_replica_answered_is_not_pending() {
    let ok = Response::success;
    let begin = || Request::Begin(Extra::none());
    let one = || vec![begin(), run("R"), PULL, Request::Commit];
    let two = [run("R"), PULL, run("R"), PULL];
    let mixed = [vec![begin()], two.to_vec(), vec![Request::Commit]].concat();
    let by_text = vec![run("BEGIN"), PULL, run("R"), PULL, run("COMMIT"), PULL];
    let empty = vec![begin(), Request::Commit];
    let twice = [one(), one()].concat();
    type Case = (&'static str, Vec<Request>, usize, bool);
    let cases: [Case; 12] = [
        ("nothing answered", one(), 0, true),
        ("BEGIN answered", one(), 1, true),
        ("RUN answered", one(), 2, false),
        ("PULL answered", one(), 3, false),
        ("one RUN of two", mixed.clone(), 3, true),
        ("both", mixed, 4, false),
        ("a COMMIT alone", empty, 1, false),
        ("by text", by_text, 5, true),
        ("the next one is sent too", twice.clone(), 3, true),
        ("the next one, answered", twice, 7, false),
        ("auto-commit, RUN answered", vec![run("R"), PULL], 1, true),
        ("COMMIT without BEGIN", vec![Request::Commit], 0, true),
    ];
    for (name, requests, answered, pending) in cases {
        let mut tracker = Tracker::default();
        tracker.writes_are(Writes::Refused);
        fed(&mut tracker, &requests, &vec![ok(); answered]);
        assert_eq!(tracker.is_commit_pending(), pending, "{name}");
        let mut tracker = Tracker::default();
        fed(&mut tracker, &requests, &vec![ok(); answered]);
        assert!(tracker.is_commit_pending(), "{name}, at one that takes writes");
    }
}

/// It was the main, or may have been for a while: what it was asked before, it may have carried out.
#[test]
fn a_statement_that_was_out_meanwhile_may_have_changed_something() {
    let ok = Response::success;
    let begin = Request::Begin(Extra::none());
    for (before, meanwhile) in [
        (Writes::Refused, Writes::Refused),
        (Writes::Taken, Writes::Refused),
        (Writes::Refused, Writes::Taken),
    ] {
        let mut tracker = Tracker::default();
        tracker.writes_are(before);
        fed(&mut tracker, &[begin.clone(), run("R"), PULL], &[ok()]);
        tracker.writes_are(meanwhile);
        fed(&mut tracker, &[Request::Commit], &[ok(), ok()]);
        assert!(tracker.is_commit_pending(), "{before:?}, {meanwhile:?}");
        // The next transaction is another one.
        fed(&mut tracker, &[begin.clone(), run("R")], &[ok(), ok(), ok()]);
        fed(&mut tracker, &[PULL, Request::Commit], &[ok()]);
        assert_eq!(tracker.is_commit_pending(), meanwhile == Writes::Taken);
    }
    // What was answered before it changed stays what it was.
    for (before, pending) in [(Writes::Refused, false), (Writes::Taken, true)] {
        let mut tracker = Tracker::default();
        tracker.writes_are(before);
        fed(&mut tracker, &[begin.clone(), run("R"), PULL], &[ok(), ok(), ok()]);
        tracker.writes_are(Writes::Refused);
        fed(&mut tracker, &[Request::Commit], &[]);
        assert_eq!(tracker.is_commit_pending(), pending, "{before:?}");
    }
}
