//! Schedules: the text that drives a simulation, one directive a line, `#` for comments. It is
//! parsed and printed here; how one is run, and how one that fails is made short, have files of
//! their own.

mod predicate;
mod run;
mod settings;
mod shrink;
mod simpler;
mod symptom;
#[cfg(test)]
mod tests;

pub use predicate::{Found, Predicate, Recent, RoleWord, RouteWord};
pub use run::{Failure, Report, run, run_possible, run_with_journal};
pub use settings::{format_settings, parse_settings};
pub use shrink::{SHRINK_RUNS, Shrunk, shrink};
pub use symptom::Symptom;

use crate::{
    driver::Pattern,
    world::{Act, BadName, Event, Place, Settings},
};
use ha_core::leadership::Millis;
use std::{fmt, str::FromStr};

/// How long `settle` tries if it is not told.
pub const SETTLE_MS: Millis = 120_000;
/// How long `run until` waits if it is not told.
pub const UNTIL_MS: Millis = 60_000;

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// Begins with another world.
    World(Box<Settings>),
    /// Lets an empty world become a cluster, which must succeed.
    Bootstrap,
    /// One event.
    Event(Event),
    /// Lets everybody go on until nothing is left to do.
    Settle(Millis),
    /// Lets everybody go on for so long.
    Run(Millis),
    /// Lets everybody make so many single steps.
    Steps(u32),
    /// Lets everybody go on until something holds, which it must within the limit.
    RunUntil(Predicate, Millis),
    /// Messages that match do not arrive until they are released.
    Withhold(Pattern),
    /// Ends a withholding.
    Unwithhold(Pattern),
    /// A place does nothing by itself and hears nothing.
    Stop(Place),
    /// A stopped place acts again.
    Resume(Place),
    /// Ends every disturbance: cuts, freezes, outages, withholding.
    Calm,
    /// Something must hold now.
    Assert(Predicate),
}

/// A schedule, each directive with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// The directives in order.
    pub lines: Vec<(usize, Directive)>,
}

/// A line that is no directive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Which line, counted from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub why: BadName,
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// The first line that is no directive.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut lines = Vec::new();
        for (index, raw) in text.lines().enumerate() {
            let line = index + 1;
            let text = raw.split_once(" #").map_or(raw, |(before, _)| comment_start(raw, before));
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            lines.push((line, text.parse().map_err(|why| BadLine { line, why })?));
        }
        Ok(Self { lines })
    }

    /// A schedule of these directives, numbered from 1.
    #[must_use]
    pub fn of(directives: Vec<Directive>) -> Self {
        Self { lines: directives.into_iter().enumerate().map(|(i, d)| (i + 1, d)).collect() }
    }
}

/// `#2` after a message is its number; any other ` #` begins a comment.
fn comment_start<'a>(raw: &'a str, before: &'a str) -> &'a str {
    let rest = raw.get(before.len() + 2..).unwrap_or_default();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let ends = rest.as_bytes().get(digits).is_none_or(u8::is_ascii_whitespace);
    if digits == 0 || !ends {
        return before;
    }
    let end = before.len() + 2 + digits;
    match raw.get(end..).and_then(|rest| rest.find('#')) {
        Some(next) => raw.get(..end + next).unwrap_or(raw),
        None => raw,
    }
}

fn millis(text: &str) -> Result<Millis, BadName> {
    text.parse().map_err(|_| BadName { found: text.into(), expected: "milliseconds such as 500" })
}

impl FromStr for Directive {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (verb, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let alone = |directive| {
            if rest.is_empty() {
                Ok(directive)
            } else {
                Err(BadName { found: rest.into(), expected: "nothing after this word" })
            }
        };
        match verb {
            "world" => parse_settings(rest).map(|settings| Self::World(Box::new(settings))),
            "bootstrap" => alone(Self::Bootstrap),
            "calm" => alone(Self::Calm),
            "settle" if rest.is_empty() => Ok(Self::Settle(SETTLE_MS)),
            "settle" => millis(rest).map(Self::Settle),
            "steps" => rest.parse().map(Self::Steps).map_err(|_| BadName {
                found: rest.into(),
                expected: "a number of steps such as 20",
            }),
            "run" => match rest.strip_prefix("until ") {
                Some(condition) => {
                    let (condition, limit) = match condition.rsplit_once(" limit ") {
                        Some((condition, limit)) => (condition, millis(limit.trim())?),
                        None => (condition, UNTIL_MS),
                    };
                    Ok(Self::RunUntil(condition.parse()?, limit))
                }
                None => millis(rest).map(Self::Run),
            },
            "withhold" => rest.parse().map(Self::Withhold),
            "release" => rest.parse().map(Self::Unwithhold),
            "stop" => rest.parse().map(Self::Stop),
            "resume" => rest.parse().map(Self::Resume),
            "assert" => rest.parse().map(Self::Assert),
            _ => text.parse().map(Self::Event).map_err(|error: BadName| {
                let known = verb_is_event(verb);
                if known { error } else { BadName { found: text.into(), expected: DIRECTIVES } }
            }),
        }
    }
}

const DIRECTIVES: &str = "a directive: world, bootstrap, settle, run, steps, withhold, release, \
     stop, resume, calm, assert, or an event such as \"crash mg-0\" or \"write cl-0 gw-0\"";

/// Whether an error about the whole event tells more than the list of directives.
fn verb_is_event(verb: &str) -> bool {
    Event::VERBS.contains(&verb) || Act::VERBS.contains(&verb)
}

impl fmt::Display for Directive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::World(settings) => write!(f, "world {}", format_settings(settings)),
            Self::Bootstrap => f.write_str("bootstrap"),
            Self::Event(event) => event.fmt(f),
            Self::Settle(SETTLE_MS) => f.write_str("settle"),
            Self::Settle(limit) => write!(f, "settle {limit}"),
            Self::Run(ms) => write!(f, "run {ms}"),
            Self::Steps(steps) => write!(f, "steps {steps}"),
            Self::RunUntil(condition, UNTIL_MS) => write!(f, "run until {condition}"),
            Self::RunUntil(condition, limit) => write!(f, "run until {condition} limit {limit}"),
            Self::Withhold(pattern) => write!(f, "withhold {pattern}"),
            Self::Unwithhold(pattern) => write!(f, "release {pattern}"),
            Self::Stop(place) => write!(f, "stop {place}"),
            Self::Resume(place) => write!(f, "resume {place}"),
            Self::Calm => f.write_str("calm"),
            Self::Assert(condition) => write!(f, "assert {condition}"),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (_, directive) in &self.lines {
            writeln!(f, "{directive}")?;
        }
        Ok(())
    }
}
