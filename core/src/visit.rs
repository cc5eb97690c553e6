//! Walks every identity and every moment in a value, in a fixed order, and may replace each: so
//! that a model can tell states apart by their shape alone. It knows where such things stand, and
//! nothing of what they mean.

use crate::{
    action::Action,
    ids::{
        BootId, ControllerId, DatabaseUuid, GatewayId, Incarnation, InstanceRef, PodUid, RequestId,
        ResourceVersion, StartId, Term, VolumeId,
    },
    leadership::{LeaseSample, Millis},
    observation::{BoltView, Memory, OwnCommit, PodView, Registration, Route, StoredRecord},
    record::{Aside, Before, Cause, Member, Proof, Record},
};
use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

/// What a stamp is the moment of. All but the two ends lie in the past of the clock they stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// A controller process started.
    Started,
    /// The present value of the lease was first read.
    LeaseSeen,
    /// The lease was last read.
    LeaseRead,
    /// The last value of the lease that another process wrote was first read.
    LeaseOfOthers,
    /// The last renewal that was confirmed was sent.
    Renewed,
    /// The lease was acquired.
    Acquired,
    /// A promise to promote nobody was given.
    Promised,
    /// A question to another controller was sent that it answered.
    PeerAsked,
    /// Another controller was first known to have ended.
    PeerGone,
    /// The last grant to a gateway may be alive until then.
    GrantMayEnd,
    /// The record was read, or what was written and confirmed was sent.
    RecordRead,
    /// A pod was read.
    PodRead,
    /// An instance answered over Bolt.
    Answered,
    /// A volume's manifest was read.
    VolumeRead,
    /// An instance was first not reached.
    Unreached,
    /// A row came into its state.
    RowState,
    /// A row came to be as far behind as it is.
    RowBehind,
    /// The route that is handed out was set.
    RouteSet,
    /// The last byte from the main arrived.
    LastByte,
    /// An effect or a write of the lease was sent.
    Sent,
    /// A gateway sent its latest question.
    Asked,
    /// A gateway's grant was void.
    Voided,
    /// A gateway's grant ends then.
    GrantEnds,
}

/// Which object a version is of. Versions are compared within one object only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// The record.
    Record,
    /// The lease.
    Lease,
}

/// What is done with each identity and each moment. Equal identities must stay equal and different
/// ones different; terms, versions, questions and moments must keep their order.
pub trait Visitor {
    /// A pod's uid.
    fn pod(&mut self, id: &mut PodUid);
    /// A start of a process.
    fn start(&mut self, id: &mut StartId);
    /// A run of the kernel below a volume.
    fn boot(&mut self, id: &mut BootId);
    /// A volume.
    fn volume(&mut self, id: &mut VolumeId);
    /// A database.
    fn database(&mut self, id: &mut DatabaseUuid);
    /// A controller process.
    fn controller(&mut self, id: &mut ControllerId);
    /// A pod's address.
    fn address(&mut self, address: &mut IpAddr);
    /// A request of an operator.
    fn request(&mut self, id: &mut RequestId);
    /// A term.
    fn term(&mut self, term: &mut Term);
    /// A version of an object.
    fn version(&mut self, of: Object, version: &mut ResourceVersion);
    /// The number of a gateway's question.
    fn question(&mut self, of: GatewayId, number: &mut u64);
    /// A moment on the monotonic clock of the machine that is visited.
    fn moment(&mut self, what: Moment, at: &mut Millis);
    /// A moment on the wall clock of the machine that is visited.
    fn wall(&mut self, what: Moment, at: &mut i64);
}

impl Incarnation {
    /// Visits what this life is known by.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.pod(&mut self.pod);
        by.start(&mut self.start);
        by.boot(&mut self.boot);
        by.volume(&mut self.volume);
    }
}

impl InstanceRef {
    /// Visits the life.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.incarnation.visit(by);
    }
}

impl PodView {
    /// Visits the pod.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.pod(&mut self.uid);
        if let Some(address) = &mut self.address {
            by.address(address);
        }
    }
}

impl BoltView {
    /// Visits the life and the database of an answer.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.incarnation.visit(by);
        if let Some(database) = &mut self.database {
            by.database(database);
        }
    }
}

impl Route {
    /// Visits the life that writes go to.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        match self {
            Self::Closed => {}
            Self::Open { term, main } | Self::Draining { term, main } => {
                by.term(term);
                main.visit(by);
            }
        }
    }
}

impl LeaseSample {
    /// Visits version and holder.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.version(Object::Lease, &mut self.version);
        if let Some(holder) = &mut self.holder {
            by.controller(holder);
        }
        self.members = renamed(core::mem::take(&mut self.members), by);
    }
}

/// A set of controllers, each visited.
#[must_use]
pub fn renamed(
    mut members: BTreeSet<ControllerId>,
    by: &mut impl Visitor,
) -> BTreeSet<ControllerId> {
    let mut each: Vec<ControllerId> = core::mem::take(&mut members).into_iter().collect();
    each.iter_mut().for_each(|id| by.controller(id));
    members.extend(each);
    members
}

impl Proof {
    /// Visits both lives.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.main.visit(by);
        self.replica.visit(by);
    }
}

impl Member {
    /// Visits the proof.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        if let Some(proof) = &mut self.proof {
            proof.visit(by);
        }
    }
}

impl Before {
    /// Visits the life.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.incarnation.visit(by);
    }
}

impl Record {
    /// Visits every life and every request that it names.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.term(&mut self.term);
        if let Cause::Switchover { request: Some(request) } = &mut self.cause {
            by.request(request);
        }
        if let Cause::Accepted { request } = &mut self.cause {
            by.request(request);
        }
        let requests = [&mut self.answered, &mut self.accepted, &mut self.ordered];
        for request in requests.into_iter().flatten() {
            by.request(request);
        }
        self.incarnation.visit(by);
        self.members.values_mut().for_each(|member| member.visit(by));
        if let Some(before) = &mut self.before {
            before.visit(by);
        }
        for reset in self.resets.values_mut() {
            by.volume(&mut reset.volume);
            by.term(&mut reset.term);
            if let Some(request) = &mut reset.by {
                by.request(request);
            }
            if let Some(Aside::Of(volume)) = &mut reset.restores {
                by.volume(volume);
            }
        }
    }
}

impl StoredRecord {
    /// Visits version and content.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        if let Some(version) = &mut self.version {
            by.version(Object::Record, version);
        }
        if let Some(record) = self.record_mut() {
            record.visit(by);
        }
    }
}

impl Action {
    /// Visits the lives that it is meant for, and what it writes.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        match self {
            Self::WriteRecord { expected, record, .. } => {
                if let Some(version) = expected {
                    by.version(Object::Record, version);
                }
                record.visit(by);
            }
            Self::SetRoute(route) => route.visit(by),
            Self::Promote { on, term }
            | Self::Demote { on, term }
            | Self::SetAside { on, term }
            | Self::Drop { on, term, .. } => {
                by.term(term);
                on.visit(by);
            }
            Self::Register { on, replica, term, .. } => {
                by.term(term);
                on.visit(by);
                replica.visit(by);
            }
            Self::Commit { on, term, proves, .. } => {
                by.term(term);
                on.visit(by);
                proves.iter_mut().for_each(|replica| replica.visit(by));
            }
        }
    }
}

impl Registration {
    /// Visits both lives.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.term(&mut self.term);
        self.main.visit(by);
        self.replica.visit(by);
    }
}

impl OwnCommit {
    /// Visits every life.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        by.term(&mut self.term);
        self.main.visit(by);
        self.replicas.values_mut().for_each(|life| life.visit(by));
    }
}

impl Memory {
    /// Visits every life.
    pub fn visit(&mut self, by: &mut impl Visitor) {
        self.registered.values_mut().for_each(|made| made.visit(by));
        if let Some(commit) = &mut self.commit {
            commit.visit(by);
        }
    }
}
