//! A timeline with what could be believed before each of its items. This module pairs the two; it
//! deliberately does not know any rule.

use super::{believed::Believed, name::InvariantName};
use crate::incident::{Config, EventWord, Incident, Item};
use serde::Serialize;

/// A recorded step that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Order of the item.
    pub order: u32,
    /// Its stamp as written.
    pub t: Option<String>,
    /// Its event.
    pub event: EventWord,
    /// What it broke.
    pub invariant: InvariantName,
    /// The facts that show it.
    pub why: String,
}

/// One item and what could be believed before it.
#[derive(Debug, Clone)]
pub struct Step<'a> {
    /// The item.
    pub item: &'a Item,
    /// What every item of a lower order makes one believe. Items of the same order are left out,
    /// since nobody knows which came first.
    pub before: Believed,
}

impl Step<'_> {
    /// A finding at this item.
    #[must_use]
    pub fn finding(&self, invariant: InvariantName, why: String) -> Finding {
        let Item { order, t, event, .. } = self.item;
        Finding { order: *order, t: t.clone(), event: *event, invariant, why }
    }

    /// Whether the item tells this event.
    #[must_use]
    pub fn is(&self, event: EventWord) -> bool {
        self.item.event == event
    }

    /// Whether the item tells one of these events.
    #[must_use]
    pub fn is_any(&self, events: &[EventWord]) -> bool {
        events.contains(&self.item.event)
    }
}

/// A timeline, folded.
#[derive(Debug, Clone)]
pub struct Trace<'a> {
    /// Settings that the source names.
    pub config: &'a Config,
    /// Every item that happened.
    pub steps: Vec<Step<'a>>,
    /// What can be believed at the end.
    pub end: Believed,
}

impl<'a> Trace<'a> {
    /// Folds the timeline of an incident.
    #[must_use]
    pub fn of(incident: &'a Incident) -> Self {
        let mut believed = Believed::at_start(&incident.topology_before);
        let items: Vec<&Item> = incident.happened().collect();
        let mut steps = Vec::with_capacity(items.len());
        for group in items.chunk_by(|one, next| one.order == next.order) {
            let before = believed.clone();
            for item in group {
                believed.learn(item);
                steps.push(Step { item, before: before.clone() });
            }
        }
        Self { config: &incident.config, steps, end: believed }
    }

    /// The steps that come after a step, those of equal order included.
    pub fn from_order(&self, order: u32) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().filter(move |step| step.item.order >= order)
    }

    /// The steps of a higher order than a step.
    pub fn after(&self, order: u32) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().filter(move |step| step.item.order > order)
    }
}
