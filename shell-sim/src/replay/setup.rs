//! From what a record says of the time before, and one answer to what it leaves open, to a world
//! and a predecessor in it. It builds the cluster by real statements, so that every relation in it
//! is one that Memgraph can have.

use super::facts::{Localhost, OpenFacts, Storage, Suspicion};
use crate::{
    incident::{EventWord, Incident, PodBefore, PodName, Role, Status, SyncMode as Stated},
    memgraph::{Endpoint, ReplicaName, RoleName, Statement, SyncMode},
    predecessor::{Era, PROBER_THRESHOLD, Predecessor, Seen, Turn},
    world::{Cut, Event, Payload, Place, Settings, World, WriteId},
};
use ha_core::ids::InstanceId;
use std::collections::BTreeSet;

/// How many instances the predecessor's cluster has.
pub(super) const MEMBERS: u8 = 3;
/// A Memgraph beside the cluster.
const OUTSIDER: InstanceId = InstanceId(MEMBERS);
/// The replication port.
const PORT: u16 = 10_000;
/// Heartbeats in a row that make a replica `invalid` (MR 2.4).
const FAILED_BEATS: usize = 3;
/// The write of a commit that the sync replica misses.
const MISSED: WriteId = WriteId(99);
/// The same as it stands in logs.
pub(super) const MISSED_COMMIT: Payload = Payload::Write(MISSED);
/// The write of a commit of an earlier reign.
const FOREIGN: WriteId = WriteId(98);
/// Messages between a heartbeat and the recovery that it starts.
const MESSAGES_OF_A_CHECK: usize = 40;
/// Commits of each reign.
const COMMITS: u16 = 3;

/// The instance of a pod, if the world has it.
pub(super) fn instance_of(pod: PodName) -> Option<InstanceId> {
    u8::try_from(pod.ordinal).ok().filter(|id| *id < MEMBERS).map(InstanceId)
}

/// The cluster before the first item.
pub(super) fn before(incident: &Incident, facts: &OpenFacts) -> Option<(World, Predecessor)> {
    let settings = Settings {
        instances: MEMBERS + 1,
        controllers: 0,
        gateways: 0,
        clients: 0,
        ..Settings::default()
    };
    let mut world = World::new(&settings);
    let mut turn = Turn::new(&mut world);
    for id in (0..=MEMBERS).map(InstanceId) {
        turn.event(&Event::Start(id));
    }
    turn.settle();
    let main = facts.target;
    let sync = Predecessor::sync_of(main);
    let mode = sync_mode(incident);
    let mut write = 0;
    reign(&mut turn, sync, main, mode, &mut write)?;
    turn.command(sync, Statement::SetRoleReplica { port: PORT }).then_some(())?;
    turn.command(main, Statement::SetRoleMain).then_some(())?;
    reign(&mut turn, main, sync, mode, &mut write)?;
    let era = Era::on(incident.date.as_deref());
    let mut policy = Predecessor::new(era, MEMBERS, main);
    policy.sync_mode = mode;
    perturb(&mut turn, incident, facts, (main, sync), &mut policy)?;
    let shown = turn.replicas(main)?;
    fits(incident, turn.world, &shown).then_some(())?;
    Some((world, policy))
}

/// The mode of the sync replica, as the record or else the newest version has it.
fn sync_mode(incident: &Incident) -> SyncMode {
    let stated = incident.topology_before.iter().find_map(|pod| match pod.sync_mode {
        Some(Stated::Sync) => Some(SyncMode::Sync),
        Some(Stated::StrictSync) => Some(SyncMode::StrictSync),
        Some(Stated::Async) | None => None,
    });
    // A commit that the sync replica missed is only possible in SYNC (MR 4.1).
    let missed = incident.happened().any(|item| item.event == EventWord::RegisterRejectedDiverged);
    stated.unwrap_or(if missed { SyncMode::Sync } else { SyncMode::StrictSync })
}

/// A main with its replicas and some commits.
fn reign(
    turn: &mut Turn<'_>,
    main: InstanceId,
    sync: InstanceId,
    mode: SyncMode,
    write: &mut u16,
) -> Option<()> {
    for id in (0..MEMBERS).map(InstanceId).filter(|id| *id != main) {
        if turn.role(id)? == RoleName::Main {
            turn.command(id, Statement::SetRoleReplica { port: PORT }).then_some(())?;
        }
        let mode = if id == sync { mode } else { SyncMode::Async };
        let (name, endpoint) = (ReplicaName(id.0.into()), Endpoint(id.0.into()));
        turn.command(main, Statement::Register { name, mode, endpoint }).then_some(())?;
    }
    for _ in 0..COMMITS {
        commit(turn, main, write);
    }
    Some(())
}

fn commit(turn: &mut Turn<'_>, main: InstanceId, write: &mut u16) {
    *write += 1;
    // A client that bypasses every gateway; what it is told does not matter here.
    let _told = turn.run(main, Statement::Write(Payload::Write(WriteId(*write))));
    turn.settle();
}

/// A client's commit that the sync replica does not hear of and the other one does, possible in
/// SYNC alone (MR 4.1).
pub(super) fn miss_a_commit(turn: &mut Turn<'_>, main: InstanceId) {
    let sync = Predecessor::sync_of(main);
    link(turn, main, sync, true);
    let _told = turn.run(main, Statement::Write(Payload::Write(MISSED)));
    turn.settle();
    link(turn, main, sync, false);
}

/// The list of a main at the moment at which its sync replica recovers a commit that it missed;
/// afterwards it has caught up.
fn rows_in_recovery(turn: &mut Turn<'_>, main: InstanceId, sync: InstanceId) -> Option<Vec<Seen>> {
    miss_a_commit(turn, main);
    let name = ReplicaName(sync.0.into());
    turn.event(&Event::Beat(main, name));
    let is_recovering = |rows: &[Seen]| {
        let state = rows.iter().find(|seen| seen.replica == sync).map(Seen::status);
        state == Some(Status::Recovery.as_str())
    };
    for _ in 0..MESSAGES_OF_A_CHECK {
        let rows: Vec<Seen> =
            turn.world.body(main).ok()?.instance.rows().iter().map(Seen::of).collect();
        if is_recovering(&rows) {
            turn.settle();
            return Some(rows);
        }
        if !turn.deliver_one() {
            return None;
        }
    }
    None
}

/// Cuts a replica off until its main calls it `invalid`.
pub(super) fn lose_sight(turn: &mut Turn<'_>, main: InstanceId, replica: InstanceId) {
    link(turn, main, replica, true);
    for _ in 0..FAILED_BEATS {
        turn.event(&Event::Beat(main, ReplicaName(replica.0.into())));
        turn.settle();
    }
}

/// Cuts or heals both directions between two instances.
pub(super) fn link(turn: &mut Turn<'_>, one: InstanceId, other: InstanceId, cut: bool) {
    for (from, to) in [(one, other), (other, one)] {
        let (from, to) = (Place::Instance(from), Place::Instance(to));
        turn.event(&if cut { Event::Cut(from, to, Cut::Refuse) } else { Event::Heal(from, to) });
    }
}

fn perturb(
    turn: &mut Turn<'_>,
    incident: &Incident,
    facts: &OpenFacts,
    (main, sync): (InstanceId, InstanceId),
    policy: &mut Predecessor,
) -> Option<()> {
    for pod in &incident.topology_before {
        let Some(id) = instance_of(pod.pod) else { continue };
        if pod.status == Some(Status::Invalid) && id != main {
            lose_sight(turn, main, id);
            if pod.behind.is_some_and(|behind| behind < 0) {
                let _told = turn.run(main, Statement::Write(Payload::Write(MISSED)));
                turn.settle();
            }
            if facts.reachable == Some(true) {
                link(turn, main, id, false);
            }
        }
    }
    policy.rows = match facts.recovering {
        Some(true) => rows_in_recovery(turn, main, sync)?,
        Some(false) | None => turn.replicas(main)?,
    };
    policy.odd = facts.odd;
    policy.discovers = facts.odd.is_some();
    policy.hooks = incident.config.prestop == Some(true);
    policy.ready = (0..MEMBERS).map(InstanceId).collect();
    for id in (0..MEMBERS).map(InstanceId) {
        policy.roles.insert(id, turn.role(id)?);
    }
    policy.localhost = facts.localhost.map(|who| match who {
        Localhost::Main => main,
        Localhost::Sync => sync,
        Localhost::Outsider => OUTSIDER,
    });
    match facts.suspicion {
        Some(Suspicion::Prober) => policy.failed_pings = PROBER_THRESHOLD,
        Some(Suspicion::Unready) => {
            policy.ready.remove(&main);
        }
        Some(Suspicion::Down) => {
            policy.ready.remove(&main);
            turn.event(&Event::Crash(main));
        }
        None => {}
    }
    // A record that begins with a pod's creation begins without it.
    let mut told = BTreeSet::new();
    for item in incident.happened() {
        let Some(id) = item.pod.and_then(instance_of) else { continue };
        if told.insert(id) && item.event == EventWord::PodCreated {
            turn.event(&Event::RemovePod(id));
            policy.ready.remove(&id);
        }
    }
    await_hook(turn, incident, facts, main, policy);
    Some(())
}

/// A hook whose call is told without the deletion before it waits already.
fn await_hook(
    turn: &mut Turn<'_>,
    incident: &Incident,
    facts: &OpenFacts,
    main: InstanceId,
    policy: &mut Predecessor,
) {
    let waits = incident
        .happened()
        .find(|item| matches!(item.event, EventWord::PrestopCompleted | EventWord::PrestopCalled));
    let of = waits.and_then(|item| facts.subject(item, main).or(Some(main)));
    let marked = |id| {
        incident.happened().any(|item| {
            item.event == EventWord::PodDeletionRequested && facts.subject(item, main) == Some(id)
        })
    };
    if let Some(id) = of.filter(|id| !marked(*id)) {
        turn.event(&Event::MarkDeleted(id));
        policy.prestop_of = Some(id);
    }
}

/// Whether the cluster is the one that the record describes.
fn fits(incident: &Incident, world: &World, shown: &[Seen]) -> bool {
    incident.topology_before.iter().all(|pod| {
        let Some(id) = instance_of(pod.pod) else { return false };
        let role = pod.role.is_none_or(|role| {
            let expected = match role {
                Role::Main => RoleName::Main,
                Role::Replica => RoleName::Replica,
            };
            world
                .body(id)
                .is_ok_and(|body| body.instance.role().is_none_or(|found| found == expected))
        });
        role && row_fits(pod, shown.iter().find(|seen| seen.replica == id))
    })
}

fn row_fits(pod: &PodBefore, seen: Option<&Seen>) -> bool {
    let status = pod.status.map(Status::as_str);
    let shown = seen.map(Seen::status);
    let behind = seen.and_then(|seen| seen.data).map(|(_, behind)| behind.signum());
    (status.is_none() || status == shown)
        && (pod.behind.is_none() || pod.behind.map(i64::signum) == behind)
}

/// What a recreated pod finds on its volume.
pub(super) fn age_volume(world: &mut World, id: InstanceId, storage: Option<Storage>) {
    let Some(body) = world.bodies.get_mut(usize::from(id.0)) else { return };
    let volume = &mut body.instance.volume;
    let commits = usize::from(COMMITS);
    let keep = match storage {
        Some(Storage::Whole) | None => return,
        Some(Storage::NoTail) => commits + 1,
        Some(Storage::BeforeReign) => commits,
        Some(Storage::Foreign) => {
            volume.log.truncate(commits);
            if let Some(mut entry) = volume.log.last().cloned() {
                entry.tick += 1;
                entry.payload = Payload::Write(FOREIGN);
                volume.log.push(entry);
            }
            volume.flushed = volume.log.len();
            return;
        }
    };
    volume.log.truncate(keep);
    volume.flushed = volume.flushed.min(keep);
}
