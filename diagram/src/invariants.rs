//! Which wrong decisions and which mistakes around the decision each invariant catches: every
//! schedule that shows one is played under it, and what breaks is noted by name.

use crate::{
    evidence::{Source, Unreadable, Workspace},
    links,
    pages::{Page, markdown::cell},
};
use model_check::model::{Properties, property_names};
use shell_sim::{
    driver::End,
    mutants::{self, Mutant},
    oracle,
    schedule::{Directive, Schedule, run},
    world::{Decide, Mistake},
};
use std::collections::{BTreeMap, BTreeSet};

/// A wrong decision or a mistake of the world, and where it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Catch {
    name: String,
    file: String,
}

/// What was caught: by invariant, and by assertions alone.
#[derive(Debug, Default)]
struct Caught {
    by_invariant: BTreeMap<&'static str, BTreeSet<Catch>>,
    names: BTreeSet<String>,
    broken: BTreeSet<String>,
}

/// The page of all invariants.
///
/// # Errors
/// A file of the workspace cannot be used.
pub(crate) fn page(workspace: &Workspace) -> Result<Page, Unreadable> {
    let mut caught = Caught::default();
    for source in workspace.schedules()?.iter().chain(&workspace.traces()?) {
        if let Some((name, schedule, decide)) = wrong(source)? {
            caught.take(source, name, &schedule, decide);
        }
    }
    Ok(Page { name: "invariants.md".into(), text: caught.page() })
}

/// What is wrong in a schedule, and what is played to show it.
fn wrong(source: &Source) -> Result<Option<(String, Schedule, Decide)>, Unreadable> {
    let schedule = source.schedule()?;
    if let Some(Mutant { name, decide, .. }) = source.mutant() {
        return Ok(Some(((*name).to_owned(), schedule, *decide)));
    }
    let of = |schedule: &Schedule| {
        schedule.lines.iter().find_map(|(_, directive)| {
            let Directive::World(settings) = directive else { return None };
            settings.mistake.map(Mistake::name)
        })
    };
    let header = source.text.lines().find_map(|line| line.strip_prefix("# mutant: world "));
    let world = header.and_then(|settings| format!("world {settings}").parse::<Directive>().ok());
    let Some(world) = world else {
        let mistake = of(&schedule).map(str::to_owned);
        return Ok(mistake.map(|name| (name, schedule, ha_core::plan as Decide)));
    };
    let usual = schedule.lines.into_iter().filter(|(_, it)| !matches!(it, Directive::World(_)));
    let moved = Schedule { lines: std::iter::once((0, world)).chain(usual).collect() };
    let name = of(&moved).map_or_else(|| header.unwrap_or_default().to_owned(), str::to_owned);
    Ok(Some((name, moved, ha_core::plan)))
}

impl Caught {
    fn take(&mut self, source: &Source, name: String, schedule: &Schedule, decide: Decide) {
        let report = run(schedule, decide);
        // Some promises are judged of a cluster that calls itself settled.
        let settled = report.end == Some(End::Settled);
        let last = oracle::final_violations(&report.fair.world, settled);
        let mut broken = Properties::default();
        for violation in report.violations.iter().chain(&last).filter(|it| !it.is_known()) {
            broken.note(violation);
        }
        for property in broken.names() {
            let found = Catch { name: name.clone(), file: source.path.clone() };
            self.by_invariant.entry(property).or_default().insert(found);
            self.broken.insert(name.clone());
        }
        self.names.insert(name);
    }

    fn page(&self) -> String {
        let mut table = String::new();
        for property in property_names() {
            let caught = self.by_invariant.get(property);
            let mut first: BTreeMap<&str, &str> = BTreeMap::new();
            for one in caught.into_iter().flatten() {
                first.entry(&one.name).or_insert(&one.file);
            }
            let list: Vec<String> = first
                .iter()
                .map(|(name, file)| format!("[{}]({})", cell(name), links::file(file)))
                .collect();
            let list = if list.is_empty() { "–".into() } else { list.join(", ") };
            table += &format!("| `{property}` | {} | {list} |\n", first.len());
        }
        let quiet: Vec<&str> = self.names.difference(&self.broken).map(String::as_str).collect();
        let (all, broken) = (self.names.len(), self.broken.len());
        let mutants = mutants::all().count();
        format!(
            "# Invariants: what each catches\n\n\
             Every schedule that shows a wrong decision or a mistake around the decision is played \
             under it. {all} of them are shown ({mutants} wrong decisions, the others mistakes of the \
             world); {broken} break an invariant by name. The other {} break none: a schedule's \
             assertions, the walks or the model's liveness catch them, and `cargo test -p shell-sim \
             --test scenarios` demands that something does. Mistakes of the predecessor are in \
             [incidents.md](../incidents.md), each rule switched off in \
             [switched_off.rs](../../shell-sim/tests/switched_off.rs), each guard in \
             [guards.rs](../../shell-sim/tests/guards.rs).\n\n\
             What no schedule breaks: `no-empty-address` is refused at three layers before anything is \
             sent (`core/tests`, `shell-k8s/tests/both/pods.rs`); `no-write-twice` and `world-accepts` \
             judge the world itself.\n\n\
             | invariant | caught | by which of them |\n|---|---|---|\n{table}\n\
             Caught by something else: {}.\n",
            quiet.len(),
            quiet.join(", ")
        )
    }
}
