//! Mistakes that look right, each put in the decision's or the world's place: the model finds every
//! one of them, and the shortest way to its harm is kept as a schedule in `traces/`. Run with
//! `KEEP_TRACES=1`, the test writes them anew; with `MISTAKE=name` it looks for that one alone.

#[path = "common/kept.rs"]
mod kept;
#[path = "common/shortest.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod shortest;
#[path = "common/worlds.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod worlds;

use model_check::{
    explore::{Limits, Liveness, explore},
    model::{Budget, COARSE, Configuration, Model, Outside, world},
};
use shell_sim::{mutants, schedule::Schedule, world::Decide};
use shortest::shortest;
use std::path::PathBuf;
use worlds::{
    alone, alone_unflushed, fast_of_two, heard_unflushed, leases, promised, resetting_pair,
    resetting_unflushed, resetting_unflushed_of_two, unflushed, unordered, usual,
};

/// A good part of the time goes into parts of worlds that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Who is wrong.
enum Wrong {
    /// The decision: the mutant of this name.
    Decision,
    /// What surrounds it: the mistake of this name, or what the settings say.
    World,
}

/// A mistake: its name, who is wrong, what may happen besides, in which world, the property that
/// breaks first. Without a property it is liveness.
type Row =
    (&'static str, Wrong, &'static [(Outside, u8)], fn(&mut Configuration), Option<&'static str>);

use Outside::{
    Alone, Clock, Controller, Crash, Cut, Decision, Gateway, Late, Node, Power, Release,
    Switchover, Write,
};
use Wrong::World;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("keeps-the-term", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("gateway-routes-only-to-target-main")),
    ("promotes-before-it-records", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("intent-precedes-promotion")),
    ("promotes-before-revoking", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("gateway-routes-only-to-target-main")),
    ("promotes-any-replica", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("promote-only-caught-up")),
    ("promotes-without-a-voter", Wrong::Decision, &[(Write, 1), (Crash, 2)], alone, Some("promote-only-caught-up")),
    ("takes-the-old-main-back", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("promote-only-caught-up")),
    ("sees-no-missed-restart", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("settled-has-a-main")),
    ("opens-unheard", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("rules-need-no-guard")),
    ("drops-an-unhealthy-voter", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("never-drop-sync")),
    ("drops-under-an-open-route", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("never-drop-sync")),
    ("registers-an-unproven-voter-anew", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("never-drop-sync")),
    ("registers-before-the-withdrawal", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("intent-precedes-promotion")),
    ("takes-ready-for-proof", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, Some("no-silent-divergence")),
    ("takes-a-clients-commit-for-proof", Wrong::Decision, &[(Write, 1), (Power, 1)], heard_unflushed, Some("no-silent-divergence")),
    ("retries-the-diverged-for-ever", Wrong::Decision, &[(Write, 1), (Crash, 1)], usual, None),
    ("settles-on-unproven-replicas", Wrong::Decision, &[(Write, 1), (Power, 1)], unflushed, Some("no-silent-divergence")),
    ("takes-ready-for-confirmation", Wrong::Decision, &[(Write, 1), (Power, 1)], unflushed, Some("no-silent-divergence")),
    ("commits-on-in-a-rewound-epoch", Wrong::Decision, &[(Write, 2), (Decision, 1), (Power, 1)], alone_unflushed, Some("no-silent-divergence")),
    ("minds-no-lagging-voter", Wrong::Decision, &[(Write, 1), (Decision, 1)], alone, None),
    ("ends-proofs-with-the-main", Wrong::Decision, &[(Node, 1)], alone, None),
    ("waits-instead-of-going-back", Wrong::Decision, &[(Crash, 2)], usual, None),
    ("opens-before-the-first-commit", Wrong::Decision, &[(Crash, 1)], alone, Some("no-silent-divergence")),
    ("keeps-proofs-past-a-foreign-main", Wrong::Decision, &[(Write, 1), (Crash, 1)], alone, Some("promote-only-caught-up")),
    ("carries-on-a-restarted-target", Wrong::Decision, &[(Write, 1), (Cut, 1), (Crash, 1)], alone, Some("promote-only-caught-up")),
    ("undoes-what-another-began", Wrong::Decision, &[(Node, 1), (Controller, 1)], usual, None),
    ("leaves-a-demoted-main", Wrong::Decision, &[(Power, 1), (Late, 1)], alone_unflushed, None),
    ("never-moves-the-vote", Wrong::Decision, &[(Node, 1)], alone, None),
    ("moves-the-vote-of-an-unproven-main", Wrong::Decision, &[(Power, 1), (Crash, 1)], alone_unflushed, Some("promote-only-caught-up")),
    ("records-a-voter-that-does-not-vote", Wrong::Decision, &[(Write, 1), (Crash, 2)], alone, Some("promote-only-caught-up")),
    ("resets-under-an-open-main", Wrong::Decision, &[(Write, 1), (Power, 1)], resetting_unflushed, None),
    ("sets-aside-before-it-goes-back", Wrong::Decision, &[(Power, 1)], resetting_unflushed_of_two, Some("acknowledged-writes-survive")),
    ("waits-for-who-may-not-vote", Wrong::Decision, &[(Write, 1), (Crash, 1)], resetting_pair, None),
    ("never-goes-alone", Wrong::Decision, &[(Node, 1)], fast_of_two, None),
    ("stays-alone", Wrong::Decision, &[(Crash, 1)], fast_of_two, None),
    ("answers-pass", World, &[(Write, 1), (Cut, 1)], alone, Some("acknowledged-writes-survive")),
    ("grant-checked-when-asked", World, &[(Write, 1), (Cut, 1), (Gateway, 1)], alone, Some("acknowledged-writes-survive")),
    ("boot-of-the-node", World, &[(Crash, 1), (Power, 1)], alone_unflushed, Some("promote-only-caught-up")),
    ("grant-not-clipped", World, &[(Switchover, 1), (Alone, 1), (Clock, 1)], leases, Some("gateway-routes-only-to-target-main")),
    ("grants-forgotten", World, &[(Crash, 1), (Controller, 1)], leases, Some("gateway-routes-only-to-target-main")),
    ("empty-acknowledgement", World, &[(Crash, 1), (Release, 1)], leases, Some("gateway-routes-only-to-target-main")),
    ("promise-forgotten", World, &[(Switchover, 1), (Alone, 1)], promised, Some("gateway-routes-only-to-target-main")),
    ("drift-without-margin", World, &[(Crash, 1), (Clock, 1)], leases, Some("gateway-routes-only-to-target-main")),
    ("unordered", World, &[(Write, 1), (Crash, 1)], unordered, Some("no-silent-divergence")),
];

/// What happened before everything else, where a cluster at rest is too far from the harm.
#[rustfmt::skip]
const BEFORE: &[(&str, &str)] = &[
    ("boot-of-the-node", "
        write cl-0 gw-0
        run until acked w1
        stop mg-0
        crash mg-0
        withhold promote ct-0 mg-1
        run until in-flight promote ct-0 mg-1
    "),
    ("keeps-proofs-past-a-foreign-main", "
        withhold promote ct-0 mg-1
        switchover
        run until in-flight promote ct-0 mg-1
        give-up ct-0
        cut ct-0 mg-1 silent
        run until target=mg-0
        heal ct-0 mg-1
        run until grant gw-0=3
        settle
        assert voter=mg-1
        assert in-flight promote ct-0 mg-1
    "),
    ("moves-the-vote-of-an-unproven-main", "
        write cl-0 gw-0
        run until acked w1
        settle
    "),
    ("resets-under-an-open-main", "
        power-loss mg-2 keep=9
        remove-pod mg-2
    "),
    ("sets-aside-before-it-goes-back", "
        write cl-0 gw-0
        run until acked w1
        settle
        withhold finalize mg-0 mg-1
        write cl-0 gw-0
        run until in-flight finalize mg-0 mg-1
        stop mg-0
        crash mg-0
        fail finalize mg-0 mg-1
        release finalize mg-0 mg-1
        run until role mg-1=main
        resume mg-0
    "),
    ("opens-before-the-first-commit", "
        write cl-0 gw-0
        run until acked w1
        settle
        write cl-0 gw-0
        deliver request gw-0 mg-0
        deliver prepare mg-0 mg-1
        deliver prepare-answer mg-1 mg-0
        crash mg-0
    "),
];

/// The decision that is made in a row.
fn decision(row: &Row) -> Decide {
    match row.1 {
        Wrong::Decision => mutants::named(row.0).expect("a mutant").decide,
        World => ha_core::plan,
    }
}

fn model(row: &Row, decide: Decide) -> Model {
    let (name, _, each, set, _) = row;
    let mut configuration = Configuration {
        name: "mistake",
        about: "",
        settings: world(),
        budget: Budget { each: each.to_vec(), faults: 3 },
        decide,
        grain: COARSE,
        main: false,
    };
    set(&mut configuration);
    configuration.settings.mistake = name.parse().ok();
    let before = BEFORE.iter().find(|(of, _)| of == name).map_or("", |(_, before)| *before);
    let before = Schedule::parse(before).expect("a schedule");
    Model::after(configuration, &before).expect("a cluster to begin with")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("traces")
}

fn limits() -> Limits {
    Limits { threads: 2, stop_at_first_violation: true, max_states: 1_500_000, ..Limits::default() }
}

/// Finds the mistake, and compares its shortest trace with the one that is kept.
fn find(row: &Row) -> Result<String, String> {
    let (name, .., expected) = row;
    let found = shortest(name, &model(row, decision(row)), &limits(), None)?;
    if found.property == expected.unwrap_or("settles") {
        Ok(found.text)
    } else {
        Err(format!("breaks {}", found.property))
    }
}

#[test]
fn every_mistake_is_found_by_its_shortest_trace() {
    let mut wrong = Vec::new();
    let only = std::env::var("MISTAKE").ok();
    for row in ROWS.iter().filter(|row| only.as_ref().is_none_or(|name| name == row.0)) {
        let file = folder().join(format!("{}.txt", row.0));
        match find(row) {
            Err(why) => wrong.push(format!("{}: {why}", row.0)),
            Ok(text) => wrong.extend(kept::differs(row.0, &file, &text)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a mistake is one of liveness, it is not the budget that keeps the cluster from its rest.
#[test]
fn without_the_mistake_everything_comes_to_rest() {
    let mut wrong = Vec::new();
    for row in ROWS.iter().filter(|(.., property)| property.is_none()) {
        let model = model(row, ha_core::plan);
        let found = explore(&model, &limits(), &mut |_| {});
        if found.broken() != 0 || !found.liveness.as_ref().is_some_and(Liveness::settles) {
            wrong.push(row.0);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
