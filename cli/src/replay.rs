//! `memgraph-ha replay PATH...`: what recorded incidents show, whether the predecessor's policy does
//! it again, and what ours does in its place.

use crate::{
    explain::Format,
    input::{self, InputError},
};
use clap::Args as ClapArgs;
use serde_json::json;
use shell_sim::{
    incident::Incident,
    replay::{Replay, replay},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXPECTED: &str =
    "an incident file: id, title, kind, date, clock, topology_before, config, timeline ...";

/// What to replay.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Incident files, or folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Reads everything, then replays, then prints.
pub(crate) fn run(args: &Args) -> Result<ExitCode, InputError> {
    let mut incidents = Vec::new();
    for path in &args.paths {
        for file in files(path)? {
            incidents.push(read(&file)?);
        }
    }
    let mut replays = Vec::new();
    for incident in &incidents {
        let one = replay(incident, ha_core::plan);
        if matches!(args.format, Format::Text) {
            println!("{}", one.text());
        }
        replays.push(one);
    }
    if matches!(args.format, Format::Json) {
        let incidents: Vec<_> = replays.iter().map(Replay::json).collect();
        println!("{:#}", json!({ "incidents": incidents }));
    }
    let safe = replays.iter().all(Replay::is_safe);
    Ok(if safe { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The file itself, or the incident files of a folder in the order of their names.
fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let io = |error| InputError::Io { path: path.to_owned(), error };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(io)? {
        let file = entry.map_err(io)?.path();
        if file.extension().is_some_and(|ending| ending == "yaml") {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(InputError::Form {
            path: path.to_owned(),
            error: "no incident file in this folder".into(),
            expected: "a file, or a folder with files that end in .yaml",
        });
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Incident, InputError> {
    let text = input::text(path)?;
    Incident::read(&path.to_string_lossy(), &text).map_err(|error| {
        let place = error.place.to_string().trim_start_matches([':', ' ']).to_owned();
        let line = if error.place.line.is_some() { "line " } else { "" };
        InputError::Form {
            path: path.to_owned(),
            error: format!("{line}{place}: {}", error.problem),
            expected: EXPECTED,
        }
    })
}
