//! The transitions of the model, one name each: what somebody does in one go. What each of them is
//! made of is in the world's own events, in the file beside this one.

use ha_core::{
    desired::Durability,
    ids::{GatewayId, InstanceId},
};
use shell_sim::{
    memgraph::ReplicaName,
    world::{ClientId, ControllerNo, MessageId, Place, WriteId},
};
use std::fmt;

/// One transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    /// Time passes; whoever can renews leases and grants meanwhile.
    Tick,
    /// A leader looks at everything and decides.
    Look(ControllerNo),
    /// A controller carries out the next step of its plan.
    Effect(ControllerNo),
    /// A controller takes the lease.
    Campaign(ControllerNo),
    /// A controller process starts.
    StartController(ControllerNo),
    /// A place that stood still goes on.
    Thaw(Place),
    /// A gateway asks every controller, and is answered.
    Poll(GatewayId),
    /// A message arrives.
    Deliver(MessageId),
    /// A message that cannot arrive is given up by its sender.
    Expire(MessageId),
    /// A process of an instance starts.
    Start(InstanceId),
    /// A node boots.
    PowerOn(InstanceId),
    /// A pod is made anew.
    CreatePod(InstanceId),
    /// A main's heartbeats with one replica come to what they come to.
    Beat(InstanceId, ReplicaName),
    /// A cut between two places ends.
    Heal(Place, Place),
    /// The API server answers again.
    ApiUp,
    /// A client tries a write again that was held.
    Retry(ClientId, WriteId),

    /// A client writes something new.
    Write(ClientId),
    /// A process of an instance ends.
    Crash(InstanceId),
    /// A node loses power; of the log so many entries stay.
    Power(InstanceId, usize),
    /// Two nodes lose power at once; of each log so many entries stay.
    Both((InstanceId, usize), (InstanceId, usize)),
    /// A pod is taken away.
    RemovePod(InstanceId),
    /// A pod is marked for deletion.
    Mark(InstanceId),
    /// A process ends and its volume is lost.
    LoseVolume(InstanceId),
    /// A node is lost for good, and its instance with it.
    LoseNode(InstanceId),
    /// A controller process ends.
    CrashController(ControllerNo),
    /// A process stands still.
    Freeze(Place),
    /// A controller stands still, and with it the target that it waits for.
    FreezeTogether(ControllerNo, InstanceId),
    /// A controller stops waiting for an effect that may happen yet.
    GiveUp(ControllerNo),
    /// Two places do not reach each other.
    Cut(Place, Place),
    /// The API server is gone.
    ApiDown,
    /// A message is lost.
    Lose(MessageId),
    /// A message arrives, and the answer to it is lost.
    DeliverUnanswered(MessageId),
    /// An operator orders a switchover.
    Switchover,
    /// An operator orders a switchover to one instance.
    Order(InstanceId),
    /// An operator accepts what an instance lacks.
    Accept(InstanceId),
    /// Operators want this promise.
    Promise(Durability),
    /// A leader gives its lease up.
    Release(ControllerNo),
    /// A leader gives its lease up, and does not hear that it did.
    ReleaseUnheard(ControllerNo),
    /// A leader looks at everything but one instance, and decides.
    Glance(ControllerNo, InstanceId),
    /// Time passes for everybody but the clock of one place.
    LoseTick(Place),
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => f.write_str("time passes"),
            Self::Look(no) => write!(f, "{no} looks and decides"),
            Self::Effect(no) => write!(f, "{no} takes its next step"),
            Self::Campaign(no) => write!(f, "{no} takes the lease"),
            Self::StartController(no) => write!(f, "{no} starts"),
            Self::Thaw(place) => write!(f, "{place} goes on"),
            Self::Poll(id) => write!(f, "{id} asks"),
            Self::Deliver(id) => write!(f, "{id} arrives"),
            Self::Expire(id) => write!(f, "{id} is given up"),
            Self::Start(id) => write!(f, "{id} starts"),
            Self::PowerOn(id) => write!(f, "{id} has power again"),
            Self::CreatePod(id) => write!(f, "{id} has a pod again"),
            Self::Beat(id, name) => write!(f, "{id} and {name} exchange heartbeats"),
            Self::Heal(one, other) => write!(f, "{one} and {other} reach each other again"),
            Self::ApiUp => f.write_str("the API server answers again"),
            Self::Retry(client, write) => write!(f, "{client} tries {write} again"),
            Self::Write(client) => write!(f, "{client} writes"),
            Self::Crash(id) => write!(f, "{id} crashes"),
            Self::Power(id, keep) => write!(f, "{id} loses power, {keep} entries stay"),
            Self::Both((one, kept), (other, left)) => {
                write!(f, "{one} and {other} lose power, {kept} and {left} entries stay")
            }
            Self::RemovePod(id) => write!(f, "{id} loses its pod"),
            Self::Mark(id) => write!(f, "{id} is marked for deletion"),
            Self::LoseVolume(id) => write!(f, "{id} loses its volume"),
            Self::LoseNode(id) => write!(f, "{id} is lost for good with its node"),
            Self::CrashController(no) => write!(f, "{no} crashes"),
            Self::Freeze(place) => write!(f, "{place} stands still"),
            Self::FreezeTogether(no, id) => write!(f, "{no} and {id} stand still"),
            Self::GiveUp(no) => write!(f, "{no} waits no longer"),
            Self::Cut(one, other) => write!(f, "{one} and {other} are cut off from each other"),
            Self::ApiDown => f.write_str("the API server is gone"),
            Self::Lose(id) => write!(f, "{id} is lost"),
            Self::DeliverUnanswered(id) => write!(f, "{id} arrives, its answer is lost"),
            Self::Switchover => f.write_str("an operator orders a switchover"),
            Self::Order(to) => write!(f, "an operator orders a switchover to {to}"),
            Self::Accept(id) => write!(f, "an operator accepts what {id} lacks"),
            Self::Promise(durability) => write!(f, "durability {durability} is wanted"),
            Self::Release(no) => write!(f, "{no} gives the lease up"),
            Self::ReleaseUnheard(no) => write!(f, "{no} gives the lease up, its answer is lost"),
            Self::Glance(no, id) => write!(f, "{no} looks at all but {id} and decides"),
            Self::LoseTick(place) => write!(f, "time passes, but not on the clock of {place}"),
        }
    }
}

impl Act {
    /// Who makes it: transitions of one class are due to one actor, who may not be put off for ever.
    pub(super) fn class(self) -> u8 {
        let instance = |id: InstanceId| id.0 & 3;
        let controller = |no: ControllerNo| no.0 & 1;
        let pair = |one: Place, other: Place| match (one, other) {
            (Place::Instance(one), Place::Instance(other)) => instance(one) * 4 + instance(other),
            (Place::Controller(no), Place::Instance(id)) => 16 + controller(no) * 4 + instance(id),
            (Place::Controller(no), _) => 24 + controller(no),
            (Place::Gateway(_), Place::Instance(id)) => 26 + instance(id),
            (Place::Instance(id), _) => 30 + instance(id),
            (Place::Gateway(_) | Place::Api, _) => 34,
        };
        match self {
            Self::Tick => 0,
            Self::Look(no) => 1 + controller(no),
            Self::Effect(no) | Self::GiveUp(no) => 3 + controller(no),
            Self::Campaign(no) => 5 + controller(no),
            Self::StartController(no) => 7 + controller(no),
            Self::Thaw(Place::Controller(no)) => 9 + controller(no),
            Self::Thaw(_) => 11,
            Self::Poll(id) => 12 + (id.0 & 1) as u8,
            Self::Start(id) => 14 + instance(id),
            Self::PowerOn(id) => 18 + instance(id),
            Self::CreatePod(id) => 22 + instance(id),
            Self::Beat(id, name) => 26 + instance(id) * 4 + (name.0 & 3) as u8,
            Self::Heal(..) => 42,
            Self::ApiUp => 43,
            Self::Retry(..) => 44,
            Self::Deliver(id) if id.answer => 45 + pair(id.from, id.to),
            Self::Deliver(id) => 80 + pair(id.from, id.to),
            Self::Expire(_) => 115,
            Self::RemovePod(id) => 117 + instance(id),
            Self::Write(_)
            | Self::Crash(_)
            | Self::Power(..)
            | Self::Both(..)
            | Self::Mark(_)
            | Self::LoseVolume(_)
            | Self::LoseNode(_)
            | Self::CrashController(_)
            | Self::Freeze(_)
            | Self::FreezeTogether(..)
            | Self::Cut(..)
            | Self::ApiDown
            | Self::Lose(_)
            | Self::DeliverUnanswered(_)
            | Self::Switchover
            | Self::Order(_)
            | Self::Accept(_)
            | Self::Promise(_)
            | Self::Release(_)
            | Self::ReleaseUnheard(_)
            | Self::Glance(..)
            | Self::LoseTick(_) => 116,
        }
    }
}
