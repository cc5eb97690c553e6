//! The files that evidence is read from.

use super::Evidence;
use ha_core::rules::{RULES, RuleId};
use shell_sim::{
    mutants::{self, Mutant},
    schedule::Schedule,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The folder of the workspace.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It cannot be read.
    #[error(
        "{path}: {error}; expected the folder of the workspace, with core/ and shell-sim/ in it"
    )]
    Io {
        /// Which.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// It is no schedule.
    #[error("{path}: {error}")]
    Schedule {
        /// Which.
        path: String,
        /// Where and what.
        error: shell_sim::schedule::BadLine,
    },
    /// A page is to show a configuration that there is not.
    #[error("there is no configuration {name:?}; expected one of the model checker's")]
    NoConfiguration {
        /// Its name.
        name: &'static str,
    },
    /// The model of a configuration does not begin.
    #[error(transparent)]
    NoStart(#[from] model_check::model::NoStart),
}

/// A file and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path from the root of the workspace, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// What it says, as a schedule.
    ///
    /// # Errors
    /// It is none.
    pub fn schedule(&self) -> Result<Schedule, Unreadable> {
        Schedule::parse(&self.text)
            .map_err(|error| Unreadable::Schedule { path: self.path.clone(), error })
    }

    /// The name of the file without its ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }

    /// The wrong decision that it exposes: by its header, or by the name of the file.
    #[must_use]
    pub fn mutant(&self) -> Option<&'static Mutant> {
        let header = self.text.lines().find_map(|line| line.strip_prefix("# mutant: "));
        mutants::named(header.unwrap_or_else(|| self.stem()).trim())
    }

    /// Its first sentence.
    #[must_use]
    pub fn about(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default();
        first.strip_prefix('#').map_or("", str::trim)
    }
}

impl Workspace {
    /// The workspace in this folder.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A file as text, by its path from the root.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(&self, path: &str) -> Result<String, Unreadable> {
        fs::read_to_string(self.root.join(path))
            .map_err(|error| Unreadable::Io { path: path.to_owned(), error })
    }

    /// A file, by its path from the root.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn source(&self, path: &str) -> Result<Source, Unreadable> {
        Ok(Source { path: path.to_owned(), text: self.text(path)? })
    }

    /// The files of a folder that end so, by name.
    fn folder(&self, folder: &str, end: &str) -> Result<Vec<Source>, Unreadable> {
        let wrong = |error| Unreadable::Io { path: folder.to_owned(), error };
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join(folder)).map_err(wrong)? {
            let name = entry.map_err(wrong)?.file_name().to_string_lossy().into_owned();
            if name.ends_with(end) {
                names.push(name);
            }
        }
        names.sort();
        names.iter().map(|name| self.source(&format!("{folder}/{name}"))).collect()
    }

    /// The schedules of scenarios, of rules, of mistakes, and those that random walks left.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn schedules(&self) -> Result<Vec<Source>, Unreadable> {
        let mut all = self.folder("shell-sim/schedules", ".txt")?;
        all.extend(self.folder("shell-sim/schedules/rules", ".txt")?);
        all.extend(self.folder("shell-sim/schedules/mistakes", ".txt")?);
        all.extend(self.folder("shell-sim/schedules/walks", ".txt")?);
        Ok(all)
    }

    /// The counterexamples that the model checker keeps.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn traces(&self) -> Result<Vec<Source>, Unreadable> {
        self.folder("model-check/traces", ".txt")
    }

    /// Stories and tests, which name rules.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn witnesses(&self) -> Result<Vec<Source>, Unreadable> {
        let mut all = self.folder("shell-sim/tests/stories", ".txt")?;
        for folder in ["core/tests", "shell-sim/tests", "model-check/tests"] {
            all.extend(self.folder(folder, ".rs")?);
        }
        Ok(all)
    }
}

/// Notes which rules a story or a test names.
pub(super) fn named(evidence: &mut Evidence, source: &Source) {
    let is_code = source.path.ends_with(".rs");
    for rule in RULES {
        let is_named = if is_code {
            // By its name in the code, or where a line of what is decided begins with it.
            has_word(&source.text, &format!("RuleId::{}", rule.id))
                || source.text.contains(&format!("\"{} ", rule.id))
        } else {
            has_word(&source.text, &rule.id.to_string())
        };
        if is_named {
            evidence.of_mut(rule.id).named_in.insert(source.path.clone());
        }
    }
}

/// Whether a text has a word that neither goes on nor begins before.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !part(text[at + word.len()..].chars().next())
    })
}

/// Reads the table of `design/safety.md`: which of its sentences names which rule, by its id or by a
/// range of ids of one phase.
pub(super) fn safety(evidence: &mut Evidence, text: &str) {
    for line in text.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, number, sentence, proposed, ..] = cells.as_slice() else { continue };
        let Ok(number) = number.parse() else { continue };
        evidence.safety.push((number, (*sentence).to_owned()));
        for item in proposed.split([',', ';']).map(str::trim) {
            for rule in ids(item) {
                evidence.of_mut(rule).safety.insert(number);
            }
        }
    }
}

/// The rules of `E10`, or of `E10–E60` in the order of the table.
fn ids(item: &str) -> Vec<RuleId> {
    let place = |id: &str| RULES.iter().position(|rule| rule.id.to_string() == id.trim());
    let (first, last) = item.split_once('–').unwrap_or((item, item));
    match (place(first), place(last)) {
        (Some(first), Some(last)) => {
            RULES.get(first..=last).unwrap_or_default().iter().map(|rule| rule.id).collect()
        }
        (None, _) | (_, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_rules_by_id_and_by_range() {
        let mut evidence = Evidence::default();
        let text =
            "| | sentence | proposed |\n|---|---|---|\n| 4 | Intent first. | E10–E20, V30 | x |";
        safety(&mut evidence, text);
        assert_eq!(evidence.safety, [(4, "Intent first.".to_owned())]);
        let named: Vec<_> = evidence.rules.keys().map(ToString::to_string).collect();
        assert_eq!(named, ["E10", "E15", "E20", "V30"]);
    }

    #[test]
    fn a_rule_is_named_by_a_whole_word() {
        assert!(has_word("act   E10 failover", "E10"));
        assert!(!has_word("E100, XE10, E10_", "E10"));
    }
}
