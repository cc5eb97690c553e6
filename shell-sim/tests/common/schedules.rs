//! The schedule files, and why a run of one did not go as it should.

use shell_sim::schedule::{Directive, Report, Schedule};
use std::{fs, io, path::Path};

/// The folder of the schedules that tell what one rule does.
pub(crate) const RULES: &str = "rules/";
/// The folder of the schedules about mistakes.
pub(crate) const MISTAKES: &str = "mistakes/";

/// Every schedule file of these folders with its text, by name.
pub(crate) fn files(parts: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for part in parts {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schedules").join(part);
        let found = read(&folder, part).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        assert!(!found.is_empty(), "no schedule in {}", folder.display());
        files.extend(found);
    }
    files
}

fn read(folder: &Path, part: &str) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_text = path.extension().is_some_and(|ext| ext == "txt");
        if let Some(name) = name.filter(|_| is_text) {
            files.push((format!("{part}{name}"), fs::read_to_string(path)?));
        }
    }
    files.sort();
    Ok(files)
}

/// What broke that no promise excepts.
pub(crate) fn broken(report: &Report) -> Vec<String> {
    report.violations.iter().filter(|v| !v.is_known()).map(ToString::to_string).collect()
}

/// Why a run did not go as it should: what broke, and which assertions did not hold. A directive
/// that could not be carried out is no reason, for it asserts nothing.
pub(crate) fn reasons(schedule: &Schedule, report: &Report) -> Vec<String> {
    let asserts = |line: usize| {
        schedule.lines.iter().any(|(number, directive)| {
            *number == line && matches!(directive, Directive::Assert(_) | Directive::RunUntil(..))
        })
    };
    let failed = report.failures.iter().filter(|failure| asserts(failure.line));
    broken(report).into_iter().chain(failed.map(ToString::to_string)).collect()
}
