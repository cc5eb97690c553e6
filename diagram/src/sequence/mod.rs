//! What happened, as a sequence diagram: who ordered what of whom, by which rule, and what befell
//! them meanwhile. It is made from a schedule that was run, or from a journal; here are the parts
//! that it consists of, and how it is made shorter.

mod befalls;
mod draw;
mod fold;
mod journal;
mod mermaid;
mod told;

pub use journal::Teller;
pub use told::Window;

use crate::canvas::Hue;
use ha_core::{
    action::Action,
    history::Outcome,
    leadership::Millis,
    plan::{Hold, Step},
    rules::RuleId,
};
use shell_sim::world::Place;

/// Who takes part: a column of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Lane {
    /// The record, in the API server.
    Record,
    /// A controller, by its number.
    Controller(u8),
    /// An instance, by its ordinal.
    Instance(u8),
    /// A gateway, by its number.
    Gateway(u16),
    /// A client, by its number.
    Client(u8),
}

impl Lane {
    pub(crate) fn of(place: Place) -> Self {
        match place {
            Place::Api => Self::Record,
            Place::Controller(no) => Self::Controller(no.0),
            Place::Instance(id) => Self::Instance(id.0),
            Place::Gateway(id) => Self::Gateway(u16::try_from(id.index()).unwrap_or(u16::MAX)),
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Record => "record".to_owned(),
            Self::Controller(no) => format!("ct-{no}"),
            Self::Instance(no) => format!("mg-{no}"),
            Self::Gateway(no) => format!("gw-{no}"),
            Self::Client(no) => format!("cl-{no}"),
        }
    }

    /// What it is.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Record => "API server",
            Self::Controller(_) => "controller",
            Self::Instance(_) => "instance",
            Self::Gateway(_) => "gateway",
            Self::Client(_) => "client",
        }
    }
}

/// Whether a lane goes on or ends with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// As before.
    Same,
    /// A process ends.
    Ends,
    /// A process begins.
    Begins,
}

/// What one item shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Something that one says to another.
    Message {
        /// Who.
        from: Lane,
        /// To whom.
        to: Lane,
        /// Whether it is an answer.
        answer: bool,
    },
    /// Something that befalls one or more.
    Note {
        /// Whom; at least one.
        over: Vec<Lane>,
        /// What it means for them.
        life: Life,
    },
    /// Something that is left out, which the words tell.
    Left,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// When.
    pub(crate) at: Millis,
    /// What it shows.
    pub(crate) what: What,
    /// Its words.
    pub(crate) text: String,
    /// Why, where that is known.
    pub(crate) why: Option<String>,
    /// What it stands for.
    pub(crate) hue: Hue,
    /// The rule that asked for it.
    pub(crate) rule: Option<RuleId>,
}

impl Item {
    fn message(at: Millis, from: Lane, to: Lane, text: impl Into<String>) -> Self {
        let what = What::Message { from, to, answer: false };
        Self { at, what, text: text.into(), why: None, hue: Hue::Plain, rule: None }
    }

    fn answer(at: Millis, from: Lane, to: Lane, text: impl Into<String>) -> Self {
        let what = What::Message { from, to, answer: true };
        Self { at, what, text: text.into(), why: None, hue: Hue::Plain, rule: None }
    }

    fn note(at: Millis, over: Vec<Lane>, text: impl Into<String>) -> Self {
        let what = What::Note { over, life: Life::Same };
        Self { at, what, text: text.into(), why: None, hue: Hue::Plain, rule: None }
    }

    fn event(at: Millis, over: Vec<Lane>, text: impl Into<String>) -> Self {
        Self { hue: Hue::Event, ..Self::note(at, over, text) }
    }

    fn living(mut self, now: Life) -> Self {
        if let What::Note { life, .. } = &mut self.what {
            *life = now;
        }
        self
    }

    /// An order of a controller: to an instance, to the record, or to whoever asks it for a grant,
    /// which is told beside it.
    fn order(at: Millis, by: Lane, step: &Step) -> Self {
        let text = words(step);
        let item = match recipient(&step.action) {
            Some(to) => Self::message(at, by, to, text),
            None => Self::note(at, vec![by], text),
        };
        Self { why: Some(step.reason.to_string()), hue: Hue::Rule, rule: Some(step.rule), ..item }
    }

    /// What a controller begins to wait for.
    fn hold(at: Millis, by: Lane, hold: &Hold) -> Self {
        let rule = hold.rule.rule();
        let subject = hold.subject.map_or_else(String::new, |id| format!(" for {id}"));
        let text = format!("hold {} {}{subject}", rule.id, rule.name);
        let why = Some(hold.reason.to_string());
        Self { why, rule: Some(hold.rule), ..Self::note(at, vec![by], text) }
    }

    /// The end of an effect, where it was not done.
    fn ended(at: Millis, by: Lane, action: &Action, outcome: Outcome) -> Option<Self> {
        let text = match outcome {
            Outcome::Done => return None,
            Outcome::NotSent => format!("not sent, for its facts hold no more: {action}"),
            Outcome::Refused => "refused".to_owned(),
            Outcome::Branched => "refused: its history branched off".to_owned(),
            Outcome::Unreachable => "refused: the replica cannot be reached".to_owned(),
            Outcome::Unknown => "no answer: it may happen yet".to_owned(),
        };
        Some(match recipient(action).filter(|_| outcome != Outcome::NotSent) {
            Some(from) => Self { hue: Hue::Event, ..Self::answer(at, from, by, text) },
            None => Self::event(at, vec![by], text),
        })
    }

    /// Whether both say the same, at whatever time.
    fn is_like(&self, other: &Self) -> bool {
        self.what == other.what && self.text == other.text && self.why == other.why
    }
}

/// Who is given an order; nobody where it takes effect in the controller itself.
fn recipient(action: &Action) -> Option<Lane> {
    match action {
        Action::WriteRecord { .. } => Some(Lane::Record),
        Action::SetRoute(_) => None,
        Action::Promote { on, .. }
        | Action::Demote { on, .. }
        | Action::Register { on, .. }
        | Action::Drop { on, .. }
        | Action::SetAside { on, .. }
        | Action::Commit { on, .. } => Some(Lane::Instance(on.id.0)),
    }
}

/// An order with its rule, as it stands in a sequence.
pub(crate) fn words(step: &Step) -> String {
    let rule = step.rule.rule();
    format!("{} {}: {}", rule.id, rule.name, step.action)
}

/// A time as it stands in a sequence.
pub(crate) fn seconds(at: Millis) -> String {
    format!("{}.{:03} s", at / 1_000, at % 1_000)
}

/// A sequence diagram.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequence {
    title: String,
    notes: Vec<String>,
    lanes: Vec<Lane>,
    items: Vec<Item>,
}

impl Sequence {
    /// The rules behind what is shown.
    pub fn rules(&self) -> impl Iterator<Item = RuleId> + '_ {
        self.items.iter().filter_map(|item| item.rule)
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether nothing happens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Lanes in their order: these, and whoever takes part.
    fn of(
        title: String,
        notes: Vec<String>,
        items: Vec<Item>,
        lanes: impl IntoIterator<Item = Lane>,
    ) -> Self {
        let mut lanes: Vec<Lane> = lanes.into_iter().collect();
        for item in &items {
            match &item.what {
                What::Message { from, to, .. } => lanes.extend([*from, *to]),
                What::Note { over, .. } => lanes.extend(over),
                What::Left => {}
            }
        }
        lanes.sort_unstable();
        lanes.dedup();
        Self { title, notes, lanes, items }
    }
}
