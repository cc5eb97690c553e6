//! What goes into the fold: samples, the ends of effects, and the bounds that make ages of stamps.

use crate::{
    action::Action,
    ids::InstanceId,
    leadership::Millis,
    observation::{BoltView, PodView, StoredRecord, VolumeView},
    reading::{Age, Why},
};
use serde::{Deserialize, Serialize};

/// How long the fold waits before it calls something suspect or expired, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Patience {
    /// A reading up to this age may be acted on.
    pub fresh_ms: Millis,
    /// Silence up to this length is waited for; a longer one is a loss.
    pub silence_ms: Millis,
    /// A replica state that lasts longer than this is worth a word.
    pub row_suspect_ms: Millis,
    /// A passing replica state that lasts longer than this does not pass by itself.
    pub row_expired_ms: Millis,
    /// How long open transactions may go on in a planned move.
    pub drain_ms: Millis,
    /// How old the last byte from the main may be for a gateway to vouch for it.
    pub witness_ms: Millis,
    /// How long gateways' word outweighs the controller's own view.
    pub witness_limit_ms: Millis,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            fresh_ms: 1_500,
            silence_ms: 3_000,
            row_suspect_ms: 5_000,
            row_expired_ms: 20_000,
            drain_ms: 2_000,
            witness_ms: 1_500,
            witness_limit_ms: 30_000,
        }
    }
}

/// One raw look, or the end of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// The API server's word on a pod.
    Pod {
        /// Whose.
        id: InstanceId,
        /// The pod, or that there is none.
        pod: Option<PodView>,
    },
    /// A probe over Bolt. Ages within are ignored: the fold gives them.
    Bolt {
        /// Whom.
        id: InstanceId,
        /// The answer or the reason for none.
        answer: Result<BoltView, Why>,
    },
    /// The manifest of a volume.
    Volume {
        /// Whose.
        id: InstanceId,
        /// What it says.
        volume: VolumeView,
    },
    /// The record object.
    Record(StoredRecord),
    /// What gateways report: transactions open on the main, and the age of the last byte from it.
    Gateways {
        /// Whether a transaction is open through any of them, or one of them did not answer yet.
        open_transactions: bool,
        /// The youngest last byte.
        last_byte_ms: Option<Millis>,
    },
    /// The end of an effect.
    Outcome {
        /// What was to be done.
        action: Action,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect.
    Done,
    /// A precondition did not hold, so nothing was sent.
    NotSent,
    /// It was refused without effect (a conflict, a busy lock, a role that is already so).
    Refused,
    /// REGISTER Error 3: the history branched off (MR 1.3).
    Branched,
    /// REGISTER Error 5: the replica could not be reached (MR 1.3).
    Unreachable,
    /// No answer: it may have happened, or may happen yet.
    Unknown,
}

impl Patience {
    pub(super) const fn reading(&self, now: Millis, at: Millis) -> Age {
        let age = now.saturating_sub(at);
        if age <= self.fresh_ms {
            Age::Fresh
        } else if age < self.silence_ms {
            Age::Suspect
        } else {
            Age::Expired
        }
    }

    pub(super) const fn silence(&self, now: Millis, since: Millis) -> Age {
        let age = now.saturating_sub(since);
        if age >= self.silence_ms {
            Age::Expired
        } else if age > 0 {
            Age::Suspect
        } else {
            Age::Fresh
        }
    }

    pub(super) const fn row(&self, now: Millis, since: Millis) -> Age {
        let age = now.saturating_sub(since);
        if age < self.row_suspect_ms {
            Age::Fresh
        } else if age < self.row_expired_ms {
            Age::Suspect
        } else {
            Age::Expired
        }
    }
}
