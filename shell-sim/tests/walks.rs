//! Random walks: a few of each kind of world in every run of the tests, and for ever those that
//! once found something, shrunk to the lines that it takes.

use ha_core::{
    guard::GUARDS,
    ids::InstanceId,
    observation::{ClusterObservation, RoleView, Row, RowState},
    plan::Plan,
    reading::{Age, Reading},
    record::Stage,
    rules::{Judge, RULES, Rule, RuleId, Verdict},
    situation::Situation,
};
use shell_sim::{
    driver::{End, Limits, Walk, worlds},
    oracle::Violation,
    schedule::{Schedule, run},
    world::{Decide, Settings},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schedules/walks")
}

/// Walks that found a mistake, of the decision or of the world, go well now.
#[test]
fn walks_that_found_something_go_well() {
    let mut names: Vec<_> =
        fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path()).collect();
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

/// Walks that found a mistake of the decision, how far it got them, and the rules as they were then.
const EARLIER: &[(&str, &str, Decide)] = &[
    ("second-phase-of-the-first-commit-is-lost", "V30", minds_no_voter_that_stays_behind),
    ("a-row-that-stays-replicating", "replicating", leaves_a_row_replicating),
    ("late-promotion-of-a-recorded-voter", "V20", demotes_no_voter_before_the_first_commit),
    ("late-promotion-of-the-old-main-as-voter", "V20", demotes_no_voter_before_the_first_commit),
    ("voter-obeys-nobody-and-the-main-restarts", "E35", waits_for_a_voter_that_obeys_nobody),
];

/// What a walk found is there again if the rule that ended it goes: shrinking lost nothing of it.
#[test]
fn walks_get_stuck_under_the_rules_as_they_were() {
    for (name, words, earlier) in EARLIER {
        let text = fs::read_to_string(folder().join(format!("{name}.txt"))).unwrap();
        let report = run(&Schedule::parse(&text).unwrap(), *earlier);
        let stuck = matches!(&report.end, Some(End::Stuck(why)) if why.contains(words));
        assert!(stuck, "{name}: {:?}\n{}", report.end, report.story());
    }
}

/// The decision over rows that read otherwise.
fn reread(observation: &ClusterObservation, change: impl Fn(&mut Row)) -> Plan {
    let mut other = observation.clone();
    for view in other.instances.values_mut() {
        if let Reading::Known { value: answer, .. } = &mut view.bolt
            && let RoleView::Main { rows, .. } = &mut answer.role
        {
            rows.values_mut().for_each(&change);
        }
    }
    ha_core::plan(&other)
}

fn minds_no_voter_that_stays_behind(observation: &ClusterObservation) -> Plan {
    reread(observation, |row| row.still = Age::Fresh)
}

/// A row in this state never stays in it.
fn never_for_long(observation: &ClusterObservation, state: &RowState) -> Plan {
    reread(observation, |row| {
        if row.state == *state {
            row.since = Age::Fresh;
        }
    })
}

fn leaves_a_row_replicating(observation: &ClusterObservation) -> Plan {
    never_for_long(observation, &RowState::Replicating)
}

fn waits_for_a_voter_that_obeys_nobody(observation: &ClusterObservation) -> Plan {
    never_for_long(observation, &RowState::Invalid)
}

fn demotes_no_voter_before_the_first_commit(observation: &ClusterObservation) -> Plan {
    fn judge(s: &Situation<'_>, id: InstanceId) -> Verdict {
        let attached = s.record.is_some_and(|record| record.stage == Stage::Attached);
        match RuleId::F60.rule().judge {
            Judge::Each(really) if !attached => really(s, id),
            Judge::Each(_) | Judge::Once(_) => Verdict::Pass,
        }
    }
    let turned = |rule: &Rule| {
        let judge = if rule.id == RuleId::F60 { Judge::Each(judge) } else { rule.judge };
        Rule { judge, ..*rule }
    };
    let rules: Vec<Rule> = RULES.iter().map(turned).collect();
    ha_core::plan_with(observation, &rules, GUARDS)
}

/// After faults and silence every world settles, or stands in a hold that is left to people.
#[test]
fn random_schedules_end_well() {
    let limits = |acts| Limits { choices: 120, faults: 6, acts, ..Limits::default() };
    for settings in worlds() {
        let walks =
            [false, true].map(|acts| Walk::new(&settings, limits(acts), ha_core::plan).unwrap());
        for (walk, seed) in walks.iter().flat_map(|walk| (0..200).map(move |seed| (walk, seed))) {
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
