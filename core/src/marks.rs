//! What may be said of an instance to whoever waits for it: a rolling update, a selector. No decision
//! rests on it, so it is honest in both directions: what is not known is neither yes nor no.

use crate::{
    ids::InstanceId,
    observation::{ClusterObservation, Contact, Route, RowState},
    reading::{Age, Why},
    record::Stage,
    situation::Situation,
};
use core::fmt;
use serde::{Deserialize, Serialize};

/// What may be said of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Whether it replicates.
    pub replicates: Replicates,
    /// Its part; `None` while nobody knows.
    pub part: Option<Part>,
}

/// Whether an instance really replicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replicates {
    /// The main with its route open, or a replica that is proven and in touch with it.
    Yes,
    /// It is known not to.
    No(Missing),
    /// Not known, or in passing: what was said before stands.
    Unknown,
}

/// What keeps an instance from replicating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Its pod does not exist.
    Pod,
    /// Its process is gone.
    Process,
    /// It has not answered for longer than patience allows.
    Answer,
    /// It is main, and not the recorded one in its recorded life.
    Reign,
    /// The recorded main has no registration of it.
    Registration,
    /// Its main finds it out of touch, or behind for good.
    Touch,
    /// Its present life is not proven.
    Proof,
}

/// The part that an instance plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The recorded main, in its recorded life.
    Main,
    /// A replica.
    Replica,
    /// A main that is not the recorded one.
    Stray,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pod => "there is no pod",
            Self::Process => "its process is gone",
            Self::Answer => "it does not answer",
            Self::Reign => "it is main, and not the recorded one",
            Self::Registration => "the main has no registration of it",
            Self::Touch => "its main finds it out of touch or behind",
            Self::Proof => "its present life is not proven",
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "main",
            Self::Replica => "replica",
            Self::Stray => "stray",
        })
    }
}

/// What may be said of an instance.
#[must_use]
pub fn mark(obs: &ClusterObservation, id: InstanceId) -> Mark {
    let s = Situation::of(obs);
    Mark { replicates: replicates(&s, id), part: part(&s, id) }
}

fn part(s: &Situation<'_>, id: InstanceId) -> Option<Part> {
    let answered = s.answer(id).is_some();
    if !answered || s.obs.record.proven().is_none() {
        return None;
    }
    Some(match s.main(id) {
        None => Part::Replica,
        Some(main) if s.proven_main().is_some_and(|proven| proven.at == main.at) => Part::Main,
        Some(_) => Part::Stray,
    })
}

fn replicates(s: &Situation<'_>, id: InstanceId) -> Replicates {
    if let Some(missing) = absent(s, id) {
        return Replicates::No(missing);
    }
    // A record of another time, or none yet: as under a new leader, or without an API server.
    let record = s.record.filter(|_| s.obs.record.proven().is_some());
    let (Some(record), Some(_)) = (record, s.answer(id)) else { return Replicates::Unknown };
    match (s.main(id), s.proven_main()) {
        (Some(main), Some(proven)) if main.at == proven.at => {
            let routed = match s.obs.route.handed_out {
                Route::Open { term, main } | Route::Draining { term, main } => {
                    term == record.term && main == proven.at
                }
                Route::Closed => false,
            };
            // A leader that is new opens it next; one that may not says so in a hold.
            if routed { Replicates::Yes } else { Replicates::Unknown }
        }
        // While a move is under way the target answers as main before the record says so.
        (Some(main), _) if record.stage != Stage::Steady && main.at.id == record.target => {
            Replicates::Unknown
        }
        (Some(_), _) => Replicates::No(Missing::Reign),
        (None, Some(_)) if record.stage == Stage::Steady => replica(s, id),
        // Nobody ships to it in this moment: a move is under way, or the main is away.
        (None, _) => Replicates::Unknown,
    }
}

/// That there is nobody who could replicate.
fn absent(s: &Situation<'_>, id: InstanceId) -> Option<Missing> {
    let view = s.view(id)?;
    if view.pod.proven() == Some(&None) {
        return Some(Missing::Pod);
    }
    match view.contact {
        Contact::Closed { .. } => Some(Missing::Process),
        // This process has not looked yet, however long ago it began.
        Contact::Unreached { why: Why::NeverRead, .. } => None,
        Contact::Unreached { since: Age::Expired, .. } => Some(Missing::Answer),
        Contact::Unreached { .. } | Contact::Answering => None,
    }
}

/// A replica, as its steady main sees it.
fn replica(s: &Situation<'_>, id: InstanceId) -> Replicates {
    let Some(row) = s.proven_main().and_then(|main| main.rows.get(&id)) else {
        return Replicates::No(Missing::Registration);
    };
    match row.state {
        RowState::Unrecognized(_) => return Replicates::Unknown,
        RowState::Phantom => return Replicates::No(Missing::Registration),
        RowState::Ready
        | RowState::Replicating
        | RowState::Recovery
        | RowState::Invalid
        | RowState::Diverged => {}
    }
    // How far behind an asynchronous one is under load says nothing.
    match (row.is_in_touch(), s.proof(id)) {
        (true, Some(_)) => Replicates::Yes,
        (true, None) => Replicates::No(Missing::Proof),
        (false, _) => Replicates::No(Missing::Touch),
    }
}
