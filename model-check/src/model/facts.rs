//! What the transitions of a world depend on: who takes steps, who is reached, and which messages
//! are never seen under way.

use crate::canonical::Grain;
use ha_core::{ids::InstanceId, observation::Route};
use shell_sim::{
    memgraph::{Purpose, ReplicaName},
    world::{ControllerNo, Kind, MessageBody, MessageId, Place, World},
};

pub(super) fn is_frozen(world: &World, id: InstanceId) -> bool {
    world.body(id).is_ok_and(|body| body.frozen)
}

/// Whether a main's heartbeat would arrive.
pub(super) fn reaches(world: &World, id: InstanceId, name: ReplicaName) -> bool {
    let replica = InstanceId(u8::try_from(name.0).unwrap_or(u8::MAX));
    let (here, there) = (Place::Instance(id), Place::Instance(replica));
    world.network.cut_either_way(here, there).is_none()
        && world
            .body(replica)
            .is_ok_and(|body| body.powered && !body.frozen && body.instance.is_listening())
}

/// How many heartbeats with this replica failed in a row.
pub(super) fn failures(world: &World, id: InstanceId, name: ReplicaName) -> Option<u8> {
    let main = world.body(id).ok()?.instance.as_main()?;
    let client = main.clients.iter().find(|client| client.registration.name == name)?;
    client.live.as_ref().map(|live| live.failures)
}

/// Whether a controller's process runs and takes steps.
pub(super) fn is_awake(world: &World, no: ControllerNo) -> bool {
    world.controllers.get(usize::from(no.0)).is_some_and(|c| c.process.is_some() && !c.frozen)
}

/// Whether a controller has nothing left to do of its last plan.
pub(super) fn is_idle(world: &World, no: ControllerNo) -> bool {
    world.controller(no).is_ok_and(|process| process.waiting.is_none() && process.queue.is_empty())
}

/// Whether a controller looks at instances: it leads, or did.
pub(super) fn looks(world: &World, no: ControllerNo) -> bool {
    world
        .controller(no)
        .is_ok_and(|process| process.leader.renewal().is_some() || process.history.has_looked())
}

/// Whether a controller hands out a route.
pub(super) fn routes(world: &World, no: ControllerNo) -> bool {
    world.controller(no).is_ok_and(|process| process.history.route() != Route::Closed)
}

/// Whether a message is never seen under way: its arrival changes only what its receiver believes,
/// and nothing that could come between is judged by it.
pub(super) fn is_at_once(world: &World, grain: &Grain, id: &MessageId) -> bool {
    if grain.instances_at_once {
        return true;
    }
    let registers = |place: Place| match place {
        Place::Instance(id) => world.body(id).is_ok_and(|body| {
            body.instance
                .as_main()
                .and_then(|main| main.attach)
                .is_some_and(|attach| matches!(attach.purpose, Purpose::Register(_)))
        }),
        Place::Controller(_) | Place::Gateway(_) | Place::Api => false,
    };
    match id.kind {
        Kind::Lease
        | Kind::Peer
        | Kind::Question
        | Kind::Beat
        | Kind::Check
        | Kind::Close
        | Kind::Refusal => true,
        Kind::Request => false,
        Kind::System => id.answer || !registers(id.from),
        Kind::Prepare => id.answer && !is_vote(world, id),
        Kind::Swap
        | Kind::Finalize
        | Kind::Recover
        | Kind::Promote
        | Kind::Demote
        | Kind::Register
        | Kind::Drop
        | Kind::Mark
        | Kind::SetAside
        | Kind::Record => id.answer,
    }
}

/// Whether a commit waits for this answer.
fn is_vote(world: &World, id: &MessageId) -> bool {
    let (Place::Instance(main), Some(MessageBody::RpcAnswer { id: rpc, .. })) =
        (id.to, world.network.messages.get(id))
    else {
        return false;
    };
    world
        .body(main)
        .ok()
        .and_then(|body| body.instance.as_main())
        .and_then(|main| main.commit.as_ref())
        .is_some_and(|commit| commit.awaiting == Some(*rpc))
}
