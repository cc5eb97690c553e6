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
        let mut row = [0; PARTS];
        for (slot, body) in row.iter_mut().zip(world.bodies) {
            *slot = self.bodies.number(body);
        }
        let slots = row[FIRST_CONTROLLER..GATEWAYS].chunks_mut(PARTS_OF_A_CONTROLLER);
        for (slots, controller) in slots.zip(world.controllers) {
            let Controller { clock, frozen, process } = controller;
            let (mut leader, mut history) = self.blank.clone();
            let process = process.map(|mut process| {
                std::mem::swap(&mut process.leader, &mut leader);
                std::mem::swap(&mut process.history, &mut history);
                process
            });
            slots[0] = self.leaders.number(leader);
            slots[1] = self.histories.number(history);
            slots[2] = self.hands.number(Hands { clock, frozen, process });
        }
        row[GATEWAYS] = self.gateways.number(world.gateways);
        row[CLIENTS] = self.clients.number((world.clients, world.truth));
        row[API] = self.api.number((world.api, world.desired));
        row[MESSAGES] = self.messages.number(world.network.messages);
        row[CONNECTIONS] = self.connections.number((world.network.connections, world.network.cuts));
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
