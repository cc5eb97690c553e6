//! Bytes of clients and of instances as nobody honest sends them, in any order with cuts, standings,
//! time and dials; and replies of controllers that are none. Nothing panics, what a session holds is
//! bounded, and it ends or goes on. `corpus/` holds what broke something once.
//!
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` ask for more cases and for others.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

#[path = "../../bolt/tests/common/change.rs"]
mod change;
#[path = "fuzz/replies.rs"]
mod replies;
#[path = "fuzz/script.rs"]
mod script;
mod support;
#[path = "fuzz/wild.rs"]
mod wild;

use bolt::{
    Request, Version,
    message::{Amount, AuthMap, Extra, Fetch, Route, RouteTarget},
    value::map,
};
use change::{change, changed};
use gateway::session::{Ending, Proof, Standing, Tally};
use peak_alloc::PeakAlloc;
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseError};
use script::{Choice, Dialled, Script, Step};
use std::{
    cell::RefCell,
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use support::{
    request_bytes,
    requests::run,
    rig::{Rig, policy},
    runs::hold,
};
use wild::{Outcome, SIGNATURES, Wild};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What a session may hold at most, in bytes: a login message while it is read, or a ROUTE while a
/// failure is, each with a copy of it; the rest is less.
const BOUND: isize = 320 << 10;

/// One test at a time: what is allocated is counted for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn folder(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

fn files(of: &str, end: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder(of)).expect("a folder");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(end));
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// What clients say at first: the conversations of the `bolt` crate, one that fetches late, and as
/// often as those a login alone, since what follows it is said in steps.
fn clients() -> Vec<Vec<u8>> {
    let mut all = files("../bolt/corpus", ".client.bin");
    for version in [Version::V5_2, Version::V4_4].repeat(all.len()) {
        all.push(Rig::new(version, policy(), Vec::new()).opening());
    }
    for version in [Version::V5_2, Version::V4_4] {
        let some = Request::Pull(Fetch { amount: Amount::AtMost(1), qid: None });
        let all_of_it = Request::Pull(Fetch::ALL);
        let asked = [run("CREATE 1"), all_of_it.clone(), run("RETURN 3"), some, all_of_it.clone()];
        let reset = [run("CREATE 2"), Request::Reset, run("CREATE 3"), all_of_it, Request::Goodbye];
        let mut bytes = Rig::new(version, policy(), Vec::new()).opening();
        for request in asked.iter().chain(&reset) {
            bytes.extend(request_bytes(request, version));
        }
        all.push(bytes);
    }
    all
}

/// Requests as they should be.
fn requests() -> Vec<Vec<u8>> {
    let some = Request::Pull(Fetch { amount: Amount::AtMost(1), qid: None });
    let target = RouteTarget::Extra(Extra::none());
    let routing = map([("address", "w:7687")]);
    let pull = || Request::Pull(Fetch::ALL);
    let all = [
        vec![run("CREATE 1")],
        vec![run("CREATE 1")],
        vec![pull()],
        vec![pull()],
        vec![run("RETURN 3"), some],
        vec![run("CREATE 2"), pull()],
        vec![Request::Begin(Extra::none())],
        vec![Request::Begin(Extra::none()), run("CREATE 3"), pull()],
        vec![Request::Commit],
        vec![Request::Reset],
        vec![Request::Reset],
        vec![run("USE DATABASE a"), pull()],
        vec![Request::Logoff],
        vec![Request::Logoff, Request::Logon(AuthMap::basic("a", "b"))],
        vec![Request::Logon(AuthMap::basic("a", "wrong"))],
        vec![Request::Route(Route { routing, bookmarks: Vec::new(), target })],
        vec![Request::Goodbye],
    ];
    let bytes = |request: &Request| request_bytes(request, Version::V5_2);
    all.iter().map(|requests| requests.iter().flat_map(bytes).collect()).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let some = || prop_oneof![1..8_u16, 1..200_u16, Just(u16::MAX)];
    let signature = || proptest::sample::select(SIGNATURES.to_vec());
    let garbage = || vec(any::<u8>(), 1..40);
    let standing = proptest::sample::select(vec![
        Standing::Open,
        Standing::Open,
        Standing::Draining,
        Standing::Frozen,
        Standing::Closed,
    ]);
    let dialled = proptest::sample::select(vec![
        Dialled::Meant,
        Dialled::Meant,
        Dialled::Meant,
        Dialled::Other,
        Dialled::Nameless,
        Dialled::Unlooked,
        Dialled::Nobody,
    ]);
    let proof = proptest::sample::select(vec![Proof::Meant, Proof::Another, Proof::Unknown]);
    prop_oneof![
        16 => proptest::sample::select(requests()).prop_map(Step::Say),
        8 => some().prop_map(Step::Hand),
        8 => some().prop_map(Step::Serve),
        8 => some().prop_map(Step::Take),
        12 => Just(Step::Flow),
        6 => dialled.prop_map(Step::Dial),
        8 => proptest::bool::weighted(0.2).prop_map(Step::Cut),
        4 => standing.prop_map(Step::Stand),
        2 => prop_oneof![0..50_u16, 0..7_000_u16].prop_map(Step::Pass),
        1 => proof.prop_map(Step::Prove),
        1 => any::<bool>().prop_map(Step::ServerEnds),
        1 => Just(Step::ClientEnds),
        1 => Just(Step::Stop),
        1 => Just(Step::Demote),
        2 => any::<bool>().prop_map(Step::Deaf),
        2 => (any::<u16>(), any::<u8>()).prop_map(|(at, byte)| Step::Garble(at, byte)),
        1 => garbage().prop_map(Step::Raw),
        1 => garbage().prop_map(Step::Say),
        1 => prop_oneof![Just(Step::Say(vec![0, 0])), Just(Step::Raw(vec![0, 0]))],
        1 => (signature(), 0..20_u8).prop_map(|(of, chunks)| Step::SayLong(of, chunks)),
        1 => (signature(), 0..20_u8).prop_map(|(of, chunks)| Step::RawLong(of, chunks)),
        1 => (1..6_000_u16).prop_map(Step::Records),
    ]
}

/// What a client says, among other things that happen. In half of the cases it is changed here and
/// there, and said in two parts with whatever is said between them.
fn scripts() -> impl Strategy<Value = Script> {
    let seeds = clients();
    let choice = any::<[bool; 4]>();
    let spoilt = (vec(change(), 0..4), any::<Index>());
    let said = (any::<Index>(), proptest::option::of(spoilt));
    (choice, said, vec(step(), 0..40)).prop_map(move |(choice, (seed, spoilt), mut steps)| {
        let [rewrites, passthrough, routes, logoff] = choice;
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        if let Some((changes, part)) = spoilt {
            for change in &changes {
                changed(&mut bytes, change, &seeds);
            }
            let rest = bytes.split_off(part.index(bytes.len() + 1));
            steps.insert(part.index(steps.len() + 1), Step::Say(rest));
        }
        steps.insert(0, Step::Say(bytes));
        Script { choice: Choice { rewrites, passthrough, routes, logoff }, steps }
    })
}

fn judge(script: &Script) -> Result<Outcome, TestCaseError> {
    let outcome = Wild::play(script);
    let most = outcome.most;
    prop_assert!(most <= BOUND, "{} bytes were held, at most {} may be", most, BOUND);
    Ok(outcome)
}

/// What many scripts came to.
#[derive(Debug, Default)]
struct All {
    count: u32,
    most: isize,
    tally: Tally,
    endings: HashMap<Ending, u32>,
}

impl All {
    fn add(&mut self, outcome: Outcome) {
        let Outcome { most, tally, ending } = outcome;
        self.count += 1;
        self.most = self.most.max(most);
        self.tally += tally;
        if let Some(ending) = ending {
            *self.endings.entry(ending).or_default() += 1;
        }
    }
}

#[test]
fn a_session_among_liars_ends_or_goes_on() {
    let alone = alone();
    let all = RefCell::new(All::default());
    hold(8_000, &scripts(), |script| {
        let outcome = judge(script)?;
        all.borrow_mut().add(outcome);
        Ok(())
    });
    let All { count, most, tally, endings } = all.into_inner();
    println!("{count} cases, {most} bytes at most: {tally:?}, {endings:?}");
    // It comes to everything that a session does.
    let Tally { held, rehomed, asked_again, failed_retryable, in_doubt, forbidden } = tally;
    let ended = |ending| endings.get(&ending).copied().unwrap_or(0);
    let (within_answer, sticky) = (ended(Ending::WithinAnswer), ended(Ending::Sticky));
    let on = [held, rehomed, asked_again, failed_retryable, forbidden];
    let met = [on.as_slice(), &[in_doubt, within_answer, sticky]].concat();
    assert!(count < 8_000 || met.iter().all(|times| *times > 5), "{met:?}");
    drop(alone);
}

#[test]
fn what_broke_something_once_breaks_nothing() {
    let alone = alone();
    let kept = files("corpus", ".session.txt");
    for text in &kept {
        let text = String::from_utf8(text.clone()).unwrap();
        let script = Script::read(&text);
        assert_eq!(Script::read(&script.to_string()), script, "it is written as it is read");
        judge(&script).unwrap_or_else(|why| panic!("{why}\n{text}"));
    }
    assert!(!kept.is_empty());
    drop(alone);
}

/// What makes a session hold as much as it can: long messages of each kind, and requests without end
/// that the gateway answers itself.
#[test]
fn the_dearest_clients_and_instances_stay_within_bounds() {
    let alone = alone();
    let choice = Choice { rewrites: true, passthrough: true, routes: true, logoff: true };
    let opening = Rig::new(Version::V5_2, policy(), Vec::new()).opening();
    let many = |request: &[u8]| Step::Say(request.repeat((1 << 17) / request.len()));
    let mut ends = requests().iter().map(|request| vec![many(request)]).collect::<Vec<_>>();
    for signature in SIGNATURES {
        let (say, raw) = (Step::SayLong(signature, 20), Step::RawLong(signature, 20));
        ends.push(vec![say.clone(), Step::Flow, Step::Cut(false)]);
        ends.push(vec![raw.clone(), Step::Say(requests()[0].clone()), Step::Flow]);
        ends.push(vec![Step::Say(requests()[0].clone()), Step::Hand(99), raw, say]);
    }
    let mut most = 0;
    for end in ends {
        for begin in [
            vec![],
            vec![Step::Flow],
            vec![Step::Flow, Step::Deaf(true)],
            vec![Step::Flow, Step::Cut(false)],
        ] {
            for standing in [Standing::Open, Standing::Closed] {
                let mut steps = vec![Step::Say(opening.clone())];
                steps.extend(begin.iter().chain([&Step::Stand(standing)]).chain(&end).cloned());
                steps.extend([Step::Flow, Step::Pass(5_000), Step::Flow]);
                let script = Script { choice, steps };
                let outcome = judge(&script).unwrap_or_else(|why| panic!("{why}"));
                most = most.max(outcome.most);
            }
        }
    }
    println!("{most} bytes are the most");
    drop(alone);
}
