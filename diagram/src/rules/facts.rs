//! What is said of one rule, before it takes the form of a page.

use super::Catalogue;
use crate::{evidence::Wrong, links};
use ha_core::{
    action::ActionKind,
    guard::{GUARDS, Guard, GuardId},
    rules::{Judge, Rule, RuleId},
};
use std::collections::{BTreeMap, BTreeSet};

/// Words, and where they lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) link: Option<String>,
    /// What is added in smaller words.
    pub(super) more: String,
}

/// One line of what is said of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) title: &'static str,
    pub(super) pieces: Vec<Piece>,
}

/// Everything that is said of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) rule: RuleId,
    pub(super) name: &'static str,
    /// Its situation as a sentence.
    pub(super) sentence: String,
    pub(super) facts: Vec<Fact>,
}

const NEVER: &str = "never in a schedule";
/// How many files are named for one fact: rules that every bootstrap needs act in all of them.
const MOST_FILES: usize = 20;

fn plain(text: impl Into<String>) -> Piece {
    Piece { text: text.into(), link: None, more: String::new() }
}

fn linked(text: impl Into<String>, link: String) -> Piece {
    Piece { text: text.into(), link: Some(link), more: String::new() }
}

fn file(path: &str) -> Piece {
    let name = path.rsplit('/').next().unwrap_or(path);
    linked(name.strip_suffix(".txt").unwrap_or(name), links::file(path))
}

/// A guard by its name.
pub(super) fn guard(id: GuardId) -> Option<&'static Guard> {
    GUARDS.iter().find(|guard| guard.id == id)
}

/// The first files of some, and how many there are besides.
fn files(paths: &BTreeSet<String>) -> Vec<Piece> {
    let mut sorted: Vec<&String> = paths.iter().collect();
    // Fault scenarios tell more to a reader than what is about one mistake or was found by chance.
    sorted.sort_by_key(|path| path.contains("/mistakes/") || path.contains("/walks/"));
    let mut pieces: Vec<Piece> = sorted.into_iter().take(MOST_FILES).map(|p| file(p)).collect();
    if let Some(more) = paths.len().checked_sub(MOST_FILES).filter(|more| *more > 0) {
        pieces.push(plain(format!("and {more} more")));
    }
    pieces
}

impl Catalogue {
    /// What is said of a rule.
    pub(super) fn section(&self, rule: &'static Rule) -> Section {
        let of = self.evidence.of(rule.id);
        let scope = rule.id.scope();
        let does = scope.does.iter().map(|kind| Piece {
            more: if of.does.contains(kind) { String::new() } else { NEVER.to_owned() },
            ..plain(kind.name())
        });
        let because = of
            .because
            .iter()
            .map(|(name, sentence)| Piece { more: sentence.clone(), ..plain(name.clone()) });
        let waits = waits(scope.waits, &of.waits, "");
        let stops = waits_that_stop(scope.stops, &of.waits);
        let facts = vec![
            Fact { title: "May do", pieces: does.collect() },
            Fact { title: "Acts because", pieces: because.collect() },
            Fact { title: "May wait for", pieces: waits.into_iter().chain(stops).collect() },
            Fact { title: "Guards behind it", pieces: self.guards(scope.does) },
            Fact { title: "Safety", pieces: self.safety(&of.safety) },
            Fact { title: "Code", pieces: self.code(rule) },
            Fact { title: "Drawn in", pieces: self.pictures(rule) },
            Fact { title: "Acts in", pieces: files(&of.acts_in) },
            Fact { title: "Waits in", pieces: files(&of.waits_in) },
            Fact { title: "Mistakes that turn it", pieces: mistakes(&of.mistakes) },
            Fact { title: "Named in", pieces: files(&of.named_in) },
        ];
        Section {
            rule: rule.id,
            name: rule.name,
            sentence: sentence(rule),
            facts: facts.into_iter().filter(|fact| !fact.pieces.is_empty()).collect(),
        }
    }

    fn guards(&self, does: &[ActionKind]) -> Vec<Piece> {
        let mut guards: BTreeSet<GuardId> = BTreeSet::new();
        for kind in does {
            guards.extend(self.evidence.guards.get(kind).into_iter().flatten());
        }
        let piece =
            |guard: &Guard| Piece { more: guard.sentence.to_owned(), ..plain(guard.id.name()) };
        guards.into_iter().filter_map(guard).map(piece).collect()
    }

    fn safety(&self, rows: &BTreeSet<usize>) -> Vec<Piece> {
        let row = |(number, sentence): &(usize, String)| {
            rows.contains(number).then(|| Piece {
                more: sentence.clone(),
                ..linked(format!("rule {number}"), links::file("design/safety.md"))
            })
        };
        self.evidence.safety.iter().filter_map(row).collect()
    }

    fn code(&self, rule: &Rule) -> Vec<Piece> {
        let judge = self.judges.get(&rule.id);
        let piece = |judge: &String| {
            let module = judge.split("::").next().unwrap_or_default();
            linked(judge.clone(), links::file(&format!("core/src/rules/{module}.rs")))
        };
        judge.map(piece).into_iter().collect()
    }

    fn pictures(&self, rule: &Rule) -> Vec<Piece> {
        let phase = linked(format!("phase {}", rule.phase.name()), links::phase(rule.phase));
        let pages = self.drawn.get(&rule.id).into_iter().flatten();
        let pages = pages.map(|(title, file)| linked(title.clone(), file.clone()));
        std::iter::once(phase).chain(pages).collect()
    }
}

/// The situation of a rule as a sentence.
fn sentence(rule: &Rule) -> String {
    let each = match rule.judge {
        Judge::Once(_) => "",
        Judge::Each(_) => " Judged for each instance other than the target.",
    };
    let mut when = rule.when.chars();
    let first = when.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.{each}", when.as_str())
}

fn waits(names: &[&str], met: &BTreeMap<String, String>, more: &str) -> Vec<Piece> {
    let piece = |name: &&str| {
        let example = met.get(*name).map_or(NEVER, String::as_str);
        Piece { more: format!("{more}{example}"), ..plain(*name) }
    };
    names.iter().map(piece).collect()
}

fn waits_that_stop(names: &[&str], met: &BTreeMap<String, String>) -> Vec<Piece> {
    waits(names, met, "ends the pass; ")
}

fn mistakes(wrong: &BTreeSet<Wrong>) -> Vec<Piece> {
    let piece = |wrong: &Wrong| {
        let by = if wrong.file.starts_with("model-check") { "the model" } else { "a schedule" };
        let more = format!("{}; found by {by}", wrong.what);
        Piece { more, ..linked(wrong.name, links::file(&wrong.file)) }
    };
    wrong.iter().map(piece).collect()
}
