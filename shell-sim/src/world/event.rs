//! The closed list of what may happen to the world. Its text form is part of schedules.

use super::{
    act::Act,
    client::Next,
    names::{ClientId, ControllerNo, MessageId, Place, WriteId},
    network::Cut,
};
use crate::memgraph::ReplicaName;
use ha_core::{
    ids::{GatewayId, InstanceId},
    leadership::Millis,
};
use serde::{Deserialize, Serialize};

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Event {
    /// Time passes.
    Advance(Millis),
    /// A message arrives.
    Deliver(MessageId),
    /// A message is lost.
    Fail(MessageId),
    /// The sender of a request between instances stops waiting; the request may still land.
    Overdue(MessageId),
    /// A direction between two places stops carrying.
    Cut(Place, Place, Cut),
    /// A direction between two places carries again.
    Heal(Place, Place),

    /// A process of an instance ends by itself.
    Crash(InstanceId),
    /// A process of an instance starts.
    Start(InstanceId),
    /// A pod is marked for deletion.
    MarkDeleted(InstanceId),
    /// A pod goes, in grace or by force.
    RemovePod(InstanceId),
    /// A pod is made anew, with or without an address at first.
    CreatePod(InstanceId, bool),
    /// A pod gets its address.
    AssignAddress(InstanceId),
    /// A node loses power; of the log at least so many entries stay.
    PowerLoss(InstanceId, usize),
    /// A node boots.
    PowerOn(InstanceId),
    /// A volume is lost.
    Wipe(InstanceId),
    /// A main's heartbeat timer for one replica fires.
    Beat(InstanceId, ReplicaName),
    /// Something else takes the instance's lock, or leaves it.
    Busy(InstanceId, bool),

    /// A controller process starts.
    StartController(ControllerNo),
    /// A controller process ends.
    CrashController(ControllerNo),
    /// A controller reads the pods.
    ReadPods(ControllerNo),
    /// A controller reads the record, so many versions behind.
    ReadRecord(ControllerNo, u8),
    /// A controller reads the lease, so many versions behind.
    ReadLease(ControllerNo, u8),
    /// A controller renews the lease, or campaigns for it.
    Renew(ControllerNo),
    /// A controller gives the lease up.
    Release(ControllerNo),
    /// A controller asks every other one for a promise.
    AskPeers(ControllerNo),
    /// A controller looks at an instance.
    Probe(ControllerNo, InstanceId),
    /// A controller decides.
    Decide(ControllerNo),
    /// A controller carries out the next step of its plan.
    Effect(ControllerNo),
    /// A controller stops waiting for an effect; it may happen yet.
    GiveUp(ControllerNo),

    /// A gateway asks for a grant.
    Ask(GatewayId),
    /// A gateway process ends and another one starts.
    RestartGateway(GatewayId),

    /// A process takes no step from now on; its clocks run on.
    Freeze(Place),
    /// A frozen process takes steps again.
    Thaw(Place),
    /// A wall clock jumps by so many milliseconds.
    JumpWall(Place, i64),
    /// A clock runs faster than true time by so many millionths.
    Drift(Place, i32),
    /// The API server stops answering.
    ApiDown,
    /// The API server answers again.
    ApiUp,

    /// A client writes: a new write, or one that was held.
    Write(ClientId, GatewayId, Option<WriteId>),
    /// A client begins a transaction.
    Begin(ClientId, GatewayId),
    /// A client goes on with its transaction.
    GoOn(ClientId, Next),

    /// Somebody deletes the record.
    DeleteRecord,
    /// An operator accepts what this instance lacks, and wants the cluster to go on with it.
    AcceptLoss(InstanceId),
    /// An operator wants the data that this instance has now set aside.
    Reset(InstanceId),
    /// The same, and what was set aside there last in its place.
    RestoreAside(InstanceId),
    /// An operator orders a switchover, to somebody or to anybody.
    Switchover(Option<InstanceId>),
    /// An operator pauses the controllers, or ends the pause.
    Pause(bool),

    /// Something is done to the cluster past its controllers.
    Act(Act),
}
