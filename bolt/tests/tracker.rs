//! The tracker against the server machine: over random conversations, legal and not, in any split and
//! order, it never says boundary where something is open or owed, and always says that a commit is
//! pending where one was applied and its answer is out.

mod common;
#[path = "tracker/wire.rs"]
mod wire;

use bolt::{
    Request, Response, Signature, Version, chunk,
    message::{Amount, AuthMap, Extra, Failure, Fetch, Run},
    server::{Session, Settings},
    tracker::{Lost, Tracker, Transaction},
    value::map,
};
use common::{VERSIONS, hold, host::Choice, request_bytes, response_bytes};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use std::cell::Cell;
use wire::{Wire, hello};

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The client says what fits what it knows.
    Natural(u8),
    /// The client says anything.
    Any(u8),
    /// So many of the client's bytes are forwarded.
    Forward(usize),
    /// The server answers one message, if one has arrived.
    Serve(Choice),
    /// So many of the server's bytes are forwarded.
    Relay(usize),
    /// All bytes arrive, everything is answered, all answers pass.
    Settle,
}

fn act() -> impl Strategy<Value = Act> {
    let choice = (prop::bool::weighted(0.1), any::<bool>(), any::<bool>()).prop_map(
        |(fails, applies_all_the_same, has_more)| Choice { fails, applies_all_the_same, has_more },
    );
    prop_oneof![
        8 => any::<u8>().prop_map(Act::Natural),
        1 => any::<u8>().prop_map(Act::Any),
        4 => (1..40_usize).prop_map(Act::Forward),
        4 => Just(Act::Forward(1 << 16)),
        8 => choice.prop_map(Act::Serve),
        3 => (1..20_usize).prop_map(Act::Relay),
        4 => Just(Act::Relay(1 << 16)),
        4 => Just(Act::Settle),
    ]
}

const STATEMENTS: [&str; 12] = [
    "RETURN 1",
    "CREATE (n)",
    "BEGIN",
    " begin ",
    "COMMIT",
    "commit\n",
    "ROLLBACK",
    "BEGIN;",
    "/* a */ COMMIT",
    "USING PERIODIC COMMIT 5 LOAD CSV",
    "CALL { CREATE (n) } IN TRANSACTIONS OF 5 ROWS",
    "",
];

fn run(query: &str) -> Request {
    Request::Run(Run { query: query.to_owned(), ..Run::default() })
}

/// What the client believes, if all goes well.
#[derive(Debug, Clone, Copy, Default)]
struct Belief {
    in_transaction: bool,
    has_result: bool,
}

impl Belief {
    fn natural(&mut self, pick: u8, has_failed: bool, first: bool) -> Request {
        let some = Fetch { amount: Amount::AtMost(1), qid: None };
        if has_failed {
            *self = Self::default();
            return if first && pick.is_multiple_of(3) {
                Request::AckFailure
            } else {
                Request::Reset
            };
        }
        if self.has_result {
            self.has_result = !pick.is_multiple_of(2);
            return match pick % 4 {
                0 => Request::Pull(Fetch::ALL),
                1 | 3 => Request::Pull(some),
                _ => Request::Discard(Fetch::ALL),
            };
        }
        match (pick % 5, self.in_transaction) {
            (0, false) if !first => {
                self.in_transaction = true;
                Request::Begin(Extra::none())
            }
            (0, true) if !first => {
                self.in_transaction = false;
                Request::Commit
            }
            (1, true) if !first => {
                self.in_transaction = false;
                Request::Rollback
            }
            _ => {
                let query = STATEMENTS[usize::from(pick / 5) % STATEMENTS.len()];
                self.has_result = true;
                run(query)
            }
        }
    }
}

fn any_request(pick: u8) -> Request {
    match pick % 16 {
        0 => Request::Begin(Extra::none()),
        1 => Request::Commit,
        2 => Request::Rollback,
        3 => Request::Reset,
        4 => Request::Pull(Fetch::ALL),
        5 => Request::Discard(Fetch { amount: Amount::AtMost(1), qid: Some(0) }),
        6 => Request::Logoff,
        7 => Request::Logon(AuthMap::default()),
        8 => wire::route(),
        9 => Request::Goodbye,
        10 => Request::Telemetry(1),
        11 => Request::AckFailure,
        12 => hello(),
        _ => run(STATEMENTS[usize::from(pick / 16) % STATEMENTS.len()]),
    }
}

/// How often something was seen, over all cases: a property that never meets what it speaks of holds
/// for nothing.
#[derive(Default)]
struct Seen {
    boundaries: Cell<u32>,
    pending: Cell<u32>,
    transactions: Cell<u32>,
    failures: Cell<u32>,
    closed: Cell<u32>,
    lost: Cell<u32>,
}

fn bump(count: &Cell<u32>, by: bool) {
    count.set(count.get() + u32::from(by));
}

fn check(wire: &Wire, seen: &Seen) -> TestCaseResult {
    let tracker = &wire.tracker;
    let boundary = tracker.is_boundary();
    let open = wire.what_is_open();
    prop_assert!(!boundary || open.is_none(), "boundary, but {:?}: {:?}", open, tracker);
    let pending = tracker.is_commit_pending();
    let applied = wire.has_unanswered_commit();
    prop_assert!(pending || !applied, "a commit was applied: {:?}", tracker);
    bump(&seen.boundaries, boundary);
    bump(&seen.pending, applied);
    bump(&seen.transactions, wire.host.session.is_in_transaction());
    bump(&seen.failures, tracker.is_failed());
    bump(&seen.closed, wire.is_closed());
    bump(&seen.lost, tracker.lost().is_some());
    Ok(())
}

#[test]
fn it_errs_on_the_safe_side_only() {
    let seen = Seen::default();
    let version = prop::sample::select(VERSIONS.to_vec());
    hold(6_000, &(version, any::<bool>(), vec(act(), 1..60)), |(version, logoff, acts)| {
        let settings = Settings { answers_logoff: *logoff, ..Settings::memgraph(*version) };
        let settings = Settings { route: bolt::server::RouteAnswer::Host, ..settings };
        let mut wire = Wire::logged_in(Session::new(settings));
        let mut belief = Belief::default();
        check(&wire, &seen)?;
        for act in acts {
            match *act {
                Act::Natural(pick) => {
                    let first = *version == Version::V1_0;
                    let request = belief.natural(pick, wire.client_saw_failure(), first);
                    wire.say(&request);
                }
                Act::Any(pick) => wire.say(&any_request(pick)),
                Act::Forward(count) => wire.forward(count),
                Act::Serve(choice) => wire.serve(choice),
                Act::Relay(count) => wire.relay(count),
                Act::Settle => wire.settle(),
            }
            check(&wire, &seen)?;
            if wire.is_closed() {
                break;
            }
        }
        Ok(())
    });
    for (name, count) in [
        ("boundaries", &seen.boundaries),
        ("commits pending", &seen.pending),
        ("transactions", &seen.transactions),
        ("failures", &seen.failures),
        ("closed connections", &seen.closed),
        ("lost connections", &seen.lost),
    ] {
        assert!(count.get() > 100, "{name} were seen {} times only", count.get());
    }
}

/// Where a well-behaved client has settled, it says exactly what is so: a tracker that only ever says
/// no would be safe, and useless.
#[test]
fn it_is_exact_where_all_is_well() {
    let seen = Seen::default();
    let version = prop::sample::select(VERSIONS.to_vec());
    hold(1_000, &(version, vec((0..200_u8, any::<bool>()), 1..40)), |(version, picks)| {
        let mut wire = Wire::logged_in(Session::new(Settings::memgraph(*version)));
        let mut belief = Belief::default();
        for (pick, has_more) in picks {
            // Statements that the tracker takes for more than they are stay away.
            let query = usize::from(*pick / 5) % STATEMENTS.len();
            let pick = if query > 6 { *pick % 5 } else { *pick };
            let first = *version == Version::V1_0;
            let has_failed = wire.client_saw_failure();
            wire.say(&belief.natural(pick, has_failed, first));
            wire.forward(1 << 16);
            wire.serve(Choice { has_more: *has_more, ..Choice::default() });
            wire.relay(1 << 16);
            if wire.is_closed() {
                break;
            }
            let open = wire.what_is_open();
            prop_assert_eq!(wire.tracker.is_boundary(), open.is_none(), "{:?}", open);
            prop_assert_eq!(wire.tracker.lost(), None);
            prop_assert!(!wire.tracker.is_commit_pending());
            bump(&seen.boundaries, wire.tracker.is_boundary());
            bump(&seen.transactions, wire.host.session.is_in_transaction());
        }
        Ok(())
    });
    assert!(seen.boundaries.get() > 500 && seen.transactions.get() > 500);
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
    fed(&mut tracker, &[run("BEGIN"), wire::route()], &[ok(), ok()]);
    fed(&mut tracker, &statement, &[ok()]);
    assert!(tracker.is_commit_pending());
    // The same with a COMMIT: the transaction stays open.
    let mut tracker = Tracker::default();
    fed(&mut tracker, &[Request::Begin(Extra::none()), run("COMMIT")], &[ok(), ok()]);
    fed(&mut tracker, &[wire::route()], &[ok()]);
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
    for text in [STATEMENTS[9], STATEMENTS[10]] {
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
