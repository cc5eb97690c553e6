//! The canonical form of a world: two worlds in which the same can still happen have the same one.
//! Identities are numbered by where they stand, moments become whole ticks up to the longest bound
//! that anything compares them with, and what makes no difference any more is forgotten.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "only moments and messages of some kinds are set apart"
)]

mod plain;

use ha_core::{
    ids::{
        BootId, ControllerId, DatabaseUuid, GatewayId, PodUid, RequestId, ResourceVersion, StartId,
        Term, VolumeId,
    },
    leadership::{Millis, Timing},
    visit::{Moment, Object, Visitor},
};
use shell_sim::{
    memgraph::{Epoch, MainUuid, Mint, Renumber, RpcId, Session, StorageUuid},
    world::{Clock, Foresight, Identities, MessageBody, Place, World},
};
use std::net::{IpAddr, Ipv4Addr};

/// The true time of every canonical world; far enough from the beginning that the oldest moment
/// still lies after it.
pub const NOW: Millis = 1_000_000;

/// The first identity that is minted in a canonical world. Those that stand in it are smaller.
const MINT: u64 = 1_000;

/// How moments are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// The length of a tick in milliseconds.
    pub tick: Millis,
    /// How many ticks the age of what passes in a lease is told apart.
    pub lease_ticks: Millis,
    /// How many ticks the age of a row is told apart.
    pub row_ticks: Millis,
    /// How many versions a read of the API server may lag behind.
    pub stale: usize,
    /// Whether the API server always answers.
    pub api_answers: bool,
    /// Whether no look leaves an instance out.
    pub looks_are_whole: bool,
    /// Whether all that goes to and from instances arrives at once, so that time is told apart for
    /// leases and grants only.
    pub instances_at_once: bool,
    /// Whether no volume is ever lost.
    pub volumes_last: bool,
}

impl Grain {
    const fn foresight(&self) -> Foresight {
        Foresight {
            tick: self.tick,
            looks_are_whole: self.looks_are_whole,
            api_answers: self.api_answers,
            stale: self.stale,
        }
    }
}

/// Brings a world into its canonical form.
pub fn canonical(world: &mut World, grain: &Grain) {
    world.forget(&grain.foresight());
    if grain.volumes_last {
        world.forget_common_log();
    }
    plain::settle_causes(world);
    plain::number_tickets(world);
    let timing = world.settings.timing;
    let mut survey = Survey::new(world);
    world.visit(&mut survey);
    let mut renaming = Renaming::new(survey, grain, &timing);
    world.visit(&mut renaming);
    world.now = NOW;
    world.mint = Mint(MINT);
    let last = renaming.survey.records.len().max(renaming.survey.leases.len());
    world.api.version = ResourceVersion(last as u64);
}

/// What a machine's clocks showed before, how a leader's record stands to its lease, and how long
/// the lease was read to have one value.
#[derive(Debug, Clone, Copy)]
struct Machine {
    place: Place,
    monotonic: Millis,
    wall: i64,
    acquired: Option<Millis>,
    /// Whether some reading of the record is older than the lease, and some is not.
    before: bool,
    since: bool,
    seen: Option<Millis>,
    read: Option<Millis>,
}

/// What must be known of a world before anything in it is renamed: what is ordered.
#[derive(Debug)]
struct Survey {
    now: Millis,
    machines: Vec<Machine>,
    at: usize,
    records: Vec<ResourceVersion>,
    leases: Vec<ResourceVersion>,
    questions: Vec<(GatewayId, u64)>,
    terms: Vec<Term>,
    rpcs: Vec<RpcId>,
}

impl Survey {
    fn new(world: &World) -> Self {
        let mut asked: Vec<(Place, Place, RpcId)> = Vec::new();
        for (id, body) in &world.network.messages {
            match body {
                MessageBody::Rpc { id: rpc, .. } => asked.push((id.from, id.to, *rpc)),
                MessageBody::RpcAnswer { id: rpc, .. } => asked.push((id.to, id.from, *rpc)),
                _ => {}
            }
        }
        asked.sort_unstable();
        Self {
            now: world.now,
            machines: Vec::with_capacity(4),
            at: 0,
            records: Vec::with_capacity(4),
            leases: Vec::with_capacity(4),
            questions: Vec::with_capacity(4),
            terms: vec![Term(0)],
            rpcs: asked.into_iter().map(|(_, _, rpc)| rpc).collect(),
        }
    }

    fn turn(&mut self, place: Place) {
        self.at = self.machines.iter().position(|m| m.place == place).unwrap_or(usize::MAX);
    }

    fn versions(&mut self, of: Object) -> &mut Vec<ResourceVersion> {
        match of {
            Object::Record => &mut self.records,
            Object::Lease => &mut self.leases,
        }
    }

    fn finish(&mut self) {
        self.records.sort_unstable();
        self.records.dedup();
        self.leases.sort_unstable();
        self.leases.dedup();
        self.terms.sort_unstable();
        self.terms.dedup();
        self.questions.sort_unstable();
        self.questions.dedup();
    }
}

impl Visitor for Survey {
    fn pod(&mut self, _: &mut PodUid) {}
    fn start(&mut self, _: &mut StartId) {}
    fn boot(&mut self, _: &mut BootId) {}
    fn volume(&mut self, _: &mut VolumeId) {}
    fn database(&mut self, _: &mut DatabaseUuid) {}
    fn controller(&mut self, _: &mut ControllerId) {}
    fn address(&mut self, _: &mut IpAddr) {}
    fn request(&mut self, _: &mut RequestId) {}
    fn term(&mut self, term: &mut Term) {
        self.terms.push(*term);
    }
    fn version(&mut self, of: Object, version: &mut ResourceVersion) {
        self.versions(of).push(*version);
    }
    fn question(&mut self, of: GatewayId, number: &mut u64) {
        self.questions.push((of, *number));
    }
    fn moment(&mut self, what: Moment, at: &mut Millis) {
        let Some(machine) = self.machines.get_mut(self.at) else { return };
        match what {
            Moment::Acquired => machine.acquired = Some(*at),
            Moment::LeaseSeen => machine.seen = Some(*at),
            Moment::LeaseRead => machine.read = Some(*at),
            Moment::RecordRead => {
                let before = machine.acquired.is_some_and(|acquired| *at < acquired);
                machine.before |= before;
                machine.since |= !before;
            }
            _ => {}
        }
    }
    fn wall(&mut self, _: Moment, _: &mut i64) {}
}

impl Renumber for Survey {
    fn main_uuid(&mut self, old: MainUuid) -> MainUuid {
        old
    }
    fn storage_uuid(&mut self, old: StorageUuid) -> StorageUuid {
        old
    }
    fn epoch(&mut self, old: Epoch) -> Epoch {
        old
    }
    fn rpc(&mut self, old: RpcId) -> RpcId {
        if !self.rpcs.contains(&old) {
            self.rpcs.push(old);
        }
        old
    }
    fn session(&mut self, old: Session) -> Session {
        old
    }
}

impl Identities for Survey {
    fn clock(&mut self, place: Place, clock: &mut Clock) {
        let clocks = clock.both(self.now);
        self.machines.push(Machine {
            place,
            monotonic: clocks.monotonic,
            wall: clocks.wall,
            acquired: None,
            before: false,
            since: false,
            seen: None,
            read: None,
        });
        self.turn(place);
    }
    fn turn_to(&mut self, place: Place) {
        self.turn(place);
    }
}

/// Identities in the order in which they were met.
#[derive(Debug, Default)]
struct Met<T>(Vec<T>);

impl<T: Copy + PartialEq> Met<T> {
    /// Which number this one has, from 1.
    fn number(&mut self, old: T) -> u64 {
        let position = self.0.iter().position(|met| *met == old).unwrap_or_else(|| {
            self.0.push(old);
            self.0.len() - 1
        });
        position as u64 + 1
    }
}

/// Gives everything its canonical name.
struct Renaming<'a> {
    survey: Survey,
    grain: &'a Grain,
    /// How long the last grant to a gateway may be alive, whole.
    grant_may_last: Millis,
    /// After how long a lease that stands still is over.
    lease_lasts: Millis,
    pods: Met<PodUid>,
    starts: Met<StartId>,
    boots: Met<BootId>,
    volumes: Met<VolumeId>,
    databases: Met<DatabaseUuid>,
    controllers: Met<ControllerId>,
    addresses: Met<IpAddr>,
    mains: Met<MainUuid>,
    storages: Met<StorageUuid>,
    epochs: Met<Epoch>,
    sessions: Met<Session>,
    requests: Met<RequestId>,
}

impl<'a> Renaming<'a> {
    fn new(mut survey: Survey, grain: &'a Grain, timing: &Timing) -> Self {
        survey.finish();
        Self {
            survey,
            grain,
            grant_may_last: timing.stretched(timing.grant_ms),
            lease_lasts: timing.stretched(timing.lease_ms),
            pods: Met(Vec::with_capacity(8)),
            starts: Met(Vec::with_capacity(8)),
            boots: Met(Vec::with_capacity(8)),
            volumes: Met(Vec::with_capacity(8)),
            databases: Met(Vec::new()),
            controllers: Met(Vec::with_capacity(4)),
            addresses: Met(Vec::with_capacity(8)),
            mains: Met(Vec::with_capacity(8)),
            storages: Met(Vec::with_capacity(8)),
            epochs: Met(Vec::with_capacity(8)),
            sessions: Met(Vec::with_capacity(8)),
            requests: Met(Vec::new()),
        }
    }

    /// How many ticks the age of a moment is told apart.
    const fn ticks(&self, what: Moment) -> Millis {
        match what {
            Moment::RowState | Moment::RowBehind | Moment::Unreached => self.grain.row_ticks,
            Moment::Started
            | Moment::LeaseSeen
            | Moment::LeaseOfOthers
            | Moment::Renewed
            | Moment::LeaseRead
            | Moment::Acquired
            | Moment::Promised
            | Moment::PeerAsked
            | Moment::PeerGone
            | Moment::GrantMayEnd
            | Moment::Sent
            | Moment::Asked
            | Moment::Voided
            | Moment::GrantEnds
            | Moment::RecordRead
            | Moment::PodRead
            | Moment::Answered
            | Moment::VolumeRead
            | Moment::RouteSet
            | Moment::LastByte => self.grain.lease_ticks,
        }
    }

    /// A moment that lies so far back.
    fn back(&self, what: Moment, age: Millis) -> Millis {
        NOW - (age / self.grain.tick).min(self.ticks(what)) * self.grain.tick
    }

    /// The oldest moment that is told apart.
    const fn oldest(&self) -> Millis {
        NOW - (self.grain.lease_ticks + 1) * self.grain.tick
    }

    /// An acquisition only counts against readings of the record.
    fn acquired(&self, machine: &Machine, age: Millis) -> Millis {
        match (machine.before, machine.since) {
            (false, _) => self.oldest(),
            (true, false) => NOW,
            (true, true) => self.back(Moment::Acquired, age),
        }
    }

    /// Since when a lease has its value, and when it was read last. Once it was read to be over, it
    /// does not count for how long it is.
    fn lease_read(&self, machine: &Machine) -> Option<(Millis, Millis)> {
        let (seen, read) = (machine.seen?, machine.read?);
        let age = |at| machine.monotonic.saturating_sub(at);
        let first = self.back(Moment::LeaseSeen, age(seen));
        let last = self.back(Moment::LeaseRead, age(read));
        let over = self.lease_lasts.div_ceil(self.grain.tick) * self.grain.tick;
        if read.saturating_sub(seen) >= self.lease_lasts {
            Some((last - over, last))
        } else {
            Some((first, last.min(first + over - self.grain.tick)))
        }
    }

    fn record_read(&self, machine: &Machine, at: Millis, age: Millis) -> Millis {
        // Where every look reads it anew, only whether it is older than the lease counts.
        let age = if self.grain.api_answers { 0 } else { age };
        let back = self.back(Moment::RecordRead, age);
        let Some(acquired) = machine.acquired else { return back };
        let kept = self.acquired(machine, machine.monotonic.saturating_sub(acquired));
        if at < acquired { back.min(kept - 1) } else { back.max(kept) }
    }

    fn rank(all: &[ResourceVersion], version: ResourceVersion) -> ResourceVersion {
        ResourceVersion(all.binary_search(&version).map_or(0, |at| at as u64 + 1))
    }
}

impl Visitor for Renaming<'_> {
    fn pod(&mut self, id: &mut PodUid) {
        *id = PodUid(self.pods.number(*id).into());
    }
    fn start(&mut self, id: &mut StartId) {
        *id = StartId(self.starts.number(*id).into());
    }
    fn boot(&mut self, id: &mut BootId) {
        *id = BootId(self.boots.number(*id).into());
    }
    fn volume(&mut self, id: &mut VolumeId) {
        *id = VolumeId(self.volumes.number(*id).into());
    }
    fn database(&mut self, id: &mut DatabaseUuid) {
        *id = DatabaseUuid(self.databases.number(*id).into());
    }
    fn controller(&mut self, id: &mut ControllerId) {
        *id = ControllerId(self.controllers.number(*id).into());
    }
    fn address(&mut self, address: &mut IpAddr) {
        let [.., high, low] = self.addresses.number(*address).to_be_bytes();
        *address = IpAddr::V4(Ipv4Addr::new(10, 0, high, low));
    }
    fn request(&mut self, id: &mut RequestId) {
        *id = RequestId(self.requests.number(*id).into());
    }
    fn term(&mut self, term: &mut Term) {
        // Nobody asks how far two terms are apart.
        *term = Term(self.survey.terms.binary_search(term).map_or(0, |at| at as u32));
    }
    fn version(&mut self, of: Object, version: &mut ResourceVersion) {
        *version = match of {
            Object::Record => Self::rank(&self.survey.records, *version),
            Object::Lease => Self::rank(&self.survey.leases, *version),
        };
    }
    fn question(&mut self, of: GatewayId, number: &mut u64) {
        let first = self.survey.questions.partition_point(|(gateway, _)| *gateway < of);
        let here = self.survey.questions.binary_search(&(of, *number)).unwrap_or(first);
        *number = (here - first) as u64 + 1;
    }
    fn moment(&mut self, what: Moment, at: &mut Millis) {
        let Some(machine) = self.survey.machines.get(self.survey.at) else { return };
        let age = machine.monotonic.saturating_sub(*at);
        *at = match what {
            Moment::Acquired => self.acquired(machine, age),
            Moment::RecordRead => self.record_read(machine, *at, age),
            Moment::LeaseSeen => self.lease_read(machine).map_or(*at, |(first, _)| first),
            Moment::LeaseRead => self.lease_read(machine).map_or(*at, |(_, last)| last),
            Moment::GrantMayEnd => {
                let left = at.saturating_sub(machine.monotonic);
                let whole = left / self.grain.tick * self.grain.tick;
                NOW + whole + self.grant_may_last % self.grain.tick
            }
            Moment::GrantEnds => {
                let left = at.saturating_sub(machine.monotonic);
                NOW + left.div_ceil(self.grain.tick) * self.grain.tick
            }
            _ => self.back(what, age),
        };
    }
    fn wall(&mut self, what: Moment, at: &mut i64) {
        let Some(machine) = self.survey.machines.get(self.survey.at) else { return };
        let (now, tick) = (NOW.cast_signed(), self.grain.tick.cast_signed());
        let left = at.saturating_sub(machine.wall);
        *at = if what == Moment::GrantEnds {
            let ticks = (left + tick - 1).div_euclid(tick);
            now + ticks.clamp(0, self.grain.lease_ticks.cast_signed() + 1) * tick
        } else {
            let ticks = left.div_euclid(tick).min(0);
            now + ticks.max(-self.grain.lease_ticks.cast_signed()) * tick
        };
    }
}

impl Renumber for Renaming<'_> {
    fn main_uuid(&mut self, old: MainUuid) -> MainUuid {
        MainUuid(self.mains.number(old))
    }
    fn storage_uuid(&mut self, old: StorageUuid) -> StorageUuid {
        StorageUuid(self.storages.number(old))
    }
    fn epoch(&mut self, old: Epoch) -> Epoch {
        Epoch(self.epochs.number(old))
    }
    fn rpc(&mut self, old: RpcId) -> RpcId {
        let at = self.survey.rpcs.iter().position(|rpc| *rpc == old).unwrap_or(0);
        RpcId(at as u64 + 1)
    }
    fn session(&mut self, old: Session) -> Session {
        Session(self.sessions.number(old) - 1)
    }
}

impl Identities for Renaming<'_> {
    fn clock(&mut self, place: Place, clock: &mut Clock) {
        clock.begin_anew(NOW);
        self.survey.turn(place);
    }
    fn turn_to(&mut self, place: Place) {
        self.survey.turn(place);
    }
}
