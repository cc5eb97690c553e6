//! Shrinking: what comes back fails in the same way, cannot be made shorter by any one line, and is
//! the same each time; with few runs it is longer, and right all the same.

use shell_sim::{
    driver::{Limits, Walk},
    mutants,
    schedule::{
        Directive, Report, SHRINK_RUNS, Schedule, Shrunk, Symptom, parse_settings, run,
        run_possible, shrink,
    },
    world::Decide,
};

fn wrong(name: &str) -> Decide {
    mutants::named(name).expect("a mutant").decide
}

fn shrunk(schedule: &Schedule, decide: Decide, symptom: &Symptom, runs: u32) -> Shrunk {
    shrink(schedule, decide, &|report: &Report| symptom.shows_in(report), runs)
}

fn symptom(schedule: &Schedule, decide: Decide) -> Option<Symptom> {
    let report = run(schedule, decide);
    Symptom::of(&report.violations, report.end.as_ref())
}

/// The first walks that fail under a wrong decision.
fn failing(decide: Decide, count: usize) -> Vec<(Schedule, Symptom)> {
    let settings = parse_settings("flush=100000 gateways=2 engine=3.8").expect("settings");
    let walk = Walk::new(&settings, Limits::default(), decide).expect("a cluster");
    let fails = |seed| {
        let report = walk.run(seed);
        let symptom = Symptom::of(&report.violations, Some(&report.end))?;
        Some((report.schedule, symptom))
    };
    (0..1_000).filter_map(fails).take(count).collect()
}

fn without(schedule: &Schedule, line: usize) -> Schedule {
    let others = schedule.lines.iter().filter(|(number, _)| *number != line);
    Schedule::of(others.map(|(_, line)| line.clone()).collect())
}

const fn may_go(line: &Directive) -> bool {
    !matches!(
        line,
        Directive::World(_) | Directive::Bootstrap | Directive::Calm | Directive::Settle(_)
    )
}

#[test]
fn no_line_of_what_comes_back_can_go() {
    for name in ["takes-the-old-main-back", "sees-no-missed-restart", "opens-unheard"] {
        let decide = wrong(name);
        let found = failing(decide, 3);
        assert!(!found.is_empty(), "{name} fails");
        for (walk, way) in found {
            let Shrunk { schedule, runs, finished } = shrunk(&walk, decide, &way, SHRINK_RUNS);
            assert!(finished && runs < SHRINK_RUNS, "{name}: {runs} runs");
            let short = schedule.lines.len() * 3 <= walk.lines.len();
            assert!(short, "{name}: {way} shrank badly:\n{schedule}");
            let report = run(&schedule, decide);
            assert_eq!(report.failures, vec![], "{name}: it runs as it stands");
            assert!(way.shows_in(&report), "{name}: {way} is lost:\n{schedule}");
            for (line, directive) in &schedule.lines {
                let (_, report) = run_possible(&without(&schedule, *line), decide);
                let needed = !may_go(directive) || !way.shows_in(&report);
                assert!(needed, "{name}: line {line} can go:\n{schedule}");
            }
        }
    }
}

#[test]
fn a_schedule_shrinks_to_the_same_one_each_time() {
    let decide = wrong("sees-no-missed-restart");
    let (walk, way) = failing(decide, 1).remove(0);
    let one = shrunk(&walk, decide, &way, SHRINK_RUNS);
    assert_eq!(one, shrunk(&walk, decide, &way, SHRINK_RUNS));
    let again = shrunk(&one.schedule, decide, &way, SHRINK_RUNS);
    assert_eq!(again.schedule, one.schedule, "nothing is left to shrink");
    assert!(again.finished);
}

#[test]
fn few_runs_shrink_less_and_never_wrongly() {
    let decide = wrong("sees-no-missed-restart");
    let (walk, way) = failing(decide, 1).remove(0);
    let least = shrunk(&walk, decide, &way, SHRINK_RUNS);
    let mut before = walk.lines.len();
    for runs in 0..least.runs {
        let Shrunk { schedule, runs: made, finished } = shrunk(&walk, decide, &way, runs);
        assert!(made <= runs && !finished, "{made} of {runs} runs");
        assert!(schedule.lines.len() <= before, "more runs make it no longer");
        assert_eq!(symptom(&schedule, decide), Some(way.clone()), "after {runs} runs");
        before = schedule.lines.len();
    }
}

/// Lines that need each other go together, numbers become round, the world becomes the usual one.
#[test]
fn what_is_beside_the_point_goes() {
    let text = "world instances=3 controllers=2 gateways=2 clients=2 engine=3.8 flush=100000\n\
                bootstrap\nfreeze gw-0\nrun 730\nthaw gw-0\nwithhold finalize mg-0 *\n\
                write cl-1 gw-1\nsteps 7\nsteps 9\nrelease finalize mg-0 *\npower-loss mg-0 keep=3\n\
                calm\nsettle\n";
    let schedule = Schedule::parse(text).unwrap();
    let decide = wrong("keeps-the-term");
    let way = symptom(&schedule, decide).expect("it fails");
    assert_eq!(way.to_string(), "broken term-never-falls");
    let least = shrunk(&schedule, decide, &way, SHRINK_RUNS).schedule.to_string();
    let expected = "world instances=3 controllers=2 gateways=1 clients=2 engine=3.10 flush=1\n\
                    bootstrap\ncrash mg-0\ncalm\nsettle\n";
    assert_eq!(least, expected);
}

#[test]
fn what_does_not_fail_comes_back_as_it_is() {
    let schedule = Schedule::parse("bootstrap\ncrash mg-0\nrun 731\ncalm\nsettle").unwrap();
    assert_eq!(symptom(&schedule, ha_core::plan), None);
    let same = shrunk(&schedule, ha_core::plan, &Symptom::Stuck, SHRINK_RUNS);
    assert_eq!(same, Shrunk { schedule, runs: 1, finished: true });
}

/// A wait that is in vain ends a schedule, shrunk or not: what comes after it means nothing.
#[test]
fn a_wait_in_vain_is_the_end() {
    let text = "bootstrap\nthaw gw-0\nrun until term=9 limit 100\ncrash mg-0";
    let (done, report) = run_possible(&Schedule::parse(text).unwrap(), ha_core::plan);
    assert_eq!(done.to_string(), "bootstrap\nrun until term=9 limit 100\n");
    assert_eq!(report.failures.len(), 1);
    assert_eq!(run(&done, ha_core::plan).failures.len(), 1);
}
