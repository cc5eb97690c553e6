//! What a run tells: every line with its time, in order. Which lines make a story for people is
//! decided here; nothing is decided from them.

use crate::{
    oracle::Violation,
    world::{ControllerNo, Event, Fate, Happening},
};
use ha_core::{
    history::Outcome,
    leadership::Millis,
    plan::{Hold, Plan, Step},
};
use std::{collections::BTreeMap, fmt};

/// One line of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// True time.
    pub at: Millis,
    /// What it tells.
    pub what: What,
}

/// What a line tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Something was done from outside.
    Event(Event),
    /// A controller began a step.
    Act(ControllerNo, Box<Step>),
    /// A controller began to wait for something.
    Hold(ControllerNo, Box<Hold>),
    /// A controller calls the cluster settled.
    Settled(ControllerNo),
    /// Something came about.
    Happened(Box<Happening>),
    /// A promise broke.
    Broken(Box<Violation>),
}

/// A trace, kept only if asked for.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    lines: Option<Vec<Line>>,
}

impl Trace {
    /// Keeps lines from now on.
    pub fn keep(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// The lines kept so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        self.lines.as_deref().unwrap_or_default()
    }

    /// The lines kept so far, for good.
    #[must_use]
    pub fn into_lines(self) -> Vec<Line> {
        self.lines.unwrap_or_default()
    }

    fn push(&mut self, at: Millis, what: impl FnOnce() -> What) {
        if let Some(lines) = &mut self.lines {
            lines.push(Line { at, what: what() });
        }
    }

    pub(super) fn event(&mut self, at: Millis, event: &Event) {
        self.push(at, || What::Event(*event));
    }

    pub(super) fn violation(&mut self, at: Millis, violation: &Violation) {
        self.push(at, || What::Broken(Box::new(violation.clone())));
    }

    /// A plan shows in a trace by what it waits for, where that is new; its steps show when they
    /// begin.
    pub(super) fn plan(
        &mut self,
        at: Millis,
        controller: ControllerNo,
        before: Option<&Plan>,
        plan: &Plan,
    ) {
        if self.lines.is_none() {
            return;
        }
        let known = before.map_or(&[][..], |before| &before.holds);
        for hold in plan.holds.iter().filter(|hold| !known.contains(hold)) {
            self.push(at, || What::Hold(controller, Box::new(hold.clone())));
        }
        if plan.settled && !before.is_some_and(|before| before.settled) {
            self.push(at, || What::Settled(controller));
        }
    }

    pub(super) fn happening(
        &mut self,
        at: Millis,
        plans: &BTreeMap<ControllerNo, (Millis, Plan)>,
        happening: Happening,
    ) {
        if self.lines.is_none() {
            return;
        }
        if let Happening::Sent { controller, action } = &happening {
            let planned = plans.get(controller).map_or(&[][..], |(_, plan)| &plan.steps);
            if let Some(step) = planned.iter().find(|step| step.action == *action) {
                self.push(at, || What::Act(*controller, Box::new(step.clone())));
                return;
            }
        }
        self.push(at, || What::Happened(Box::new(happening)));
    }
}

impl Line {
    /// Whether the line is part of a story: what people would want to be told.
    #[must_use]
    pub const fn is_story(&self) -> bool {
        match &self.what {
            What::Event(_)
            | What::Act(..)
            | What::Hold(..)
            | What::Settled(_)
            | What::Broken(_) => true,
            What::Happened(happening) => match &**happening {
                Happening::Ended { outcome, .. } => !matches!(outcome, Outcome::Done),
                Happening::Landed { late, .. } => *late,
                Happening::Told(_, fate) => !matches!(fate, Fate::Pending),
                Happening::Leads(_)
                | Happening::GrantsOnPromises(_)
                | Happening::RecordConflict(_)
                | Happening::ProcessEnded(_)
                | Happening::BoltOpen(_)
                | Happening::RoleChanged(..)
                | Happening::Discarded(_)
                | Happening::Replaced(_)
                | Happening::SetAside(_)
                | Happening::Granted { .. }
                | Happening::Withdrawn { .. }
                | Happening::Rejected(..) => true,
                Happening::Planned { .. }
                | Happening::Sent { .. }
                | Happening::LeaseTaken { .. }
                | Happening::LeaseConflict(_)
                | Happening::RecordWritten { .. }
                | Happening::ProcessStarted(_)
                | Happening::RpcReceived { .. }
                | Happening::Committed(..)
                | Happening::Aborted(_)
                | Happening::Prepared(..)
                | Happening::Applied(..)
                | Happening::Acknowledged { .. }
                | Happening::Forwarded { .. }
                | Happening::Lost(_) => false,
            },
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>4}.{:03}s  ", self.at / 1_000, self.at % 1_000)?;
        match &self.what {
            What::Event(event) => write!(f, "event {event}"),
            What::Act(no, step) => write!(f, "{no} {step}"),
            What::Hold(no, hold) => write!(f, "{no} {hold}"),
            What::Settled(no) => write!(f, "{no} settled"),
            What::Happened(happening) => write!(f, "      {happening}"),
            What::Broken(violation) => write!(f, "BROKEN {violation}"),
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lines().iter().filter(|line| line.is_story()) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
