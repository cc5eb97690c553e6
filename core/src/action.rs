//! The closed list of effects. An action names the term and the lives that it is meant for, and
//! lists the facts that must still hold when it takes effect; whoever carries it out reads those
//! again and otherwise does nothing.

use crate::{
    ids::{InstanceId, InstanceRef, ResourceVersion, Term},
    observation::{Route, SyncMode},
    record::{Record, Stage},
};
use alloc::{boxed::Box, vec, vec::Vec};
use core::fmt;
use serde::{Deserialize, Serialize};

/// One effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Write the record, if its version is still the one read.
    WriteRecord {
        /// The version read; `None`: there must be none.
        expected: Option<ResourceVersion>,
        /// The new content.
        record: Box<Record>,
        /// Whether it says that the target, in the life that it names, was read as a replica after
        /// the last gateway let go: then that is read once more just before.
        reads_target: bool,
    },
    /// Tell gateways where writes go. Takes effect in this process at once, at a gateway with its
    /// next answer.
    SetRoute(Route),
    /// `SET REPLICATION ROLE TO MAIN`.
    Promote {
        /// The instance.
        on: InstanceRef,
        /// The recorded term.
        term: Term,
    },
    /// `SET REPLICATION ROLE TO REPLICA`: erases its registrations (MR 1.2).
    Demote {
        /// The instance.
        on: InstanceRef,
        /// The recorded term.
        term: Term,
    },
    /// `REGISTER REPLICA` on the main: the replica obeys it from then on, and is checked (MR 3.1).
    Register {
        /// The main.
        on: InstanceRef,
        /// The replica.
        replica: InstanceRef,
        /// How commits treat it.
        mode: SyncMode,
        /// The recorded term.
        term: Term,
    },
    /// `DROP REPLICA` on the main.
    Drop {
        /// The main.
        on: InstanceRef,
        /// Whose registration.
        replica: InstanceId,
        /// The recorded term.
        term: Term,
    },
    /// A write on the main that leaves nothing behind.
    Commit {
        /// The main.
        on: InstanceRef,
        /// The recorded term.
        term: Term,
        /// Replicas whose lives must read the same before and after.
        proves: Vec<InstanceRef>,
        /// Whether no client's transaction can be open while it runs.
        drained: bool,
    },
}

/// A fact that is read again just before an action takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precondition {
    /// This process still holds the lease, by its own clock.
    LeaseHeld,
    /// The record still has this version (checked by the API server itself).
    RecordVersion(Option<ResourceVersion>),
    /// The record, as last read by this process, still has this term.
    RecordTerm(Term),
    /// The life that answers on the connection of the command is this one.
    Lives(InstanceRef),
    /// It is a main.
    IsMain(InstanceId),
    /// It is a replica.
    IsReplica(InstanceId),
    /// No grant of an earlier leader or of this process can still be used.
    NobodyForwards,
}

impl Action {
    /// The facts on which the action rests.
    #[must_use]
    pub fn preconditions(&self) -> Vec<Precondition> {
        use Precondition::{IsMain, IsReplica, LeaseHeld, Lives, NobodyForwards, RecordTerm};
        match self {
            Self::WriteRecord { expected, record, reads_target: true } => vec![
                LeaseHeld,
                NobodyForwards,
                Lives(InstanceRef { id: record.target, incarnation: record.incarnation }),
                IsReplica(record.target),
                Precondition::RecordVersion(*expected),
            ],
            Self::WriteRecord { expected, .. } => {
                vec![LeaseHeld, Precondition::RecordVersion(*expected)]
            }
            Self::SetRoute(Route::Closed) => vec![],
            Self::SetRoute(Route::Open { term, .. } | Route::Draining { term, .. }) => {
                vec![LeaseHeld, RecordTerm(*term)]
            }
            Self::Promote { on, term } => {
                vec![LeaseHeld, RecordTerm(*term), NobodyForwards, Lives(*on), IsReplica(on.id)]
            }
            Self::Demote { on, term }
            | Self::Drop { on, term, .. }
            | Self::Commit { on, term, .. } => {
                vec![LeaseHeld, RecordTerm(*term), Lives(*on), IsMain(on.id)]
            }
            Self::Register { on, replica, term, .. } => vec![
                LeaseHeld,
                RecordTerm(*term),
                Lives(*on),
                IsMain(on.id),
                Lives(*replica),
                IsReplica(replica.id),
            ],
        }
    }

    /// The instance that is sent a command, if any.
    #[must_use]
    pub const fn addressee(&self) -> Option<InstanceRef> {
        match self {
            Self::WriteRecord { .. } | Self::SetRoute(_) => None,
            Self::Promote { on, .. }
            | Self::Demote { on, .. }
            | Self::Register { on, .. }
            | Self::Drop { on, .. }
            | Self::Commit { on, .. } => Some(*on),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WriteRecord { record, .. } => match record.stage {
                Stage::Intent => write!(
                    f,
                    "record intent main={} term={} ({})",
                    record.target, record.term, record.cause
                ),
                Stage::Withdrawn | Stage::Attached | Stage::Steady => {
                    write!(
                        f,
                        "record {} main={} term={}",
                        record.stage, record.target, record.term
                    )?;
                    for voter in record.voters() {
                        write!(f, " voter={voter}")?;
                    }
                    Ok(())
                }
            },
            Self::SetRoute(Route::Closed) => f.write_str("route writes to nobody"),
            Self::SetRoute(Route::Open { term, main }) => {
                write!(f, "route writes to {main} term={term}")
            }
            Self::SetRoute(Route::Draining { main, .. }) => {
                write!(f, "hold new transactions, let open ones on {main} finish")
            }
            Self::Promote { on, term } => write!(f, "promote {on} term={term}"),
            Self::Demote { on, term } => write!(f, "demote {on} term={term}"),
            Self::Register { on, replica, mode, .. } => {
                write!(f, "register {replica} {mode} on {on}")
            }
            Self::Drop { on, replica, .. } => write!(f, "drop {replica} on {on}"),
            Self::Commit { on, .. } => write!(f, "commit on {on}"),
        }
    }
}
