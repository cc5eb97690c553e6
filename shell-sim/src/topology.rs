//! The world as `ha_core::invariants` judge it: roles, relations and routes, with the truth where
//! a controller would only have a reading.

use crate::{
    memgraph::{self, ReplicaState, RoleName},
    oracle::{exception, missing},
    world::{Body, Fate, Happening, Kind, Payload, Place, World, WriteId},
};
use ha_core::{
    action::Action,
    ids::{GatewayId, InstanceId},
    invariants::{self, Known, Node, Obeys, Role, Topology, Violation},
    observation::SyncMode,
    record::Record,
};
use std::collections::{BTreeMap, BTreeSet};

/// The roles and relations of a world.
#[must_use]
pub fn topology(world: &World) -> Topology {
    under(world, world.api.record().cloned())
}

/// The same with its record, which a judge of one state after another has at hand.
fn under(world: &World, record: Option<Record>) -> Topology {
    let acked: Vec<WriteId> = acknowledged(world).collect();
    // One after the other: to collect sorts what is in order.
    let mut instances = BTreeMap::new();
    for (id, body) in world.instances().zip(&world.bodies) {
        instances.insert(id, node(world, (id, body), &acked));
    }
    let forwards = (0..world.settings.gateways).zip(&world.gateways).filter_map(|(id, gateway)| {
        let grant = gateway.live(world.now)?;
        Some((GatewayId::from(id), (grant.term, grant.main)))
    });
    Topology { record, instances, forwards: forwards.collect() }
}

/// Writes that a client was told are durable, without those whose loss the promise excepts.
fn acknowledged(world: &World) -> impl Iterator<Item = WriteId> + '_ {
    let fates = world.clients.iter().flat_map(|client| &client.writes);
    let acked = fates.filter(|(_, fate)| **fate == Fate::Acked).map(|(id, _)| *id);
    acked.filter(move |id| exception(world, *id).is_none())
}

fn node(world: &World, (id, body): (InstanceId, &Body), acked: &[WriteId]) -> Node {
    let log = &body.instance.volume.log;
    let role = match body.instance.role() {
        None => Role::Down,
        Some(RoleName::Main) => Role::Main,
        Some(RoleName::Replica) => Role::Replica,
    };
    let rows = body.instance.rows().into_iter().filter_map(|row| {
        let ordinal = u8::try_from(row.name.0).ok()?;
        let in_touch = row.data.is_some_and(|data| data.status != ReplicaState::MaybeBehind);
        Some((InstanceId(ordinal), (mode(row.mode), in_touch)))
    });
    Node {
        incarnation: body.incarnation(),
        role,
        obeys: obeys(world, body),
        rows: rows.collect(),
        addressed: body.pod.as_ref().is_some_and(|pod| pod.address.is_some()),
        holds_data: log.iter().any(|entry| matches!(entry.payload, Payload::Write(_))),
        complete: if missing(log, acked.iter().copied()).next().is_none() {
            Known::Yes
        } else if world.begins_by_word(id) {
            Known::Unknown
        } else {
            Known::No
        },
    }
}

const fn mode(mode: memgraph::SyncMode) -> SyncMode {
    match mode {
        memgraph::SyncMode::StrictSync => SyncMode::StrictSync,
        memgraph::SyncMode::Sync => SyncMode::Sync,
        memgraph::SyncMode::Async => SyncMode::Async,
    }
}

fn obeys(world: &World, body: &Body) -> Obeys {
    let Some(replica) = body.instance.as_replica() else {
        return Obeys::Nobody;
    };
    let shipped_by =
        |other: &Body| other.instance.as_main().is_some_and(|main| main.uuid == replica.obeys);
    world
        .instances()
        .zip(&world.bodies)
        .find(|(_, other)| shipped_by(other))
        .map_or(Obeys::Nobody, |(id, _)| Obeys::Instance(id))
}

/// Whether somebody answers for a registration that the instance at `place` carries out: a controller
/// waits for it, and it was sent in the record's term. What was sent earlier cannot be called back.
fn is_answered_for(world: &World, place: Place) -> bool {
    let now = world.api.record().map(|record| record.term);
    let sent = |no| {
        let waiting = world.controller(no).ok().and_then(|process| process.waiting.as_ref());
        waiting.is_some_and(|waiting| match &waiting.action {
            Action::Register { on, term, .. } => {
                place == Place::Instance(on.id) && Some(*term) >= now
            }
            Action::WriteRecord { .. }
            | Action::SetRoute(_)
            | Action::Promote { .. }
            | Action::Demote { .. }
            | Action::SetAside { .. }
            | Action::Drop { .. }
            | Action::Commit { .. } => false,
        })
    };
    world.controller_numbers().any(sent)
}

/// Judges a world step by step: states, actions as they are sent, and changes of the record.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    record: Option<Record>,
    /// The topology before the step that is judged, kept because an action is judged in the state
    /// in which it was sent.
    before: Option<Topology>,
    /// Replicas that obey somebody because of a registration that nobody answers for when its swap
    /// lands: the exception that a term check in Memgraph would close (MR 3.4). It ends with the
    /// uuid that the replica then obeys, so with the demotion of that main. That the term of a
    /// registration is the one that it was sent in is judged when it is sent.
    strays: BTreeSet<InstanceId>,
}

impl Judge {
    /// A judge who comes to a world in this state, where these replicas are strays.
    #[must_use]
    pub fn at(world: &World, strays: BTreeSet<InstanceId>) -> Self {
        Self { record: world.api.record().cloned(), before: None, strays }
    }

    /// Replicas whose obedience is an exception, for a judge who comes later.
    #[must_use]
    pub const fn strays(&self) -> &BTreeSet<InstanceId> {
        &self.strays
    }

    /// Looks at the world before a step in which a controller may send something.
    pub fn before(&mut self, world: &World) {
        self.before = Some(topology(world));
    }

    /// What the step broke.
    pub fn after(&mut self, world: &World, happenings: &[Happening]) -> Vec<Violation> {
        let mut found = Vec::new();
        for happening in happenings {
            if let Happening::Sent { action, .. } = happening
                && let Some(before) = &self.before
            {
                found.extend(invariants::broken_by(before, action));
            }
        }
        for happening in happenings {
            if let Happening::RpcReceived { kind: Kind::Swap, from, to } = happening {
                if is_answered_for(world, *from) {
                    self.strays.remove(to);
                } else {
                    self.strays.insert(*to);
                }
            }
        }
        if world.api.record() != self.record.as_ref() {
            let before = self.record.take();
            if let Some(record) = world.api.record() {
                found.extend(invariants::broken_record(before.as_ref(), record));
                self.record = Some(record.clone());
            }
        }
        let mut now = under(world, self.record.take());
        for id in &self.strays {
            now.instances.entry(*id).and_modify(|node| node.obeys = Obeys::Unknown);
        }
        found.extend(invariants::broken(&now));
        self.record = now.record;
        self.before = None;
        found
    }
}
