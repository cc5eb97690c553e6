//! What a record says was done to the cluster is done; what it says was found of the cluster is
//! looked for. Everything else has to be shown by the policy and the world themselves.

use super::{
    facts::OpenFacts,
    search::State,
    setup::{age_volume, instance_of, link, lose_sight},
};
use crate::{
    incident::{Actor, EventWord as E, Item, Role},
    memgraph::{RoleName, Statement, SyncMode},
    predecessor::{Door, Emitted, Predecessor, Thread, Turn},
    world::{Event, Payload, World, WriteId},
};
use ha_core::ids::InstanceId;

/// Writes that stand for many.
const WRITES: u16 = 3;
/// The first write that a record tells of; numbers below belong to the time before it.
const FIRST_WRITE: u16 = 100;
/// Passes that may still follow before a cluster counts as stuck.
const MORE_PASSES: u8 = 2;
/// Steps that these passes may take.
const MORE_STEPS: usize = 200;

/// How an item takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It was done to the cluster.
    Done,
    /// It was found of the cluster: a look at the world decides.
    Found,
    /// It was shown by the controller, an instance or a gateway.
    Shown,
}

/// How an item takes part.
pub(super) fn part_of(item: &Item) -> Part {
    const FOUND: &[E] = &[
        E::TopologyObserved,
        E::TestFailed,
        E::RolloutTimedOut,
        E::DataObserved,
        E::DualMainObserved,
        E::DualMainResolved,
        E::InstanceStartedAsMain,
        E::PrestopNotReceived,
    ];
    const BY_CLIENTS: &[E] = &[E::ClientWriteAcked, E::ClientWriteFailed, E::ClientWriteAttempted];
    if FOUND.contains(&item.event) {
        return Part::Found;
    }
    match item.actor {
        _ if BY_CLIENTS.contains(&item.event) => Part::Shown,
        Actor::Kubernetes | Actor::Operator | Actor::Client => Part::Done,
        Actor::Controller | Actor::Memgraph | Actor::Gateway => Part::Shown,
    }
}

/// Does an item, or looks whether it is so. None: the world is not as the item says.
pub(super) fn inject(
    state: &mut State,
    item: &Item,
    items: &[&Item],
    facts: &OpenFacts,
) -> Option<Vec<Emitted>> {
    if part_of(item) == Part::Found {
        return is_found(state, item, items).then(Vec::new);
    }
    let id = facts.subject(item, state.policy.target);
    if item.event == E::ClientWriteRecorded {
        return record_write(state, item);
    }
    let main = state.policy.target;
    let mut turn = Turn::new(&mut state.world);
    let mut shown = Vec::new();
    match (item.event, id) {
        (E::PodDeleted | E::PodForceKilled, Some(id)) => {
            role_fits(turn.world, id, item.facts.role_of_pod)?;
            turn.event(&Event::RemovePod(id));
            shown = state.policy.pod_deleted(id);
        }
        (E::PodDeletionRequested | E::PodStuckTerminating, Some(id)) => {
            turn.event(&Event::MarkDeleted(id));
            shown = state.policy.pod_marked(id);
        }
        (E::PodCreated, Some(id)) => {
            turn.event(&Event::CreatePod(id, true));
            age_volume(turn.world, id, facts.storage);
        }
        (E::PodIpMissing, Some(id)) => {
            turn.event(&Event::RemovePod(id));
            turn.event(&Event::CreatePod(id, false));
            state.policy.ready.remove(&id);
        }
        (E::PodReady, Some(id)) => {
            turn.world.body(id).ok().filter(|body| body.runs())?;
            role_fits(turn.world, id, item.facts.role)?;
            state.policy.ready.insert(id);
        }
        (E::PodNotReady, Some(id)) => {
            state.policy.ready.remove(&id);
        }
        (E::RollingRestartRequested, _) if facts.rolled == Some(true) => {
            lose_sight(&mut turn, main, InstanceId(2));
            link(&mut turn, main, InstanceId(2), false);
        }
        // What else people and Kubernetes tell leaves the cluster as it is.
        (_, _) => {}
    }
    turn.settle();
    shown.append(&mut turn.shown);
    Some(shown)
}

/// Whether an item that is done from outside tells in which state: without a sync replica.
pub(super) fn is_conditional(item: &Item) -> bool {
    item.data.flag("sync_replica_registered") == Some(false)
}

/// Writes that are known by their data reach the instance that a gateway leads to.
fn record_write(state: &mut State, item: &Item) -> Option<Vec<Emitted>> {
    let open = |door: &Door| state.policy.behind(*door);
    let named = item.pod.map(instance_of);
    let mut reached = state.policy.doors().iter().filter_map(open);
    let on = match named {
        Some(id) => reached.find(|on| Some(*on) == id)?,
        None => reached.next()?,
    };
    if is_conditional(item) && has_sync(&state.world, on) {
        return None;
    }
    let mut turn = Turn::new(&mut state.world);
    for _ in 0..WRITES {
        state.policy.writes += 1;
        let write = Payload::Write(WriteId(FIRST_WRITE + state.policy.writes));
        // A SYNC commit is kept even when its client is told of a failure (MR 4.2).
        let before = held(turn.world, on);
        turn.run(on, Statement::Write(write))?;
        if held(turn.world, on) == before {
            return None;
        }
        turn.settle();
    }
    Some(turn.shown)
}

fn held(world: &World, id: InstanceId) -> usize {
    world.body(id).map_or(0, |body| body.instance.log().len())
}

fn has_sync(world: &World, main: InstanceId) -> bool {
    let rows = world.body(main).map(|body| body.instance.rows()).unwrap_or_default();
    rows.iter().any(|row| row.mode != SyncMode::Async)
}

/// Whether the cluster is as an item found it.
fn is_found(state: &State, item: &Item, items: &[&Item]) -> bool {
    let world = &state.world;
    let is = |event| item.event == event;
    if is(E::TopologyObserved) {
        topology_fits(world, item)
    } else if is(E::TestFailed) || is(E::RolloutTimedOut) {
        state.policy.is_idle() && is_stuck(state)
    } else if is(E::DataObserved) {
        data_fits(world, item, items)
    } else if is(E::DualMainObserved) {
        mains(world).len() > 1
    } else if is(E::DualMainResolved) {
        mains(world).len() == 1
    } else if is(E::InstanceStartedAsMain) {
        item.pod.and_then(instance_of).is_some_and(|id| mains(world).contains(&id))
    } else {
        // A hook whose request nobody heard: the gateway is as open as before.
        state.policy.write_upstream.is_some()
    }
}

fn mains(world: &World) -> Vec<InstanceId> {
    let is_main = |id: &InstanceId| {
        world.body(*id).is_ok_and(|body| body.runs() && body.instance.as_main().is_some())
    };
    // The last instance stands beside the cluster.
    (0..super::setup::MEMBERS).map(InstanceId).filter(is_main).collect()
}

/// Whether main and registrations are as somebody saw them.
fn topology_fits(world: &World, item: &Item) -> bool {
    let Some(main) = item.facts.main.or(item.pod).and_then(instance_of) else { return true };
    let Ok(body) = world.body(main) else { return false };
    let rows = body.instance.rows();
    let asynchronous = rows.iter().filter(|row| row.mode == SyncMode::Async).count();
    let is = |key: &str, found: usize| {
        item.data.number(key).is_none_or(|told| usize::try_from(told) == Ok(found))
    };
    body.instance.as_main().is_some()
        && is("sync", rows.len() - asynchronous)
        && is("async", asynchronous)
}

/// Whether some pods hold more than others as the record says.
fn data_fits(world: &World, item: &Item, items: &[&Item]) -> bool {
    let counted = |item: &Item| {
        let id = item.pod.and_then(instance_of)?;
        Some((item.data.number("records")?, held(world, id)))
    };
    let Some((told, found)) = counted(item) else { return true };
    items
        .iter()
        .filter(|other| other.event == E::DataObserved && other.order == item.order)
        .filter_map(|other| counted(other))
        .all(|(other_told, other_found)| told.cmp(&other_told) == found.cmp(&other_found))
}

/// Whether the cluster is not together, and further passes do not bring it together.
fn is_stuck(state: &State) -> bool {
    let mut later = state.clone();
    later.policy.passes_left = MORE_PASSES;
    for _ in 0..MORE_STEPS {
        if is_together(&later.world, &later.policy) {
            return false;
        }
        let enabled = later.policy.enabled(&later.world);
        let next = [Thread::Failover, Thread::Pass].into_iter().find(|one| enabled.contains(one));
        let Some(next) = next else { break };
        later.policy.step(&mut later.world, next);
    }
    !is_together(&later.world, &later.policy)
}

/// Whether the target is main and has its sync and its async replica, both ready.
fn is_together(world: &World, policy: &Predecessor) -> bool {
    let Ok(body) = world.body(policy.target) else { return false };
    let rows = body.instance.rows();
    let ready = |row: &crate::memgraph::Row| crate::predecessor::Seen::of(row).is_ready();
    body.instance.as_main().is_some()
        && rows.len() + 1 == usize::from(super::setup::MEMBERS)
        && rows.iter().all(ready)
        && rows.iter().filter(|row| row.mode != SyncMode::Async).count() == 1
}

/// Whether an instance has the role that an item states, if it states one.
fn role_fits(world: &World, id: InstanceId, stated: Option<Role>) -> Option<()> {
    let Some(stated) = stated else { return Some(()) };
    let expected = match stated {
        Role::Main => RoleName::Main,
        Role::Replica => RoleName::Replica,
    };
    (world.body(id).ok()?.instance.role() == Some(expected)).then_some(())
}
