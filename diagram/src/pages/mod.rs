//! The generated pages: the rules, the shapes of some configurations, some telling sequences, and
//! an index of all of them. `cargo test` holds them against the committed ones.

pub(crate) mod markdown;

use crate::{
    evidence::{Unreadable, Workspace},
    invariants,
    rules::Catalogue,
    sequence::{Sequence, Window},
    settings,
    states::{States, reduced},
};
use ha_core::rules::{Phase, RuleId};
use model_check::model::{Bounds, configurations};
use shell_sim::schedule::run;
use std::collections::BTreeSet;

/// The folder that the pages lie in, from the root of the workspace.
pub const FOLDER: &str = "design/generated";

/// The configurations whose shapes are shown.
const STATES: &[&str] =
    &["failover", "switchover", "two-crashes", "voter-lost", "data-reset", "main-unseen"];

/// The schedules that are shown: what each is about, in a word or two, and its file.
const SEQUENCES: &[(&str, &str)] = &[
    ("failover", "shell-sim/schedules/s01-main-crashes.txt"),
    ("reset-and-return", "shell-sim/schedules/s04-main-crashes-after-its-own-commit.txt"),
    ("partition", "shell-sim/schedules/s28-main-cut-from-controllers-and-voter.txt"),
    ("rolling-restart", "shell-sim/schedules/s43-voter-leaves.txt"),
    ("stale-gateway", "shell-sim/schedules/s52-frozen-gateway-wakes.txt"),
    ("switchover", "shell-sim/schedules/s54-long-transaction-across-a-switchover.txt"),
];

/// One generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its name in the folder.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A line of the index.
struct Entry {
    title: String,
    file: String,
    about: String,
}

/// Every page.
///
/// # Errors
/// A file of the workspace cannot be used.
pub fn all(workspace: &Workspace) -> Result<Vec<Page>, Unreadable> {
    let mut pages = Vec::new();
    let mut catalogue = Catalogue::gather(workspace)?;
    let states = states(&mut pages, &mut catalogue)?;
    let sequences = sequences(&mut pages, &mut catalogue, workspace)?;
    pages.push(page("rules.md", catalogue.markdown()));
    pages.push(page("rules.html", catalogue.html()));
    pages.push(page("rules.svg", catalogue.overview_svg()));
    for phase in Phase::ALL {
        pages.push(page(&crate::links::phase(*phase), catalogue.phase_svg(*phase)));
    }
    pages.extend(settings::pages());
    pages.push(invariants::page(workspace)?);
    pages.push(page("README.md", index(&states, &sequences)));
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pages)
}

/// A page that has a picture in it and needs nothing else.
#[must_use]
pub fn html(title: &str, svg: &str) -> String {
    let title = crate::canvas::escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>:root{{color-scheme:light dark}}body{{margin:0}}</style></head><body>\n{svg}\
         </body></html>\n"
    )
}

fn page(name: &str, text: String) -> Page {
    Page { name: name.to_owned(), text }
}

/// A page around one picture.
fn around(title: &str, about: &str, picture: &str, mermaid: &str, rules: &str) -> String {
    format!(
        "# {title}\n\n{about}\n\n![{title}]({picture})\n\n{rules}\n{}",
        markdown::mermaid("The same as Mermaid", mermaid)
    )
}

/// The rules of a picture, each with where more is said of it.
fn legend(rules: &BTreeSet<RuleId>) -> String {
    let mut out = String::from("| rule | when |\n|---|---|\n");
    for id in rules {
        let rule = id.rule();
        let when = markdown::cell(rule.when);
        out.push_str(&format!("| [{id} {}](rules.md#{id}) | {when} |\n", rule.name));
    }
    out
}

fn states(pages: &mut Vec<Page>, catalogue: &mut Catalogue) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    let known = configurations(Bounds::Ci);
    for name in STATES {
        let configuration = known.iter().find(|one| one.name == *name).cloned();
        let configuration = configuration.ok_or(Unreadable::NoConfiguration { name })?;
        let states = States::of(reduced(configuration))?;
        let title = format!("Shapes: {}", states.name);
        let (file, picture) =
            (format!("states-{}.md", states.name), format!("states-{}.svg", states.name));
        let about = format!(
            "{}: {} states of the model in {} shapes, each fault once at most. The whole \
             configuration is checked by `memgraph-ha check --config {}`.",
            states.about,
            states.states,
            states.shapes(),
            states.name
        );
        let text = around(&title, &about, &picture, &states.mermaid(), &legend(&states.rules));
        catalogue.draws(&title, &file, states.rules.iter().copied());
        pages.push(page(&picture, states.svg()));
        pages.push(page(&file, text));
        entries.push(Entry { title, file, about: states.about.to_owned() });
    }
    Ok(entries)
}

fn sequences(
    pages: &mut Vec<Page>,
    catalogue: &mut Catalogue,
    workspace: &Workspace,
) -> Result<Vec<Entry>, Unreadable> {
    let mut entries = Vec::new();
    for (name, path) in SEQUENCES {
        let source = workspace.source(path)?;
        let schedule = source.schedule()?;
        let report = run(&schedule, ha_core::plan);
        let title = format!("Sequence: {}", name.replace('-', " "));
        let sequence = Sequence::told(&title, &schedule, &report, &Window::default()).folded();
        let (file, picture) = (format!("sequence-{name}.md"), format!("sequence-{name}.svg"));
        let about = source.about();
        let from = format!("{about}\n\nFrom [{}]({}).", source.stem(), crate::links::file(path));
        let rules: BTreeSet<RuleId> = sequence.rules().collect();
        let text = around(&title, &from, &picture, &sequence.mermaid(), &legend(&rules));
        catalogue.draws(&title, &file, rules);
        pages.push(page(&picture, sequence.svg()));
        pages.push(page(&file, text));
        entries.push(Entry { title, file, about: about.to_owned() });
    }
    Ok(entries)
}

fn index(states: &[Entry], sequences: &[Entry]) -> String {
    let list = |entries: &[Entry]| -> String {
        entries
            .iter()
            .map(|entry| format!("- [{}]({}): {}\n", entry.title, entry.file, entry.about))
            .collect()
    };
    format!(
        "# Generated pages\n\nMade from the code by `memgraph-ha diagram --all`, and held against it \
         by `cargo test -p diagram` (`UPDATE_GENERATED=1` writes them anew). Nothing here is edited \
         by hand.\n\n\
         From a line of a journal to its rule: the line names it (`\"rule\":\"E10\"`, or `act   E10 \
         failover` in `explain`); open [rules.html](rules.html) or [rules.md](rules.md), follow the \
         id. There stand its sentence, what it may do, the guards behind it, the pictures that it \
         is drawn in, the schedules in which it acts, and the mistakes that are found if it says \
         something else. `memgraph-ha diagram sequence JOURNAL` draws the journal itself.\n\n\
         ## Rules\n\n- [Rules](rules.md): all phases, all rules\n\n\
         ## Invariants\n\n- [Invariants](invariants.md): which mistakes each of them catches\n\n\
         ## Settings\n\n- [Settings](settings.md): which are safe, and what the others do\n\n\
         ## Shapes of a cluster\n\nEach picture has all states of one configuration of the model \
         checker, projected on what a stranger sees of the cluster.\n\n{}\n\
         ## Sequences\n\n{}",
        list(states),
        list(sequences)
    )
}
