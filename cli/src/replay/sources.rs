//! What the paths hold: incident files, logs, lists of events, journals. A file is known by its
//! ending or by how it begins.

use super::{
    journal::{DecidedAgain, decide_again},
    lines::Lines,
};
use crate::input::InputError;
use shell_sim::incident::{
    Incident,
    import::{Counts, ImportError, Importer, read_events_json},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

const EXPECTED: &str =
    "an incident file: id, title, kind, date, clock, topology_before, config, timeline ...";
/// What a file may be.
const ANY_OF: &str = "an incident file, a log of the controller (text, JSON or gzip), what \
                        `kubectl get events` prints, or a journal";
/// The largest file that is read whole.
const WHOLE_LIMIT: u64 = 64 << 20;

/// Everything that was found.
pub(super) struct Found {
    /// Records: those of files, and one of all logs.
    pub(super) incidents: Vec<Incident>,
    /// What became of the lines of logs, if there were any.
    pub(super) counts: Option<Counts>,
    /// What became of journals.
    pub(super) journals: Vec<DecidedAgain>,
}

enum Form {
    Incident,
    Events,
    Journal,
    Log,
}

/// Reads all paths.
pub(super) fn read(paths: &[PathBuf]) -> Result<Found, InputError> {
    let mut found = Found { incidents: Vec::new(), counts: None, journals: Vec::new() };
    let mut importer = Importer::new();
    let mut logs = 0;
    for path in paths {
        for file in files(path)? {
            let mut lines = Lines::open(&file)?;
            match form(&file, lines.peek()?) {
                Form::Incident => found.incidents.push(incident(&file, lines)?),
                Form::Journal => found.journals.push(decide_again(&file, lines)?),
                Form::Events => {
                    logs += 1;
                    events(&mut importer, &file, lines)?;
                }
                Form::Log => {
                    logs += 1;
                    log(&mut importer, &file, lines)?;
                }
            }
        }
    }
    if logs > 0 {
        let (incident, counts) = importer.finish("log");
        found.incidents.push(incident);
        found.counts = Some(counts);
    }
    Ok(found)
}

fn form(path: &Path, begin: &[u8]) -> Form {
    let begin = String::from_utf8_lossy(begin.get(..begin.len().min(1_024)).unwrap_or_default());
    let start = begin.trim_start();
    if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
        return Form::Incident;
    }
    if start.starts_with("{\"journal\":") {
        Form::Journal
    } else if start.starts_with('{') && start.contains("\"apiVersion\"") {
        Form::Events
    } else if start.starts_with("id:") {
        Form::Incident
    } else {
        Form::Log
    }
}

fn log(importer: &mut Importer, path: &Path, mut lines: Lines<'_>) -> Result<(), InputError> {
    importer.begin(&path.to_string_lossy());
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        importer.line(&line);
    }
    importer.end().map_err(|error| unfit(&error))
}

fn events(importer: &mut Importer, path: &Path, lines: Lines<'_>) -> Result<(), InputError> {
    let text = lines.whole(WHOLE_LIMIT)?;
    let lines = read_events_json(&text).map_err(|error| unusable(path, &error))?;
    importer.begin(&path.to_string_lossy());
    for line in lines {
        importer.line(line.as_bytes());
    }
    importer.end().map_err(|error| unfit(&error))
}

fn unusable(path: &Path, error: &str) -> InputError {
    InputError::Form { path: path.to_owned(), error: error.to_owned(), expected: ANY_OF }
}

/// What the lines of a log came to; it names their file itself.
fn unfit(error: &ImportError) -> InputError {
    InputError::Refused(format!("{error}\nexpected {ANY_OF}"))
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

fn incident(path: &Path, lines: Lines<'_>) -> Result<Incident, InputError> {
    let text = lines.whole(WHOLE_LIMIT)?;
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
