//! The grant as sessions see it: when bytes may pass, and that a withdrawal waits for who is writing.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

use gateway::{
    clock::Clock,
    controllers::wire::{Replica, Reply, VERSION},
    gate::{Gate, Target},
    session::Standing,
};
use ha_core::{
    grant::{Answer, Clocks, Refused},
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    observation::Route,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
};

struct Held {
    gate: Gate,
    monotonic: Arc<AtomicU64>,
    wall: Arc<AtomicI64>,
}

fn held() -> Held {
    let (monotonic, wall) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicI64::new(1_000_000)));
    let (m, w) = (Arc::clone(&monotonic), Arc::clone(&wall));
    let clock = Clock::given(move || Clocks { monotonic: m.load(SeqCst), wall: w.load(SeqCst) });
    Held { gate: Gate::new(GatewayId(1), 1_000, clock), monotonic, wall }
}

fn main(start: u128) -> InstanceRef {
    let incarnation =
        Incarnation { pod: PodUid(1), start: StartId(start), boot: BootId(1), volume: VolumeId(1) };
    InstanceRef { id: InstanceId(0), incarnation }
}

fn reply(number: u64, term: u32, route: Option<u128>, lasts_ms: u64) -> Reply {
    let term = Term(term);
    let route = route.map_or(Route::Closed, |start| Route::Open { term, main: main(start) });
    Reply {
        version: VERSION,
        answer: Answer { number, term, route, lasts_ms },
        main_address: Some("127.0.0.1:7687".parse().unwrap()),
        replicas: Vec::new(),
        tag: String::new(),
    }
}

impl Held {
    /// Asks, and is answered.
    fn told(&self, term: u32, route: Option<u128>, lasts_ms: u64) -> Result<(), Refused> {
        let number = self.gate.ask().number;
        self.gate.answered(&reply(number, term, route, lasts_ms))
    }

    fn passes(&self, route_no: u64) -> bool {
        self.gate.permit(0, route_no, || ()).is_some()
    }

    fn reads_pass(&self, target: &Target) -> bool {
        let found = self.gate.reads_from(target);
        found.is_some_and(|(route_no, _)| {
            self.gate.permit_read(0, route_no, target, || ()).is_some()
        })
    }

    fn standing(&self) -> Standing {
        self.gate.mind();
        self.gate.view().standing
    }
}

#[test]
fn a_grant_counts_from_the_question_on_both_clocks() {
    for wall_jumps in [false, true] {
        let held = held();
        let number = held.gate.ask().number;
        held.monotonic.store(401, SeqCst);
        held.gate.answered(&reply(number, 1, Some(1), 500)).unwrap();
        let route_no = held.gate.view().route_no;
        assert!(held.passes(route_no));
        held.monotonic.store(500, SeqCst);
        assert!(held.passes(route_no));
        if wall_jumps {
            held.wall.fetch_add(500, SeqCst);
        } else {
            held.monotonic.store(501, SeqCst);
        }
        assert!(!held.passes(route_no), "500 ms after the question");
        assert_eq!(held.standing(), Standing::Frozen);
    }
}

/// A replica, and whether it may be read from after each of these answers.
#[test]
fn reads_go_to_who_was_named_last_while_the_grant_lives() {
    let instance = InstanceRef { id: InstanceId(1), ..main(7) };
    let target = Target { instance, address: "127.0.0.1:7688".parse().unwrap() };
    let replica = Replica { instance, address: target.address, votes: true };
    let held = held();
    let says = |route: Option<u128>, replicas: Vec<Replica>| {
        let number = held.gate.ask().number;
        let reply = Reply { replicas, ..reply(number, 1, route, 500) };
        held.gate.answered(&reply).unwrap();
        held.reads_pass(&target)
    };
    assert!(says(Some(1), vec![replica]));
    assert!(!says(Some(1), Vec::new()), "named no more");
    assert!(says(Some(1), vec![replica]));
    assert!(!says(None, vec![replica]), "no route, no reads: it may be the next main");
    assert!(says(Some(1), vec![replica]));
    held.gate.void(held.gate.view().route_no);
    assert!(!held.reads_pass(&target), "void");
    held.monotonic.fetch_add(1, SeqCst);
    assert!(says(Some(1), vec![replica]));
    held.gate.saw_term(Term(2));
    assert!(!held.reads_pass(&target), "another term is stored");
    let other = Target { address: "127.0.0.1:7689".parse().unwrap(), ..target };
    assert!(!held.reads_pass(&other));
}

/// The same replica in another term may have been the main in between.
#[test]
fn who_reads_sees_each_term_before_a_byte_passes_in_it() {
    let instance = InstanceRef { id: InstanceId(1), ..main(7) };
    let target = Target { instance, address: "127.0.0.1:7688".parse().unwrap() };
    let replica = Replica { instance, address: target.address, votes: true };
    let held = held();
    let opens = |term| {
        let number = held.gate.ask().number;
        let reply = Reply { replicas: vec![replica], ..reply(number, term, Some(1), 500) };
        held.gate.answered(&reply).unwrap();
        held.gate.reads_from(&target).unwrap().0
    };
    let passes = |route_no| held.gate.permit_read(0, route_no, &target, || ()).is_some();
    let first = opens(1);
    assert_eq!(opens(1), first, "the same term");
    assert!(passes(first));
    let second = opens(2);
    assert!(!passes(first) && passes(second));
}

#[test]
fn the_same_grant_again_keeps_connections_and_another_does_not() {
    let held = held();
    held.told(1, Some(1), 100).unwrap();
    let route_no = held.gate.view().route_no;
    held.monotonic.store(1_000, SeqCst);
    assert_eq!(held.standing(), Standing::Frozen);
    held.told(1, Some(1), 100).unwrap();
    assert_eq!((held.standing(), held.gate.view().route_no), (Standing::Open, route_no));
    for (term, start) in [(2, 1), (2, 9)] {
        let before = held.gate.view().route_no;
        held.told(term, Some(start), 100).unwrap();
        assert!(!held.passes(before), "term {term} start {start}");
        assert!(held.passes(held.gate.view().route_no));
    }
    let before = held.gate.view().route_no;
    held.told(2, None, 0).unwrap();
    assert_eq!(held.standing(), Standing::Closed);
    held.told(2, Some(9), 100).unwrap();
    assert!(!held.passes(before), "connections of before a withdrawal");
}

#[test]
fn a_close_by_the_instance_voids_until_one_asked_for_later_comes() {
    let held = held();
    held.told(1, Some(1), 100).unwrap();
    let route_no = held.gate.view().route_no;
    let number = held.gate.ask().number;
    held.gate.void(route_no);
    assert!(!held.passes(route_no));
    assert_eq!(held.gate.answered(&reply(number, 1, Some(1), 100)), Err(Refused::Voided));
    assert!(!held.passes(route_no));
    held.monotonic.fetch_add(1, SeqCst);
    held.told(1, Some(1), 100).unwrap();
    assert!(held.passes(route_no));
    // What an earlier connection tells late voids nothing of a later route.
    held.told(2, Some(2), 100).unwrap();
    held.gate.void(route_no);
    assert!(held.passes(held.gate.view().route_no));
}

#[test]
fn older_terms_longer_grants_and_late_answers_change_nothing() {
    let held = held();
    held.told(3, Some(1), 100).unwrap();
    let view = held.gate.view();
    let old = held.told(2, Some(2), 100);
    assert!(matches!(old, Err(Refused::OldTerm { .. })));
    assert!(matches!(held.told(3, Some(2), 1_001), Err(Refused::TooLong { .. })));
    let late = held.gate.ask().number;
    held.gate.ask();
    let answered = held.gate.answered(&reply(late, 4, Some(2), 100));
    assert!(matches!(answered, Err(Refused::NotLatest { .. })));
    assert_eq!(held.gate.view(), view);
    held.gate.saw_term(Term(4));
    assert_eq!(held.standing(), Standing::Closed);
    assert!(matches!(held.told(3, Some(1), 100), Err(Refused::OldTerm { .. })));
    assert!(!held.passes(view.route_no));
}

#[test]
fn a_withdrawal_waits_for_who_is_writing_and_none_writes_after() {
    let held = held();
    held.told(1, Some(1), 1_000).unwrap();
    let route_no = held.gate.view().route_no;
    let (writing, wrote) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for shard in 0..4 {
            let (gate, writing, wrote, is_over) = (&held.gate, &writing, &wrote, &is_over);
            scope.spawn(move || {
                while !is_over.load(SeqCst) {
                    gate.permit(shard, route_no, || {
                        writing.fetch_add(1, SeqCst);
                        std::thread::yield_now();
                        wrote.fetch_add(1, SeqCst);
                        writing.fetch_sub(1, SeqCst);
                    });
                }
            });
        }
        while wrote.load(SeqCst) < 1_000 {
            std::thread::yield_now();
        }
        held.told(1, None, 0).unwrap();
        let (still, after) = (writing.load(SeqCst), wrote.load(SeqCst));
        let holds = held.gate.ask().holds;
        for _ in 0..100 {
            std::thread::yield_now();
        }
        let more = wrote.load(SeqCst) - after;
        is_over.store(true, SeqCst);
        assert_eq!((still, more, holds), (0, 0, None), "somebody wrote after the withdrawal");
    });
}
