//! What a controller took in and decided, as the lines of a journal: enough to decide everything
//! again. The form alone; whoever runs a controller writes it, and replay reads it.
//!
//! Each line stands for itself: `{"journal":1,"at":MS,"controller":N,...}` with one of `start` (the
//! memory that a process begins with), `sample` (one look, or the end of an effect) and `decided`
//! (what else the decision rested on, and the plan). Times are those of the controller's clock.

use crate::{
    desired::Desired,
    history::{History, Patience, Sample},
    ids::GatewayId,
    leadership::Millis,
    observation::{ClusterObservation, Leadership},
    plan::Plan,
};
use alloc::{boxed::Box, collections::BTreeSet};
use serde::{Deserialize, Serialize};

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
}

impl Decided {
    /// What the decision rested on, with what the controller remembered at that moment.
    #[must_use]
    pub fn observe(
        &self,
        at: Millis,
        history: &History,
        patience: &Patience,
    ) -> ClusterObservation {
        history.observe(
            at,
            patience,
            &self.desired,
            self.leadership.clone(),
            self.acquired,
            self.outstanding.clone(),
        )
    }
}
