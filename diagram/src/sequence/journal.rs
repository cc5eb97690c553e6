//! A journal as a sequence: what controllers decided, how their orders ended, and what they read
//! meanwhile. A journal is written by controllers alone, so gateways and clients do not speak in it.

use super::{Item, Lane, Life, Sequence, Window};
use crate::canvas::Hue;
use ha_core::{
    history::{Outcome, Sample},
    ids::{InstanceId, Term},
    journal::{Line, What},
    leadership::Millis,
    observation::RoleView,
    plan::{Hold, Step},
    record::Stage,
};
use std::collections::BTreeMap;

/// What is known of a journal so far.
#[derive(Debug, Default)]
pub struct Teller {
    /// Each with its place among those of one moment.
    items: Vec<(usize, Item)>,
    /// The next place.
    place: usize,
    window: Window,
    controllers: BTreeMap<u8, Known>,
    /// How each instance answered last.
    answers: BTreeMap<InstanceId, String>,
    /// The record as last read.
    record: Option<(Term, Stage)>,
}

/// What is known of one controller.
#[derive(Debug, Default)]
struct Known {
    /// Orders whose end was not seen yet.
    open: Vec<Step>,
    since: Millis,
    /// The place of the last decision.
    place: usize,
    holds: Vec<Hold>,
    settled: bool,
}

impl Teller {
    /// Begins; moments of the window are on the clock of the journal.
    #[must_use]
    pub fn new(window: Window) -> Self {
        Self { window, ..Self::default() }
    }

    /// Takes one line of a journal.
    pub fn line(&mut self, line: &Line) {
        let by = line.controller;
        match &line.what {
            What::Start { .. } => {
                self.close(by);
                self.controllers.insert(by, Known::default());
                let note = Item::note(line.at, vec![Lane::Controller(by)], "starts");
                self.push(note.living(Life::Begins));
            }
            What::Sample { began, look } => self.sample(line.at, *began, by, look),
            What::Decided(decided) => {
                self.close(by);
                let known = self.controllers.entry(by).or_default();
                known.open.clone_from(&decided.plan.steps);
                known.since = line.at;
                known.place = self.place;
                self.place += 1;
                let fresh = |hold: &&Hold| !known.holds.contains(hold);
                let holds: Vec<Item> = decided
                    .plan
                    .holds
                    .iter()
                    .filter(fresh)
                    .map(|hold| Item::hold(line.at, Lane::Controller(by), hold))
                    .collect();
                known.holds.clone_from(&decided.plan.holds);
                let settles = decided.plan.settled && !known.settled;
                known.settled = decided.plan.settled;
                if self.window.holds {
                    holds.into_iter().for_each(|item| self.push(item));
                }
                if settles {
                    let lane = vec![Lane::Controller(by)];
                    self.push(Item::note(line.at, lane, "settled: nothing to do"));
                }
            }
        }
    }

    /// The sequence of everything that was taken.
    #[must_use]
    pub fn finish(mut self, title: &str) -> Sequence {
        let controllers: Vec<u8> = self.controllers.keys().copied().collect();
        for by in controllers {
            self.close(by);
        }
        self.items.sort_by_key(|(place, item)| (item.at, *place));
        let items = self.items.into_iter().map(|(_, item)| item).collect();
        let part = match self.window.words() {
            words if words.is_empty() => String::new(),
            words => format!(" Shown is what happens{words}."),
        };
        let note = format!(
            "From a journal: orders bear the rule that asked for them, and why; an order without an \
             answer below was done. Times are those of the controllers' clocks.{part}"
        );
        Sequence::of(title.to_owned(), vec![note], items, [])
    }

    fn push(&mut self, item: Item) {
        self.push_at(self.place, item);
        self.place += 1;
    }

    /// What rests on a decision stands at the decision's place, however late it is told.
    fn push_at(&mut self, place: usize, item: Item) {
        if self.window.contains(item.at) {
            self.items.push((place, item));
        }
    }

    /// Orders of the last decision whose end nobody wrote down.
    fn close(&mut self, by: u8) {
        let Some(known) = self.controllers.get_mut(&by) else { return };
        let (since, place, open) = (known.since, known.place, std::mem::take(&mut known.open));
        for step in open {
            let mut item = Item::order(since, Lane::Controller(by), &step);
            item.text.push_str(" (asked for; no end of it is told)");
            self.push_at(place, item);
        }
    }

    fn sample(&mut self, at: Millis, began: Millis, by: u8, sample: &Sample) {
        match sample {
            Sample::Outcome { action, outcome } => {
                let known = self.controllers.entry(by).or_default();
                let found = known.open.iter().position(|step| step.action == *action);
                let Some(step) = found.map(|at| known.open.remove(at)) else { return };
                let place = known.place;
                let mut item = Item::order(began, Lane::Controller(by), &step);
                if *outcome == Outcome::NotSent {
                    item.text.push_str(" (not sent: its facts hold no more)");
                    return self.push_at(place, item);
                }
                self.push_at(place, item);
                if let Some(answer) = Item::ended(at, Lane::Controller(by), action, *outcome) {
                    self.push(answer);
                }
            }
            Sample::Bolt { id, answer } => {
                let words = match answer {
                    Ok(view) => match view.role {
                        RoleView::Main { .. } => "answers as main".to_owned(),
                        RoleView::Replica => "answers as replica".to_owned(),
                    },
                    Err(why) => format!("does not answer: {why}"),
                };
                if self.answers.get(id) != Some(&words) {
                    self.answers.insert(*id, words.clone());
                    let lane = vec![Lane::Instance(id.0)];
                    let item = Item::note(at, lane, format!("{words} (ct-{by} reads)"));
                    let life = if answer.is_ok() { Life::Begins } else { Life::Ends };
                    let hue = if answer.is_ok() { Hue::Plain } else { Hue::Event };
                    self.push(Item { hue, ..item.living(life) });
                }
            }
            Sample::Record(stored) => {
                let Some(record) = stored.record() else { return };
                let now = (record.term, record.stage);
                if self.record.is_none_or(|before| before < now) {
                    self.record = Some(now);
                    let text = format!("{} main={} term={}", record.stage, record.target, now.0);
                    let lanes = vec![Lane::Record];
                    self.push(Item::note(at, lanes, format!("{text} (ct-{by} reads)")));
                }
            }
            Sample::Pod { .. } | Sample::Volume { .. } | Sample::Gateways { .. } => {}
        }
    }
}
