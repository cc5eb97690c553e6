//! Counterexamples as files: the story in comments, then the schedule.

use crate::input::InputError;
use model_check::report::Report;
use std::{fs, path::Path};

/// A counterexample that was written.
#[derive(Debug)]
pub(super) struct Saved {
    pub(super) config: &'static str,
    pub(super) property: &'static str,
    /// How it is played.
    pub(super) command: String,
}

/// Writes every counterexample that can be played. The folder comes about with the first one.
pub(super) fn save(
    folder: &Path,
    mutant: Option<&str>,
    reports: &[Report],
) -> Result<Vec<Saved>, InputError> {
    let io = |path: &Path, error| InputError::Io { path: path.to_owned(), error };
    let mut saved = Vec::new();
    for report in reports {
        for property in report.broken() {
            let Some(text) = report.counterexample(property, mutant) else { continue };
            let path = folder.join(format!("{}-{}.txt", report.name, property.name));
            fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
            fs::write(&path, text).map_err(|error| io(&path, error))?;
            let mutant = mutant.map_or_else(String::new, |name| format!(" --mutant {name}"));
            let command = format!("memgraph-ha play {}{mutant}", path.display());
            saved.push(Saved { config: report.name, property: property.name, command });
        }
    }
    Ok(saved)
}
