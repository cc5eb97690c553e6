//! What was judged of a configuration, and with what evidence.

use super::{Told, expected, tell};
use crate::{
    explore::{End, Exploration, System},
    model::{Model, Moment, property_names},
    pack::Packed,
};

/// What a property says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It holds in every state and step.
    Always,
    /// It comes about in every run in which nobody is passed over for ever, and stays.
    Eventually,
    /// It comes about in some run.
    Sometimes,
}

impl Kind {
    /// How it is written.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Eventually => "eventually, under weak fairness",
            Self::Sometimes => "sometimes",
        }
    }
}

/// What was found out about a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not; the witness shows it.
    Broken,
    /// It did not come about anywhere.
    Unseen,
    /// Not everything was explored, and in what was nothing speaks for or against it.
    Unknown,
}

impl Verdict {
    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Unseen => "unseen",
            Self::Unknown => "unknown",
        }
    }
}

/// One property.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub kind: Kind,
    /// What was found out.
    pub verdict: Verdict,
    /// Whether a run of which this is not true is a bad one. What is worth seeing need not be seen
    /// where the budget has no room for it.
    pub required: bool,
    /// A shortest run that breaks it, or for [`Kind::Sometimes`] one in which it comes about.
    pub witness: Option<Told>,
}

impl Property {
    /// Whether it makes the whole run a bad one.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.required && self.verdict != Verdict::Holds
    }
}

/// The bits of the model itself: the world refused what it did, or something broke that has no
/// name.
const OF_THE_MODEL: [u8; 2] = [62, 63];

/// What the bits of the model are called together.
const POSSIBLE: &str = "model-is-possible";

/// Whether every run that is told can also be gone in a world that forgets nothing.
const REPLAYABLE: &str = "witnesses-can-be-replayed";

/// Judges everything.
pub(super) fn judge<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
) -> Vec<Property> {
    let mut properties: Vec<Property> =
        (0..).zip(property_names()).map(|(bit, name)| always(model, found, name, &[bit])).collect();
    properties.push(always(model, found, POSSIBLE, &OF_THE_MODEL));
    properties.push(settles(model, found));
    properties.extend((0..).zip(Moment::ALL).map(|(bit, (moment, name))| {
        let required = expected(&model.configuration).contains(moment);
        sometimes(model, found, (bit, name), required)
    }));
    let parted = properties.iter().filter_map(|property| property.witness.as_ref());
    let parted = parted.filter(|told| told.parted.is_some()).min_by_key(|told| told.length);
    let witness = parted.cloned();
    let verdict = if witness.is_some() { Verdict::Broken } else { Verdict::Holds };
    properties.push(Property {
        name: REPLAYABLE,
        kind: Kind::Always,
        verdict,
        required: true,
        witness,
    });
    properties
}

fn always<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
    name: &'static str,
    bits: &[u8],
) -> Property {
    let witnesses = bits.iter().filter_map(|bit| found.violation(*bit));
    let witness = witnesses.min_by_key(|witness| witness.length);
    let verdict = match (witness, found.end) {
        (Some(_), _) => Verdict::Broken,
        (None, End::Closed) => Verdict::Holds,
        (None, End::Violation | End::StateLimit | End::Malformed(_)) => Verdict::Unknown,
    };
    let witness = witness.map(|witness| tell::broken(model, found, &witness, name));
    Property { name, kind: Kind::Always, verdict, required: true, witness }
}

fn settles<S: System<State = Packed>>(model: &Model, found: &Exploration<'_, S>) -> Property {
    let verdict = match &found.liveness {
        Some(liveness) if liveness.settles() => Verdict::Holds,
        Some(_) => Verdict::Broken,
        None => Verdict::Unknown,
    };
    let trap = found.liveness.as_ref().and_then(|liveness| liveness.nearest.as_ref());
    let witness = trap.map(|trap| tell::restless(model, found, trap));
    Property { name: "settles", kind: Kind::Eventually, verdict, required: true, witness }
}

fn sometimes<S: System<State = Packed>>(
    model: &Model,
    found: &Exploration<'_, S>,
    (bit, name): (u8, &'static str),
    required: bool,
) -> Property {
    let witness = found.sight(bit);
    let verdict = match (witness, found.is_complete()) {
        (Some(_), _) => Verdict::Holds,
        (None, true) => Verdict::Unseen,
        (None, false) => Verdict::Unknown,
    };
    let witness = witness.map(|witness| tell::seen(model, found, &witness));
    Property { name, kind: Kind::Sometimes, verdict, required, witness }
}
