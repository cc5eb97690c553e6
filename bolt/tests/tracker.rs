//! The tracker against the server machine: over random conversations, legal and not, in any split and
//! order, it never says boundary where something is open or owed, and always says that a commit is
//! pending where one was applied and its answer is out.

mod common;
#[path = "tracker/wire.rs"]
mod wire;

use bolt::{
    Request, Version,
    message::{Amount, AuthMap, Extra, Fetch, Run},
    server::{Session, Settings},
};
use common::{VERSIONS, host::Choice, runs::hold};
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
