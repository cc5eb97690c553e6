//! What gateways said, and what a leader may answer them. Pure: the shell brings questions and the
//! time of one monotonic clock; whether a grant may be given is judged here alone.

use crate::{
    grant::{Answer, Question},
    history::Sample,
    ids::GatewayId,
    leadership::{LeaderClock, Millis, Timing},
    observation::Route,
    record::{Record, Stage},
};
use alloc::collections::{BTreeMap, BTreeSet};
use serde::{Deserialize, Serialize};

/// What a gateway said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Report {
    /// The number of that question.
    pub number: u64,
    /// Whether transactions are open on the main through it.
    pub open: bool,
    /// When the last byte from the main arrived there, on the controller's clock.
    pub last_byte: Option<Millis>,
    /// The question whose answer it took last.
    pub accepted: Option<u64>,
    /// The first question of this drain that was answered.
    pub draining_since: Option<u64>,
}

/// What each gateway said last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Reports(BTreeMap<GatewayId, Report>);

impl Reports {
    /// Each gateway with its last word.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (GatewayId, &mut Report)> {
        self.0.iter_mut().map(|(gateway, report)| (*gateway, report))
    }

    /// Forgets everybody but these.
    pub fn keep(&mut self, gateways: &BTreeSet<GatewayId>) {
        self.0.retain(|gateway, _| gateways.contains(gateway));
    }

    /// How many gateways have said something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A later question of this gateway was heard before: its answer is not waited for any more, and
    /// what it says was true before. Each process of a gateway has an id of its own.
    #[must_use]
    pub fn is_overtaken(&self, question: &Question) -> bool {
        self.0.get(&question.gateway).is_some_and(|report| report.number > question.number)
    }

    /// Takes a question in, with the question whose answer the gateway took last. False if it was
    /// overtaken: it says nothing then.
    pub fn hear(&mut self, question: &Question, accepted: Option<u64>, now: Millis) -> bool {
        if self.is_overtaken(question) {
            return false;
        }
        let earlier = self.0.get(&question.gateway);
        let report = Report {
            number: question.number,
            open: question.open_transactions,
            last_byte: question.last_byte_ms.map(|age| now.saturating_sub(age)),
            accepted,
            draining_since: earlier.and_then(|report| report.draining_since),
        };
        self.0.insert(question.gateway, report);
        true
    }

    /// The process of a gateway ended, and another one has its id.
    pub fn forget(&mut self, gateway: GatewayId) {
        self.0.remove(&gateway);
    }

    /// A drain begins: what was answered in an earlier one says nothing about this.
    pub fn drain_begins(&mut self) {
        self.0.values_mut().for_each(|report| report.draining_since = None);
    }

    /// Whether a transaction may be open through one of the gateways whose grant may be alive.
    /// During a drain each of them must have taken an answer that says so.
    #[must_use]
    pub fn open_transactions(&self, route: Route, outstanding: &BTreeSet<GatewayId>) -> bool {
        let draining = matches!(route, Route::Draining { .. });
        let open = |report: &Report| {
            let told = report.draining_since.is_some_and(|since| report.accepted >= Some(since));
            report.open || (draining && !told)
        };
        outstanding.iter().any(|gateway| self.0.get(gateway).is_none_or(open))
    }

    /// What all of them say together.
    #[must_use]
    pub fn sample(&self, now: Millis, route: Route, outstanding: &BTreeSet<GatewayId>) -> Sample {
        let last_byte = self.0.values().filter_map(|report| report.last_byte).max();
        Sample::Gateways {
            open_transactions: self.open_transactions(route, outstanding),
            last_byte_ms: last_byte.map(|at| now.saturating_sub(at)),
        }
    }

    /// What a question that was heard is answered, if this process may answer at all, and nothing if
    /// it was overtaken: a grant rests on a steady record and never outlives the lease. `record` is
    /// one that was read after the lease was acquired.
    pub fn answer(
        &mut self,
        question: &Question,
        leader: &mut LeaderClock,
        record: Option<&Record>,
        route: Route,
        (now, timing): (Millis, &Timing),
    ) -> Option<Answer> {
        let Question { gateway, number, holds, .. } = *question;
        // A grant would count that nobody takes, and a drain as told that nobody heard of.
        if self.is_overtaken(question) {
            return None;
        }
        if holds.is_none() {
            leader.holds_nothing(gateway, number);
        }
        let lasts_ms = leader.grant(now, timing)?;
        let record = record?;
        let term = record.term;
        let granted = match route {
            Route::Closed => false,
            Route::Open { term: of, main } | Route::Draining { term: of, main } => {
                record.stage == Stage::Steady
                    && of == term
                    && main.id == record.target
                    && main.incarnation == record.incarnation
            }
        };
        if !granted {
            return Some(Answer { number, term, route: Route::Closed, lasts_ms: 0 });
        }
        if let (Route::Draining { .. }, Some(report)) = (route, self.0.get_mut(&gateway)) {
            report.draining_since.get_or_insert(number);
        }
        leader.granted(gateway, number, now, timing);
        Some(Answer { number, term, route, lasts_ms })
    }
}
