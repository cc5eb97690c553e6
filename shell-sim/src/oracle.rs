//! What only the truth can tell: whether an acknowledged write is where it must be, and whether a
//! route outlived its reign. It judges states of the world; how they came about is in the trace.

use crate::{
    memgraph::{Entry, ReplicaState},
    world::{Body, ControllerNo, Fate, Payload, World, WriteId},
};
use ha_core::{
    desired::Durability,
    guard::GuardId,
    ids::{GatewayId, InstanceId, Term},
    invariants,
    leadership::Millis,
    record::Stage,
};
use std::fmt;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A gateway holds a live grant of a term although a later one has promoted.
    StaleGrant {
        /// Which gateway.
        gateway: GatewayId,
        /// The term of its grant.
        term: Term,
        /// The later one.
        promoted: Term,
    },
    /// A safety rule does not hold.
    Rule(invariants::Violation),
    /// Two gateways forward to different mains.
    TwoRoutes {
        /// One main.
        one: InstanceId,
        /// The other.
        other: InstanceId,
    },
    /// The main that is routed to, or that ends up in charge, lacks an acknowledged write.
    AckedMissing {
        /// The write.
        write: WriteId,
        /// The main.
        main: InstanceId,
        /// Whether the promise excepts its loss, for any [`Exception`].
        known: bool,
    },
    /// No log of any instance holds an acknowledged write.
    AckedGone {
        /// The write.
        write: WriteId,
        /// Whether the promise excepts its loss.
        known: bool,
    },
    /// A log holds a write more than once.
    Doubled {
        /// The write.
        write: WriteId,
        /// Whose log.
        on: InstanceId,
    },
    /// A write that the client was told had not happened is there.
    Ghost {
        /// The write.
        write: WriteId,
        /// Where.
        on: InstanceId,
    },
    /// The main shows a replica as ready and not behind, and their logs differ.
    SilentDivergence {
        /// The main.
        main: InstanceId,
        /// The replica.
        replica: InstanceId,
    },
    /// The guard had to refuse a step of a rule.
    Vetoed {
        /// Whose plan.
        controller: ControllerNo,
        /// The guard.
        guard: GuardId,
        /// The step.
        step: String,
    },
    /// So much happens at one moment that time does not go on.
    TimeStandsStill {
        /// The moment.
        at: Millis,
    },
    /// The cluster calls itself settled without a steady main.
    NoMain,
    /// A process was given something that makes no sense: a mistake of the world itself.
    WorldRejected {
        /// Which instance.
        on: InstanceId,
        /// What it said.
        why: String,
    },
}

impl Violation {
    /// Whether it is a loss that the promise itself excepts.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        matches!(self, Self::AckedMissing { known: true, .. } | Self::AckedGone { known: true, .. })
    }

    /// What kind of promise is broken, without whom and when: two runs whose first violations are of
    /// one kind show the same mistake.
    #[must_use]
    pub fn kind(&self) -> String {
        let word = match self {
            Self::StaleGrant { .. } => "stale-grant",
            Self::Rule(broken) => &broken.invariant,
            Self::TwoRoutes { .. } => "two-routes",
            Self::AckedMissing { .. } => "acked-missing",
            Self::AckedGone { .. } => "acked-gone",
            Self::Doubled { .. } => "doubled",
            Self::Ghost { .. } => "ghost",
            Self::SilentDivergence { .. } => "silent-divergence",
            Self::Vetoed { guard, .. } => return format!("refused-by {}", guard.name()),
            Self::TimeStandsStill { .. } => "time-stands-still",
            Self::NoMain => "no-main",
            Self::WorldRejected { .. } => "world-rejected",
        };
        word.to_owned()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StaleGrant { gateway, term, promoted } => write!(
                f,
                "{gateway} may forward under term {term} after a promotion in term {promoted}"
            ),
            Self::Rule(broken) => write!(f, "{}: {}", broken.invariant, broken.why),
            Self::TwoRoutes { one, other } => {
                write!(f, "writes are routed to {one} and to {other} at once")
            }
            Self::AckedMissing { write, main, known } => {
                write!(f, "{main} lacks the acknowledged {write}")?;
                f.write_str(if *known { ", a loss that the promise excepts" } else { "" })
            }
            Self::AckedGone { write, known } => {
                write!(f, "no instance holds the acknowledged {write}")?;
                f.write_str(if *known { ", a loss that the promise excepts" } else { "" })
            }
            Self::Doubled { write, on } => write!(f, "{on} holds {write} more than once"),
            Self::Ghost { write, on } => {
                write!(f, "{on} holds {write}, which its client was told had not happened")
            }
            Self::SilentDivergence { main, replica } => {
                write!(f, "{main} shows {replica} as ready, and their logs differ")
            }
            Self::Vetoed { controller, guard, step } => {
                write!(f, "guard {} refused {controller}: {step}", guard.name())
            }
            Self::TimeStandsStill { at } => write!(f, "time stands still at {at} ms"),
            Self::NoMain => f.write_str("settled without a steady main"),
            Self::WorldRejected { on, why } => write!(f, "{on} rejected an input: {why}"),
        }
    }
}

/// Why the promise excepts the loss of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    /// Its second phase was lost (MR 4.3).
    Undecided,
    /// Its main alone had it.
    Alone,
    /// Two instances lost it, most often with the power of their nodes.
    Power,
    /// A person accepted it.
    Accepted,
}

/// Why the promise excepts the loss of a write, if it does. What befell it comes before what a person
/// said of it.
#[must_use]
pub fn exception(world: &World, write: WriteId) -> Option<Exception> {
    let truth = &world.truth;
    if truth.undecided.contains(&write) {
        Some(Exception::Undecided)
    } else if truth.alone.contains(&write) {
        Some(Exception::Alone)
    } else if truth.unflushed.get(&write).is_some_and(|instances| instances.len() > 1) {
        Some(Exception::Power)
    } else {
        truth.accepted.contains(&write).then_some(Exception::Accepted)
    }
}

fn is_excepted(world: &World, write: WriteId) -> bool {
    exception(world, write).is_some()
}

fn holds(log: &[Entry<Payload>], write: WriteId) -> usize {
    log.iter().filter(|entry| entry.payload == Payload::Write(write)).count()
}

fn writes(world: &World) -> impl Iterator<Item = (WriteId, Fate)> + '_ {
    world.clients.iter().flat_map(|client| client.writes.iter().map(|(id, fate)| (*id, *fate)))
}

/// The writes that a log lacks. It holds them about in the order in which they were made, so that each
/// is looked for from where the one before it was found.
pub(crate) fn missing(
    log: &[Entry<Payload>],
    writes: impl Iterator<Item = WriteId>,
) -> impl Iterator<Item = WriteId> {
    let mut next = 0;
    writes.filter(move |write| {
        let (before, after) = log.split_at_checked(next).unwrap_or((log, &[]));
        let is_it = |entry: &Entry<Payload>| entry.payload == Payload::Write(*write);
        let place = after.iter().position(is_it).map(|place| next + place);
        let place = place.or_else(|| before.iter().position(is_it));
        next = place.map_or(next, |place| place + 1);
        place.is_none()
    })
}

fn acked_missing(world: &World, main: InstanceId, body: &Body, found: &mut Vec<Violation>) {
    let acked = writes(world).filter(|(_, fate)| *fate == Fate::Acked).map(|(write, _)| write);
    let lacks = missing(&body.instance.volume.log, acked);
    found.extend(lacks.map(|write| Violation::AckedMissing {
        write,
        main,
        known: is_excepted(world, write),
    }));
}

/// Whether an acknowledged write that no instance holds is left where data was set aside, and the promise
/// goes no further: a main that went on alone lost it, as `fast` allows, before whoever began anew
/// under it had caught up. What a main lacks is excepted by nothing of the kind.
fn is_left_aside(world: &World, write: WriteId) -> bool {
    let is_lost = world.truth.unflushed.get(&write).is_some_and(|by| !by.is_empty());
    let keeps =
        |body: &Body| body.aside.as_ref().is_some_and(|(_, volume)| holds(&volume.log, write) > 0);
    world.settings.durability == Durability::Fast && is_lost && world.bodies.iter().any(keeps)
}

/// Acknowledged writes that no instance holds, running or not: what is broken where the cluster waits
/// for a person.
#[must_use]
pub fn gone(world: &World) -> Vec<Violation> {
    let lacks =
        |write| world.bodies.iter().all(|body| holds(&body.instance.volume.log, write) == 0);
    let acked = writes(world).filter(|(_, fate)| *fate == Fate::Acked).map(|(write, _)| write);
    let known = |write| is_excepted(world, write) || is_left_aside(world, write);
    acked
        .filter(|write| lacks(*write))
        .map(|write| Violation::AckedGone { write, known: known(write) })
        .collect()
}

/// What is broken in this very state, whatever comes next.
#[must_use]
pub fn violations(world: &World) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut routed: Option<InstanceId> = None;
    for (index, gateway) in (0..world.settings.gateways).zip(&world.gateways) {
        let Some(grant) = gateway.live(world.now) else { continue };
        if grant.term < world.truth.promoted {
            found.push(Violation::StaleGrant {
                gateway: index.into(),
                term: grant.term,
                promoted: world.truth.promoted,
            });
        }
        let main = grant.main.id;
        match routed {
            Some(one) if one != main => found.push(Violation::TwoRoutes { one, other: main }),
            Some(_) => continue,
            None => routed = Some(main),
        }
        if let Ok(body) = world.body(main)
            && body.incarnation() == Some(grant.main.incarnation)
        {
            acked_missing(world, main, body, &mut found);
        }
    }
    found
}

/// What is broken in a state that calls itself settled, or that can do no more by itself.
#[must_use]
pub fn final_violations(world: &World, settled: bool) -> Vec<Violation> {
    let mut found = violations(world);
    found.extend(gone(world));
    let steady = world.api.record().is_some_and(|record| record.stage == Stage::Steady);
    let Some(main) = world.recorded_main().filter(|_| steady) else {
        if settled {
            found.push(Violation::NoMain);
        }
        return found;
    };
    let Ok(body) = world.body(main) else { return found };
    acked_missing(world, main, body, &mut found);
    for (write, fate) in writes(world) {
        let times = holds(&body.instance.volume.log, write);
        if times > 1 {
            found.push(Violation::Doubled { write, on: main });
        }
        if times > 0 && matches!(fate, Fate::Failed | Fate::Held) {
            found.push(Violation::Ghost { write, on: main });
        }
    }
    for row in body.instance.rows() {
        let even =
            row.data.is_some_and(|data| data.status == ReplicaState::Ready && data.behind == 0);
        let replica = InstanceId(u8::try_from(row.name.0).unwrap_or(u8::MAX));
        if even
            && let Ok(other) = world.body(replica)
            && other.runs()
            && other.instance.volume.log != body.instance.volume.log
        {
            found.push(Violation::SilentDivergence { main, replica });
        }
    }
    found.sort();
    found.dedup();
    found
}
