//! Random walks: interleavings, faults and writes chosen by a seed, then calm and a fair end. The
//! directives that a walk chose are its schedule; run again, they give the same world.

use super::{Chance, Counters, End, Fair, Pattern, Situations, circumstances};
use crate::{
    oracle::{self, Violation},
    schedule::{Directive, SETTLE_MS, Schedule},
    world::{
        ClientId, ControllerNo, Cut, Decide, Event, Fate, Kind, MessageBody, MessageId, Next,
        Place, Refused, Settings, World, WriteId,
    },
};
use ha_core::{
    ids::{GatewayId, InstanceId},
    reason::Recipe,
};

/// Walks that all begin in the same settled cluster.
#[derive(Debug, Clone)]
pub struct Walk {
    start: Fair,
    settings: Settings,
    limits: Limits,
}

/// How far a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Choices made before calm.
    pub choices: u32,
    /// Faults at most.
    pub faults: u32,
    /// Writes at most.
    pub writes: u32,
    /// Whether nodes lose power.
    pub power: bool,
    /// Whether reads of the API server may lag behind.
    pub stale_reads: bool,
    /// Whether things are done to the cluster past its controllers.
    pub acts: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { choices: 60, faults: 4, writes: 8, power: true, stale_reads: false, acts: false }
    }
}

/// What a walk came to.
#[derive(Debug, Clone)]
pub struct WalkReport {
    /// The seed.
    pub seed: u64,
    /// What it did; run again, it does the same.
    pub schedule: Schedule,
    /// Counts.
    pub counters: Counters,
    /// In which kinds of situations its controllers decided.
    pub situations: Situations,
    /// What was found broken.
    pub violations: Vec<Violation>,
    /// How it ended.
    pub end: End,
    /// The procedures left to people that the leader waits for in the end, settled or not.
    pub recipes: Vec<Recipe>,
}

impl WalkReport {
    /// Whether something broke that the promise does not except.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.violations.iter().all(Violation::is_known)
    }
}

impl Walk {
    /// Lets a cluster bootstrap, as the start of every walk.
    ///
    /// # Errors
    /// How the bootstrap ended instead.
    pub fn new(settings: &Settings, limits: Limits, decide: Decide) -> Result<Self, End> {
        let mut start = Fair::new(settings, decide);
        match start.settle(SETTLE_MS) {
            End::Settled => {
                start.counters = Counters::default();
                start.situations = Situations::default();
                Ok(Self { start, settings: settings.clone(), limits })
            }
            other @ (End::Holds(_) | End::Stuck(_)) => Err(other),
        }
    }

    /// The world after the choices of a walk, before calm.
    #[must_use]
    pub fn world_after(&self, seed: u64) -> World {
        self.disturb(seed).fair.world
    }

    fn disturb(&self, seed: u64) -> Walker {
        let mut walker = Walker {
            fair: self.start.clone(),
            chance: Chance::new(seed),
            faults: self.limits.faults,
            writes: self.limits.writes,
            limits: self.limits,
            done: Vec::new(),
        };
        for _ in 0..self.limits.choices {
            walker.choose();
        }
        walker
    }

    /// One walk.
    #[must_use]
    pub fn run(&self, seed: u64) -> WalkReport {
        let mut walker = self.disturb(seed);
        walker.fair.calm();
        walker.done.push(Directive::Calm);
        let end = walker.fair.settle(SETTLE_MS);
        walker.done.push(Directive::Settle(SETTLE_MS));
        let Walker { mut fair, done, .. } = walker;
        for violation in oracle::final_violations(&fair.world, end == End::Settled) {
            fair.found(violation);
        }
        let mut directives =
            vec![Directive::World(Box::new(self.settings.clone())), Directive::Bootstrap];
        directives.extend(done);
        let mut recipes: Vec<Recipe> =
            fair.leader_plan().map_or_else(Vec::new, |(_, _, plan)| plan.recipes().collect());
        recipes.sort();
        recipes.dedup();
        WalkReport {
            recipes,
            seed,
            schedule: Schedule::of(directives),
            counters: fair.counters,
            situations: fair.situations,
            violations: fair.violations,
            end,
        }
    }
}

struct Walker {
    fair: Fair,
    chance: Chance,
    faults: u32,
    writes: u32,
    limits: Limits,
    done: Vec<Directive>,
}

impl Walker {
    /// Makes one choice. What turns out to be impossible now is left out of the schedule.
    fn choose(&mut self) {
        match self.chance.below(100) {
            0..=29 => {
                let steps = 1 + u32::try_from(self.chance.below(25)).unwrap_or(0);
                self.fair.run_steps(steps);
                self.done.push(Directive::Steps(steps));
            }
            30..=44 => {
                let ms = [1, 20, 100, 400, 1_100, 3_500]
                    [usize::try_from(self.chance.below(6)).unwrap_or(0)];
                self.fair.run_for(ms);
                self.done.push(Directive::Run(ms));
            }
            45..=59 => self.progress(),
            60..=81 => self.write(),
            82..=91 => self.fault(),
            92..=95 => self.withhold(),
            _ => self.order(),
        }
    }

    fn apply(&mut self, event: Event) -> Result<(), Refused> {
        self.fair.apply(&event)?;
        self.done.push(Directive::Event(event));
        Ok(())
    }

    /// Something internal out of turn: an arrival, a loss, a look, an effect.
    fn progress(&mut self) {
        let event = match self.chance.below(10) {
            0..=3 => self.message().map(Event::Deliver),
            4 => self.message().map(Event::Fail),
            5 => self.message().map(Event::Overdue),
            6 => {
                let no = self.controller();
                Some(match self.chance.below(8) {
                    0 => Event::Effect(no),
                    1 => Event::Decide(no),
                    2 => Event::GiveUp(no),
                    3 => Event::Renew(no),
                    4 => Event::ReadRecord(no, self.stale()),
                    5 => Event::ReadLease(no, self.stale()),
                    6 => Event::AskPeers(no),
                    _ => Event::Probe(no, self.instance()),
                })
            }
            7 => Some(Event::Ask(self.gateway())),
            8 => Some(Event::Advance(1 + self.chance.below(1_500))),
            _ => {
                let enabled = self.fair.world.enabled();
                self.chance.pick(&enabled).copied()
            }
        };
        if let Some(event) = event {
            let _refused = self.apply(event);
        }
    }

    fn stale(&mut self) -> u8 {
        u8::from(self.limits.stale_reads && self.chance.once_in(2))
    }

    fn message(&mut self) -> Option<MessageId> {
        let ids: Vec<MessageId> = self.fair.world.network.messages.keys().copied().collect();
        self.chance.pick(&ids).copied()
    }

    fn small(&mut self, bound: u8) -> u8 {
        u8::try_from(self.chance.below(bound.max(1).into())).unwrap_or(0)
    }

    fn instance(&mut self) -> InstanceId {
        let bound = self.fair.world.settings.instances;
        InstanceId(self.small(bound))
    }

    /// The recorded main half of the time, for that is where faults hurt.
    fn victim(&mut self) -> InstanceId {
        let target = self.fair.world.api.record().map(|record| record.target);
        match target {
            Some(target) if self.chance.once_in(2) => target,
            Some(_) | None => self.instance(),
        }
    }

    fn controller(&mut self) -> ControllerNo {
        let bound = self.fair.world.settings.controllers;
        ControllerNo(self.small(bound))
    }

    fn gateway(&mut self) -> GatewayId {
        let bound = self.fair.world.settings.gateways;
        self.small(bound).into()
    }

    fn place(&mut self) -> Place {
        match self.chance.below(8) {
            0..=3 => Place::Instance(self.victim()),
            4 | 5 => Place::Controller(self.controller()),
            6 => Place::Gateway(self.gateway()),
            _ => Place::Api,
        }
    }

    /// A client goes on, or begins something new.
    fn write(&mut self) {
        let bound = self.fair.world.settings.clients;
        let id = ClientId(self.small(bound));
        let gateway = self.gateway();
        let Some(client) = self.fair.world.clients.get(usize::from(id.0)) else { return };
        if client.doing.is_some() {
            return;
        }
        let event = if let Some(open) = client.transaction {
            let next = match (open.staged, self.chance.below(6)) {
                (None, _) => Next::Stage,
                (Some(_), 0) => Next::Rollback,
                (Some(_), _) => Next::Commit,
            };
            Event::GoOn(id, next)
        } else {
            let held: Vec<WriteId> = client
                .writes
                .iter()
                .filter(|(_, fate)| **fate == Fate::Held)
                .map(|(write, _)| *write)
                .collect();
            match self.chance.pick(&held) {
                Some(write) => Event::Write(id, gateway, Some(*write)),
                None if self.writes == 0 => return,
                None => {
                    self.writes -= 1;
                    if self.chance.once_in(4) {
                        Event::Begin(id, gateway)
                    } else {
                        Event::Write(id, gateway, None)
                    }
                }
            }
        };
        let _refused = self.apply(event);
    }

    /// A fault, or the end of one.
    fn fault(&mut self) {
        if self.chance.once_in(3) {
            let remedies = self.fair.world.remedies();
            if let Some(event) = self.chance.pick(&remedies).copied() {
                let _refused = self.apply(event);
            }
            return;
        }
        if self.faults == 0 {
            return;
        }
        if self.limits.acts && self.chance.once_in(3) {
            let id = self.victim();
            let act = circumstances::choose(&self.fair.world, &mut self.chance, id);
            self.faults -= u32::from(self.apply(Event::Act(act)).is_ok());
            return;
        }
        let event = match self.chance.below(20) {
            0..=4 => Event::Crash(self.victim()),
            5 | 6 if self.limits.power => {
                let id = self.victim();
                let log = self.fair.world.body(id).map_or(0, |body| body.instance.volume.log.len());
                let lost = usize::try_from(self.chance.below(4)).unwrap_or(0);
                Event::PowerLoss(id, log.saturating_sub(lost))
            }
            5 | 6 => Event::Crash(self.victim()),
            7 | 8 => Event::RemovePod(self.victim()),
            9 => Event::MarkDeleted(self.victim()),
            10..=12 => {
                let cut = if self.chance.once_in(2) { Cut::Silent } else { Cut::Refuse };
                Event::Cut(self.place(), self.place(), cut)
            }
            13 => Event::CrashController(self.controller()),
            14 | 15 => Event::Freeze(Place::Controller(self.controller())),
            16 => Event::Freeze(Place::Gateway(self.gateway())),
            17 => Event::Freeze(Place::Instance(self.victim())),
            18 => Event::ApiDown,
            _ => match self.chance.below(4) {
                0 => Event::RestartGateway(self.gateway()),
                1 => {
                    let by = if self.chance.once_in(2) { 3_600_000 } else { -3_600_000 };
                    Event::JumpWall(Place::Gateway(self.gateway()), by)
                }
                2 => Event::Busy(self.victim(), true),
                _ => Event::Release(self.controller()),
            },
        };
        if self.apply(event).is_ok() {
            self.faults -= 1;
        }
    }

    /// Holds back a command, a second phase or anything that is under way, or lets it go.
    fn withhold(&mut self) {
        let withheld = self.fair.withheld();
        if let Some(pattern) = self.chance.pick(&withheld).copied()
            && self.chance.once_in(2)
        {
            self.fair.release(&pattern);
            self.done.push(Directive::Unwithhold(pattern));
            return;
        }
        const KINDS: &[Kind] = &[
            Kind::Promote,
            Kind::Demote,
            Kind::Register,
            Kind::Drop,
            Kind::Mark,
            Kind::SetAside,
            Kind::Record,
            Kind::Finalize,
            Kind::Prepare,
            Kind::Recover,
            Kind::Request,
            Kind::Question,
            Kind::Lease,
            Kind::Peer,
        ];
        let Some(kind) = self.chance.pick(KINDS).copied() else { return };
        let answer = self.chance.once_in(3);
        let from = match kind {
            Kind::Finalize | Kind::Prepare | Kind::Recover => Place::Instance(self.victim()),
            Kind::Request | Kind::Question => Place::Gateway(self.gateway()),
            Kind::Promote
            | Kind::Demote
            | Kind::Register
            | Kind::Drop
            | Kind::Mark
            | Kind::SetAside
            | Kind::Record
            | Kind::Lease
            | Kind::Peer
            | Kind::Beat
            | Kind::Check
            | Kind::Swap
            | Kind::System
            | Kind::Refusal
            | Kind::Close => Place::Controller(self.controller()),
        };
        let (from, to) = if answer { (None, Some(from)) } else { (Some(from), None) };
        let pattern = Pattern { kind: Some((kind, answer)), from, to };
        self.fair.withhold(pattern);
        self.done.push(Directive::Withhold(pattern));
    }

    /// An operator's order, or a sender that stops waiting for what is withheld.
    fn order(&mut self) {
        let event = match self.chance.below(3) {
            0 if self.limits.acts && self.chance.once_in(2) => {
                let id = self.instance();
                if self.chance.once_in(3) { Event::RestoreAside(id) } else { Event::Reset(id) }
            }
            0 => Event::Switchover(None),
            1 => {
                let waits = |no: &ControllerNo| {
                    self.fair.world.controller(*no).is_ok_and(|process| process.waiting.is_some())
                };
                match self.fair.world.controller_numbers().find(waits) {
                    Some(no) => Event::GiveUp(no),
                    None => return,
                }
            }
            _ => {
                let awaited: Vec<MessageId> = self
                    .fair
                    .world
                    .network
                    .messages
                    .iter()
                    .filter(|(_, body)| matches!(body, MessageBody::Rpc { awaited: true, .. }))
                    .map(|(id, _)| *id)
                    .collect();
                match self.chance.pick(&awaited) {
                    Some(id) => Event::Overdue(*id),
                    None => return,
                }
            }
        };
        let _refused = self.apply(event);
    }
}
