//! Which settings are safe: each value of each setting is given to the model checker, with a
//! decision that takes every instance for a good one, so that what production refuses can be seen
//! to do harm.

mod rows;

use crate::{links, pages::Page, pages::markdown::cell, states::in_words};
use model_check::{
    model::{Budget, COARSE, Configuration, Moment, Outside, world},
    report::{self, Effort, Kind, Report, Verdict},
};
use rows::{ROWS, Row, Value};
use shell_sim::{mutants, world::Settings};

/// The decision that takes every instance for a good one.
const BELIEVES: &str = "believes-any-engine";
/// How many states one trial may have.
const MOST: u64 = 400_000;
/// Losses that a promise excepts.
const LOSSES: [Moment; 4] =
    [Moment::LostByDecision, Moment::LostByPower, Moment::LostAlone, Moment::LostByWord];
/// What clients are told in any case but success.
const TOLD: [Moment; 3] = [Moment::Failed, Moment::InDoubt, Moment::Held];

/// What may befall a cluster: how many faults in all, and how often each thing.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Trial {
    controllers: u8,
    faults: u8,
    each: &'static [(Outside, u8)],
}

impl Trial {
    fn budget(&self) -> Budget {
        Budget { each: self.each.to_vec(), faults: self.faults }
    }
}

/// One trial of one value, checked.
struct Tried {
    report: Report,
    /// The file of its counterexample.
    file: Option<String>,
}

/// What was checked already: the same world may be asked of more than one setting.
type Known = Vec<(Settings, Trial, Option<Report>)>;

/// The page of all settings, and the files of its counterexamples.
pub(crate) fn pages() -> Vec<Page> {
    let (mut pages, mut known) = (Vec::new(), Known::new());
    let mut table = String::new();
    for row in ROWS {
        for value in row.values {
            for trial in value.trials {
                let tried = tell(trial, value, &mut known, &mut pages);
                table += &line(row, value, trial, tried.as_ref());
            }
        }
    }
    pages.push(Page { name: "settings.md".into(), text: page(&table) });
    pages
}

fn tell(trial: &Trial, value: &Value, known: &mut Known, pages: &mut Vec<Page>) -> Option<Tried> {
    let report = check(trial, value, known)?;
    let worst = report.broken().min_by_key(|it| it.witness.as_ref().map(|told| told.length));
    let text = worst.and_then(|property| report.counterexample(property, Some(BELIEVES)));
    let file = text.map(|text| {
        let name = format!("settings-{}.txt", value.key);
        pages.push(Page { name: name.clone(), text });
        name
    });
    Some(Tried { report, file })
}

/// Everything that can happen in the trial; none where the first reign does not even begin.
fn check(trial: &Trial, value: &Value, known: &mut Known) -> Option<Report> {
    let mut settings = world();
    settings.controllers = trial.controllers;
    settings.sets_aside = true;
    (value.set)(&mut settings);
    if let Some((.., report)) = known.iter().find(|(of, by, _)| *of == settings && by == trial) {
        return report.clone();
    }
    let configuration = Configuration {
        name: value.key,
        about: "a setting that is tried",
        settings: settings.clone(),
        budget: trial.budget(),
        decide: mutants::believes_any_engine,
        grain: COARSE,
        main: false,
    };
    let effort = Effort { threads: 2, max_states: MOST, projections: false };
    let report = report::check(configuration, effort, &mut |_| {}).ok();
    known.push((settings, *trial, report.clone()));
    report
}

/// Names of those moments that came about.
fn seen<'r>(report: &'r Report, of: &'r [Moment]) -> impl Iterator<Item = &'static str> + 'r {
    let is_of =
        |name: &str| Moment::ALL.iter().any(|(moment, its)| *its == name && of.contains(moment));
    let sometimes = report.properties.iter().filter(|it| it.kind == Kind::Sometimes);
    let came = sometimes.filter(|it| it.verdict == Verdict::Holds);
    came.map(|it| it.name).filter(move |name| is_of(name))
}

/// What a trial says of a value.
fn verdict(report: &Report, file: Option<&String>) -> String {
    let broken = report.broken().min_by_key(|it| it.witness.as_ref().map(|told| told.length));
    if let Some(property) = broken {
        let steps = property.witness.as_ref().map(|told| told.length_in_words());
        let steps = steps.unwrap_or_default();
        let name = property.name;
        let shown = file.map_or_else(
            || format!("`{name}` does not hold"),
            |file| format!("[`{name}` does not hold]({file})"),
        );
        return format!("**unsafe**: {shown}, {steps}");
    }
    if let Some(why) = &report.incomplete {
        return format!("not decided: {why}");
    }
    let losses: Vec<_> = seen(report, &LOSSES).collect();
    let waits = report.rests.filter(|rests| rests.held > 0);
    let waits = waits.map_or_else(String::new, |rests| {
        format!("; in {} states a person is waited for", rests.held)
    });
    match losses.as_slice() {
        [] => format!("safe{waits}"),
        losses => format!("safe but for the {}{waits}", losses.join("; ")),
    }
}

fn line(row: &Row, value: &Value, trial: &Trial, tried: Option<&Tried>) -> String {
    let (verdict, told, states) = match tried {
        Some(Tried { report, file }) => {
            let told: Vec<_> = seen(report, &TOLD).collect();
            (verdict(report, file.as_ref()), told.join(", "), report.unique_states.to_string())
        }
        None => ("**useless**: the first reign never begins".into(), "".into(), "–".into()),
    };
    let told = if told.is_empty() { "–" } else { &told };
    format!(
        "| {} | {} | {} | {verdict} | {told} | {states} |\n",
        row.setting,
        cell(value.text),
        in_words(&trial.budget())
    )
}

fn page(table: &str) -> String {
    let about: String =
        ROWS.iter().map(|row| format!("- {}: {}.\n", row.setting, row.about)).collect();
    format!(
        "# Settings: which are safe\n\n\
         Each value is given to every instance of a cluster in the model, with a decision that \
         takes any instance for a good one ([{BELIEVES}]({})), and every order of what is named is \
         explored to its end. *Safe*: no safety property breaks and everything comes to rest. What \
         clients are told besides success is what can come about, not what must. A counterexample \
         is a schedule: `memgraph-ha play FILE --mutant {BELIEVES}`.\n\n\
         | setting | value | what may happen | verdict | clients are told, too | states |\n\
         |---|---|---|---|---|---|\n{table}\n\
         {about}\n\
         The chart sets the safe values, and [X40](rules.md#X40) holds the route back where an \
         instance shows another one.\n",
        links::file("shell-sim/src/mutants/eighth.rs"),
    )
}
