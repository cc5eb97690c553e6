//! Journals: every decision made again, and what was known at a moment.

use super::lines::Lines;
use crate::input::InputError;
use serde_json::json;
use shell_sim::journal::{JournalError, Reader};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

/// The largest journal of which a moment is asked.
const WHOLE_LIMIT: u64 = 256 << 20;
/// How many differences are told.
const TOLD: usize = 20;

/// What became of one journal.
pub(super) struct DecidedAgain {
    path: PathBuf,
    decisions: usize,
    with_steps: usize,
    different: Vec<String>,
    differences: usize,
}

/// Makes every decision of a journal again.
pub(super) fn decide_again(path: &Path) -> Result<DecidedAgain, InputError> {
    let mut lines = Lines::open(path)?;
    let mut reader = Reader::default();
    let mut again = DecidedAgain {
        path: path.to_owned(),
        decisions: 0,
        with_steps: 0,
        different: Vec::new(),
        differences: 0,
    };
    let mut line = Vec::new();
    let mut number = 0_u64;
    while lines.next(&mut line)? {
        number += 1;
        let text = std::str::from_utf8(&line).map_err(|error| InputError::Form {
            path: path.to_owned(),
            error: format!("line {number}: a byte that is not UTF-8 at {}", error.valid_up_to()),
            expected: EXPECTED,
        })?;
        let Some(one) = reader.line(text, ha_core::plan).map_err(|error| wrong(path, &error))?
        else {
            continue;
        };
        again.decisions += 1;
        again.with_steps += usize::from(!one.recorded.steps.is_empty());
        if !one.is_same() {
            again.differences += 1;
            if again.different.len() < TOLD {
                again.different.push(format!(
                    "line {}, ct-{} at {} ms\n  recorded:\n{}  now:\n{}",
                    one.line, one.controller, one.at, one.recorded, one.plan
                ));
            }
        }
    }
    Ok(again)
}

impl DecidedAgain {
    /// Whether every plan is the same, to the last fact.
    pub(super) const fn is_same(&self) -> bool {
        self.differences == 0
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "{}: {} decisions made again, {} of them with steps; {} differ from the journal\n",
            self.path.display(),
            self.decisions,
            self.with_steps,
            self.differences
        );
        for one in &self.different {
            // Writing to a string cannot fail.
            let _written = writeln!(out, "{one}");
        }
        out
    }

    /// For machines.
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "path": self.path.to_string_lossy(), "decisions": self.decisions,
            "with_steps": self.with_steps, "different": self.differences,
        })
    }
}

const EXPECTED: &str = "a journal as `play --journal` writes it: one JSON object a line";

fn wrong(path: &Path, error: &JournalError) -> InputError {
    InputError::Form { path: path.to_owned(), error: error.to_string(), expected: EXPECTED }
}

/// What a controller knew at a moment, as `explain` reads it.
pub(super) fn observation(
    paths: &[PathBuf],
    until: u64,
    controller: Option<u8>,
) -> Result<String, InputError> {
    let [path] = paths else {
        return Err(InputError::Form {
            path: paths.first().cloned().unwrap_or_default(),
            error: format!("{} paths with --from-journal", paths.len()),
            expected: "one journal",
        });
    };
    let text = Lines::open(path)?.whole(WHOLE_LIMIT)?;
    let found = Reader::at(text.lines(), until, controller).map_err(|error| wrong(path, &error))?;
    Ok(format!("{:#}\n", json!(found)))
}

/// Seconds with at most three decimals, with or without an `s`, as milliseconds.
pub(super) fn moment(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}`; expected seconds such as 12 or 12.345s");
    let number = text.strip_suffix('s').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let seconds: u64 = whole.parse().map_err(|_| wrong())?;
    let millis: u64 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
    seconds.checked_mul(1_000).and_then(|ms| ms.checked_add(millis)).ok_or_else(wrong)
}
