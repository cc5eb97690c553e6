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
    /// End the pod of an instance whose data is to be set aside, as the record says: its next start
    /// does it.
    SetAside {
        /// The instance.
        on: InstanceRef,
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

/// What an effect is, whomever it concerns: a write of the record by the stage that it writes, a
/// route by what it lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActionKind {
    /// The record names who is to be main, in a new term.
    RecordIntent,
    /// The record says that nobody forwards.
    RecordWithdrawn,
    /// The record says that the voters are registered and proven.
    RecordAttached,
    /// The record of a steady reign is written.
    RecordSteady,
    /// Writes are let through to the main.
    OpenRoute,
    /// New transactions are held, open ones go on.
    DrainRoute,
    /// No write is let through.
    CloseRoute,
    /// See [`Action::Promote`].
    Promote,
    /// See [`Action::Demote`].
    Demote,
    /// See [`Action::Register`].
    Register,
    /// See [`Action::Drop`].
    Drop,
    /// See [`Action::SetAside`].
    SetAside,
    /// See [`Action::Commit`].
    Commit,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::RecordIntent,
        Self::RecordWithdrawn,
        Self::RecordAttached,
        Self::RecordSteady,
        Self::OpenRoute,
        Self::DrainRoute,
        Self::CloseRoute,
        Self::Promote,
        Self::Demote,
        Self::Register,
        Self::Drop,
        Self::SetAside,
        Self::Commit,
    ];

    /// A write of the record, by the stage that it writes.
    #[must_use]
    pub const fn of_record(stage: Stage) -> Self {
        match stage {
            Stage::Intent => Self::RecordIntent,
            Stage::Withdrawn => Self::RecordWithdrawn,
            Stage::Attached => Self::RecordAttached,
            Stage::Steady => Self::RecordSteady,
        }
    }

    /// Its name, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RecordIntent => "record intent",
            Self::RecordWithdrawn => "record withdrawn",
            Self::RecordAttached => "record attached",
            Self::RecordSteady => "record steady",
            Self::OpenRoute => "open the route",
            Self::DrainRoute => "drain the route",
            Self::CloseRoute => "close the route",
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Register => "register",
            Self::Drop => "drop",
            Self::SetAside => "set data aside",
            Self::Commit => "commit",
        }
    }
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
            Self::SetAside { on, term } => {
                vec![LeaseHeld, RecordTerm(*term), Lives(*on), IsReplica(on.id)]
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

    /// What it is, whomever it concerns.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::WriteRecord { record, .. } => ActionKind::of_record(record.stage),
            Self::SetRoute(Route::Open { .. }) => ActionKind::OpenRoute,
            Self::SetRoute(Route::Draining { .. }) => ActionKind::DrainRoute,
            Self::SetRoute(Route::Closed) => ActionKind::CloseRoute,
            Self::Promote { .. } => ActionKind::Promote,
            Self::Demote { .. } => ActionKind::Demote,
            Self::Register { .. } => ActionKind::Register,
            Self::Drop { .. } => ActionKind::Drop,
            Self::SetAside { .. } => ActionKind::SetAside,
            Self::Commit { .. } => ActionKind::Commit,
        }
    }

    /// The instance that is sent a command, if any.
    #[must_use]
    pub const fn addressee(&self) -> Option<InstanceRef> {
        match self {
            Self::WriteRecord { .. } | Self::SetRoute(_) | Self::SetAside { .. } => None,
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
            Self::SetAside { on, .. } => write!(f, "restart {on} without its data"),
            Self::Commit { on, .. } => write!(f, "commit on {on}"),
        }
    }
}
