//! An incident as a value. This module decides which facts an incident has; it deliberately does
//! not know how a file spells them, nor any verdict on them.

use super::{
    event::EventWord,
    facts::Facts,
    pod::PodName,
    value::Data,
    words::{Actor, Evidence, Kind, Role, Status, SyncMode},
};
use ha_core::leadership::Millis;
use serde::Serialize;

/// One recorded incident. It comes from [`Incident::read`]; the fields are open so that what might
/// have happened instead can be written down as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// Equals the file name without its ending.
    pub id: String,
    /// One line.
    pub title: String,
    /// What sort of record this is.
    pub kind: Kind,
    /// The incident to which this one adds something.
    pub variant_of: Option<String>,
    /// The day, where the source gives one.
    pub date: Option<String>,
    /// What the source says about its stamps.
    pub clock: Clock,
    /// Where the facts stand.
    pub source: Vec<Source>,
    /// The source's own word.
    pub severity: Option<String>,
    /// Where stated.
    pub memgraph_version: Option<String>,
    /// The pods as the source describes them before the first item.
    pub topology_before: Vec<PodBefore>,
    /// Settings that the source names.
    pub config: Config,
    /// What happened, by rising order.
    pub timeline: Vec<Item>,
    /// What cannot be known from the source.
    pub unknowns: Vec<String>,
}

impl Incident {
    /// The items that happened, in order: those that the source only supposes are left out.
    pub fn happened(&self) -> impl Iterator<Item = &Item> {
        self.timeline.iter().filter(|item| !item.facts.hypothetical)
    }

    /// The observations that a replay has to match: log lines, rows of tables and stored data. What
    /// the author tells gives order and cause only.
    pub fn recorded(&self) -> impl Iterator<Item = &Item> {
        self.happened().filter(|item| item.evidence.is_recorded())
    }
}

/// What a source says about its stamps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// The day that the stamps belong to, where it is known.
    pub date: Option<String>,
    /// Where the date stands.
    pub date_basis: Option<String>,
    /// `Z` only if the source writes it.
    pub zone: Option<String>,
}

/// Where facts of an incident stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The document.
    pub file: String,
    /// The place in it.
    pub section: Option<String>,
    /// The version of the document.
    pub commit: Option<String>,
}

/// One pod before the first item. `None` is "not stated", never "absent".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodBefore {
    /// Its name.
    pub pod: PodName,
    /// Its role.
    pub role: Option<Role>,
    /// How its main ships to it.
    pub sync_mode: Option<SyncMode>,
    /// How its main shows it.
    pub status: Option<Status>,
    /// How far its main shows it behind (MR 2.3).
    pub behind: Option<i64>,
    /// The timestamp that its main shows (MR 2.3).
    pub ts: Option<i64>,
}

/// Settings that a source names. `None` is "not stated".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The mode of the sync replica.
    pub replication_mode: Option<SyncMode>,
    /// Whether data outlives the pod.
    pub pvc: Option<bool>,
    /// Whether the pods have a preStop hook.
    pub prestop: Option<bool>,
    /// Whether Memgraph takes a snapshot when it ends.
    pub snapshot_on_exit: Option<bool>,
    /// Limit of the hook.
    pub prestop_timeout_s: Option<u64>,
    /// Kubernetes' limit.
    pub termination_grace_s: Option<u64>,
    /// Anything else.
    pub notes: Option<String>,
}

/// One item of a timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The stamp as the source writes it.
    pub t: Option<String>,
    /// Milliseconds since the earliest stamp of the file. A stamp without a date counts as one of
    /// the first day that the file's stamps name.
    pub at: Option<Millis>,
    /// Place in the sequence; the order between equal numbers is not known.
    pub order: u32,
    /// Who did or said it.
    pub actor: Actor,
    /// The Memgraph pod concerned.
    pub pod: Option<PodName>,
    /// What happened.
    pub event: EventWord,
    /// The part of `data` that many events share, typed.
    pub facts: Facts,
    /// `data` as written.
    pub data: Data,
    /// The source's words.
    pub quote: Option<String>,
    /// What the item rests on.
    pub evidence: Evidence,
}
