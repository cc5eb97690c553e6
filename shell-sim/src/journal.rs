//! What a controller saw, decided and brought about, as JSON lines: enough to decide everything
//! again. This module decides the form of a journal and how one is read; it deliberately does not
//! know who writes it, and it decides by the same function as everybody.
//!
//! Each line stands for itself: `{"journal":1,"at":MS,"controller":N,...}` with one of `start` (the
//! memory that a process begins with), `sample` (one look, or the end of an effect) and `decided`
//! (what else the decision rested on, and the plan). Times are those of the controller's clock.

use crate::world::Decide;
use ha_core::{
    desired::Desired,
    history::{History, Patience, Sample},
    ids::GatewayId,
    leadership::Millis,
    observation::{ClusterObservation, Leadership},
    plan::Plan,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version of the form.
    pub journal: u8,
    /// When, on the controller's clock.
    pub at: Millis,
    /// Whose.
    pub controller: u8,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A process begins with this memory.
    Start {
        /// The memory.
        history: Box<History>,
        /// How long it waits before it calls something suspect.
        patience: Patience,
    },
    /// One look, or the end of an effect.
    Sample {
        /// When the look began, or the effect was sent.
        began: Millis,
        /// What it gave.
        look: Box<Sample>,
    },
    /// A decision.
    Decided(Box<Decided>),
}

/// A decision, with what it rested on beside the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What was asked for.
    pub desired: Desired,
    /// Lease and right to promote.
    pub leadership: Leadership,
    /// When the lease was acquired, where it matters.
    pub acquired: Option<Millis>,
    /// Gateways that may still forward.
    pub outstanding: BTreeSet<GatewayId>,
    /// What came of it.
    pub plan: Plan,
}

impl Line {
    /// A line of the present version.
    #[must_use]
    pub const fn new(at: Millis, controller: u8, what: What) -> Self {
        Self { journal: VERSION, at, controller, what }
    }

    /// The line as it is written.
    ///
    /// # Errors
    /// Its content has no form in JSON.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

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
    #[error("no controller decided before {until} ms; the first decision is at {first:?}")]
    NothingYet {
        /// The moment.
        until: Millis,
        /// The first decision.
        first: Option<Millis>,
    },
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

    fn parse(&mut self, text: &str) -> Result<Option<Line>, JournalError> {
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

    fn take(&mut self, line: Line, decide: Decide) -> Result<Option<Again>, JournalError> {
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
                let known = self.known.get(&controller).ok_or(no_start)?;
                let observation = observe(known, at, &decided);
                let plan = decide(&observation);
                let recorded = decided.plan.clone();
                self.first.get_or_insert(at);
                self.last.insert(controller, (at, *decided));
                Ok(Some(Again { line: self.line, at, controller, observation, recorded, plan }))
            }
        }
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
        let known = reader.known.get(no).ok_or(no_start)?;
        Ok(observe(known, until, decided))
    }
}

fn observe(
    (history, patience): &(History, Patience),
    at: Millis,
    decided: &Decided,
) -> ClusterObservation {
    history.observe(
        at,
        patience,
        &decided.desired,
        decided.leadership.clone(),
        decided.acquired,
        decided.outstanding.clone(),
    )
}
