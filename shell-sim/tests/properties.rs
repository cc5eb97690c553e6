//! Properties of the whole over generated schedules: faults, calm, more to do, silence. The choices
//! are data, so that a schedule that fails shrinks, and what is printed then is what `play` reads.
//!
//! The seed is fixed, so that every run of the tests tries the same. `PROPTEST_CASES=100000` tries
//! more, `PROPTEST_RNG_SEED=7` others. No file of regressions is kept: what fails becomes a schedule
//! in `schedules/walks/`.

#[path = "properties/choices.rs"]
mod choices;
#[path = "properties/played.rs"]
mod played;
#[path = "../../core/tests/common/runs.rs"]
mod runs;

use choices::{Case, case};
use played::{Played, Starts};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner},
};
use runs::hold;
use shell_sim::{
    mutants,
    schedule::{Report, SHRINK_RUNS, Schedule, Symptom, run, run_possible, shrink},
    world::Decide,
};

/// Wrong decisions that schedules of this sort meet often enough to be found each time.
const FOUND: &[&str] = &[
    "keeps-the-term",
    "promotes-before-it-records",
    "promotes-before-revoking",
    "takes-the-old-main-back",
    "sees-no-missed-restart",
    "takes-ready-for-confirmation",
    "opens-unheard",
    "promotes-any-replica",
];

/// In so many cases each of them is found.
const BOUND: u32 = 4_000;

/// So many lines at most has the schedule that shows one, with those that begin and end it.
const LINES: usize = 12;

/// Nothing broke that the promise does not except, and after calm the world settled, or stands in
/// a hold that is left to people. If not, the shortest schedule that shows it.
fn goes_well(played: &Played, decide: Decide) -> Result<(), TestCaseError> {
    let Some(symptom) = played.symptom() else { return Ok(()) };
    Err(TestCaseError::fail(told(&played.schedule, &symptom, decide)))
}

/// A schedule that fails in this way, made short, and what goes wrong in it.
fn told(schedule: &Schedule, symptom: &Symptom, decide: Decide) -> String {
    let fails = |report: &Report| symptom.shows_in(report);
    let shrunk = shrink(schedule, decide, &fails, SHRINK_RUNS).schedule;
    let report = run(&shrunk, decide);
    let broken = report.violations.iter().map(ToString::to_string);
    let why: Vec<String> = broken.chain(report.end.iter().map(ToString::to_string)).collect();
    let why = why.join("; ").split_whitespace().collect::<Vec<_>>().join(" ");
    format!("# {why}\n{shrunk}")
}

/// The same for a case whose length proptest alone made short.
fn is_falsified(played: &Played) -> TestCaseResult {
    played.symptom().map_or(Ok(()), |symptom| Err(TestCaseError::fail(symptom.to_string())))
}

#[test]
fn schedules_with_faults_end_well() {
    let starts = Starts::under(ha_core::plan);
    hold(2_000, &case(), |case| goes_well(&starts.play(case), ha_core::plan));
}

#[test]
fn the_same_choices_give_the_same_world() {
    let starts = Starts::under(ha_core::plan);
    hold(400, &case(), |case| {
        let (one, other) = (starts.play(case), starts.play(case));
        prop_assert_eq!(&one.schedule, &other.schedule);
        prop_assert_eq!(&one.end, &other.end);
        prop_assert_eq!(&one.violations, &other.violations);
        prop_assert!(one.world == other.world, "worlds differ after\n{}", one.schedule);
        Ok(())
    });
}

/// What a failure prints can be played, and shows the same.
#[test]
fn a_printed_schedule_gives_the_same_world() {
    let starts = Starts::under(ha_core::plan);
    hold(400, &case(), |case| {
        let played = starts.play(case);
        let text = played.schedule.to_string();
        let read = Schedule::parse(&text).map_err(|bad| TestCaseError::fail(bad.to_string()))?;
        prop_assert_eq!(&read, &played.schedule);
        let report = run(&read, ha_core::plan);
        prop_assert_eq!(&report.failures, &vec![], "in\n{}", text);
        prop_assert_eq!(report.end.as_ref(), Some(&played.end));
        prop_assert_eq!(&report.violations, &played.violations);
        prop_assert!(report.fair.world == played.world, "worlds differ after\n{text}");
        Ok(())
    });
}

/// With lines dropped anywhere, what can still be carried out is a schedule that runs in the same
/// way: what was refused changed nothing. Shrinking stands on this.
#[test]
fn what_is_refused_changes_nothing() {
    let starts = Starts::under(ha_core::plan);
    let dropping = (case(), vec(prop::bool::weighted(0.3), 80));
    hold(400, &dropping, |(case, dropped)| {
        let whole = starts.play(case).schedule;
        let middle = 2..whole.lines.len() - 1;
        let stays = |at: usize| !middle.contains(&at) || dropped.get(at) != Some(&true);
        let lines = whole.lines.into_iter().enumerate().filter(|(at, _)| stays(*at));
        let rest = Schedule::of(lines.map(|(_, (_, line))| line).collect());
        let (done, report) = run_possible(&rest, ha_core::plan);
        let again = run(&done, ha_core::plan);
        prop_assert_eq!(&again.failures, &vec![], "in\n{}", done);
        prop_assert_eq!(again.end, report.end);
        prop_assert_eq!(&again.violations, &report.violations);
        prop_assert!(again.fair.world == report.fair.world, "worlds differ after\n{done}");
        Ok(())
    });
}

/// A property that no wrong decision can falsify proves nothing, and one that shrinks badly tells
/// nothing: each of these is found, and told in a few lines that can be played.
#[test]
fn wrong_decisions_are_found_and_told_in_a_few_lines() {
    // What must be found does not depend on how many cases somebody else asks for.
    let always = Config { cases: BOUND, rng_seed: RngSeed::Fixed(0x6d67), ..runs::runs(BOUND) };
    for name in FOUND {
        let decide = mutants::named(name).expect("a mutant").decide;
        let starts = Starts::under(decide);
        let tried = TestRunner::new(always.clone())
            .run(&case(), |case: Case| is_falsified(&starts.play(&case)));
        let Err(TestError::Fail(_, case)) = tried else {
            panic!("{name} is not found in {BOUND} cases: {tried:?}");
        };
        let played = starts.play(&case);
        let symptom = played.symptom().expect("the least case fails too");
        let told = told(&played.schedule, &symptom, decide);
        println!("{name}, {} lines before:\n{told}", played.schedule.lines.len());
        let read = Schedule::parse(&told).expect("what is told is a schedule");
        assert!(read.lines.len() <= LINES, "{name}:\n{told}");
        assert!(played.schedule.lines.len() <= 2 * LINES, "{name}:\n{}", played.schedule);
        assert!(symptom.shows_in(&run(&read, decide)), "{name} is told wrongly:\n{told}");
    }
}
