//! Laws of the session machine: bytes pass unchanged in any split, and a change of the route at any
//! byte leaves no client with an answer that is not true.

mod support;

use bolt::{
    Request, Version,
    message::{Amount, Extra, Fetch, Route, RouteTarget},
    value::map,
};
use gateway::session::{Ending, Listener, Policy, Routing};
use proptest::{collection::vec, prelude::*};
use support::{
    laws::{judge, steps},
    requests::{Batch, Told, auto, explicit, one, run},
    rig::{Rig, policy},
    runs::hold,
};

const VERSIONS: [Version; 4] = [Version::V5_2, Version::V4_4, Version::V4_1, Version::V4_0];

/// Reads, auto-commits and transactions, with results in parts, and pipelines.
fn conversation() -> Vec<Batch> {
    let some = Request::Pull(Fetch { amount: Amount::AtMost(2), qid: None });
    let mut batches = vec![auto(1)];
    batches.push(Batch { requests: vec![run("RETURN 3"), some], commits: Vec::new() });
    batches.push(one(Request::Pull(Fetch::ALL)));
    batches.extend(explicit(&[2, 3]));
    batches.push(one(Request::Reset));
    let piped = [explicit(&[4]), vec![auto(5)]].concat();
    let requests = piped.iter().flat_map(|batch| batch.requests.clone()).collect();
    batches.push(Batch { requests, commits: vec![4, 5] });
    batches.extend(explicit(&[6]));
    batches.push(auto(7));
    // As clients do that wait for the answer to RUN before they fetch.
    batches.push(one(run("CREATE 8")));
    batches.push(Batch { requests: vec![Request::Pull(Fetch::ALL)], commits: vec![8] });
    batches
}

#[test]
fn bytes_pass_unchanged_in_any_split() {
    for version in VERSIONS {
        let mut whole = Rig::new(version, policy(), conversation());
        whole.run();
        assert!(whole.is_done() && whole.ending.is_none(), "{:?}", whole.ending);
        assert_eq!(whole.database(0).committed, [1, 2, 3, 4, 5, 6, 7, 8]);
        hold(60, &vec((1..9_usize, 1..9_usize, 1..40_usize), 1..30), |pieces| {
            let mut rig = Rig::new(version, policy(), conversation());
            for (client, server, served) in pieces.iter().cycle().take(4_000) {
                rig.client_step(*client);
                rig.serve_step(*served);
                rig.server_step(*server);
            }
            rig.run();
            prop_assert!(rig.is_done());
            prop_assert_eq!(&rig.received, &whole.received);
            prop_assert_eq!(&rig.delivered[0], &whole.delivered[0]);
            prop_assert_eq!(rig.summaries, rig.asked);
            Ok(())
        });
    }
}

/// The route moves after so many steps, and opens again after so many more.
fn moved(version: Version, at: usize, closed_for: usize, most: usize) -> Rig {
    moved_of(Rig::new(version, policy(), conversation()), at, closed_for, most)
}

fn moved_of(mut rig: Rig, at: usize, closed_for: usize, most: usize) -> Rig {
    let mut turn = 0;
    steps(&mut rig, &mut turn, at, most);
    rig.cut();
    let before = rig.delivered[0].clone();
    steps(&mut rig, &mut turn, closed_for, most);
    rig.route(1);
    rig.run();
    assert_eq!(rig.delivered[0], before, "bytes to the old instance after the change");
    rig
}

#[test]
fn a_change_at_every_byte_tells_nobody_what_is_not_true() {
    for version in [Version::V5_2, Version::V4_4] {
        let mut endings = [0_u32; 3];
        for at in 0..3_000 {
            let mut rig = moved(version, at, 7, 1);
            judge(&mut rig, &format!("{version}, byte step {at}")).expect("holds");
            endings[match rig.ending {
                None => 0,
                Some(Ending::InDoubt) => 1,
                Some(_) => 2,
            }] += 1;
        }
        // All three are met, and most clients notice nothing but failures to retry.
        assert!(endings[0] > 1_500 && endings[1] > 50 && endings[2] > 5, "{endings:?}");
    }
}

#[test]
fn a_change_at_any_time_in_any_pieces_tells_nobody_what_is_not_true() {
    let cases = (0..VERSIONS.len(), 0..1_500_usize, 0..60_usize, 1..70_usize);
    hold(3_000, &cases, |(version, at, closed_for, most)| {
        let mut rig = moved(VERSIONS[*version], *at, *closed_for, *most);
        judge(&mut rig, "any")
    });
}

/// Results that are asked for once RUN was answered, or never; a transaction by text at the end.
fn fetched_apart() -> Vec<Batch> {
    let pull = |commits: &[u32]| Batch {
        requests: vec![Request::Pull(Fetch::ALL)],
        commits: commits.to_vec(),
    };
    let some = Request::Pull(Fetch { amount: Amount::AtMost(2), qid: None });
    let mut batches = vec![one(run("CREATE 1")), pull(&[1])];
    batches.extend(explicit(&[2]));
    batches.extend([one(run("RETURN 3")), one(some), pull(&[])]);
    batches.extend(explicit(&[3]));
    batches.extend([one(run("CREATE 4")), one(Request::Reset), auto(5)]);
    batches.extend(explicit(&[6]));
    batches.extend([one(run("CREATE 7")), pull(&[7])]);
    batches.extend(explicit(&[8]));
    batches.extend([one(run("BEGIN")), pull(&[]), one(run("CREATE 9")), pull(&[])]);
    batches.extend([one(run("COMMIT")), pull(&[9])]);
    batches
}

#[test]
fn a_change_between_an_answer_and_its_result_goes_unnoticed() {
    let batches = || {
        let pull = Request::Pull(Fetch::ALL);
        vec![one(run("CREATE 1")), Batch { requests: vec![pull], commits: vec![1] }]
    };
    for version in VERSIONS {
        let mut whole = Rig::new(version, policy(), batches());
        whole.run();
        let pull = support::request_bytes(&Request::Pull(Fetch::ALL), version);
        let before_pull = whole.delivered[0].len() - pull.len();
        let login = 1 + usize::from(version.has_logon());
        let mut met = 0;
        for at in 0..600 {
            let mut rig = moved_of(Rig::new(version, policy(), batches()), at, 0, 1);
            judge(&mut rig, &format!("{version}, byte step {at}")).expect("holds");
            if rig.heard_at_cut <= login || rig.delivered[0].len() != before_pull {
                continue;
            }
            met += 1;
            assert_eq!((rig.ending, rig.told.as_slice()), (None, &[(1, Told::Acked)][..]));
            assert_eq!((rig.tally.asked_again, rig.tally.failed_retryable), (1, 0));
            assert_eq!(rig.database(1).committed, [1]);
        }
        assert!(met > 0, "{version}");
    }
}

#[test]
fn changes_around_results_that_are_fetched_apart_tell_nobody_what_is_not_true() {
    for version in [Version::V5_2, Version::V4_4] {
        for (at, closed_for) in (0..2_400).flat_map(|at| [(at, 0), (at, 9)]) {
            let rig = Rig::new(version, policy(), fetched_apart());
            let mut rig = moved_of(rig, at, closed_for, 1);
            judge(&mut rig, &format!("{version}, byte step {at}")).expect("holds");
        }
    }
    // The next instance may answer otherwise, refuse, or be lost in its turn.
    let times = (0..1_400_usize, 0..40_usize, 0..160_usize, 1..30_usize);
    let cases = (0..VERSIONS.len(), times, any::<bool>(), 0..4_u8);
    hold(4_000, &cases, |(version, (at, closed_for, again, most), is_apart, other)| {
        let batches = if *is_apart { fetched_apart() } else { conversation() };
        let mut rig = Rig::new(VERSIONS[*version], policy(), batches);
        match other {
            0 => rig.database(1).column = "other",
            1 => rig.demote(1),
            _ => {}
        }
        let mut turn = 0;
        steps(&mut rig, &mut turn, *at, *most);
        rig.cut();
        let before = rig.delivered[0].clone();
        steps(&mut rig, &mut turn, *closed_for, *most);
        rig.route(1);
        steps(&mut rig, &mut turn, *again, *most);
        prop_assert!(rig.delivered[0] == before, "bytes to the old instance after the change");
        rig.cut();
        let before = rig.delivered[1].clone();
        rig.route(0);
        rig.run();
        prop_assert!(rig.delivered[1] == before, "bytes to the second one after its change");
        judge(&mut rig, "two changes")
    });
}

/// What the gateway answers itself, beside what it forwards: ROUTE in and out of a transaction, and
/// RESET of a connection that is idle.
fn answered_here() -> Vec<Batch> {
    let target = RouteTarget::Extra(Extra::none().with_database("a"));
    let routing = map([("address", "gw.example:7687")]);
    let route = one(Request::Route(Route { routing, bookmarks: Vec::new(), target }));
    let reset = one(Request::Reset);
    let mut within = explicit(&[2]);
    within.insert(1, route.clone());
    [vec![auto(1), route.clone(), reset.clone()], within, vec![route, reset, auto(3)]].concat()
}

#[test]
fn a_change_within_what_the_gateway_answers_itself_goes_unnoticed() {
    for version in [Version::V5_2, Version::V4_4] {
        let routing =
            Some(Routing { write: None, read: None, listener: Listener::Write, ttl_s: 10 });
        let policy = Policy { routing, ..policy() };
        for (at, closed_for) in (0..1_500).flat_map(|at| [(at, 0), (at, 7), (at, 40)]) {
            let rig = Rig::new(version, policy.clone(), answered_here());
            let mut rig = moved_of(rig, at, closed_for, 1);
            judge(&mut rig, &format!("{version}, byte step {at}")).expect("holds");
            assert!(rig.is_done(), "{version}, byte step {at}: it waits for ever");
        }
    }
}
