//! Walks that found something: the first ones are kept, some of each sort are shrunk, and all that
//! are kept are told or written as schedules that `play` reads.

use crate::input::InputError;
use shell_sim::{
    driver::WalkReport,
    oracle::Violation,
    schedule::{self, Schedule, Symptom},
    world::Decide,
};
use std::{collections::BTreeMap, fmt, fs, path::Path};

/// So many are kept: the first by seed.
const KEPT: usize = 100;
/// So many are told.
const TOLD: usize = 10;
/// So many of each symptom are shrunk: what fails in one way mostly has one cause.
const SHRUNK: u32 = 3;

/// A walk that broke something, or got stuck.
#[derive(Debug)]
pub(super) struct Find {
    seed: u64,
    symptom: Symptom,
    why: String,
    schedule: Schedule,
    /// How many lines it had before it was shrunk, if it was.
    shrunk_from: Option<usize>,
    /// The wrong decision that walked, if one did.
    mutant: Option<String>,
}

impl Find {
    pub(super) fn of(report: &WalkReport, symptom: Symptom, mutant: Option<&str>) -> Self {
        Self {
            seed: report.seed,
            symptom,
            why: why(&report.violations, &report.end.to_string()),
            schedule: report.schedule.clone(),
            shrunk_from: None,
            mutant: mutant.map(str::to_owned),
        }
    }

    fn shrink(&mut self, decide: Decide, runs: u32) {
        let fails = |report: &schedule::Report| self.symptom.shows_in(report);
        let shrunk = schedule::shrink(&self.schedule, decide, &fails, runs).schedule;
        let report = schedule::run(&shrunk, decide);
        let end = report.end.map_or_else(String::new, |end| end.to_string());
        self.why = why(&report.violations, &end);
        self.shrunk_from = Some(self.schedule.lines.len());
        self.schedule = shrunk;
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "# Walk of seed {}", self.seed)?;
        if let Some(lines) = self.shrunk_from {
            write!(f, ", shrunk from {lines} lines to {}", self.schedule.lines.len())?;
        }
        writeln!(f, ": {}", self.why)?;
        if let Some(name) = &self.mutant {
            writeln!(f, "# mutant: {name}")?;
        }
        write!(f, "{}", self.schedule)
    }
}

/// What was found, in one line.
fn why(violations: &[Violation], end: &str) -> String {
    let broken = violations.iter().find(|violation| !violation.is_known());
    let text = broken.map_or_else(|| end.to_owned(), ToString::to_string);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The walks that are kept.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<Find>);

impl Found {
    /// Takes a walk whose seed comes after those before it.
    pub(super) fn take(&mut self, find: Find) {
        if self.0.len() < KEPT {
            self.0.push(find);
        }
    }

    /// Takes what another thread kept.
    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_by_key(|find| find.seed);
        self.0.truncate(KEPT);
    }

    /// Shrinks the first ones of each symptom, each with so many runs at most.
    pub(super) fn shrink(&mut self, decide: Decide, runs: u32) {
        if runs == 0 {
            return;
        }
        let mut times: BTreeMap<Symptom, u32> = BTreeMap::new();
        for find in &mut self.0 {
            let times = times.entry(find.symptom.clone()).or_default();
            *times += 1;
            if *times <= SHRUNK {
                find.shrink(decide, runs);
            }
        }
    }

    pub(super) fn print(&self) {
        for find in self.0.iter().take(TOLD) {
            println!("{} seed {}: {}", find.symptom, find.seed, find.why);
        }
        for find in self.0.iter().filter(|find| find.shrunk_from.is_some()).take(TOLD) {
            print!("\n{find}");
        }
    }

    pub(super) fn save(&self, folder: &Path) -> Result<(), InputError> {
        let io = |path: &Path, error| InputError::Io { path: path.to_owned(), error };
        fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
        for find in &self.0 {
            let path = folder.join(format!("walk-{}.txt", find.seed));
            fs::write(&path, find.to_string()).map_err(|error| io(&path, error))?;
        }
        Ok(())
    }
}
