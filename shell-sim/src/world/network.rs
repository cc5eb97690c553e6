//! Messages in flight, connections and cuts. It knows who may hear whom and which process a
//! connection belongs to; what a message does on arrival is decided elsewhere.

use super::{
    Payload,
    names::{Kind, Link, MessageId, Place},
};
use crate::memgraph::{self, Rpc, RpcFailure, RpcId, RpcResponse, Session, Statement};
use ha_core::{
    action::Action,
    grant,
    ids::{ControllerId, InstanceId, InstanceRef, ResourceVersion, StartId},
    leadership::{LeaseSample, Millis, Word},
    record::Record,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a cut link behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cut {
    /// Refuses at once.
    Refuse,
    /// Swallows everything.
    Silent,
}

/// A gateway's question, with what it took last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// The question.
    pub question: grant::Question,
    /// The number of the question whose answer this gateway process took last.
    pub accepted: Option<u64>,
}

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Body {
    /// A request between instances.
    Rpc {
        /// Its id.
        id: RpcId,
        /// The request.
        request: Rpc<Payload>,
        /// The process it was sent to; none if nobody listened there.
        receiver: Option<StartId>,
        /// Whether the sender still waits.
        awaited: bool,
    },
    /// The answer to one; its receiver is the process that asked.
    RpcAnswer {
        /// The id of the request.
        id: RpcId,
        /// The answer.
        answer: Result<RpcResponse, RpcFailure>,
    },
    /// A controller's command.
    Command {
        /// Its connection.
        session: Session,
        /// What it does.
        action: Box<Action>,
    },
    /// A client's statement.
    Request {
        /// Its connection.
        session: Session,
        /// The statement.
        statement: Statement<Payload>,
    },
    /// An instance's answer to either.
    Answer {
        /// Its connection.
        session: Session,
        /// The answer.
        answer: memgraph::Answer,
    },
    /// An instance's end of a connection was closed.
    Close {
        /// The connection.
        session: Session,
    },
    /// A write of the record.
    RecordWrite {
        /// The process that wrote it.
        by: ControllerId,
        /// Which write of that process.
        ticket: u32,
        /// The version to compare with.
        expected: Option<ResourceVersion>,
        /// The new content.
        record: Box<Record>,
    },
    /// An order to set data aside.
    SetAside {
        /// The process that sent it.
        by: ControllerId,
        /// Which write of that process.
        ticket: u32,
        /// Whose data, below which life.
        on: InstanceRef,
    },
    /// The API server's word on a write of the record, or on an order: a version, or none where it
    /// had no effect.
    RecordAnswer {
        /// Which write.
        ticket: u32,
        /// The new version.
        version: Option<ResourceVersion>,
    },
    /// A write of the lease.
    LeaseWrite {
        /// The process that wrote it.
        by: ControllerId,
        /// The version to compare with.
        expected: Option<ResourceVersion>,
        /// Whether it gives the lease up instead of taking it.
        release: bool,
        /// Whom it names.
        members: BTreeSet<ControllerId>,
        /// When it was sent, on the sender's clock.
        sent: Millis,
    },
    /// The API server's word on a write of the lease: its new value, or none for a conflict.
    LeaseAnswer {
        /// When the write was sent.
        sent: Millis,
        /// What the lease says now.
        lease: Option<LeaseSample>,
    },
    /// A controller asks another one for a promise.
    PeerQuestion {
        /// Who asks.
        by: ControllerId,
        /// When, on its clock.
        sent: Millis,
    },
    /// The other one's word.
    PeerAnswer {
        /// Whose it is.
        from: ControllerId,
        /// When the question was sent.
        sent: Millis,
        /// What it says.
        word: Word,
    },
    /// A question of a gateway.
    Question(Asked),
    /// An answer to it.
    GrantAnswer(grant::Answer),
}

impl Body {
    /// The connection it travels on, if it is one of Bolt.
    #[must_use]
    pub const fn session(&self) -> Option<Session> {
        match self {
            Self::Command { session, .. }
            | Self::Request { session, .. }
            | Self::Answer { session, .. }
            | Self::Close { session } => Some(*session),
            Self::Rpc { .. }
            | Self::RpcAnswer { .. }
            | Self::RecordWrite { .. }
            | Self::SetAside { .. }
            | Self::RecordAnswer { .. }
            | Self::LeaseWrite { .. }
            | Self::LeaseAnswer { .. }
            | Self::PeerQuestion { .. }
            | Self::PeerAnswer { .. }
            | Self::Question(_)
            | Self::GrantAnswer(_) => None,
        }
    }
}

/// A Bolt connection to one process of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Connection {
    /// Who opened it.
    pub from: Place,
    /// The instance.
    pub to: InstanceId,
    /// What is asked on it.
    pub kind: Kind,
    /// Whether the opener gave it up while something it sent was still under way.
    pub closed: bool,
    /// Whether the process it belongs to ended: whatever is sent on it goes nowhere.
    pub ended: bool,
}

/// Everything between the places.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Network {
    /// Links that do not carry.
    pub cuts: BTreeMap<Link, Cut>,
    /// What is under way.
    pub messages: BTreeMap<MessageId, Body>,
    /// Open Bolt connections.
    pub connections: BTreeMap<Session, Connection>,
}

impl Network {
    /// Why nothing gets from one place to another, if so.
    #[must_use]
    pub fn cut(&self, from: Place, to: Place) -> Option<Cut> {
        if self.cuts.is_empty() { None } else { self.cuts.get(&Link { from, to }).copied() }
    }

    /// Why no connection can be opened between two places, if so.
    #[must_use]
    pub fn cut_either_way(&self, one: Place, other: Place) -> Option<Cut> {
        // A direction that swallows makes the whole attempt silent, whatever the other one does.
        match (self.cut(one, other), self.cut(other, one)) {
            (None, None) => None,
            (Some(Cut::Refuse), _) | (None, Some(Cut::Refuse)) => Some(Cut::Refuse),
            (Some(Cut::Silent), _) | (None, Some(Cut::Silent)) => Some(Cut::Silent),
        }
    }

    pub(super) fn send(
        &mut self,
        kind: Kind,
        answer: bool,
        from: Place,
        to: Place,
        body: Body,
    ) -> MessageId {
        let mut id = MessageId { kind, answer, from, to, number: 0 };
        let last = MessageId { number: u8::MAX, ..id };
        if let Some((latest, _)) = self.messages.range(id..=last).next_back() {
            id.number = latest.number.saturating_add(1);
        }
        self.messages.insert(id, body);
        id
    }

    /// Opens a connection to the running process of `to`, under the smallest free number.
    pub(super) fn connect(&mut self, from: Place, to: InstanceId, kind: Kind) -> Session {
        let mut free = 0;
        for session in self.connections.keys() {
            if session.0 != free {
                break;
            }
            free += 1;
        }
        let session = Session(free);
        self.connections
            .insert(session, Connection { from, to, kind, closed: false, ended: false });
        session
    }

    /// What follows a lost request on its connection cannot arrive either.
    pub(super) fn break_off(&mut self, session: Session) {
        self.messages.retain(|_, body| {
            !matches!(body, Body::Command { session: on, .. } | Body::Request { session: on, .. }
                if *on == session)
        });
    }

    /// Whether a request on this connection is still on its way to the instance.
    pub(super) fn has_request(&self, session: Session) -> bool {
        self.messages.values().any(|body| {
            matches!(body, Body::Command { session: on, .. } | Body::Request { session: on, .. }
                if *on == session)
        })
    }

    /// Whether an answer on this connection is still on its way back.
    pub(super) fn has_answer(&self, session: Session) -> bool {
        self.messages
            .values()
            .any(|body| matches!(body, Body::Answer { session: on, .. } if *on == session))
    }

    /// The opener hangs up: what was on its way to it is lost. Returns whether the instance can
    /// forget the connection too, because nothing is on its way to it.
    pub(super) fn hang_up(&mut self, session: Session) -> bool {
        self.messages.retain(|_, body| {
            !matches!(body, Body::Answer { session: on, .. } | Body::Close { session: on }
                if *on == session)
        });
        let busy = self.has_request(session);
        if let Some(connection) = self.connections.get_mut(&session) {
            connection.closed = busy;
        }
        !busy
    }

    /// Whether a request of this kind is still on its way, or its answer.
    pub(super) fn is_under_way(&self, kind: Kind, from: Place, to: Place) -> bool {
        self.messages.keys().any(|id| {
            let (asker, asked) = if id.answer { (id.to, id.from) } else { (id.from, id.to) };
            id.kind == kind && (asker, asked) == (from, to)
        })
    }

    /// A process of `place` ended: what was on its way to it is lost.
    pub(super) fn forget_receiver(&mut self, place: Place) {
        self.messages.retain(|id, _| id.to != place);
    }
}

/// The kind of a request between instances.
pub(super) const fn rpc_kind(request: &Rpc<Payload>) -> Kind {
    match request {
        Rpc::FrequentHeartbeat => Kind::Beat,
        Rpc::Heartbeat { .. } => Kind::Check,
        Rpc::SwapMainUuid { .. } => Kind::Swap,
        Rpc::SystemRecovery { .. } => Kind::System,
        Rpc::PrepareCommit { .. } => Kind::Prepare,
        Rpc::FinalizeCommit { .. } => Kind::Finalize,
        Rpc::Recover { .. } => Kind::Recover,
    }
}
