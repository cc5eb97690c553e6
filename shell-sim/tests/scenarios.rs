//! The schedules of `schedules/`, one fault scenario each, and of `schedules/mistakes/`, one mistake
//! each: every one goes as it says under our decision, and not under the wrong decision, or in the
//! wrong world, that its header names.

#[path = "common/schedules.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod schedules;

use schedules::{MISTAKES, broken, files, reasons};
use shell_sim::{
    mutants,
    schedule::{Directive, Predicate, Schedule, run},
    world::Mistake,
};
use std::collections::BTreeSet;

/// What a schedule is tried against to show that it can fail.
enum Against {
    /// A wrong decision, by name.
    Decision(&'static mutants::Mutant),
    /// Another world, in which the fault is not caught.
    World(Directive),
}

/// A schedule file.
struct Scenario {
    file: String,
    id: String,
    moment: String,
    schedule: Schedule,
    against: Against,
}

/// The one header line that begins with this word.
fn header<'a>(file: &str, text: &'a str, word: &str) -> Result<&'a str, String> {
    let prefix = format!("# {word}: ");
    let mut found = text.lines().filter_map(|line| line.strip_prefix(prefix.as_str()));
    match (found.next(), found.next()) {
        (Some(rest), None) if !rest.trim().is_empty() => Ok(rest.trim()),
        (Some(_), None) | (None, _) => Err(format!("{file}: no line \"{prefix}...\"")),
        (Some(_), Some(_)) => Err(format!("{file}: more than one line \"{prefix}...\"")),
    }
}

fn against(file: &str, text: &str) -> Result<Against, String> {
    let name = header(file, text, "mutant")?;
    if name.starts_with("world ") {
        let world = name.parse().map_err(|why| format!("{file}: mutant {name:?}: {why}"))?;
        return Ok(Against::World(world));
    }
    mutants::named(name).map(Against::Decision).ok_or_else(|| {
        let known: Vec<&str> = mutants::all().map(|mutant| mutant.name).collect();
        format!("{file}: mutant {name:?} is not known; known are: {}", known.join(", "))
    })
}

/// The name of the mistake that a schedule is about, if it is about one.
fn mistake(against: &Against) -> Option<&'static str> {
    match against {
        Against::Decision(mutant) => Some(mutant.name),
        Against::World(Directive::World(settings)) => settings.mistake.map(Mistake::name),
        Against::World(_) => None,
    }
}

fn scenario(file: &str, text: &str) -> Result<Scenario, String> {
    let against = against(file, text)?;
    let number = file.strip_prefix('s').and_then(|rest| rest.split_once('-')).map(|(n, _)| n);
    let named = file.strip_prefix(MISTAKES).and_then(|rest| rest.strip_suffix(".txt"));
    let id = match (number.and_then(|n| n.parse::<u8>().ok()), named) {
        (Some(number), _) => format!("S{number}"),
        (None, Some(name)) if mistake(&against) == Some(name) => "mistake".into(),
        (None, Some(_)) => return Err(format!("{file}: it is named after another mistake")),
        (None, None) => {
            let name = "s03-name-of-the-situation.txt";
            return Err(format!("{file}: a name such as {name} is expected"));
        }
    };
    header(file, text, &id)?;
    let moment = header(file, text, "moment")?.to_owned();
    let schedule = Schedule::parse(text).map_err(|bad| format!("{file}: {bad}"))?;
    Ok(Scenario { file: file.into(), id, moment, schedule, against })
}

fn scenarios() -> Vec<Scenario> {
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (name, text) in files(&["", MISTAKES]) {
        match scenario(&name, &text) {
            Ok(scenario) => good.push(scenario),
            Err(why) => bad.push(why),
        }
    }
    demand(&bad);
    good
}

/// Demands that nothing is wrong with any of them.
fn demand(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} schedules:\n{}", wrong.len(), wrong.join("\n"));
}

/// The schedule in the other world.
fn moved(schedule: &Schedule, world: &Directive) -> Schedule {
    let usual = schedule.lines.iter().filter(|(_, d)| !matches!(d, Directive::World(_))).cloned();
    Schedule { lines: std::iter::once((0, world.clone())).chain(usual).collect() }
}

/// Ours brings every scenario to its end.
#[test]
fn every_schedule_goes_as_it_says() {
    let mut wrong = Vec::new();
    for Scenario { file, schedule, .. } in scenarios() {
        let report = run(&schedule, ha_core::plan);
        if !report.is_good() {
            let failed: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
            println!("---- {file}\n{}", report.story());
            println!("{}\n{}", failed.join("\n"), broken(&report).join("\n"));
            wrong.push(format!("{file}: {}; {}", failed.join("; "), broken(&report).join("; ")));
        }
    }
    demand(&wrong);
}

/// A schedule that no wrong decision can fail proves nothing.
#[test]
fn every_schedule_fails_under_its_mutant() {
    let mut wrong = Vec::new();
    for Scenario { file, schedule, against, .. } in scenarios() {
        let (name, schedule, report) = match against {
            Against::Decision(mutant) => {
                let report = run(&schedule, mutant.decide);
                (mutant.name.to_owned(), schedule, report)
            }
            Against::World(world) => {
                let schedule = moved(&schedule, &world);
                let report = run(&schedule, ha_core::plan);
                (world.to_string(), schedule, report)
            }
        };
        let reasons = reasons(&schedule, &report);
        println!("{file}: under {name}: {}", reasons.join("; "));
        if report.is_good() || reasons.is_empty() {
            let other: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
            println!("---- {file}\n{}", report.story());
            wrong.push(format!("{file}: {name} breaks no assertion; {}", other.join("; ")));
        }
    }
    demand(&wrong);
}

/// A scenario that does not say where it must end, or that nothing may break on the way, is half
/// a test. One that shows a loss which the promise excepts says that instead.
#[test]
fn every_schedule_asserts_its_moment_and_its_end() {
    let mut wrong = Vec::new();
    for Scenario { file, id, moment, schedule, .. } in scenarios() {
        let asserts: Vec<String> = schedule
            .lines
            .iter()
            .filter(|(_, directive)| matches!(directive, Directive::Assert(_)))
            .map(|(_, directive)| directive.to_string())
            .collect();
        let says = |words: &[&str]| {
            asserts.iter().any(|line| words.iter().any(|word| line.starts_with(word)))
        };
        let lacks = [
            ("no-violations, or violated", says(&["assert no-violations", "assert violated "])),
            ("settled, or a hold", says(&["assert settled", "assert hold "])),
            ("its moment and its end", asserts.len() >= 4),
        ];
        for (what, is_there) in lacks {
            if !is_there {
                wrong.push(format!("{file}: {id} asserts nothing of: {what} (moment: {moment})"));
            }
        }
    }
    demand(&wrong);
}

/// Every mutant and every mistake belongs to a schedule, and no two have one name.
#[test]
fn every_mutant_is_used_by_a_schedule() {
    let scenarios = scenarios();
    let used: BTreeSet<&str> =
        scenarios.iter().filter_map(|scenario| mistake(&scenario.against)).collect();
    let mut seen = BTreeSet::new();
    let mutants = mutants::all().map(|mutant| mutant.name);
    let wrong: Vec<String> = mutants
        .chain(Mistake::ALL.iter().map(|(_, name, _)| *name))
        .filter_map(|name| {
            let again = !seen.insert(name);
            (again || !used.contains(name))
                .then(|| format!("{name}: not used, or not the only one of that name"))
        })
        .collect();
    demand(&wrong);
}

/// A header is read as it stands: an unknown mutant, two of them, none, or a world that cannot be
/// are errors that name the file.
#[test]
fn a_bad_header_is_an_error() {
    let text = |mutant: &str| format!("# S3: a situation\n# moment: when\n{mutant}\nbootstrap\n");
    let error = |mutant: &str| {
        scenario("s03-x.txt", &text(mutant)).err().unwrap_or_else(|| format!("{mutant:?} is read"))
    };
    let unknown = error("# mutant: sleeps-on-sundays");
    assert!(unknown.contains("\"sleeps-on-sundays\" is not known; known are:"), "{unknown}");
    for (mutant, why) in [
        ("", "s03-x.txt: no line \"# mutant: ...\""),
        ("# mutant: a\n# mutant: b", "s03-x.txt: more than one line \"# mutant: ...\""),
        ("# mutant: world seas=7", "s03-x.txt: mutant \"world seas=7\":"),
    ] {
        let found = error(mutant);
        assert!(found.contains(why), "{found}");
    }
    assert!(scenario("s03-x.txt", &text("# mutant: world flush=7")).is_ok());
    let other = scenario("s04-x.txt", &text("# mutant: world flush=7")).err().unwrap_or_default();
    assert!(other.contains("no line \"# S4: ...\""), "{other}");
    let named = scenario("storm.txt", &text("# mutant: world flush=7")).err().unwrap_or_default();
    assert!(named.contains("storm.txt: a name such as"), "{named}");
}

/// What is printed is read back as the same directives, and printed the same.
#[test]
fn every_schedule_is_printed_as_it_is_read() {
    let mut wrong = Vec::new();
    for (file, text) in files(&["", MISTAKES]) {
        let directives = |schedule: &Schedule| -> Vec<Directive> {
            schedule.lines.iter().map(|(_, directive)| directive.clone()).collect()
        };
        let schedule = Schedule::parse(&text).unwrap();
        let printed = schedule.to_string();
        match Schedule::parse(&printed) {
            Ok(again) if directives(&again) != directives(&schedule) => {
                wrong.push(format!("{file}: read as something else when printed:\n{printed}"));
            }
            Ok(again) if again.to_string() != printed => {
                wrong.push(format!("{file}: printed differently the second time"));
            }
            Ok(_) => {}
            Err(bad) => wrong.push(format!("{file}: printed, {bad}")),
        }
    }
    demand(&wrong);
}

/// What the promise excepts is passed over only where the schedule says that it must show.
#[test]
fn nothing_excepted_goes_unsaid() {
    let mut wrong = Vec::new();
    for Scenario { file, schedule, .. } in scenarios() {
        let report = run(&schedule, ha_core::plan);
        let said = |found: &str| {
            schedule.lines.iter().any(|(_, directive)| {
                matches!(directive, Directive::Assert(Predicate::Violated(words))
                    if found.contains(words.as_str()))
            })
        };
        let unsaid = report.violations.iter().map(ToString::to_string).filter(|v| !said(v));
        wrong.extend(unsaid.map(|violation| format!("{file}: {violation}")));
    }
    demand(&wrong);
}
