//! `memgraph-ha diagram sequence FILE`: a schedule is run and a journal is read; both are drawn.

use super::Output;
use crate::{
    input::{self, InputError},
    replay::{
        journal::{self, Moment},
        lines::Lines,
    },
};
use clap::Args as ClapArgs;
use diagram::sequence::{Sequence, Teller, Window};
use ha_core::leadership::Millis;
use shell_sim::schedule::{self, Schedule};
use std::path::PathBuf;

/// The largest schedule that is read, in bytes.
const LIMIT: u64 = 16 << 20;

/// What happened, and which part of it is shown.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// A schedule as `play` runs it, a kept counterexample, or a journal as `replay` reads it; `-`
    /// reads standard input
    file: PathBuf,
    /// The first moment that is shown: seconds such as 12 or 12.345s, or +12 after the beginning; of
    /// a schedule that begins with a bootstrap, what comes after it if this is not given
    #[arg(long, value_name = "T", value_parser = journal::moment)]
    from: Option<Moment>,
    /// The last moment that is shown
    #[arg(long, value_name = "T", value_parser = journal::moment)]
    until: Option<Moment>,
    /// Leave out what controllers wait for
    #[arg(long)]
    orders: bool,
    /// Show what repeats as often as it happened
    #[arg(long)]
    unfolded: bool,
    /// Decide wrongly on purpose, by the mutant of this name; for schedules
    #[arg(long, value_name = "NAME")]
    mutant: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Args {
    pub(super) fn draw(&self) -> Result<(), InputError> {
        let title = self.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut lines = Lines::open(&self.file)?;
        let is_journal = lines.peek()?.trim_ascii_start().starts_with(b"{");
        let sequence = if is_journal {
            self.of_journal(&title, lines)?
        } else {
            self.of_schedule(&title, lines)?
        };
        if sequence.is_empty() {
            let why = "nothing happens there; expected --from and --until around what is wanted";
            return Err(InputError::Refused(format!("{}: {why}", self.file.display())));
        }
        let sequence = if self.unfolded { sequence } else { sequence.folded() };
        self.output.give(&title, || sequence.mermaid(), || sequence.svg())
    }

    /// The part that is shown of something that begins then.
    fn window(&self, begins: Millis) -> Window {
        let at = |moment: Moment| match moment {
            Moment::At(at) => at,
            Moment::After(after) => begins.saturating_add(after),
        };
        Window { from: self.from.map(at), until: self.until.map(at), holds: !self.orders }
    }

    fn of_schedule(&self, title: &str, lines: Lines<'_>) -> Result<Sequence, InputError> {
        let text = lines.whole(LIMIT)?;
        let schedule = Schedule::parse(&text).map_err(|error| InputError::Form {
            path: self.file.clone(),
            error: error.to_string(),
            expected: "a schedule (one directive a line, # for comments), or a journal (one JSON \
                       object a line)",
        })?;
        let report = schedule::run(&schedule, input::decision(self.mutant.as_deref())?);
        if let Some(failure) = report.failures.first() {
            eprintln!("{}: {failure}", self.file.display());
        }
        Ok(Sequence::told(title, &schedule, &report, &self.window(0)))
    }

    fn of_journal(&self, title: &str, lines: Lines<'_>) -> Result<Sequence, InputError> {
        if self.mutant.is_some() {
            let why = "--mutant; expected a schedule, for a journal tells what was decided";
            return Err(InputError::Refused(format!("{}: {why}", self.file.display())));
        }
        let mut teller = None;
        journal::each_line(&self.file, lines, |line| {
            teller.get_or_insert_with(|| Teller::new(self.window(line.at))).line(line);
        })?;
        Ok(teller.unwrap_or_else(|| Teller::new(self.window(0))).finish(title))
    }
}
