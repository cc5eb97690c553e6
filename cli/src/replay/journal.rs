//! Journals: every decision made again, and what was known at a moment.

use super::lines::Lines;
use crate::input::InputError;
use ha_core::journal::Line;
use serde_json::json;
use shell_sim::journal::{JournalError, Reader};
use std::{
    fmt::{self, Write as _},
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
    span: Option<(u64, u64)>,
    different: Vec<String>,
    differences: usize,
}

/// Makes every decision of a journal again.
pub(super) fn decide_again(path: &Path, mut lines: Lines<'_>) -> Result<DecidedAgain, InputError> {
    let mut reader = Reader::default();
    let mut again = DecidedAgain {
        path: path.to_owned(),
        decisions: 0,
        with_steps: 0,
        span: None,
        different: Vec::new(),
        differences: 0,
    };
    let mut line = Vec::new();
    let mut number = 0_u64;
    while lines.next(&mut line)? {
        number += 1;
        let text = utf8(path, number, &line)?;
        let Some(one) = reader.line(text, ha_core::plan).map_err(|error| wrong(path, &error))?
        else {
            continue;
        };
        again.decisions += 1;
        again.span = Some((again.span.map_or(one.at, |(first, _)| first), one.at));
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
            "{}: {} decisions made again, {} of them with steps; {} differ from the journal{}\n",
            self.path.display(),
            self.decisions,
            self.with_steps,
            self.differences,
            self.span.map_or_else(String::new, |(first, last)| format!(
                "; from {} to {} s on the controller's clock",
                Seconds(first),
                Seconds(last)
            ))
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

/// Takes each line of a journal, one after the other.
pub(crate) fn each_line(
    path: &Path,
    mut lines: Lines<'_>,
    mut with: impl FnMut(&Line),
) -> Result<(), InputError> {
    let mut reader = Reader::default();
    let mut line = Vec::new();
    let mut number = 0_u64;
    while lines.next(&mut line)? {
        number += 1;
        let text = utf8(path, number, &line)?;
        if let Some(line) = reader.parse(text).map_err(|error| wrong(path, &error))? {
            with(&line);
        }
    }
    Ok(())
}

/// A line as text.
fn utf8<'l>(path: &Path, number: u64, line: &'l [u8]) -> Result<&'l str, InputError> {
    std::str::from_utf8(line).map_err(|error| InputError::Form {
        path: path.to_owned(),
        error: format!("line {number}: a byte that is not UTF-8 at {}", error.valid_up_to()),
        expected: EXPECTED,
    })
}

fn wrong(path: &Path, error: &JournalError) -> InputError {
    InputError::Form { path: path.to_owned(), error: error.to_string(), expected: EXPECTED }
}

/// What a controller knew at a moment, as `explain` reads it.
pub(super) fn observation(
    paths: &[PathBuf],
    until: Moment,
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
    let wrong = |error| wrong(path, &error);
    let until = match until {
        Moment::At(ms) => ms,
        Moment::After(ms) => {
            Reader::beginning(text.lines()).map_err(wrong)?.unwrap_or(0).saturating_add(ms)
        }
    };
    let found = Reader::at(text.lines(), until, controller).map_err(wrong)?;
    Ok(format!("{:#}\n", json!(found)))
}

/// A moment in a journal, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// On the controller's clock.
    At(u64),
    /// So long after the journal's first line.
    After(u64),
}

/// Milliseconds, shown as seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// A moment as users write it: `12`, `12.345s`, or `+12` after the beginning.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    match text.strip_prefix('+') {
        Some(rest) => millis(rest).map(Moment::After),
        None => millis(text).map(Moment::At),
    }
    .ok_or_else(|| {
        format!("`{text}`; expected seconds such as 12 or 12.345s, or +12 after the first line")
    })
}

/// Seconds with at most three decimals, with or without an `s`, as milliseconds.
fn millis(text: &str) -> Option<u64> {
    let number = text.strip_suffix('s').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let seconds: u64 = whole.parse().ok()?;
    let millis: u64 = format!("{fraction:0<3}").parse().ok()?;
    seconds.checked_mul(1_000)?.checked_add(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_on_the_clock_or_after_the_beginning() {
        for (text, expected) in [
            ("12", Moment::At(12_000)),
            ("12.3s", Moment::At(12_300)),
            ("+0.005", Moment::After(5)),
            ("+7s", Moment::After(7_000)),
        ] {
            assert_eq!(moment(text), Ok(expected));
        }
        for text in ["", "+", "s", "1.2345", "1,5", "-1", "++1", "99999999999999999999"] {
            let error = moment(text).unwrap_err();
            assert!(error.contains("expected seconds such as 12"), "{error}");
        }
    }
}
