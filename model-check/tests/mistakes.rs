//! Mistakes that look right, each put in the decision's or the world's place: the model finds every
//! one of them, and the shortest way to its harm is kept as a schedule in `traces/`. Run with
//! `KEEP_TRACES=1`, the test writes them anew.

use model_check::{
    explore::{Limits, explore},
    model::{Budget, COARSE, Configuration, Model, Outside, property_names, world},
};
use shell_sim::{
    mutants, oracle,
    schedule::{Schedule, run},
    world::Settings,
};
use std::{fs, path::PathBuf};

/// Who is wrong.
enum Wrong {
    /// The decision: the mutant of this name.
    Decision,
    /// The world, by a setting.
    Setting(fn(&mut Settings)),
}

/// A mistake: its name, who is wrong, what may happen besides, the property that breaks first.
/// Without a property it is liveness.
type Row = (&'static str, Wrong, &'static [(Outside, u8)], bool, Option<&'static str>);

use Outside::{Crash, Power, Write};

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("keeps-the-term", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("gateway-routes-only-to-target-main")),
    ("promotes-before-it-records", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("intent-precedes-promotion")),
    ("promotes-before-revoking", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("gateway-routes-only-to-target-main")),
    ("promotes-any-replica", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("promote-only-caught-up")),
    ("takes-the-old-main-back", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("promote-only-caught-up")),
    ("sees-no-missed-restart", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("settled-has-a-main")),
    ("opens-unheard", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("rules-need-no-guard")),
    ("drops-an-unhealthy-voter", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("never-drop-sync")),
    ("drops-under-an-open-route", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("never-drop-sync")),
    ("registers-an-unproven-voter-anew", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("never-drop-sync")),
    ("registers-before-the-withdrawal", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("intent-precedes-promotion")),
    ("takes-ready-for-proof", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, Some("no-silent-divergence")),
    ("retries-the-diverged-for-ever", Wrong::Decision, &[(Write, 1), (Crash, 1)], false, None),
    ("settles-on-unproven-replicas", Wrong::Decision, &[(Write, 1), (Power, 1)], true, Some("no-silent-divergence")),
    ("takes-ready-for-confirmation", Wrong::Decision, &[(Write, 1), (Power, 1)], true, Some("no-silent-divergence")),
    ("waits-instead-of-going-back", Wrong::Decision, &[(Crash, 2)], false, None),
    ("unordered", Wrong::Setting(|settings| settings.ordered = false), &[(Write, 1), (Crash, 1)], false, Some("no-silent-divergence")),
];

fn model(row: &Row) -> Model {
    let (name, wrong, each, loose, _) = row;
    let mut settings = world();
    if *loose {
        settings.config.flush_every = 1_000;
    }
    let mut decide: shell_sim::world::Decide = ha_core::plan;
    match wrong {
        Wrong::Decision => decide = mutants::named(name).expect("a mutant").decide,
        Wrong::Setting(set) => set(&mut settings),
    }
    let budget = Budget { each: each.to_vec(), faults: 3 };
    let configuration = Configuration {
        name: "mistake",
        about: "",
        settings,
        budget,
        decide,
        grain: COARSE,
        main: false,
    };
    Model::new(configuration).expect("a cluster at rest")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("traces")
}

/// Finds the mistake, and compares its shortest trace with the one that is kept.
fn find(row: &Row) -> Result<String, String> {
    let (name, .., expected) = row;
    let model = model(row);
    let limits = Limits {
        threads: 2,
        stop_at_first_violation: true,
        max_states: 600_000,
        ..Limits::default()
    };
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
    for row in ROWS {
        let file = folder().join(format!("{}.txt", row.0));
        match find(row) {
            Err(why) => wrong.push(format!("{}: {why}", row.0)),
            Ok(text) if std::env::var_os("KEEP_TRACES").is_some() => {
                fs::create_dir_all(folder()).expect("a folder");
                fs::write(&file, text).expect("a file");
            }
            Ok(text) => match fs::read_to_string(&file) {
                Ok(kept) if kept == text => {}
                Ok(kept) => wrong.push(format!(
                    "{}: another trace than the one kept: {:?} instead of {:?}",
                    row.0,
                    text.lines().next(),
                    kept.lines().next()
                )),
                Err(why) => wrong.push(format!("{}: {why}", file.display())),
            },
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
