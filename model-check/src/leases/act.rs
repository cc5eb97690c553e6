//! What can happen: each is one step.

#![allow(clippy::wildcard_enum_match_arm, reason = "most of what happens has no budget")]

use super::world::PLACES;
use std::fmt;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// A controller reads the lease.
    ReadLease(u8),
    /// A leader reads the record.
    ReadRecord(u8),
    /// A controller sends a renewal, or a write that takes the lease over.
    Write(u8),
    /// A leader gives the lease up.
    Release(u8),
    /// A write of the lease arrives.
    Land(u8),
    /// The write before the one that its sender waits for arrives.
    LandBefore(u8),
    /// A write of the lease arrives, and its confirmation is lost.
    LandUnheard(u8),
    /// Its confirmation arrives.
    Confirm(u8),
    /// A leader stops granting and sends the intent of the next term.
    Intend(u8),
    /// A leader sends that the main of the recorded term was promoted.
    Steady(u8),
    /// A write of the record arrives.
    Record(u8),
    /// Its reply arrives.
    Recorded(u8),
    /// A leader sends the promotion of the recorded term.
    Promote(u8),
    /// A promotion arrives at its instance; the number is its term.
    Promoted(u8),
    /// A controller sends a question to another one.
    Ask(u8, u8),
    /// The question arrives there.
    Asked(u8, u8),
    /// Its answer arrives.
    Told(u8, u8),
    /// A controller learns from the list of pods that a process ended: the number of its start.
    Learn(u8, u8, u8),
    /// The gateway sends a question to a controller.
    GatewayAsks(u8),
    /// The same, and the answer is lost.
    GatewayAsksUnheard(u8),
    /// It arrives there.
    GatewayAsked(u8),
    /// The answer arrives.
    GatewayTold,
    /// A process ends.
    Crash(u8),
    /// A process starts.
    Start(u8),
    /// A controller loses the API server for good.
    Cut(u8),
    /// Everybody does.
    Outage,
    /// A tick passes.
    Tick,
    /// A tick passes that one clock does not count: that of a controller, or of the gateway.
    SlowTick(u8),
}

/// What comes from outside and has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// A failover begins.
    Failover,
    /// A process ends.
    Crash,
    /// A leader gives its lease up.
    Release,
    /// A clock loses a tick.
    Slow,
    /// A controller loses the API server for good.
    Cut,
    /// Everybody loses it.
    Outage,
}

pub(super) const KINDS: usize = 6;

impl Outside {
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl Act {
    /// What of the budget it takes.
    pub(super) const fn outside(self) -> Option<Outside> {
        match self {
            Self::Intend(_) => Some(Outside::Failover),
            Self::Crash(_) => Some(Outside::Crash),
            Self::Release(_) => Some(Outside::Release),
            Self::SlowTick(_) => Some(Outside::Slow),
            Self::Cut(_) => Some(Outside::Cut),
            Self::Outage => Some(Outside::Outage),
            _ => None,
        }
    }

    /// Who moves, for fairness.
    pub(super) const fn class(self) -> u8 {
        let (kind, who) = match self {
            Self::Tick | Self::SlowTick(_) | Self::Outage => (0, 0),
            Self::ReadLease(no) => (1, no),
            Self::ReadRecord(no) => (2, no),
            Self::Write(no) | Self::Release(no) => (3, no),
            Self::Land(no) | Self::LandUnheard(no) | Self::LandBefore(no) => (4, no),
            Self::Confirm(no) => (5, no),
            Self::Intend(no) | Self::Steady(no) => (6, no),
            Self::Record(no) => (7, no),
            Self::Recorded(no) => (8, no),
            Self::Promote(no) => (9, no),
            Self::Promoted(_) => (10, 0),
            Self::Learn(no, ..) => (11, no),
            Self::Crash(no) | Self::Start(no) | Self::Cut(no) => (12, no),
            Self::GatewayAsks(_)
            | Self::GatewayAsksUnheard(_)
            | Self::GatewayAsked(_)
            | Self::GatewayTold => (13, 0),
            Self::Ask(no, of) => (14 + of, no),
            Self::Asked(no, of) => (17 + of, no),
            Self::Told(no, of) => (20 + of, no),
        };
        kind * PLACES as u8 + who
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadLease(no) => write!(f, "ct-{no} reads the lease"),
            Self::ReadRecord(no) => write!(f, "ct-{no} reads the record"),
            Self::Write(no) => write!(f, "ct-{no} sends a write of the lease"),
            Self::Release(no) => write!(f, "ct-{no} gives the lease up and sends that"),
            Self::Land(no) => write!(f, "the write of the lease from ct-{no} arrives"),
            Self::LandBefore(no) => write!(f, "an earlier write of the lease from ct-{no} arrives"),
            Self::LandUnheard(no) => {
                write!(
                    f,
                    "the write of the lease from ct-{no} arrives, and its confirmation is lost"
                )
            }
            Self::Confirm(no) => write!(f, "ct-{no} hears that the lease was written"),
            Self::Intend(no) => write!(f, "ct-{no} stops granting and sends an intent"),
            Self::Steady(no) => write!(f, "ct-{no} sends that the new main may be written to"),
            Self::Record(no) => write!(f, "the write of the record from ct-{no} arrives"),
            Self::Recorded(no) => write!(f, "ct-{no} hears that the record was written"),
            Self::Promote(no) => write!(f, "ct-{no} sends the promotion"),
            Self::Promoted(term) => write!(f, "the promotion of term {term} arrives"),
            Self::Ask(no, of) => write!(f, "ct-{no} asks ct-{of} for a promise"),
            Self::Asked(no, of) => write!(f, "the question of ct-{no} arrives at ct-{of}"),
            Self::Told(no, of) => write!(f, "the answer of ct-{of} arrives at ct-{no}"),
            Self::Learn(no, of, nth) => {
                write!(f, "ct-{no} finds no pod of process {nth} of ct-{of}")
            }
            Self::GatewayAsks(no) => write!(f, "the gateway asks ct-{no}"),
            Self::GatewayAsksUnheard(no) => {
                write!(f, "the gateway asks ct-{no}, and the answer is lost")
            }
            Self::GatewayAsked(no) => write!(f, "the gateway's question arrives at ct-{no}"),
            Self::GatewayTold => write!(f, "the answer arrives at the gateway"),
            Self::Crash(no) => write!(f, "the process of ct-{no} ends"),
            Self::Start(no) => write!(f, "ct-{no} starts"),
            Self::Cut(no) => write!(f, "ct-{no} loses the API server for good"),
            Self::Outage => write!(f, "the API server is gone for good"),
            Self::Tick => write!(f, "a tick passes"),
            Self::SlowTick(no) if usize::from(*no) == PLACES => {
                write!(f, "a tick passes, and the gateway's clock stands still")
            }
            Self::SlowTick(no) => write!(f, "a tick passes, and the clock of ct-{no} stands still"),
        }
    }
}
