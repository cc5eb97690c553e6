//! Runs of schedules: what rules say under our decision, and by which rule a wrong one differs.

use super::{Evidence, Wrong, guards::Moments};
use ha_core::{journal::Line, plan::Plan, rules::RuleId};
use shell_sim::{
    driver::What,
    journal::{Again, Reader},
    mutants::Mutant,
    schedule::{Schedule, run, run_with_journal},
};
use std::collections::BTreeSet;

/// Notes what each rule does and waits for in a schedule.
pub(super) fn ours(evidence: &mut Evidence, file: &str, schedule: &Schedule) {
    for line in run(schedule, ha_core::plan).trace {
        match line.what {
            What::Act(_, step) => evidence.acted(file, &step),
            What::Hold(_, hold) => evidence.waited(file, &hold),
            What::Event(_) | What::Settled(_) | What::Happened(_) | What::Broken(_) => {}
        }
    }
}

/// Notes by which rules a wrong decision first differs from ours in a schedule.
pub(super) fn wrong(
    evidence: &mut Evidence,
    moments: &mut Moments,
    file: &str,
    schedule: &Schedule,
    mutant: &'static Mutant,
) {
    let report = run_with_journal(schedule, mutant.decide);
    let mut found = false;
    for Again { observation, recorded, plan: ours, .. } in decisions(report.fair.journal.lines()) {
        moments.note(&observation, &ours);
        let rules = differing(&ours, &recorded);
        if !found && !rules.is_empty() {
            found = true;
            for rule in rules {
                let file = file.to_owned();
                let wrong = Wrong { name: mutant.name, what: mutant.what, file };
                evidence.of_mut(rule).mistakes.insert(wrong);
            }
        }
    }
}

/// Every decision of a journal, made again by ours.
fn decisions(lines: &[Line]) -> impl Iterator<Item = Again> {
    let mut reader = Reader::default();
    // A run keeps the start of each controller before what that one took in.
    lines.iter().filter_map(move |line| reader.take(line.clone(), ha_core::plan).ok().flatten())
}

/// The rules of whose words only one of two plans has the same.
fn differing(ours: &Plan, other: &Plan) -> BTreeSet<RuleId> {
    let mut rules = BTreeSet::new();
    rules.extend(ours.steps.iter().filter(|one| !other.steps.contains(one)).map(|step| step.rule));
    rules.extend(other.steps.iter().filter(|one| !ours.steps.contains(one)).map(|step| step.rule));
    if rules.is_empty() {
        let holds = ours.holds.iter().filter(|one| !other.holds.contains(one));
        rules.extend(holds.map(|hold| hold.rule));
        let holds = other.holds.iter().filter(|one| !ours.holds.contains(one));
        rules.extend(holds.map(|hold| hold.rule));
    }
    rules
}
