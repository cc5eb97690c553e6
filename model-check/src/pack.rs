//! Worlds in a small space: each part of a canonical world is kept once, in a table, and a state
//! is a row of numbers. Equal parts have equal numbers, so equal rows are equal worlds, exactly.

use crate::table::Table;
use ha_core::{desired::Desired, history::History, leadership::LeaderClock};
use shell_sim::{
    memgraph::{Mint, Session},
    world::{
        Api, Body, Client, Clock, Connection, Controller, Cut, Gateway, Link, MessageBody,
        MessageId, Network, Process, Settings, Truth, World,
    },
};
use std::collections::BTreeMap;

/// How many numbers a state is.
pub const PARTS: usize = 16;
const BODIES: usize = 4;
const CONTROLLERS: usize = 2;
const FIRST_CONTROLLER: usize = BODIES;
const PARTS_OF_A_CONTROLLER: usize = 3;
const GATEWAYS: usize = FIRST_CONTROLLER + CONTROLLERS * PARTS_OF_A_CONTROLLER;
const CLIENTS: usize = GATEWAYS + 1;
const API: usize = CLIENTS + 1;
const MESSAGES: usize = API + 1;
const CONNECTIONS: usize = MESSAGES + 1;
/// What the model keeps beside the world: budgets and exceptions.
pub const BESIDE: usize = CONNECTIONS + 1;

/// A packed state.
pub type Packed = [u32; PARTS];

/// A controller without its clock of leadership and its history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Hands {
    clock: Clock,
    frozen: bool,
    /// Without them; none if no process runs.
    process: Option<Box<Process>>,
}

type Messages = BTreeMap<MessageId, MessageBody>;
type Connections = (BTreeMap<Session, Connection>, BTreeMap<Link, Cut>);

/// The tables.
#[derive(Debug)]
pub struct Tables {
    settings: Settings,
    mint: Mint,
    now: u64,
    blank: (LeaderClock, History),
    bodies: Table<Body>,
    leaders: Table<LeaderClock>,
    histories: Table<History>,
    hands: Table<Hands>,
    gateways: Table<Vec<Gateway>>,
    clients: Table<(Vec<Client>, Truth)>,
    api: Table<(Api, Desired)>,
    messages: Table<Messages>,
    connections: Table<Connections>,
}

/// The names of the parts, in their order.
#[must_use]
pub fn part_names() -> Vec<String> {
    let mut names = Vec::with_capacity(PARTS);
    names.extend((0..BODIES).map(|n| format!("instance mg-{n}")));
    for no in 0..CONTROLLERS {
        names.push(format!("lease and grants of ct-{no}"));
        names.push(format!("memory of ct-{no}"));
        names.push(format!("plan of ct-{no}"));
    }
    let rest = ["gateways", "clients", "record, lease, orders", "messages", "links", "budgets"];
    names.extend(rest.map(String::from));
    names
}

/// The numbers of the parts that are known already.
type Kept = [Option<u32>; PARTS];

/// The numbers of those parts of a world that are as in the other one.
fn kept(world: &World, (from, row): (&World, &Packed)) -> Kept {
    let mut kept = [None; PARTS];
    let mut keep = |part: usize, same: bool| kept[part] = same.then_some(row[part]);
    for (part, (new, old)) in world.bodies.iter().zip(&from.bodies).enumerate() {
        keep(part, new == old);
    }
    for (index, (new, old)) in world.controllers.iter().zip(&from.controllers).enumerate() {
        let part = FIRST_CONTROLLER + index * PARTS_OF_A_CONTROLLER;
        let both = new.process.as_ref().zip(old.process.as_ref());
        let same = new == old;
        keep(part, same || both.is_some_and(|(new, old)| new.leader == old.leader));
        keep(part + 1, same || both.is_some_and(|(new, old)| new.history == old.history));
        keep(part + 2, same);
    }
    keep(GATEWAYS, world.gateways == from.gateways);
    keep(CLIENTS, world.clients == from.clients && world.truth == from.truth);
    keep(API, world.api == from.api && world.desired == from.desired);
    let (new, old) = (&world.network, &from.network);
    keep(MESSAGES, new.messages == old.messages);
    keep(CONNECTIONS, new.connections == old.connections && new.cuts == old.cuts);
    kept
}

impl Tables {
    /// Tables for worlds that differ from this canonical one in what happened only.
    ///
    /// # Panics
    /// If the world has more instances or controllers than a state has room for.
    #[must_use]
    pub fn new(world: &World) -> Self {
        assert!(world.bodies.len() <= BODIES && world.controllers.len() <= CONTROLLERS);
        let blank = ha_core::ids::ControllerId(0);
        Self {
            settings: world.settings.clone(),
            mint: world.mint,
            now: world.now,
            blank: (LeaderClock::start(blank, 0), History::start(0)),
            bodies: Table::default(),
            leaders: Table::default(),
            histories: Table::default(),
            hands: Table::default(),
            gateways: Table::default(),
            clients: Table::default(),
            api: Table::default(),
            messages: Table::default(),
            connections: Table::default(),
        }
    }

    /// A canonical world as a row of numbers.
    #[must_use]
    pub fn pack(&self, world: World, beside: u32) -> Packed {
        self.pack_with(&[None; PARTS], world, beside)
    }

    /// The same, of a world that came about from another, of which the row is known: most parts are
    /// as they were, and to see that takes less than to look them up.
    #[must_use]
    pub fn pack_after(&self, world: World, from: (&World, &Packed), beside: u32) -> Packed {
        let kept = kept(&world, from);
        self.pack_with(&kept, world, beside)
    }

    fn pack_with(&self, kept: &Kept, world: World, beside: u32) -> Packed {
        let mut row = [0; PARTS];
        for (part, body) in world.bodies.into_iter().enumerate() {
            row[part] = kept[part].unwrap_or_else(|| self.bodies.number(body));
        }
        for (index, controller) in world.controllers.into_iter().enumerate() {
            let part = FIRST_CONTROLLER + index * PARTS_OF_A_CONTROLLER;
            let Controller { clock, frozen, process } = controller;
            let (mut leader, mut history) = self.blank.clone();
            let process = process.map(|mut process| {
                std::mem::swap(&mut process.leader, &mut leader);
                std::mem::swap(&mut process.history, &mut history);
                process
            });
            let hands = Hands { clock, frozen, process };
            row[part] = kept[part].unwrap_or_else(|| self.leaders.number(leader));
            row[part + 1] = kept[part + 1].unwrap_or_else(|| self.histories.number(history));
            row[part + 2] = kept[part + 2].unwrap_or_else(|| self.hands.number(hands));
        }
        let World { gateways, clients, truth, api, desired, network, .. } = world;
        let Network { cuts, messages, connections } = network;
        row[GATEWAYS] = kept[GATEWAYS].unwrap_or_else(|| self.gateways.number(gateways));
        row[CLIENTS] = kept[CLIENTS].unwrap_or_else(|| self.clients.number((clients, truth)));
        row[API] = kept[API].unwrap_or_else(|| self.api.number((api, desired)));
        row[MESSAGES] = kept[MESSAGES].unwrap_or_else(|| self.messages.number(messages));
        row[CONNECTIONS] =
            kept[CONNECTIONS].unwrap_or_else(|| self.connections.number((connections, cuts)));
        row[BESIDE] = beside;
        row
    }

    /// The world behind a row.
    #[must_use]
    pub fn unpack(&self, row: &Packed) -> World {
        let bodies = row.iter().take(self.settings.instances.into());
        let controllers = row[FIRST_CONTROLLER..GATEWAYS].chunks(PARTS_OF_A_CONTROLLER);
        let (clients, truth) = self.clients.value(row[CLIENTS]);
        let (api, desired) = self.api.value(row[API]);
        let (connections, cuts) = self.connections.value(row[CONNECTIONS]);
        World {
            settings: self.settings.clone(),
            now: self.now,
            mint: self.mint,
            desired,
            bodies: bodies.map(|number| self.bodies.value(*number)).collect(),
            api,
            network: Network { cuts, messages: self.messages.value(row[MESSAGES]), connections },
            controllers: controllers
                .take(self.settings.controllers.into())
                .map(|slots| self.controller(slots))
                .collect(),
            gateways: self.gateways.value(row[GATEWAYS]),
            clients,
            truth,
        }
    }

    fn controller(&self, slots: &[u32]) -> Controller {
        let Hands { clock, frozen, process } = self.hands.value(slots[2]);
        let process = process.map(|mut process| {
            process.leader = self.leaders.value(slots[0]);
            process.history = self.histories.value(slots[1]);
            process
        });
        Controller { clock, frozen, process }
    }

    /// One part of a row, written out.
    #[must_use]
    pub fn describe(&self, row: &Packed, part: usize) -> String {
        let number = row.get(part).copied().unwrap_or_default();
        if part < BODIES {
            return format!("{:#?}", self.bodies.value(number));
        }
        if part < GATEWAYS {
            return match (part - FIRST_CONTROLLER) % PARTS_OF_A_CONTROLLER {
                0 => format!("{:#?}", self.leaders.value(number)),
                1 => format!("{:#?}", self.histories.value(number)),
                _ => format!("{:#?}", self.hands.value(number)),
            };
        }
        match part {
            GATEWAYS => format!("{:#?}", self.gateways.value(number)),
            CLIENTS => format!("{:#?}", self.clients.value(number)),
            API => format!("{:#?}", self.api.value(number)),
            MESSAGES => format!("{:#?}", self.messages.value(number)),
            CONNECTIONS => format!("{:#?}", self.connections.value(number)),
            _ => format!("{number:#034b}"),
        }
    }

    /// How many different parts of each kind there are.
    #[must_use]
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("instances", self.bodies.len()),
            ("leases and grants", self.leaders.len()),
            ("memories", self.histories.len()),
            ("plans", self.hands.len()),
            ("gateways", self.gateways.len()),
            ("clients", self.clients.len()),
            ("records, leases, orders", self.api.len()),
            ("messages", self.messages.len()),
            ("links", self.connections.len()),
        ]
    }
}
