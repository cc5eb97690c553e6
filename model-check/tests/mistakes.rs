//! Mistakes that look right, each put in the decision's or the world's place: the model finds every
//! one of them, and the shortest way to its harm is kept as a schedule in `traces/`. Run with
//! `KEEP_TRACES=1`, the test writes them anew; with `MISTAKE=name` it looks for that one alone.

#[path = "common/kept.rs"]
mod kept;

use ha_core::desired::Durability;
use model_check::{
    explore::{Limits, Liveness, explore},
    model::{
        Budget, COARSE, Configuration, LEASES, Model, Outside, property_names, world,
        world_of_leases,
    },
};
use shell_sim::{
    mutants, oracle,
    schedule::{Schedule, run},
    world::Decide,
};
use std::path::PathBuf;

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

/// The usual world.
const fn usual(_: &mut Configuration) {}

/// Nobody takes over.
const fn alone(one: &mut Configuration) {
    one.settings.controllers = 1;
}

/// Power that is lost takes writes with it.
const fn unflushed(one: &mut Configuration) {
    one.settings.config.flush_every = 1_000;
}

/// Both.
const fn alone_unflushed(one: &mut Configuration) {
    alone(one);
    unflushed(one);
}

/// The same, and what gateways hear of a main counts.
const fn heard_unflushed(one: &mut Configuration) {
    alone_unflushed(one);
    one.settings.patience.witness_limit_ms = 6_000;
}

/// Two instances: nobody can vote in the place of one that is lost, and the main may go on alone.
const fn fast_of_two(one: &mut Configuration) {
    one.settings.instances = 2;
    one.settings.durability = Durability::Fast;
}

/// What branched off is set aside by itself.
const fn resetting(one: &mut Configuration) {
    alone(one);
    one.settings.sets_aside = true;
}

/// Requests overtake each other.
const fn unordered(one: &mut Configuration) {
    one.settings.ordered = false;
}

/// A tick is a part of a lease.
fn leases(one: &mut Configuration) {
    one.settings = world_of_leases();
    one.grain = LEASES;
}

/// The same, and controllers ask each other for promises.
fn promised(one: &mut Configuration) {
    leases(one);
    one.settings.promises = true;
}

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
    ("resets-under-an-open-main", Wrong::Decision, &[(Write, 1), (Crash, 1)], resetting, None),
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
    let model = model(row, decision(row));
    let limits = limits();
    let found = explore(&model, &limits, &mut |_| {});
    let (what, path) = match (0..64)
        .filter_map(|bit| found.violation(bit).map(|witness| (bit, witness)))
        .min_by_key(|(bit, witness)| (witness.length, *bit))
    {
        Some((bit, witness)) => {
            let property = property_names().get(usize::from(bit)).copied().unwrap_or("the model");
            (property, found.trace(&witness).map_err(|why| why.to_string())?)
        }
        None => {
            let liveness = found.liveness.as_ref().ok_or("neither broken nor closed")?;
            let trap = liveness.nearest.as_ref().ok_or("nothing is broken")?;
            let lasso = found.lasso(trap).map_err(|why| why.to_string())?;
            ("settles", lasso.path.into_iter().chain(lasso.cycle).collect())
        }
    };
    if what != expected.unwrap_or("settles") {
        return Err(format!("breaks {what}"));
    }
    let trace = model.trace(&path).map_err(|why| why.to_string())?;
    let steps: Vec<String> = trace
        .to_string()
        .lines()
        .map(|line| format!("#{}\n", line.get(1..).unwrap_or(line)))
        .collect();
    let text = format!(
        "# {name}: breaks {what} in {} steps, {} states\n{}{}",
        trace.steps.len(),
        found.states().len(),
        steps.concat(),
        trace.schedule
    );
    let report =
        run(&Schedule::parse(&text).map_err(|why| why.to_string())?, model.configuration.decide);
    // Some promises are judged of a cluster that calls itself settled.
    let last = oracle::final_violations(&report.fair.world, true);
    let shown = what == "settles"
        || report.violations.iter().chain(&last).any(|violation| !violation.is_known());
    if !shown || !report.failures.is_empty() {
        return Err(format!("its schedule does not show it: {:?}", report.failures));
    }
    Ok(text)
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
