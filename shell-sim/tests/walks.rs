//! Random walks: a few of each kind of world in every run of the tests, and for ever those that
//! once found something.

use shell_sim::{
    driver::{End, Limits, Walk},
    memgraph::{Config, Version},
    oracle::Violation,
    schedule::{Schedule, run},
    world::Settings,
};
use std::{fs, path::Path};

/// Walks that found a mistake, of the decision or of the world, go well now.
#[test]
fn walks_that_found_something_go_well() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schedules/walks");
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    assert!(names.len() > 5, "the folder of walks lost its files");
    for path in names {
        let text = fs::read_to_string(&path).unwrap();
        let schedule = Schedule::parse(&text).unwrap();
        let report = run(&schedule, ha_core::plan);
        let broken: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
        assert!(report.is_good(), "{}: {broken:?}\n{}", path.display(), report.story());
        let at_rest = matches!(report.end, Some(End::Settled | End::Holds(_)));
        assert!(at_rest, "{}: {:?}", path.display(), report.end);
    }
}

/// After faults and silence every world settles, or stands in a hold that names a missing recipe.
#[test]
fn random_schedules_end_well() {
    let limits = Limits { choices: 120, faults: 6, ..Limits::default() };
    let worlds = [(Version::V3_10, 1, 1), (Version::V3_8, 100_000, 2), (Version::Head, 100_000, 1)];
    for (version, flush_every, gateways) in worlds {
        let config = Config { version, flush_every, ..Config::default() };
        let settings = Settings { gateways, config, ..Settings::default() };
        let walk = Walk::new(&settings, limits, ha_core::plan).unwrap();
        for seed in 0..400 {
            let report = walk.run(seed);
            let bad: Vec<_> = report.violations.iter().filter(|found| !found.is_known()).collect();
            assert!(bad.is_empty(), "seed {seed}: {bad:?}\n{}", report.schedule);
            let stuck = matches!(report.end, End::Stuck(_));
            assert!(!stuck, "seed {seed}: {}\n{}", report.end, report.schedule);
        }
    }
}

/// A seed gives the same walk each time, and its schedule is that walk.
#[test]
fn a_walk_is_its_schedule() {
    let walk = Walk::new(&Settings::default(), Limits::default(), ha_core::plan).unwrap();
    for seed in [3, 14, 159] {
        let (one, two) = (walk.run(seed), walk.run(seed));
        assert_eq!(one.schedule, two.schedule);
        assert_eq!(one.counters, two.counters);
        let parsed = Schedule::parse(&one.schedule.to_string()).unwrap();
        let again = run(&parsed, ha_core::plan);
        assert_eq!(again.end, Some(one.end));
        let known = |found: &[Violation]| found.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(known(&again.violations), known(&one.violations));
    }
}
