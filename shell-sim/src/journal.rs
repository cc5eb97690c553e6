//! Reads journals and makes each decision in them again, by the same function as everybody. The form
//! of a journal is `ha_core::journal`; this module deliberately does not know who wrote one.

use crate::world::Decide;
use ha_core::{
    history::{History, Patience},
    journal::{Decided, Line, VERSION, What},
    leadership::Millis,
    observation::ClusterObservation,
    plan::Plan,
};
use std::collections::BTreeMap;

/// A journal that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A line of another form.
    #[error(
        "line {line}: {error}; expected one JSON object with `journal`, `at`, `controller` and one of \
         `start`, `sample`, `decided`"
    )]
    Form {
        /// Which.
        line: u64,
        /// What the parser says.
        error: String,
    },
    /// A line of another version.
    #[error("line {line}: version {found} of a journal; expected {VERSION}")]
    Version {
        /// Which.
        line: u64,
        /// The version.
        found: u8,
    },
    /// A look or decision of a controller that did not start.
    #[error("line {line}: controller {controller} has no `start` before it")]
    NoStart {
        /// Which.
        line: u64,
        /// Whose.
        controller: u8,
    },
    /// There is nothing before the moment that was asked for.
    #[error("no controller decided before {}; {}", seconds(*until), first_of(*first))]
    NothingYet {
        /// The moment.
        until: Millis,
        /// The first decision.
        first: Option<Millis>,
    },
}

/// A moment as `--until` takes it.
fn seconds(at: Millis) -> String {
    format!("{}.{:03} s", at / 1_000, at % 1_000)
}

fn first_of(first: Option<Millis>) -> String {
    first.map_or_else(
        || "the journal has no decision".to_owned(),
        |at| format!("the first decision is at {}", seconds(at)),
    )
}

/// A decision made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// The line in which the first one stands.
    pub line: u64,
    /// When.
    pub at: Millis,
    /// Whose.
    pub controller: u8,
    /// What was seen.
    pub observation: ClusterObservation,
    /// The plan of the journal.
    pub recorded: Plan,
    /// The plan of now.
    pub plan: Plan,
}

impl Again {
    /// Whether the same observation gives the same plan, to the last fact.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.recorded == self.plan
    }
}

/// Reads a journal, line by line.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    line: u64,
    known: BTreeMap<u8, (History, Patience)>,
    /// The last decision of each controller.
    last: BTreeMap<u8, (Millis, Decided)>,
    first: Option<Millis>,
}

impl Reader {
    /// Takes a line; a decision in it is made again.
    ///
    /// # Errors
    /// The line is of another form or version, or comes before the start of its controller.
    pub fn line(&mut self, text: &str, decide: Decide) -> Result<Option<Again>, JournalError> {
        let Some(line) = self.parse(text)? else { return Ok(None) };
        self.take(line, decide)
    }

    /// Reads a line and takes nothing of it; none if it is blank.
    ///
    /// # Errors
    /// The line is of another form or version.
    pub fn parse(&mut self, text: &str) -> Result<Option<Line>, JournalError> {
        self.line += 1;
        if text.trim().is_empty() {
            return Ok(None);
        }
        let line: Line = serde_json::from_str(text)
            .map_err(|error| JournalError::Form { line: self.line, error: error.to_string() })?;
        if line.journal != VERSION {
            return Err(JournalError::Version { line: self.line, found: line.journal });
        }
        Ok(Some(line))
    }

    /// Takes a line that was read already; a decision in it is made again.
    ///
    /// # Errors
    /// The line comes before the start of its controller.
    pub fn take(&mut self, line: Line, decide: Decide) -> Result<Option<Again>, JournalError> {
        let Line { at, controller, what, .. } = line;
        let no_start = JournalError::NoStart { line: self.line, controller };
        match what {
            What::Start { history, patience } => {
                self.known.insert(controller, (*history, patience));
                Ok(None)
            }
            What::Sample { began, look } => {
                let (history, _) = self.known.get_mut(&controller).ok_or(no_start)?;
                history.take(began, *look);
                Ok(None)
            }
            What::Decided(decided) => {
                let (history, patience) = self.known.get(&controller).ok_or(no_start)?;
                let observation = decided.observe(at, history, patience);
                let plan = decide(&observation);
                let recorded = decided.plan.clone();
                self.first.get_or_insert(at);
                self.last.insert(controller, (at, *decided));
                Ok(Some(Again { line: self.line, at, controller, observation, recorded, plan }))
            }
        }
    }

    /// When the first line of a journal was written, on the clock of its controller.
    ///
    /// # Errors
    /// The line cannot be used.
    pub fn beginning<'t>(
        lines: impl Iterator<Item = &'t str>,
    ) -> Result<Option<Millis>, JournalError> {
        let mut reader = Self::default();
        for text in lines {
            if let Some(line) = reader.parse(text)? {
                return Ok(Some(line.at));
            }
        }
        Ok(None)
    }

    /// What a controller knew at a moment: lines after it are left out. Leadership is that of the
    /// last decision before. Without a number, the controller that decided last is taken.
    ///
    /// # Errors
    /// A line cannot be used, or nobody had decided yet.
    pub fn at<'t>(
        lines: impl Iterator<Item = &'t str>,
        until: Millis,
        controller: Option<u8>,
    ) -> Result<ClusterObservation, JournalError> {
        let mut reader = Self::default();
        let mut first = None;
        for text in lines {
            let Some(line) = reader.parse(text)? else { continue };
            if matches!(line.what, What::Decided(_)) {
                first = first.or(Some(line.at));
            }
            if line.at <= until {
                reader.take(line, ha_core::plan)?;
            }
        }
        let of = |(no, _): &(&u8, &(Millis, Decided))| controller.is_none_or(|one| one == **no);
        let last = reader.last.iter().filter(of).max_by_key(|(_, (at, _))| *at);
        let (no, (_, decided)) = last.ok_or(JournalError::NothingYet { until, first })?;
        let no_start = JournalError::NoStart { line: reader.line, controller: *no };
        let (history, patience) = reader.known.get(no).ok_or(no_start)?;
        Ok(decided.observe(until, history, patience))
    }
}
