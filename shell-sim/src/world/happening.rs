//! What a step brought about, for traces, counters and audits. Nothing in the world reads it.

use super::{
    Payload,
    client::Fate,
    names::{ClientId, ControllerNo, Kind, MessageId, Place, WriteId},
};
use crate::memgraph::{Rejection, RoleName};
use ha_core::{
    action::Action,
    history::Outcome,
    ids::{GatewayId, InstanceId, Term},
    plan::Plan,
    record::Stage,
};
use std::fmt;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A controller decided.
    Planned {
        /// Which.
        controller: ControllerNo,
        /// What.
        plan: Box<Plan>,
    },
    /// An effect began.
    Sent {
        /// Whose.
        controller: ControllerNo,
        /// What.
        action: Action,
    },
    /// An effect ended, as its controller sees it.
    Ended {
        /// Whose.
        controller: ControllerNo,
        /// What.
        action: Action,
        /// How.
        outcome: Outcome,
    },
    /// A controller learned that it holds the lease.
    Leads(ControllerNo),
    /// A controller may grant although its lease ran out: the others promised.
    GrantsOnPromises(ControllerNo),
    /// The lease changed hands.
    LeaseTaken {
        /// Who wrote it.
        by: Place,
        /// Whether it was given up.
        released: bool,
    },
    /// A write of the lease met another version.
    LeaseConflict(Place),
    /// The record was written.
    RecordWritten {
        /// The term in it.
        term: Term,
        /// The stage in it.
        stage: Stage,
        /// Whether term or stage are new.
        first: bool,
    },
    /// A write of the record met another version.
    RecordConflict(Place),
    /// A command reached an instance.
    Landed {
        /// Which instance.
        on: InstanceId,
        /// Which command.
        kind: Kind,
        /// Whether its sender no longer waited for it.
        late: bool,
        /// Whether it dropped a registration with nothing behind it.
        phantom: bool,
    },
    /// A process started.
    ProcessStarted(InstanceId),
    /// A process ended.
    ProcessEnded(InstanceId),
    /// Clients can connect.
    BoltOpen(InstanceId),
    /// A running process changed its role.
    RoleChanged(InstanceId, RoleName),
    /// A request arrived at an instance.
    RpcReceived {
        /// What it was.
        kind: Kind,
        /// Who sent it.
        from: Place,
        /// Who received it.
        to: InstanceId,
    },
    /// A main committed.
    Committed(InstanceId, Payload),
    /// A main gave a transaction up.
    Aborted(InstanceId),
    /// A replica keeps a transaction until the decision.
    Prepared(InstanceId, Payload),
    /// A replica dropped the transaction it kept.
    Discarded(InstanceId),
    /// A replica applied a transaction.
    Applied(InstanceId, Payload),
    /// A log was replaced as a whole.
    Replaced(InstanceId),
    /// The data of an instance was set aside.
    SetAside(InstanceId),
    /// A gateway took a grant.
    Granted {
        /// Which gateway.
        gateway: GatewayId,
        /// The reign.
        term: Term,
        /// The main.
        main: InstanceId,
    },
    /// A gateway closed what it had opened under a grant.
    Withdrawn {
        /// Which gateway.
        gateway: GatewayId,
        /// The reign.
        term: Term,
        /// The main.
        main: InstanceId,
    },
    /// A gateway forwarded a statement of a client.
    Forwarded {
        /// Which gateway.
        gateway: GatewayId,
        /// To whom.
        main: InstanceId,
        /// Whose.
        client: ClientId,
    },
    /// A gateway acknowledged a withdrawal, or the end of its last open transaction.
    Acknowledged {
        /// To whom.
        controller: ControllerNo,
        /// Which gateway.
        gateway: GatewayId,
    },
    /// A client was told of a write.
    Told(WriteId, Fate),
    /// A message was lost.
    Lost(MessageId),
    /// An instance was given something that made no sense: a mistake of the world.
    Rejected(InstanceId, Rejection),
}

const fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::NotSent => "not sent",
        Outcome::Refused => "refused",
        Outcome::Branched => "refused: branched off",
        Outcome::Unreachable => "refused: unreachable",
        Outcome::Unknown => "unknown",
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned { controller, plan } => {
                write!(f, "plan {controller} {} steps", plan.steps.len())
            }
            Self::Sent { controller, action } => write!(f, "begin {controller} {action}"),
            Self::Ended { controller, action, outcome } => {
                write!(f, "end {controller} {action}: {}", outcome_word(*outcome))
            }
            Self::Leads(controller) => write!(f, "leads {controller}"),
            Self::GrantsOnPromises(controller) => write!(f, "grants-on-promises {controller}"),
            Self::LeaseTaken { by, released: false } => write!(f, "lease taken {by}"),
            Self::LeaseTaken { by, released: true } => write!(f, "lease released {by}"),
            Self::LeaseConflict(by) => write!(f, "lease conflict {by}"),
            Self::RecordWritten { term, stage, .. } => write!(f, "record {stage} term={term}"),
            Self::RecordConflict(by) => write!(f, "record conflict {by}"),
            Self::Landed { on, kind, late, phantom } => {
                write!(f, "landed {} {on}", kind.word())?;
                f.write_str(if *late { " late" } else { "" })?;
                f.write_str(if *phantom { " phantom" } else { "" })
            }
            Self::ProcessStarted(id) => write!(f, "started {id}"),
            Self::ProcessEnded(id) => write!(f, "ended {id}"),
            Self::BoltOpen(id) => write!(f, "bolt-open {id}"),
            Self::RoleChanged(id, role) => write!(f, "role {id} {}", role.as_str()),
            Self::RpcReceived { kind, from, to } => {
                write!(f, "rpc-received {} {from} {to}", kind.word())
            }
            Self::Committed(id, payload) => write!(f, "committed {id} {payload}"),
            Self::Aborted(id) => write!(f, "aborted {id}"),
            Self::Prepared(id, payload) => write!(f, "prepared {id} {payload}"),
            Self::Discarded(id) => write!(f, "discarded {id}"),
            Self::Applied(id, payload) => write!(f, "applied {id} {payload}"),
            Self::Replaced(id) => write!(f, "replaced {id}"),
            Self::SetAside(id) => write!(f, "set-aside {id}"),
            Self::Granted { gateway, term, main } => {
                write!(f, "granted {gateway} term={term} {main}")
            }
            Self::Withdrawn { gateway, term, main } => {
                write!(f, "withdrawn {gateway} term={term} {main}")
            }
            Self::Forwarded { gateway, main, client } => {
                write!(f, "forwarded {gateway} {main} {client}")
            }
            Self::Acknowledged { controller, gateway } => {
                write!(f, "acknowledged {controller} {gateway}")
            }
            Self::Told(write, fate) => write!(f, "{fate} {write}"),
            Self::Lost(message) => write!(f, "lost {message}"),
            Self::Rejected(id, why) => write!(f, "rejected {id} {why}"),
        }
    }
}
