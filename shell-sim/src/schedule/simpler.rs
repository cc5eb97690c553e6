//! What counts as a simpler line of a schedule. Each step leads toward one end, so that nobody who
//! follows them goes round in circles.

use super::Directive;
use crate::{
    memgraph::Config,
    world::{ClientId, Cut, Event, MessageId, Place, Settings},
};
use ha_core::ids::GatewayId;

/// Simpler lines, the simplest first.
pub(super) fn than(line: &Directive) -> Vec<Directive> {
    match line {
        Directive::World(settings) => {
            worlds(settings).map(|simpler| Directive::World(Box::new(simpler))).collect()
        }
        Directive::Run(ms) => numbers(*ms).map(Directive::Run).collect(),
        Directive::Steps(steps) => {
            let fewer = numbers((*steps).into()).chain((*steps > 1).then(|| u64::from(*steps) - 1));
            let fewer = fewer.filter_map(|steps| u32::try_from(steps).ok()).map(Directive::Steps);
            // What waits for a time says more than what counts steps.
            [1, 10, 100, 1_000].into_iter().map(Directive::Run).chain(fewer).collect()
        }
        Directive::Event(event) => events(*event).into_iter().map(Directive::Event).collect(),
        Directive::Bootstrap
        | Directive::Settle(_)
        | Directive::RunUntil(..)
        | Directive::Withhold(_)
        | Directive::Unwithhold(_)
        | Directive::Stop(_)
        | Directive::Resume(_)
        | Directive::Calm
        | Directive::Assert(_) => Vec::new(),
    }
}

/// One line for two that follow each other, where both let the same thing go on.
pub(super) const fn joined(one: &Directive, next: &Directive) -> Option<Directive> {
    match (one, next) {
        (Directive::Run(one), Directive::Run(next)) => {
            Some(Directive::Run(one.saturating_add(*next)))
        }
        (Directive::Steps(one), Directive::Steps(next)) => {
            Some(Directive::Steps(one.saturating_add(*next)))
        }
        (Directive::Event(Event::Advance(one)), Directive::Event(Event::Advance(next))) => {
            Some(Directive::Event(Event::Advance(one.saturating_add(*next))))
        }
        _ => None,
    }
}

/// Smaller numbers: powers of ten, for they are read at a glance, then a half and three quarters.
fn numbers(from: u64) -> impl Iterator<Item = u64> {
    let round = [1, 10, 100, 1_000, 10_000].into_iter();
    round.chain([from / 2, from / 4 * 3]).filter(move |number| (1..from).contains(number))
}

/// The world with one setting as it usually is.
fn worlds(settings: &Settings) -> impl Iterator<Item = Settings> + '_ {
    let usual = Settings::default();
    let config = |config: Config| Settings { config, ..settings.clone() };
    let (now, then) = (settings.config, usual.config);
    let all = [
        usual.clone(),
        Settings { instances: usual.instances, ..settings.clone() },
        Settings { controllers: usual.controllers, ..settings.clone() },
        Settings { gateways: usual.gateways, ..settings.clone() },
        Settings { clients: usual.clients, ..settings.clone() },
        Settings { timing: usual.timing, ..settings.clone() },
        Settings { patience: usual.patience, ..settings.clone() },
        Settings { ordered: usual.ordered, ..settings.clone() },
        Settings { rereads: usual.rereads, ..settings.clone() },
        Settings { rechecks: usual.rechecks, ..settings.clone() },
        Settings { clocks_sleep: usual.clocks_sleep, ..settings.clone() },
        config(then),
        config(Config { version: then.version, ..now }),
        config(Config { flush_every: then.flush_every, ..now }),
        config(Config { recovery: then.recovery, ..now }),
    ];
    all.into_iter().filter(move |simpler| simpler != settings)
}

/// The first message of its like.
const fn first(id: MessageId) -> MessageId {
    MessageId { number: 0, ..id }
}

fn events(event: Event) -> Vec<Event> {
    let (client, gateway) = (ClientId(0), GatewayId(0));
    let simpler = match event {
        Event::Advance(ms) => numbers(ms).map(Event::Advance).collect(),
        Event::Deliver(id) => vec![Event::Deliver(first(id))],
        Event::Fail(id) => vec![Event::Fail(first(id))],
        Event::Overdue(id) => vec![Event::Overdue(first(id))],
        Event::Cut(from, to, _) => vec![Event::Cut(from, to, Cut::Refuse)],
        Event::PowerLoss(id, _) => vec![Event::Crash(id), Event::PowerLoss(id, 0)],
        Event::MarkDeleted(id) | Event::RemovePod(id) | Event::Freeze(Place::Instance(id)) => {
            vec![Event::Crash(id)]
        }
        Event::ReadRecord(no, _) => vec![Event::ReadRecord(no, 0)],
        Event::ReadLease(no, _) => vec![Event::ReadLease(no, 0)],
        Event::Write(by, through, again) => vec![
            Event::Write(client, gateway, None),
            Event::Write(by, gateway, again),
            Event::Write(client, through, again),
            Event::Write(by, through, None),
        ],
        Event::Begin(by, _) => vec![Event::Begin(by, gateway)],
        Event::RestoreAside(of) => vec![Event::Reset(of)],
        Event::AcceptLoss(_) | Event::Reset(_) | Event::DeleteRecord | Event::Act(_) => vec![],
        Event::Switchover(_) => vec![Event::Switchover(None)],
        Event::Heal(..)
        | Event::Crash(_)
        | Event::Start(_)
        | Event::CreatePod(..)
        | Event::AssignAddress(_)
        | Event::PowerOn(_)
        | Event::Wipe(_)
        | Event::Beat(..)
        | Event::Busy(..)
        | Event::StartController(_)
        | Event::CrashController(_)
        | Event::ReadPods(_)
        | Event::Renew(_)
        | Event::AskPeers(_)
        | Event::Release(_)
        | Event::Probe(..)
        | Event::Decide(_)
        | Event::Effect(_)
        | Event::GiveUp(_)
        | Event::Ask(_)
        | Event::RestartGateway(_)
        | Event::Freeze(_)
        | Event::Thaw(_)
        | Event::JumpWall(..)
        | Event::Drift(..)
        | Event::ApiDown
        | Event::ApiUp
        | Event::GoOn(..)
        | Event::Pause(_) => Vec::new(),
    };
    simpler.into_iter().filter(|simpler| *simpler != event).collect()
}
