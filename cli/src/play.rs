//! `memgraph-ha play FILE`: runs a schedule and tells its story.

use crate::input::{self, InputError};
use clap::Args as ClapArgs;
use shell_sim::schedule::{self, Report};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What to play.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// A schedule; `-` reads standard input
    file: PathBuf,
    /// Decide wrongly on purpose, by the mutant of this name
    #[arg(long)]
    mutant: Option<String>,
    /// Write what the leader knows at the end, as `explain` reads it
    #[arg(long)]
    observation: Option<PathBuf>,
    /// Write what controllers saw, decided and brought about, as `replay` reads it
    #[arg(long)]
    journal: Option<PathBuf>,
}

/// Runs, tells, judges.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let text = input::text(&args.file)?;
    let schedule = schedule::Schedule::parse(&text).map_err(|error| InputError::Form {
        path: args.file.clone(),
        error: error.to_string(),
        expected: "a schedule: one directive a line, # for comments",
    })?;
    let decide = input::decision(args.mutant.as_deref())?;
    let report = match &args.journal {
        None => schedule::run(&schedule, decide),
        Some(path) => {
            let report = schedule::run_with_journal(&schedule, decide);
            write_journal(path, &report)?;
            report
        }
    };
    if let Some(path) = &args.observation {
        write_observation(path, &report)?;
    }
    print!("{}", report.story());
    for failure in &report.failures {
        println!("failed: {failure}");
    }
    for violation in &report.violations {
        println!("broken: {violation}");
    }
    if let Some(end) = &report.end {
        println!("ended: {end}");
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One JSON object a line.
fn write_journal(path: &Path, report: &Report) -> Result<(), InputError> {
    let mut text = String::new();
    for line in report.fair.journal.lines() {
        let line = line.json().map_err(|error| InputError::Form {
            path: path.to_owned(),
            error: error.to_string(),
            expected: "content that has a form in JSON",
        })?;
        text.push_str(&line);
        text.push('\n');
    }
    fs::write(path, text).map_err(|error| InputError::Io { path: path.to_owned(), error })
}

/// What the leader knows when the schedule ends.
fn write_observation(path: &Path, report: &Report) -> Result<(), InputError> {
    let form = |error: String| InputError::Form {
        path: path.to_owned(),
        error,
        expected: "a schedule that ends with a leader",
    };
    let (leader, ..) = report.fair.leader_plan().ok_or_else(|| form("nobody leads".into()))?;
    let observation =
        report.fair.world.observation(leader).map_err(|error| form(error.to_string()))?;
    let text = format!("{:#}\n", serde_json::json!(observation));
    fs::write(path, text).map_err(|error| InputError::Io { path: path.to_owned(), error })
}
