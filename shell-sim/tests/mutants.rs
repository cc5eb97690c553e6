//! The mutants and the mistakes of the world themselves: each mutant decides otherwise than we do
//! somewhere that a run can come to, and each mistake has a name that is read as it is printed.

use ha_core::{observation::ClusterObservation, plan::Plan};
use shell_sim::{
    driver::{Limits, Walk},
    memgraph::Config,
    mutants::{self, Mutant},
    schedule::{Schedule, format_settings, parse_settings, run},
    world::{Mistake, Settings},
};
use std::{cell::RefCell, fs, path::Path};

/// Random walks to look in; what they do not come to is looked for along the schedules.
const WALKS: u64 = 400;

thread_local! {
    /// Mutants that decided as we do so far.
    static ALIKE: RefCell<Vec<&'static Mutant>> = const { RefCell::new(Vec::new()) };
}

/// Our decision, which each mutant that was never seen to differ is compared with.
fn watched(observation: &ClusterObservation) -> Plan {
    let ours = ha_core::plan(observation);
    ALIKE.with_borrow_mut(|alike| alike.retain(|mutant| (mutant.decide)(observation) == ours));
    ours
}

fn still_alike() -> Vec<&'static str> {
    ALIKE.with_borrow(|alike| alike.iter().map(|mutant| mutant.name).collect())
}

/// A mutant that never decides otherwise is our decision under another name.
#[test]
fn every_mutant_decides_otherwise_somewhere() {
    ALIKE.with_borrow_mut(|alike| alike.extend(mutants::all()));
    let limits = Limits { choices: 120, faults: 6, ..Limits::default() };
    for flush_every in [1, 100_000] {
        let config = Config { flush_every, ..Settings::default().config };
        let settings = Settings { config, ..Settings::default() };
        let walk = Walk::new(&settings, limits, watched).unwrap();
        for seed in 0..WALKS {
            let _report = walk.run(seed);
        }
    }
    println!("not met by walks: {}", still_alike().join(", "));
    for part in ["", "mistakes"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schedules").join(part);
        let mut paths: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "txt")) {
            let schedule = Schedule::parse(&fs::read_to_string(path).unwrap()).unwrap();
            let report = run(&schedule, watched);
            assert!(report.is_good(), "{}: it must go as it says", path.display());
        }
    }
    assert_eq!(still_alike(), Vec::<&str>::new(), "they decided as we do everywhere");
}

#[test]
fn every_mistake_has_a_name_and_a_belief() {
    for (mistake, name, belief) in Mistake::ALL {
        assert_eq!(name.parse::<Mistake>().as_ref(), Ok(mistake));
        assert_eq!(mistake.to_string(), *name);
        assert!(!belief.is_empty(), "{name} says nothing of the belief behind it");
        let settings = Settings { mistake: Some(*mistake), ..Settings::default() };
        assert!(settings.makes(*mistake));
        let text = format_settings(&settings);
        assert!(text.ends_with(&format!(" mistake={name}")), "{text}");
        assert_eq!(parse_settings(&text).unwrap(), settings);
    }
    assert!(Mistake::ALL.is_sorted(), "one row each, in the order of the names");
    let unknown = parse_settings("mistake=sleeps-on-sundays").unwrap_err();
    assert!(unknown.to_string().contains("a mistake such as"), "{unknown}");
    assert!(!format_settings(&Settings::default()).contains("mistake"));
}
