//! Reports for people: a table, what was seen in each configuration, and every counterexample.

use super::save::Saved;
use model_check::report::{Kind, Property, Report, Rests, Verdict};
use std::fmt::Write as _;

/// All reports, and where counterexamples were written.
pub(super) fn text(reports: &[Report], saved: &[Saved]) -> String {
    let mut out = String::new();
    table(&mut out, reports);
    for report in reports {
        details(&mut out, report);
    }
    for report in reports {
        for property in report.broken() {
            counterexample(&mut out, report, property, saved);
        }
    }
    out
}

fn table(out: &mut String, reports: &[Report]) {
    let wide = reports.iter().map(|report| report.name.len()).max().unwrap_or(0).max(13);
    let _ = writeln!(
        out,
        "{:<wide$}  {:>12}  {:>12}  {:>5}  {:>8}  verdict",
        "configuration", "states", "transitions", "depth", "seconds"
    );
    for report in reports {
        let seconds =
            format!("{}.{}", report.elapsed.as_secs(), report.elapsed.subsec_millis() / 100);
        let _ = writeln!(
            out,
            "{:<wide$}  {:>12}  {:>12}  {:>5}  {:>8}  {}",
            report.name,
            grouped(report.unique_states),
            grouped(report.transitions),
            report.depth,
            seconds,
            verdict(report)
        );
    }
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(" ")
}

fn verdict(report: &Report) -> String {
    let mut words = Vec::new();
    let broken: Vec<_> = report.broken().map(|property| property.name).collect();
    if !broken.is_empty() {
        words.push(format!("BROKEN: {}", broken.join(", ")));
    } else if let Some(why) = &report.incomplete {
        words.push(format!("INCOMPLETE: {why}"));
    }
    let missed = names(report, |one| one.fails() && one.verdict == Verdict::Unseen);
    if !missed.is_empty() {
        words.push(format!("MISSED: {}", missed.join(", ")));
    }
    if words.is_empty() { "all holds".into() } else { words.join("; ") }
}

fn names(report: &Report, which: impl Fn(&Property) -> bool) -> Vec<String> {
    let chosen = report.properties.iter().filter(|property| which(property));
    chosen.map(|property| property.name.to_owned()).collect()
}

fn details(out: &mut String, report: &Report) {
    let _ = writeln!(out, "\n{}: {}", report.name, report.about);
    let count = |verdict| {
        let always = |one: &Property| one.kind == Kind::Always && one.verdict == verdict;
        names(report, always).len()
    };
    let _ = match count(Verdict::Unknown) {
        0 => writeln!(out, "  always     {} hold", count(Verdict::Holds)),
        unknown => writeln!(out, "  always     {unknown} not broken in what was explored"),
    };
    if let Some(rests) = &report.rests {
        settling(out, rests);
    }
    let sometimes = |one: &Property| one.kind == Kind::Sometimes;
    let seen: Vec<String> = report
        .properties
        .iter()
        .filter(|one| sometimes(one) && one.verdict == Verdict::Holds)
        .filter_map(|one| {
            one.witness.as_ref().map(|told| format!("{} ({})", one.name, told.length))
        })
        .collect();
    wrapped(out, "  seen       ", &seen);
    let unseen = |one: &Property| sometimes(one) && one.verdict != Verdict::Holds;
    let missed = |one: &Property| unseen(one) && one.fails() && one.verdict == Verdict::Unseen;
    wrapped(out, "  not seen   ", &names(report, |one| unseen(one) && !missed(one)));
    wrapped(out, "  MISSED     ", &names(report, missed));
    let _ = writeln!(out, "  memory     {} bytes a state", report.bytes_per_state);
    for one in &report.projections {
        let _ = writeln!(out, "  {:>12} states without {}", grouped(one.states), one.part);
    }
    if let Some(fewer) = report.fewer {
        let states = grouped(fewer.unique_states);
        let word = if fewer.is_good { "all of it holds" } else { "BROKEN or incomplete" };
        let _ = writeln!(out, "  {states:>12} states with {} faults; {word}", fewer.faults);
    }
}

/// How everything comes to rest, or what does not.
fn settling(out: &mut String, rests: &Rests) {
    let _ = writeln!(
        out,
        "  settles    within {} steps at best; {} states settled, {} settled without an instance \
         that is gone, {} held for people",
        rests.within,
        grouped(rests.settled),
        grouped(rests.degraded),
        grouped(rests.held)
    );
    let restless = [
        (rests.restless, "places where a fair run stays for ever without rest"),
        (rests.lost, "states from which no rest can be reached"),
    ];
    for (number, what) in restless.iter().filter(|(number, _)| *number > 0) {
        let _ = writeln!(out, "             {} {what}", grouped(*number));
    }
}

/// Items behind a heading, with commas, in lines that fit a screen.
fn wrapped(out: &mut String, heading: &str, items: &[String]) {
    const WIDTH: usize = 100;
    let Some(last) = items.len().checked_sub(1) else { return };
    let mut line = heading.to_owned();
    let mut fresh = true;
    for (index, item) in items.iter().enumerate() {
        let comma = if index == last { "" } else { "," };
        if !fresh && line.len() + item.len() + 2 > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(heading.len());
        }
        let _ = write!(line, "{item}{comma} ");
        fresh = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

fn counterexample(out: &mut String, report: &Report, property: &Property, saved: &[Saved]) {
    let Some(told) = &property.witness else { return };
    let kind = property.kind.text();
    let _ = writeln!(
        out,
        "\n{}: {} ({kind}) does not hold, {} (! comes from outside):",
        report.name,
        property.name,
        told.length_in_words()
    );
    for line in &told.story {
        let _ = writeln!(out, "{line}");
    }
    let file = saved.iter().find(|one| one.config == report.name && one.property == property.name);
    if let Some(Saved { command, .. }) = file {
        let _ = writeln!(out, "{command}");
    }
}
