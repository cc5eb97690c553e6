//! What a stranger sees of a cluster: who is main and whether writes reach it, how far a move has
//! come, whether the voter votes, and what becomes of the main before. Ordinals, terms, lives,
//! clocks, messages and the third instance are left out on purpose.

use crate::graph::Tone;
use ha_core::{
    grant::Grant,
    ids::InstanceId,
    record::{Cause, Record, Stage},
};
use shell_sim::{
    memgraph::RoleName,
    world::{Body, World},
};

/// How far a move of the main or of the vote has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Move {
    /// There is none.
    None,
    /// Somebody is named, and the route is being withdrawn.
    Named(Why),
    /// Nobody forwards any more.
    Withdrawn(Why),
    /// The voter is registered and proven, and the reign has no commit yet.
    Attached(Why),
}

/// What a move is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// The first main, or one that was there before the record.
    Bootstrap,
    /// The main was lost.
    Failover,
    /// The main is moved on purpose.
    Switchover,
    /// A move goes back.
    Return,
    /// The same main begins anew, with another voter or without a tail.
    Renewal,
}

/// What the main that the record names is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Main {
    /// A gateway forwards writes to it.
    Serves,
    /// It is a main, and nobody forwards writes to it.
    Waits,
    /// It is a replica.
    Replica,
    /// It does not run, or stands still.
    Gone,
}

/// What the voter is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Voter {
    /// Nobody votes yet.
    Nobody,
    /// It is registered, and proven in the life that it has.
    Proven,
    /// It runs, and is not registered or not proven.
    Unproven,
    /// It is a main itself.
    Main,
    /// It does not run.
    Gone,
}

/// What an instance that was main before is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Old {
    /// There is none, or it is a replica like any other.
    None,
    /// Gateways still forward writes to it.
    Serves,
    /// It is still a main.
    Main,
    /// It is a replica, and the move is not over yet.
    Replica,
    /// It does not run.
    Gone,
    /// The data of an instance branched off and is being set aside.
    SetAside,
}

/// The shape of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// How far a move has come.
    pub step: Move,
    /// What the recorded main is doing.
    pub main: Main,
    /// What the voter is doing.
    pub voter: Voter,
    /// What the main before is doing.
    pub old: Old,
}

impl Why {
    const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Bootstrap | Cause::Adoption => Self::Bootstrap,
            Cause::Failover | Cause::Accepted { .. } => Self::Failover,
            Cause::Switchover { .. } => Self::Switchover,
            Cause::Return => Self::Return,
            Cause::Renewal => Self::Renewal,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Failover => "failover",
            Self::Switchover => "switchover",
            Self::Return => "way back",
            Self::Renewal => "same main, new reign",
        }
    }
}

impl Shape {
    /// The shape of a world; none without a record.
    #[must_use]
    pub fn of(world: &World) -> Option<Self> {
        let record = world.api.record()?;
        let why = Why::of(record.cause);
        let step = match record.stage {
            Stage::Steady => Move::None,
            Stage::Intent => Move::Named(why),
            Stage::Withdrawn => Move::Withdrawn(why),
            Stage::Attached => Move::Attached(why),
        };
        let (main, voter, old) = (main(world, record), voter(world, record), old(world, record));
        Some(Self { step, main, voter, old })
    }

    /// What it is called.
    pub(super) fn title(self) -> String {
        match self.step {
            Move::None => "steady".to_owned(),
            Move::Named(why) => format!("{}: named", why.word()),
            Move::Withdrawn(why) => format!("{}: route withdrawn", why.word()),
            Move::Attached(why) => format!("{}: voter attached", why.word()),
        }
    }

    /// What there is to say of it.
    pub(super) fn lines(self) -> Vec<String> {
        let main = match (self.main, self.step) {
            (Main::Serves, _) => "main takes writes",
            (Main::Waits, _) => "main is up, no writes reach it",
            (Main::Replica, Move::None) => "main is a replica",
            (Main::Replica, _) => "main-to-be is a replica",
            (Main::Gone, Move::None) => "main is down",
            (Main::Gone, _) => "main-to-be is down",
        };
        let voter = match self.voter {
            Voter::Nobody => None,
            Voter::Proven => Some("voter proven"),
            Voter::Unproven => Some("voter up, not proven"),
            Voter::Main => Some("voter is a main"),
            Voter::Gone => Some("voter is down"),
        };
        let old = match self.old {
            Old::None => None,
            Old::Serves => Some("old main still takes writes"),
            Old::Main => Some("old main still a main"),
            Old::Replica => Some("old main is a replica"),
            Old::Gone => Some("old main is down"),
            Old::SetAside => Some("branched data is set aside"),
        };
        [Some(main), voter, old].into_iter().flatten().map(str::to_owned).collect()
    }

    /// Whether everything is as it should be, on the way, or neither.
    pub(super) const fn tone(self) -> Tone {
        match (self.step, self.main, self.voter) {
            (Move::None, Main::Serves, Voter::Proven) => Tone::Good,
            (Move::Named(_) | Move::Withdrawn(_) | Move::Attached(_), _, _)
            | (Move::None, Main::Waits, Voter::Proven) => Tone::Moving,
            (Move::None, Main::Serves | Main::Waits | Main::Replica | Main::Gone, _) => Tone::Bad,
        }
    }

    /// Whether the other shape differs in who takes writes, and in nothing else.
    pub(super) fn same_but_for_writes(self, other: Self) -> bool {
        let still = |shape: Self| {
            let main = if shape.main == Main::Serves { Main::Waits } else { shape.main };
            let old = if shape.old == Old::Serves { Old::Main } else { shape.old };
            Self { main, old, ..shape }
        };
        still(self) == still(other)
    }

    /// Whether writes reach any main.
    pub(super) const fn takes_writes(self) -> bool {
        matches!(self.main, Main::Serves) || matches!(self.old, Old::Serves)
    }
}

fn is_served(world: &World, id: InstanceId) -> bool {
    let forwards = |grant: Grant| grant.main.id == id;
    let mut awake = world.gateways.iter().filter(|gateway| !gateway.frozen);
    awake.any(|gateway| gateway.live(world.now).is_some_and(forwards))
}

fn role(world: &World, id: InstanceId) -> Option<RoleName> {
    let body = world.body(id).ok()?;
    if body.frozen { None } else { body.instance.role() }
}

fn main(world: &World, record: &Record) -> Main {
    match role(world, record.target) {
        None => Main::Gone,
        Some(RoleName::Replica) => Main::Replica,
        Some(RoleName::Main) if is_served(world, record.target) => Main::Serves,
        Some(RoleName::Main) => Main::Waits,
    }
}

fn voter(world: &World, record: &Record) -> Voter {
    let begun = matches!(record.stage, Stage::Attached | Stage::Steady);
    let Some(id) = record.voters().next().filter(|_| begun) else { return Voter::Nobody };
    match role(world, id) {
        None => Voter::Gone,
        Some(RoleName::Main) => Voter::Main,
        Some(RoleName::Replica) => {
            let life = world.body(id).ok().and_then(Body::incarnation);
            let proven = record.proof(id).is_some_and(|proof| Some(proof.replica) == life);
            if proven { Voter::Proven } else { Voter::Unproven }
        }
    }
}

/// The main before a move of the main. Where the same main begins anew, whoever could take over if it
/// fails was none.
fn way_back(record: &Record) -> Option<InstanceId> {
    record.before.filter(|_| record.cause != Cause::Renewal).map(|before| before.main)
}

fn old(world: &World, record: &Record) -> Old {
    if !record.resets.is_empty() {
        return Old::SetAside;
    }
    let ids = way_back(record).into_iter().chain(record.former.iter().copied());
    let ids = ids.filter(|id| *id != record.target);
    let of = |id: InstanceId| match role(world, id) {
        None => Old::Gone,
        // A steady reign knows it as a replica like any other as soon as it was read.
        Some(RoleName::Replica) if record.stage == Stage::Steady => Old::None,
        Some(RoleName::Replica) => Old::Replica,
        Some(RoleName::Main) if is_served(world, id) => Old::Serves,
        Some(RoleName::Main) => Old::Main,
    };
    let weight = |old: &Old| match old {
        Old::Serves => 0,
        Old::Main => 1,
        Old::Gone => 2,
        Old::Replica => 3,
        Old::SetAside | Old::None => 4,
    };
    ids.map(of).min_by_key(weight).unwrap_or(Old::None)
}

/// What an instance is to the record.
pub(super) fn part(world: &World, id: InstanceId) -> &'static str {
    let Some(record) = world.api.record() else { return "an instance" };
    let begun = matches!(record.stage, Stage::Attached | Stage::Steady);
    if record.target == id {
        if begun { "the main" } else { "the main-to-be" }
    } else if way_back(record) == Some(id) || record.former.contains(&id) {
        "the old main"
    } else if begun && record.is_voter(id) {
        "the voter"
    } else {
        "another replica"
    }
}
