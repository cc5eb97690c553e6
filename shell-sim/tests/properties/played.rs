//! Choices carried out: what each one comes to in the world as it is then, and the schedule that
//! all of them together are.

use crate::choices::{Case, Choice, Fault, KINDS, Turn, Variant, WAITS, Where, Whom};
use ha_core::ids::{GatewayId, InstanceId};
use shell_sim::{
    driver::{End, Fair, Pattern},
    oracle::{self, Violation},
    schedule::{Directive, SETTLE_MS, Schedule, Symptom},
    world::{
        Body, Client, ClientId, ControllerNo, Cut, Decide, Event, Fate, Kind, MessageId, Next,
        Place, World, WriteId,
    },
};

/// So many faults at most go into one schedule.
const FAULTS: u32 = 6;

/// Clusters that came about under one decision, one of each variant of the world.
pub(crate) struct Starts(Vec<(Variant, Fair)>);

/// What a case came to.
pub(crate) struct Played {
    pub(crate) schedule: Schedule,
    pub(crate) world: World,
    pub(crate) violations: Vec<Violation>,
    pub(crate) end: End,
}

impl Played {
    /// In which way it fails, if it does.
    pub(crate) fn symptom(&self) -> Option<Symptom> {
        Symptom::of(&self.violations, Some(&self.end))
    }
}

impl Starts {
    /// Lets the clusters come about.
    pub(crate) fn under(decide: Decide) -> Self {
        let start = |variant: Variant| {
            let mut fair = Fair::new(&variant.settings(), decide);
            let end = fair.settle(SETTLE_MS);
            assert_eq!(end, End::Settled, "{variant:?}");
            (variant, fair)
        };
        Self(Variant::all().map(start).collect())
    }

    /// A cluster of this variant.
    fn of(&self, variant: Variant) -> Player {
        let start = self.0.iter().find(|(kind, _)| *kind == variant);
        let fair = start.expect("every variant has one").1.clone();
        let world = Directive::World(Box::new(variant.settings()));
        Player { fair, faults: FAULTS, done: vec![world, Directive::Bootstrap] }
    }

    /// Plays a case to its end.
    pub(crate) fn play(&self, case: &Case) -> Played {
        let mut player = self.of(case.variant);
        case.disturbed.iter().for_each(|choice| player.choose(*choice));
        player.fair.calm();
        player.done.push(Directive::Calm);
        case.quiet.iter().for_each(|choice| player.choose(*choice));
        player.finish()
    }
}

struct Player {
    fair: Fair,
    /// How many faults are left.
    faults: u32,
    done: Vec<Directive>,
}

impl Player {
    fn finish(mut self) -> Played {
        let end = self.fair.settle(SETTLE_MS);
        self.done.push(Directive::Settle(SETTLE_MS));
        for violation in oracle::final_violations(&self.fair.world, end == End::Settled) {
            self.fair.found(violation);
        }
        let Self { fair, done, .. } = self;
        let Fair { world, violations, .. } = fair;
        Played { schedule: Schedule::of(done), world, violations, end }
    }

    /// Makes one choice; what is impossible now is left out of the schedule.
    fn choose(&mut self, choice: Choice) {
        match choice {
            Choice::Run(which) => {
                self.fair.run_for(WAITS[which]);
                self.done.push(Directive::Run(WAITS[which]));
            }
            Choice::Steps(steps) => {
                self.fair.run_steps(steps);
                self.done.push(Directive::Steps(steps));
            }
            Choice::Withhold(kind, answer, whom) => self.withhold(KINDS[kind], answer, whom),
            Choice::Release(number) => {
                if let Some(pattern) = nth(&self.fair.withheld(), number) {
                    self.fair.release(&pattern);
                    self.done.push(Directive::Unwithhold(pattern));
                }
            }
            Choice::Fault(fault) => {
                if self.faults > 0
                    && let Some(event) = self.fault(fault)
                {
                    self.faults -= u32::from(self.apply(event));
                }
            }
            Choice::Write(..)
            | Choice::Begin(..)
            | Choice::GoOn(..)
            | Choice::Deliver(_)
            | Choice::Ask(_)
            | Choice::Turn(..)
            | Choice::Advance(_)
            | Choice::Switchover(_)
            | Choice::Pause(_)
            | Choice::Mend(_) => {
                if let Some(event) = self.event(choice) {
                    self.apply(event);
                }
            }
        }
    }

    /// Whether an event came about.
    fn apply(&mut self, event: Event) -> bool {
        let done = self.fair.apply(&event).is_ok();
        if done {
            self.done.push(Directive::Event(event));
        }
        done
    }

    /// The event that a choice without harm stands for.
    fn event(&self, choice: Choice) -> Option<Event> {
        match choice {
            Choice::Write(client, gateway) => {
                let again = self.held(client);
                Some(Event::Write(ClientId(client), self.gateway(gateway), again))
            }
            Choice::Begin(client, gateway) => {
                Some(Event::Begin(ClientId(client), self.gateway(gateway)))
            }
            Choice::GoOn(client, ends) => {
                let open = self.client(client)?.transaction?;
                let next = match (open.staged, ends) {
                    (None, false) => Next::Stage,
                    (Some(_), false) => Next::Commit,
                    (_, true) => Next::Rollback,
                };
                Some(Event::GoOn(ClientId(client), next))
            }
            Choice::Deliver(number) => self.message(number).map(Event::Deliver),
            Choice::Ask(gateway) => Some(Event::Ask(self.gateway(gateway))),
            Choice::Turn(no, turn) => Some(self.turn(ControllerNo(no), turn)),
            Choice::Advance(ms) => Some(Event::Advance(ms)),
            Choice::Switchover(to) => Some(Event::Switchover(to.map(InstanceId))),
            Choice::Pause(paused) => Some(Event::Pause(paused)),
            Choice::Mend(number) => nth(&self.fair.world.remedies(), number),
            Choice::Run(_)
            | Choice::Steps(_)
            | Choice::Withhold(..)
            | Choice::Release(_)
            | Choice::Fault(_) => None,
        }
    }

    fn turn(&self, no: ControllerNo, turn: Turn) -> Event {
        match turn {
            Turn::Probe(whom) => Event::Probe(no, self.instance(whom)),
            Turn::Record(stale) => Event::ReadRecord(no, stale),
            Turn::Lease(stale) => Event::ReadLease(no, stale),
            Turn::Pods => Event::ReadPods(no),
            Turn::Renew => Event::Renew(no),
            Turn::Decide => Event::Decide(no),
            Turn::Effect => Event::Effect(no),
        }
    }

    fn fault(&self, fault: Fault) -> Option<Event> {
        Some(match fault {
            Fault::Crash(whom) => Event::Crash(self.instance(whom)),
            Fault::PowerLoss(whom, lost) => {
                let id = self.instance(whom);
                let entries = |body: &Body| body.instance.volume.log.len();
                let log = self.fair.world.body(id).map_or(0, entries);
                Event::PowerLoss(id, log.saturating_sub(lost))
            }
            Fault::RemovePod(whom) => Event::RemovePod(self.instance(whom)),
            Fault::DeletePod(whom) => Event::MarkDeleted(self.instance(whom)),
            Fault::Freeze(at) => Event::Freeze(self.place(at)),
            Fault::Busy(whom) => Event::Busy(self.instance(whom), true),
            Fault::Cut(from, to, silent) => {
                let how = if silent { Cut::Silent } else { Cut::Refuse };
                Event::Cut(self.place(from), self.place(to), how)
            }
            Fault::CrashController(no) => Event::CrashController(ControllerNo(no)),
            Fault::ReleaseLease(no) => Event::Release(ControllerNo(no)),
            Fault::RestartGateway(gateway) => Event::RestartGateway(self.gateway(gateway)),
            Fault::JumpWall(gateway, hours) => {
                Event::JumpWall(Place::Gateway(self.gateway(gateway)), hours * 3_600_000)
            }
            Fault::ApiDown => Event::ApiDown,
            Fault::Lose(number) => Event::Fail(self.message(number)?),
            Fault::Overdue(number) => Event::Overdue(self.message(number)?),
            Fault::GiveUp(no) => Event::GiveUp(ControllerNo(no)),
        })
    }

    fn withhold(&mut self, kind: Kind, answer: bool, whom: Whom) {
        let place = match kind {
            Kind::Finalize | Kind::Prepare | Kind::Recover => Place::Instance(self.instance(whom)),
            Kind::Request | Kind::Question => Place::Gateway(GatewayId(0)),
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
            | Kind::Close => Place::Controller(ControllerNo(0)),
        };
        let (from, to) = if answer { (None, Some(place)) } else { (Some(place), None) };
        let pattern = Pattern { kind: Some((kind, answer)), from, to };
        self.fair.withhold(pattern);
        self.done.push(Directive::Withhold(pattern));
    }

    fn client(&self, client: u8) -> Option<&Client> {
        self.fair.world.clients.get(usize::from(client))
    }

    /// A write that the gateway held.
    fn held(&self, client: u8) -> Option<WriteId> {
        let writes = &self.client(client)?.writes;
        writes.iter().find(|(_, fate)| **fate == Fate::Held).map(|(write, _)| *write)
    }

    fn message(&self, number: u8) -> Option<MessageId> {
        let ids: Vec<MessageId> = self.fair.world.network.messages.keys().copied().collect();
        nth(&ids, number)
    }

    fn gateway(&self, gateway: u8) -> GatewayId {
        GatewayId::from(gateway % self.fair.world.settings.gateways)
    }

    fn instance(&self, whom: Whom) -> InstanceId {
        match whom {
            Whom::Main => {
                self.fair.world.api.record().map_or(InstanceId(0), |record| record.target)
            }
            Whom::Number(number) => InstanceId(number),
        }
    }

    fn place(&self, at: Where) -> Place {
        match at {
            Where::Instance(whom) => Place::Instance(self.instance(whom)),
            Where::Controller(no) => Place::Controller(ControllerNo(no)),
            Where::Gateway(gateway) => Place::Gateway(self.gateway(gateway)),
            Where::Api => Place::Api,
        }
    }
}

/// The item of this number, counted round and round.
fn nth<T: Copy>(items: &[T], number: u8) -> Option<T> {
    let at = usize::from(number).checked_rem(items.len())?;
    items.get(at).copied()
}
