//! A sequence leaves nothing out that was ordered, whether it is made from a schedule or from the
//! journal of the same run.

use diagram::{
    evidence::Workspace,
    sequence::{Sequence, Teller, Window},
};
use shell_sim::{
    driver::What,
    schedule::{Report, Schedule, run_with_journal},
};
use std::path::Path;

const WHOLE: Window = Window { from: Some(0), until: None, holds: true };

fn schedules() -> Vec<(String, Schedule)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let sources = Workspace::at(root).schedules().expect("readable");
    let parsed = |source: &diagram::evidence::Source| {
        (source.path.clone(), source.schedule().expect("a schedule"))
    };
    sources.iter().map(parsed).collect()
}

/// The orders of a run, each as it stands in a sequence.
fn orders(report: &Report) -> Vec<String> {
    let of = |what: &What| match what {
        What::Act(_, step) => {
            let rule = step.rule.rule();
            Some(format!("{} {}: {}", rule.id, rule.name, step.action))
        }
        What::Event(_)
        | What::Hold(..)
        | What::Settled(_)
        | What::Happened(_)
        | What::Broken(_) => None,
    };
    report.trace.iter().filter_map(|line| of(&line.what)).collect()
}

/// As words are in XML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn every_order_of_every_schedule_is_in_its_diagram() {
    for (path, schedule) in schedules() {
        let report = run_with_journal(&schedule, ha_core::plan);
        let orders = orders(&report);
        let sequence = Sequence::told(&path, &schedule, &report, &WHOLE);
        let (picture, text) = (sequence.svg(), sequence.mermaid());
        let folded = sequence.clone().folded();
        let short = folded.svg();
        for order in &orders {
            let words = format!(">{}<", escaped(order));
            assert!(short.contains(&words), "{path}: {order} was folded away");
            let times = orders.iter().filter(|other| *other == order).count();
            assert_eq!(picture.matches(&words).count(), times, "{path}: {order}");
            let arrows = text.lines().filter(|line| line.contains(order.as_str())).count();
            assert!(arrows >= times, "{path}: {order} in Mermaid");
        }
        assert!(folded.len() <= sequence.len());
    }
}

#[test]
fn a_journal_tells_the_same_orders() {
    for (path, schedule) in schedules() {
        let report = run_with_journal(&schedule, ha_core::plan);
        let mut teller = Teller::new(WHOLE);
        for line in report.fair.journal.lines() {
            teller.line(line);
        }
        let text = teller.finish(&path).mermaid();
        for order in orders(&report) {
            assert!(text.contains(&order), "{path}: {order}\n{text}");
        }
    }
}

/// In a journal the end of an order is written after what was read meanwhile.
#[test]
fn an_order_stands_before_what_comes_of_it() {
    let all = schedules();
    let (path, schedule) =
        all.iter().find(|(path, _)| path.contains("s01-main-crashes")).expect("it is there");
    let report = run_with_journal(schedule, ha_core::plan);
    let mut teller = Teller::new(WHOLE);
    report.fair.journal.lines().iter().for_each(|line| teller.line(line));
    let text = teller.finish(path).mermaid();
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words}: {text}"));
    let told = [
        "mg0: [6.014 s] does not answer",
        "E10 failover: record intent main=mg-1 term=2",
        "intent main=mg-1 term=2 (ct-0 reads)",
        "F40 record-withdrawn: record withdrawn main=mg-1 term=2",
        "withdrawn main=mg-1 term=2 (ct-0 reads)",
        "P10 promote-target: promote mg-1 term=2",
    ];
    let places: Vec<usize> = told.iter().map(|words| place(words)).collect();
    assert!(places.is_sorted(), "{places:?}: {text}");
}

#[test]
fn a_window_shows_its_part() {
    let all = schedules();
    let (path, schedule) =
        all.iter().find(|(path, _)| path.contains("s01-main-crashes")).expect("it is there");
    let report = run_with_journal(schedule, ha_core::plan);
    let told = |window| Sequence::told(path, schedule, &report, &window);
    let (whole, usual) = (told(WHOLE), told(Window::default()));
    assert!(!whole.is_empty() && usual.len() < whole.len(), "the bootstrap is left out");
    assert!(!usual.mermaid().contains("B20"), "the bootstrap is left out");
    assert!(whole.mermaid().contains("B20"));
    let orders = told(Window { holds: false, ..Window::default() });
    assert!(orders.len() < usual.len() && !orders.mermaid().contains("hold F20"));
    assert!(told(Window { until: Some(0), ..WHOLE }).len() < whole.len());
    assert!(told(Window { from: Some(10_000_000), ..WHOLE }).is_empty());
}

/// What repeats is told once, with how often.
#[test]
fn repetitions_are_folded() {
    let all = schedules();
    let (path, schedule) =
        all.iter().find(|(path, _)| path.contains("s61-lock-held")).expect("it is there");
    let report = run_with_journal(schedule, ha_core::plan);
    let sequence = Sequence::told(path, schedule, &report, &Window::default());
    let folded = sequence.clone().folded();
    assert!(folded.len() * 2 < sequence.len(), "{} of {}", folded.len(), sequence.len());
    assert!(folded.svg().contains("times more"));
}
