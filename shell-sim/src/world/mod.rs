//! The ground truth of a whole cluster as a value: instances in their pods, the API server,
//! controllers, gateways, clients, and every message between them. One step function takes one
//! event; what may happen next is chosen elsewhere. It has no chance and no clock but its own.

mod act;
mod api;
mod by_hand;
mod client;
mod clock;
mod compact;
mod controller;
mod delivery;
mod effect;
mod enabled;
mod event;
mod event_text;
mod gateway;
mod happening;
mod kubernetes;
mod lease;
mod mistake;
mod names;
mod network;
mod orders;
mod probe;
#[cfg(test)]
mod tests;
mod visit;

pub use act::{Act, ByHand};
pub use api::Api;
pub use client::{Client, Doing, Fate, Next, Transaction, What};
pub use clock::Clock;
pub use controller::{Awaited, Controller, Process, Waiting};
pub use delivery::Obstacle;
pub use event::Event;
pub use gateway::Gateway;
pub use ha_core::ids::BadName;
pub use happening::Happening;
pub use kubernetes::{Body, Pod};
pub use mistake::Mistake;
pub(crate) use names::parse_kind;
pub use names::{ClientId, ControllerNo, Kind, Link, MessageId, Place, WriteId};
pub use network::{Asked, Body as MessageBody, Connection, Cut, Network};
pub use visit::{Foresight, Identities};

use crate::memgraph::{self, Config, Input, Mint};
use ha_core::{
    desired::{Authority, Desired, Durability},
    history::Patience,
    ids::{GatewayId, InstanceId, Term},
    leadership::{Millis, Timing},
    observation::ClusterObservation,
    plan::Plan,
    record::Cause,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A decision function: ours, a mutant of it, or somebody else's.
pub type Decide = fn(&ClusterObservation) -> Plan;

type Step = Result<(), Refused>;

/// What a transaction changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Payload {
    /// A commit of ours, which leaves nothing behind.
    Mark,
    /// A client's write.
    Write(WriteId),
}

impl Payload {
    /// Whether it leaves data behind.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(self, Self::Write(_))
    }
}

impl memgraph::Payload for Payload {
    fn absorb(&mut self, later: Self) {
        if *self == Self::Mark {
            *self = later;
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mark => f.write_str("mark"),
            Self::Write(write) => write.fmt(f),
        }
    }
}

/// The size of a world, its settings and durations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// How many instances.
    pub instances: u8,
    /// How many controllers.
    pub controllers: u8,
    /// How many gateways.
    pub gateways: u8,
    /// How many clients.
    pub clients: u8,
    /// Settings of every instance.
    pub config: Config,
    /// Lease and grants.
    pub timing: Timing,
    /// How long controllers wait before they call something lost.
    pub patience: Patience,
    /// What an acknowledged write promises.
    pub durability: Durability,
    /// Which instances may vote.
    pub authority: Authority,
    /// Whether the vote goes back to the preferred pair by itself.
    pub vote_returns: bool,
    /// Whether controllers ask each other for promises; else each of them is alone.
    pub promises: bool,
    /// Whether data that branched off is set aside by itself.
    pub sets_aside: bool,
    /// Whether an instance takes requests of one sender in their order, across connections that
    /// the sender gave up in between. MR says nothing of this order.
    pub ordered: bool,
    /// Whether a controller acts only on a record that it read since it leads.
    pub rereads: bool,
    /// Whether a controller reads the preconditions of an action again just before it sends it.
    pub rechecks: bool,
    /// Whether the clocks of a gateway stand still while it is frozen, as where a whole machine
    /// is suspended and its clocks do not count that.
    pub clocks_sleep: bool,
    /// Whether the entrypoint of an instance that the record does not name as main starts it without
    /// the registrations that it had as one.
    pub gate: bool,
    /// The mistake that is made around the decision, if one is.
    pub mistake: Option<Mistake>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instances: 3,
            controllers: 2,
            gateways: 1,
            clients: 2,
            config: Config { version: memgraph::Version::V3_10, ..Config::default() },
            timing: Timing::default(),
            patience: Patience::default(),
            durability: Durability::default(),
            authority: Authority::default(),
            vote_returns: true,
            promises: true,
            sets_aside: true,
            ordered: true,
            rereads: true,
            rechecks: true,
            clocks_sleep: false,
            gate: false,
            mistake: None,
        }
    }
}

/// What only the world itself knows, for the oracle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Truth {
    /// The highest term in which a promotion took effect.
    pub promoted: Term,
    /// Writes whose second phase did not arrive in time, or at a voter that restarted and kept
    /// nothing: their clients are told success all the same (MR 4.3).
    pub undecided: BTreeSet<WriteId>,
    /// Instances that lost a write: with the power of their node or their volume, or because they
    /// ended between the two phases of its commit. One alone takes nothing from anybody; two are
    /// more than the promise covers.
    pub unflushed: BTreeMap<WriteId, BTreeSet<InstanceId>>,
    /// Writes whose loss a person accepted: acknowledged, and not there when a reign began by their
    /// word.
    pub accepted: BTreeSet<WriteId>,
    /// Writes that were acknowledged when their main alone had them, as `durability: fast` allows, and
    /// that no voter was found to have since.
    pub alone: BTreeSet<WriteId>,
    /// Writes so far.
    pub writes: u16,
    /// Requests of operators so far.
    pub requests: u32,
}

/// A whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct World {
    /// Size and settings.
    pub settings: Settings,
    /// True time.
    pub now: Millis,
    /// The source of fresh ids of every sort.
    pub mint: Mint,
    /// What operators ask for.
    pub desired: Desired,
    /// Instances in their pods, by ordinal.
    pub bodies: Vec<Body>,
    /// The API server.
    pub api: Api,
    /// Everything between the places.
    pub network: Network,
    /// Controllers.
    pub controllers: Vec<Controller>,
    /// Gateways.
    pub gateways: Vec<Gateway>,
    /// Clients.
    pub clients: Vec<Client>,
    /// For the oracle.
    pub truth: Truth,
}

/// Why an event cannot happen now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such place.
    #[error("there is no {0} in this world; its directive says how many there are")]
    NoSuch(Place),
    /// There is no such client.
    #[error("there is no {0} in this world; its directive says how many there are")]
    NoClient(ClientId),
    /// No such message is under way.
    #[error("no message \"{0}\" is under way")]
    NoMessage(MessageId),
    /// The message cannot arrive now.
    #[error("\"{0}\" cannot arrive: {1}")]
    Undeliverable(MessageId, &'static str),
    /// The event needs another state.
    #[error("not now: {0}")]
    NotNow(&'static str),
}

impl World {
    /// An empty cluster: pods without processes, controllers and gateways that just started.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut mint = Mint::default();
        let bodies =
            (0..settings.instances).map(|_| Body::new(settings.config, &mut mint)).collect();
        let controller = || Controller { clock: Clock::default(), frozen: false, process: None };
        let limit_ms = settings.timing.grant_ms;
        let mut world = Self {
            settings: settings.clone(),
            now: 0,
            mint,
            desired: Desired {
                instances: settings.instances,
                durability: settings.durability,
                authority: settings.authority,
                vote_returns: settings.vote_returns,
                sets_aside: settings.sets_aside,
                ..Desired::default()
            },
            bodies,
            api: Api::default(),
            network: Network::default(),
            controllers: (0..settings.controllers).map(|_| controller()).collect(),
            gateways: (0..settings.gateways)
                .map(|id| Gateway::new(GatewayId::from(id), limit_ms))
                .collect(),
            clients: (0..settings.clients).map(|_| Client::default()).collect(),
            truth: Truth::default(),
        };
        for no in world.controller_numbers() {
            // Each of them exists and has no process yet.
            let _started = world.start_controller(no);
        }
        world
    }

    /// Every controller.
    pub fn controller_numbers(&self) -> impl Iterator<Item = ControllerNo> + use<> {
        (0..self.settings.controllers).map(ControllerNo)
    }

    /// Takes one event and tells what it brought about.
    ///
    /// # Errors
    /// Why the event cannot happen now; then nothing changed.
    pub fn step(&mut self, event: &Event, decide: Decide) -> Result<Vec<Happening>, Refused> {
        let mut out = Vec::new();
        self.step_into(event, decide, &mut out)?;
        Ok(out)
    }

    /// As `step`, into a list that the caller may use again.
    ///
    /// # Errors
    /// Why the event cannot happen now; then nothing changed.
    pub fn step_into(
        &mut self,
        event: &Event,
        decide: Decide,
        out: &mut Vec<Happening>,
    ) -> Result<(), Refused> {
        match *event {
            Event::Advance(ms) => {
                self.now += ms;
                self.mind_grants(out)
            }
            Event::Deliver(id) => self.deliver(id, out),
            Event::Fail(id) => self.fail(id, out),
            Event::Overdue(id) => self.overdue(id, out),
            Event::Cut(from, to, cut) => self.cut(Link { from, to }, cut),
            Event::Heal(from, to) => self.heal(Link { from, to }),
            Event::Crash(id) => self.crash(id, out),
            Event::Start(id) => self.start_process(id, out),
            Event::MarkDeleted(id) => self.mark_deleted(id),
            Event::RemovePod(id) => self.remove_pod(id, out),
            Event::CreatePod(id, addressed) => self.create_pod(id, addressed),
            Event::AssignAddress(id) => self.assign_address(id),
            Event::PowerLoss(id, keep) => self.lose_power(id, keep, out),
            Event::PowerOn(id) => self.power_on(id),
            Event::Wipe(id) => self.wipe(id, out),
            Event::Beat(id, name) => self.beat(id, name, out),
            Event::Busy(id, busy) => self.occupy(id, busy, out),
            Event::StartController(no) => self.start_controller(no),
            Event::CrashController(no) => self.crash_controller(no, out),
            Event::ReadPods(no) => self.read_pods(no),
            Event::ReadRecord(no, stale) => self.read_record(no, stale),
            Event::ReadLease(no, stale) => self.read_lease(no, stale),
            Event::Renew(no) => self.renew(no, false),
            Event::AskPeers(no) => self.ask_peers(no),
            Event::Release(no) => self.renew(no, true),
            Event::Probe(no, id) => self.probe(no, id),
            Event::Decide(no) => self.decide(no, decide, out),
            Event::Effect(no) => self.effect(no, out),
            Event::GiveUp(no) => self.give_up(no, out),
            Event::Ask(id) => self.ask(id, out),
            Event::RestartGateway(id) => self.restart_gateway(id, out),
            Event::Freeze(place) => self.freeze(place, true, out),
            Event::Thaw(place) => self.freeze(place, false, out),
            Event::JumpWall(place, ms) => {
                self.clock_of(place)?.jump(ms);
                self.mind_grants(out)
            }
            Event::Drift(place, ppm) => {
                let now = self.now;
                self.clock_of(place)?.drift(now, ppm);
                Ok(())
            }
            Event::ApiDown => self.switch_api(false),
            Event::ApiUp => self.switch_api(true),
            Event::Write(client, gateway, again) => self.client_writes(client, gateway, again, out),
            Event::Begin(client, gateway) => self.client_begins(client, gateway, out),
            Event::GoOn(client, next) => self.client_goes_on(client, next, out),
            Event::DeleteRecord => {
                self.api.records.clear();
                Ok(())
            }
            Event::AcceptLoss(main) => self.accept_loss(main),
            Event::Reset(of) => self.order_reset(of, None),
            Event::RestoreAside(of) => self.order_restore(of),
            Event::Act(act) => self.act(act, out),
            Event::Switchover(to) => self.order_switchover(to),
            Event::Pause(paused) => self.order_pause(paused),
        }
    }

    fn cut(&mut self, link: Link, how: Cut) -> Step {
        for place in [link.from, link.to] {
            if !self.has(place) {
                return Err(Refused::NoSuch(place));
            }
        }
        if link.from == link.to {
            return Err(Refused::NotNow("a link has two ends"));
        }
        self.network.cuts.insert(link, how);
        Ok(())
    }

    fn heal(&mut self, link: Link) -> Step {
        let was = self.network.cuts.remove(&link);
        was.map(drop).ok_or(Refused::NotNow("that direction is not cut"))
    }

    fn occupy(&mut self, id: InstanceId, busy: bool, out: &mut Vec<Happening>) -> Step {
        if !self.body(id)?.runs() {
            return Err(Refused::NotNow("no process runs; start it first"));
        }
        self.feed(id, Input::Busy(busy), out)
    }

    /// Whether the record names this instance as main because a person said so.
    #[must_use]
    pub fn begins_by_word(&self, main: InstanceId) -> bool {
        self.api.record().is_some_and(|record| {
            record.target == main && matches!(record.cause, Cause::Accepted { .. })
        })
    }

    fn freeze(&mut self, place: Place, frozen: bool, out: &mut Vec<Happening>) -> Step {
        let (now, sleeps) = (self.now, self.settings.clocks_sleep);
        let flag = match place {
            Place::Instance(id) => {
                let body = self.body_mut(id)?;
                if !body.runs() {
                    return Err(Refused::NotNow("no process runs; start it first"));
                }
                &mut body.frozen
            }
            Place::Controller(no) => {
                self.controller(no)?;
                match self.controllers.get_mut(usize::from(no.0)) {
                    Some(controller) => &mut controller.frozen,
                    None => return Err(Refused::NoSuch(place)),
                }
            }
            Place::Gateway(id) => match self.gateways.get_mut(id.index()) {
                Some(gateway) => {
                    if sleeps {
                        gateway.clock.sleep(now, frozen);
                    }
                    &mut gateway.frozen
                }
                None => return Err(Refused::NoSuch(place)),
            },
            Place::Api => return Err(Refused::NotNow("the API server is down or up, not frozen")),
        };
        if *flag == frozen {
            return Err(Refused::NotNow(if frozen { "frozen already" } else { "not frozen" }));
        }
        *flag = frozen;
        self.mind_grants(out)
    }

    fn clock_of(&mut self, place: Place) -> Result<&mut Clock, Refused> {
        match place {
            Place::Controller(no) => {
                self.controllers.get_mut(usize::from(no.0)).map(|controller| &mut controller.clock)
            }
            Place::Gateway(id) => {
                self.gateways.get_mut(id.index()).map(|gateway| &mut gateway.clock)
            }
            Place::Instance(_) | Place::Api => {
                return Err(Refused::NotNow("only controllers and gateways have clocks here"));
            }
        }
        .ok_or(Refused::NoSuch(place))
    }

    fn switch_api(&mut self, up: bool) -> Step {
        if self.api.up == up {
            return Err(Refused::NotNow(if up {
                "it is up already"
            } else {
                "it is down already"
            }));
        }
        self.api.up = up;
        Ok(())
    }

    /// The instance that acts as main and is named by the record, if its life is the recorded one.
    #[must_use]
    pub fn recorded_main(&self) -> Option<InstanceId> {
        let record = self.api.record()?;
        let body = self.body(record.target).ok()?;
        let named = body.incarnation() == Some(record.incarnation);
        (named && body.instance.as_main().is_some()).then_some(record.target)
    }
}
