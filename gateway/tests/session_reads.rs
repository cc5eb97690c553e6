//! The session machine on the read port: what is told of what was open at a replica that is lost, and
//! that may be the main when it carries out what has reached it.

mod support;

use bolt::{
    Request, Version,
    message::{Extra, Fetch},
};
use gateway::session::{Ending, Policy, Standing, Writes};
use proptest::prelude::*;
use support::{
    laws::steps,
    recorded::{NAMES, Recording},
    requests::{Batch, Told, auto, explicit, one, run},
    rig::{Rig, policy},
    runs::hold,
};

const PULL: Request = Request::Pull(Fetch::ALL);
/// Numbers of reads, of which nothing is to be found anywhere.
const READ: u32 = 100;

fn read_port() -> Policy {
    Policy { rewrites: false, ..policy() }
}

/// Both instances are replicas, and the client reads.
fn at_replicas(mut rig: Rig) -> Rig {
    rig.demote(0);
    rig.demote(1);
    rig.writes = Writes::Refused;
    rig
}

fn reader(batches: Vec<Batch>) -> Rig {
    at_replicas(Rig::new(Version::V5_2, read_port(), batches))
}

/// A transaction that reads, in a request after the other.
fn reading(id: u32) -> Vec<Batch> {
    let statement = Batch { requests: vec![run("RETURN 2"), PULL], commits: Vec::new() };
    let commit = Batch { requests: vec![Request::Commit], commits: vec![READ + id] };
    vec![one(Request::Begin(Extra::none())), statement, commit]
}

/// Until this was forwarded, and not yet carried out.
fn until_forwarded(rig: &mut Rig, request: &Request) {
    let wire = support::request_bytes(request, Version::V5_2);
    while !rig.delivered[0].ends_with(&wire) {
        let moved = rig.serve_step(64) | rig.server_step(64) | rig.client_step(64);
        assert!(moved, "{request:?} is not forwarded");
    }
}

#[test]
fn a_commit_of_reads_that_nobody_answers_is_told_to_be_tried_again() {
    for is_lost in [false, true] {
        let mut rig = reader([reading(1), reading(2)].concat());
        until_forwarded(&mut rig, &Request::Commit);
        if is_lost {
            rig.lose(false)
        } else {
            rig.cut()
        }
        rig.route(1);
        rig.run();
        assert_eq!(rig.told, [(READ + 1, Told::Retry), (READ + 2, Told::Acked)]);
        assert_eq!((rig.ending, rig.tally.in_doubt), (None, 0));
    }
}

#[test]
fn a_commit_of_what_a_main_answered_stays_in_doubt() {
    let mut rig = reader(reading(1));
    rig.writes = Writes::Taken;
    until_forwarded(&mut rig, &Request::Commit);
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::InDoubt));
}

/// It is sent whole, and the replica is the main when it reads it.
#[test]
fn what_a_replica_did_not_answer_before_it_was_promoted_stays_in_doubt() {
    let whole = explicit(&[1]).iter().flat_map(|batch| batch.requests.clone()).collect();
    let batches = [Batch { requests: whole, commits: vec![1] }, auto(2)];
    for (batch, last) in batches.into_iter().zip([Request::Commit, PULL]) {
        let commits = batch.commits.clone();
        let mut rig = reader(vec![batch]);
        let wire = support::request_bytes(&last, Version::V5_2);
        while !rig.delivered[0].ends_with(&wire) {
            // It logs the client in, and then does nothing for a while.
            rig.client_step(usize::MAX);
            if rig.summaries < 2 {
                rig.serve_step(usize::MAX);
                rig.server_step(usize::MAX);
            }
        }
        rig.promote(0);
        rig.cut();
        rig.finish_left();
        assert_eq!(rig.ending, Some(Ending::InDoubt));
        assert_eq!(rig.database(0).committed, commits, "it was carried out");
    }
}

/// What is told to be tried again, or to have failed, is nowhere.
fn judge(rig: &mut Rig, what: &str) -> Result<(), TestCaseError> {
    rig.finish_left();
    let committed: Vec<u32> =
        (0..2).flat_map(|instance| rig.database(instance).committed.clone()).collect();
    for (write, told) in &rig.told {
        let is_there = committed.contains(write);
        let is_true = *told == Told::Acked && (is_there || *write >= READ);
        prop_assert!(is_true || !is_there, "{what}: {write} is there and was told {told:?}");
    }
    let is_known = rig.ending.is_none_or(|ending| {
        matches!(
            ending,
            Ending::InDoubt | Ending::WithinAnswer | Ending::Goodbye | Ending::ServerClosed
        )
    });
    prop_assert!(is_known, "{what}: {:?}", rig.ending);
    Ok(())
}

/// A client of the read port, some of whose requests are writes.
fn conversation() -> Vec<Batch> {
    let whole = |batches: Vec<Batch>, commits: &[u32]| {
        let requests = batches.iter().flat_map(|batch| batch.requests.clone()).collect();
        vec![Batch { requests, commits: commits.to_vec() }]
    };
    let apart = vec![one(run("CREATE 5")), Batch { requests: vec![PULL], commits: vec![5] }];
    [
        reading(1),
        explicit(&[1]),
        whole(explicit(&[2]), &[2]),
        whole([reading(2), explicit(&[3])].concat(), &[READ + 2, 3]),
        vec![auto(4)],
        apart,
        whole(reading(3), &[READ + 3]),
        reading(4),
    ]
    .concat()
}

/// So many steps of the client and the gateway, while the instance does nothing with what it gets.
fn stalled(rig: &mut Rig, count: usize) {
    for _ in 0..count {
        if !(rig.server_step(1) || rig.client_step(1)) {
            break;
        }
    }
}

/// It is the main when it goes on, and has been left.
fn promoted(rig: &mut Rig) {
    rig.promote(0);
    rig.cut();
    rig.route(1);
    rig.run();
}

/// The grant runs out; the replica is the main, and does what has reached it; it is a replica again when
/// the grant comes again.
fn promoted_for_a_while(rig: &mut Rig) {
    rig.stand(Standing::Frozen);
    rig.promote(0);
    while rig.serve_step(usize::MAX) {}
    rig.demote(0);
    rig.session.writes_are(Writes::Refused);
    rig.stand(Standing::Open);
}

#[test]
fn a_promotion_at_every_byte_tells_nobody_what_is_not_true() {
    let (mut in_doubt, mut told) = (0, 0);
    for (at, unserved) in (0..1_600).flat_map(|at| [(at, 0), (at, 30), (at, 200)]) {
        let mut rig = reader(conversation());
        steps(&mut rig, &mut 0, at, 1);
        stalled(&mut rig, unserved);
        promoted(&mut rig);
        judge(&mut rig, &format!("byte step {at}, {unserved} not served")).expect("holds");
        in_doubt += u32::from(rig.ending == Some(Ending::InDoubt));
        told += u32::from(rig.told.iter().any(|it| it.0 >= READ && it.1 == Told::Retry));
    }
    assert!(in_doubt > 200 && told > 200, "{in_doubt} {told}");
}

#[test]
fn two_promotions_at_any_time_tell_nobody_what_is_not_true() {
    let cases = (0..1_400_usize, 0..200_usize, 0..60_usize, 0..200_usize);
    hold(4_000, &cases, |(at, first, later, second)| {
        let mut rig = reader(conversation());
        let mut turn = 0;
        steps(&mut rig, &mut turn, *at, 1);
        stalled(&mut rig, *first);
        promoted_for_a_while(&mut rig);
        steps(&mut rig, &mut turn, *later, 1);
        stalled(&mut rig, *second);
        promoted(&mut rig);
        judge(&mut rig, "two promotions")
    });
}

#[test]
fn what_drivers_said_is_told_truly_at_a_replica_that_is_promoted() {
    for name in NAMES {
        let recording = Recording::of(name);
        let rig = || at_replicas(Rig::recorded(&recording, read_port()));
        let count = steps(&mut rig(), &mut 0, usize::MAX, 1);
        for at in (0..=count).step_by(3) {
            let mut rig = rig();
            let mut turn = 0;
            steps(&mut rig, &mut turn, at, 1);
            stalled(&mut rig, 60);
            promoted_for_a_while(&mut rig);
            // What the main said meanwhile is heard, and what follows waits for it.
            while rig.server_step(usize::MAX) {}
            stalled(&mut rig, 60);
            promoted(&mut rig);
            judge(&mut rig, &format!("{name}, step {at}")).expect("holds");
        }
    }
}
