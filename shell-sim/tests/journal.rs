//! A journal of a simulated disaster replays to the same plans, and tells what was known when.

use shell_sim::{
    journal::{JournalError, Reader},
    mutants,
    schedule::{Schedule, run, run_with_journal},
};

fn journal(name: &str) -> Vec<String> {
    let path = format!("{}/schedules/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let schedule =
        Schedule::parse(&std::fs::read_to_string(path).expect("a schedule")).expect("a schedule");
    let report = run_with_journal(&schedule, ha_core::plan);
    let quiet = run(&schedule, ha_core::plan);
    assert_eq!(report.trace, quiet.trace, "a journal changes nothing");
    report.fair.journal.lines().iter().map(|line| line.json().expect("a schedule")).collect()
}

const DISASTERS: [&str; 3] =
    ["s01-main-crashes", "s16-leader-dies-after-the-promotion", "s33-old-main-returns-as-main"];

#[test]
fn a_disaster_is_decided_again_to_the_last_fact() {
    for name in DISASTERS {
        let lines = journal(name);
        let mut reader = Reader::default();
        let (mut plans, mut acted) = (0, 0);
        for line in &lines {
            let Some(again) = reader.line(line, ha_core::plan).unwrap() else { continue };
            assert!(again.is_same(), "{name}: {}\n{}", again.recorded, again.plan);
            plans += 1;
            acted += usize::from(!again.plan.steps.is_empty());
        }
        assert!(plans > 20 && acted > 5, "{name}: {plans} plans, {acted} with steps");
    }
}

#[test]
fn another_decision_is_noticed() {
    let mutant = mutants::named("promotes-before-it-records").expect("a mutant");
    let mut reader = Reader::default();
    let lines = journal(DISASTERS[0]);
    let differs = lines.iter().any(|line| {
        reader.line(line, mutant.decide).unwrap().is_some_and(|again| !again.is_same())
    });
    assert!(differs);
}

#[test]
fn the_observation_of_any_decision_is_found_by_its_time() {
    let lines = journal(DISASTERS[0]);
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    for line in &lines {
        seen.extend(reader.line(line, ha_core::plan).unwrap());
    }
    let last = seen.last().expect("a decision");
    let texts = || lines.iter().map(String::as_str);
    let found = Reader::at(texts(), last.at, Some(last.controller)).unwrap();
    assert_eq!(found, last.observation);
    let error = Reader::at(texts(), 0, None).unwrap_err();
    assert!(matches!(error, JournalError::NothingYet { .. }), "{error}");
}

#[test]
fn a_broken_journal_says_where() {
    let lines = journal(DISASTERS[0]);
    let mut reader = Reader::default();
    assert!(matches!(
        reader.line("{\"journal\":1", ha_core::plan),
        Err(JournalError::Form { line: 1, .. })
    ));
    let newer = lines[0].replacen("\"journal\":1", "\"journal\":2", 1);
    assert!(matches!(
        reader.line(&newer, ha_core::plan),
        Err(JournalError::Version { line: 2, found: 2 })
    ));
    let orphan = lines.iter().find(|line| line.contains("\"sample\"")).unwrap();
    assert!(matches!(
        reader.line(orphan, ha_core::plan),
        Err(JournalError::NoStart { line: 3, .. })
    ));
}
