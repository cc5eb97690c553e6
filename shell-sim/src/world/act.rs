//! What people and circumstances do to a cluster past its controllers: statements by hand, the size
//! of the StatefulSet, another image, names and passwords that fail, older copies of a volume, other
//! writers of the record. None of it is a decision.

use super::{
    BadName, Payload, Refused, Step, World, delivery::endpoint, effect::REPLICATION_PORT,
    happening::Happening, kubernetes::Body,
};
use crate::memgraph::{ReplicaName, Statement, SyncMode, Version};
use ha_core::{
    desired::Durability,
    ids::InstanceId,
    record::{Record, SCHEMA},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One of these acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// An instance refuses the controllers' login, or takes it again (MR 7).
    LockOut(InstanceId, bool),
    /// Names of instances resolve no more, or do so again; addresses go on working. A replica is
    /// looked up whenever a main connects to it (MR 1.3).
    Names(bool),
    /// The stored role and registrations of an instance are lost, its data is not (MR 5.3).
    Forget(InstanceId),
    /// A volume is replaced by an older copy of itself with so many entries.
    Restore(InstanceId, usize),
    /// The next process of an instance is of this version.
    Engine(InstanceId, Version),
    /// The StatefulSet gets another size.
    Scale(u8),
    /// Operators want another promise.
    Durability(Durability),
    /// Somebody writes the record object without changing what it says.
    TouchRecord,
    /// A newer program writes the record.
    NewerRecord,
    /// Somebody gives an instance a statement past controllers and gateways.
    ByHand(InstanceId, ByHand),
}

/// A statement by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ByHand {
    /// A write, under the next free number; nobody hears what became of it.
    Write,
    /// SET REPLICATION ROLE TO MAIN.
    Promote,
    /// SET REPLICATION ROLE TO REPLICA.
    Demote,
    /// DROP REPLICA.
    Drop(InstanceId),
    /// REGISTER REPLICA, under the name that controllers use.
    Register(InstanceId, SyncMode),
}

impl World {
    /// Takes one act.
    pub(super) fn act(&mut self, act: Act, out: &mut Vec<Happening>) -> Step {
        match act {
            Act::LockOut(id, locked) => {
                let body = self.body_mut(id)?;
                if body.locked_out == locked {
                    return Err(Refused::NotNow("it is so already"));
                }
                body.locked_out = locked;
                Ok(())
            }
            Act::Names(resolve) => self.switch_names(resolve),
            Act::Forget(id) => {
                self.at_rest(id)?.instance.volume.store = None;
                Ok(())
            }
            Act::Restore(id, keep) => self.restore(id, keep),
            Act::Engine(id, version) => {
                self.body_mut(id)?.instance.config.version = version;
                Ok(())
            }
            Act::Scale(instances) => self.scale(instances),
            Act::Durability(durability) => {
                self.desired.durability = durability;
                Ok(())
            }
            Act::TouchRecord => self.rewrite_record(SCHEMA),
            Act::NewerRecord => self.rewrite_record(SCHEMA + 1),
            Act::ByHand(id, what) => self.by_hand(id, what, out),
        }
    }

    /// A body whose volume nobody uses now.
    fn at_rest(&mut self, id: InstanceId) -> Result<&mut Body, Refused> {
        let body = self.body_mut(id)?;
        if body.runs() {
            return Err(Refused::NotNow("a process runs on the volume; crash it first"));
        }
        Ok(body)
    }

    fn switch_names(&mut self, resolve: bool) -> Step {
        if self.bodies.iter().all(|body| body.unresolved.is_none() == resolve) {
            return Err(Refused::NotNow("it is so already"));
        }
        for body in &mut self.bodies {
            body.unresolved = (!resolve).then_some(body.start);
        }
        Ok(())
    }

    /// Whether a main may reach a replica as far as names go: without them the connections that are
    /// there go on, and no new one is made.
    pub(super) fn resolves(&self, from: InstanceId, to: InstanceId, anew: bool) -> bool {
        let same = |id| {
            self.body(id).is_ok_and(|body| body.unresolved.is_none_or(|start| start == body.start))
        };
        let names = self.body(to).is_ok_and(|body| body.unresolved.is_none());
        names || (!anew && same(from) && same(to))
    }

    /// What the older copy lacks is lost with the volume that it takes the place of.
    fn restore(&mut self, id: InstanceId, keep: usize) -> Step {
        let volume = &mut self.at_rest(id)?.instance.volume;
        if volume.log.len() < keep {
            return Err(Refused::NotNow("an older copy does not have more than the volume"));
        }
        let lost = volume.log.split_off(keep);
        volume.flushed = volume.flushed.min(keep);
        volume.checkpoint = volume.checkpoint.take().filter(|point| point.entries <= keep);
        for entry in lost {
            if let Payload::Write(write) = entry.payload {
                self.truth.unflushed.entry(write).or_default().insert(id);
            }
        }
        Ok(())
    }

    /// Pods beyond the size are marked for deletion; those within are made by whoever makes pods.
    fn scale(&mut self, instances: u8) -> Step {
        if !(1..=self.settings.instances).contains(&instances) {
            return Err(Refused::NotNow("the world's directive says how many there can be"));
        }
        self.desired.instances = instances;
        let beyond = self.bodies.iter_mut().skip(instances.into());
        for pod in beyond.filter_map(|body| body.pod.as_mut()) {
            pod.deleting = true;
        }
        Ok(())
    }

    fn rewrite_record(&mut self, schema: u32) -> Step {
        let record = self.api.record().ok_or(Refused::NotNow("there is no record"))?.clone();
        self.api.rewrite(Record { schema, ..record });
        Ok(())
    }

    fn by_hand(&mut self, on: InstanceId, what: ByHand, out: &mut Vec<Happening>) -> Step {
        let name = |id: InstanceId| ReplicaName(id.0.into());
        let statement = match what {
            ByHand::Write => Statement::Write(Payload::Write(self.new_write())),
            ByHand::Promote => Statement::SetRoleMain,
            ByHand::Demote => Statement::SetRoleReplica { port: REPLICATION_PORT },
            ByHand::Drop(id) => Statement::Drop { name: name(id) },
            ByHand::Register(id, mode) => {
                Statement::Register { name: name(id), mode, endpoint: endpoint(id) }
            }
        };
        let session = self.operate(on, statement, out)?;
        self.hang_up(session, out)
    }
}

const VERBS: &str = "an act: lock-out, let-in, names-down, names-up, forget, restore, engine, scale, \
     durability, touch-record, newer-record or by-hand, each with its arguments";

impl Act {
    /// The words that an act begins with.
    pub const VERBS: &[&str] = &[
        "lock-out",
        "let-in",
        "names-down",
        "names-up",
        "forget",
        "restore",
        "engine",
        "scale",
        "durability",
        "touch-record",
        "newer-record",
        "by-hand",
    ];
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LockOut(id, true) => write!(f, "lock-out {id}"),
            Self::LockOut(id, false) => write!(f, "let-in {id}"),
            Self::Names(true) => f.write_str("names-up"),
            Self::Names(false) => f.write_str("names-down"),
            Self::Forget(id) => write!(f, "forget {id}"),
            Self::Restore(id, keep) => write!(f, "restore {id} keep={keep}"),
            Self::Engine(id, version) => write!(f, "engine {id} {}", version.word()),
            Self::Scale(instances) => write!(f, "scale {instances}"),
            Self::Durability(durability) => write!(f, "durability {durability}"),
            Self::TouchRecord => f.write_str("touch-record"),
            Self::NewerRecord => f.write_str("newer-record"),
            Self::ByHand(id, what) => write!(f, "by-hand {id} {what}"),
        }
    }
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write => f.write_str("write"),
            Self::Promote => f.write_str("promote"),
            Self::Demote => f.write_str("demote"),
            Self::Drop(id) => write!(f, "drop {id}"),
            Self::Register(id, mode) => write!(f, "register {id} {}", mode.as_str()),
        }
    }
}

fn instance(text: &str) -> Result<InstanceId, BadName> {
    text.parse().map_err(|_| BadName::new(text, "an instance such as mg-0"))
}

fn mode(text: &str) -> Result<SyncMode, BadName> {
    [SyncMode::StrictSync, SyncMode::Sync, SyncMode::Async]
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| BadName::new(text, "a mode: strict_sync, sync or async"))
}

impl FromStr for ByHand {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        const EXPECTED: &str = "write, promote, demote, drop mg-1 or register mg-1 async";
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["write"] => Ok(Self::Write),
            ["promote"] => Ok(Self::Promote),
            ["demote"] => Ok(Self::Demote),
            ["drop", id] => instance(id).map(Self::Drop),
            ["register", id, by] => Ok(Self::Register(instance(id)?, mode(by)?)),
            _ => Err(BadName::new(text, EXPECTED)),
        }
    }
}

impl FromStr for Act {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["lock-out", id] => instance(id).map(|id| Self::LockOut(id, true)),
            ["let-in", id] => instance(id).map(|id| Self::LockOut(id, false)),
            ["names-up"] => Ok(Self::Names(true)),
            ["names-down"] => Ok(Self::Names(false)),
            ["forget", id] => instance(id).map(Self::Forget),
            ["restore", id, keep] => {
                let entries = keep.strip_prefix("keep=").and_then(|keep| keep.parse().ok());
                let expected = "entries that the copy has, such as keep=3";
                Ok(Self::Restore(
                    instance(id)?,
                    entries.ok_or_else(|| BadName::new(keep, expected))?,
                ))
            }
            ["engine", id, version] => {
                let expected = "an engine: 3.6, 3.8, 3.10, 3.12 or head";
                let known = Version::named(version);
                Ok(Self::Engine(
                    instance(id)?,
                    known.ok_or_else(|| BadName::new(version, expected))?,
                ))
            }
            ["scale", instances] => instances
                .parse()
                .map(Self::Scale)
                .map_err(|_| BadName::new(instances, "a number of instances such as 3")),
            ["durability", text] => text.parse().map(Self::Durability),
            ["touch-record"] => Ok(Self::TouchRecord),
            ["newer-record"] => Ok(Self::NewerRecord),
            ["by-hand", id, rest @ ..] => Ok(Self::ByHand(instance(id)?, rest.join(" ").parse()?)),
            _ => Err(BadName::new(text, VERBS)),
        }
    }
}
