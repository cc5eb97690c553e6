//! The moves of the main that a controller remembers. It lists those that it began and, from the
//! record as it is read, those that others began or of which its own write had no answer; and what was
//! over before it began it hears from the others. So each move stands there once, whoever made it and
//! whatever got lost on the way.

use super::status::{push, wall_ms};
use ha_core::{
    action::Action,
    history::Outcome,
    ids::{InstanceId, Term},
    leadership::Millis,
    observation::{RecordContent, Route, StoredRecord},
    plan::Step,
    record::{Cause, Record, Stage},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Moves that are kept.
const MOVES: usize = 50;

/// A move of the main, with the moments of its parts in milliseconds after the record of the intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The reign that began.
    pub term: Term,
    /// Why.
    pub cause: Cause,
    /// The main before.
    pub from: Option<InstanceId>,
    /// The main after.
    pub to: InstanceId,
    /// The rule that asked for it; empty where another controller alone knows it.
    pub rule: String,
    /// The facts that caused it.
    pub why: String,
    /// When the intent was recorded, or first read, in milliseconds since 1970.
    pub wall_ms: u64,
    /// When the record said that nobody forwards any more.
    pub withdrawn_ms: Option<Millis>,
    /// When it was main with its voter.
    pub attached_ms: Option<Millis>,
    /// When it had a commit of its own.
    pub steady_ms: Option<Millis>,
    /// When writes were routed to it.
    pub open_ms: Option<Millis>,
    /// Whether this controller knows of it from the record alone: another one began it, or its own
    /// write had no answer. Its times are those of reading then.
    #[serde(default)]
    pub read: bool,
    /// On the clock of this process.
    #[serde(skip)]
    began: Millis,
    /// Whether this process did a part of it.
    #[serde(skip)]
    ours: bool,
}

impl Move {
    fn new(at: Millis, record: &Record, (rule, why): (String, String)) -> Self {
        Self {
            term: record.term,
            cause: record.cause,
            from: record.before.map(|before| before.main),
            to: record.target,
            rule,
            why,
            wall_ms: wall_ms(),
            withdrawn_ms: None,
            attached_ms: None,
            steady_ms: None,
            open_ms: None,
            read: false,
            began: at,
            ours: true,
        }
    }

    fn is_of(&self, record: &Record) -> bool {
        (self.term, self.cause, self.to) == (record.term, record.cause, record.target)
    }

    /// What two controllers know of one move: the word of whoever began it, and what only the other
    /// one saw.
    #[must_use]
    pub fn merged(&self, other: &Self) -> Self {
        let word = |it: &Self| (!it.read, !it.rule.is_empty());
        let (base, more) = if word(other) > word(self) { (other, self) } else { (self, other) };
        let part = |own: Option<Millis>, seen: Option<Millis>| {
            own.or_else(|| Some((more.wall_ms + seen?).saturating_sub(base.wall_ms)))
        };
        Self {
            from: base.from.or(more.from),
            withdrawn_ms: part(base.withdrawn_ms, more.withdrawn_ms),
            attached_ms: part(base.attached_ms, more.attached_ms),
            steady_ms: part(base.steady_ms, more.steady_ms),
            open_ms: part(base.open_ms, more.open_ms),
            ..base.clone()
        }
    }

    /// The part that this stage ends; none for an intent.
    const fn part(&mut self, stage: Stage) -> Option<&mut Option<Millis>> {
        match stage {
            Stage::Intent => None,
            Stage::Withdrawn => Some(&mut self.withdrawn_ms),
            Stage::Attached => Some(&mut self.attached_ms),
            Stage::Steady => Some(&mut self.steady_ms),
        }
    }

    fn reached(&mut self, at: Millis, stage: Stage) {
        let after = at.saturating_sub(self.began);
        if let Some(part) = self.part(stage) {
            part.get_or_insert(after);
        }
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// The latest at the end.
    list: VecDeque<Move>,
    /// The latest term that was listed, or stood in the record when it was first read.
    last: Option<Term>,
    /// One of which it is not known whether its intent was recorded.
    unsure: Option<Move>,
}

impl Moves {
    pub(super) const fn list(&self) -> &VecDeque<Move> {
        &self.list
    }

    /// A step of this process has ended.
    pub(super) fn step(&mut self, at: Millis, step: &Step, outcome: Outcome) {
        match (&step.action, outcome) {
            (Action::WriteRecord { record, .. }, Outcome::Done | Outcome::Unknown)
                if record.stage == Stage::Intent =>
            {
                if self.of(record.term).is_some() {
                    return;
                }
                // One that is written again, since the first write may still land, began with that.
                let first = self.unsure.take().filter(|it| it.is_of(record));
                let evidence = (step.rule.rule().id.to_string(), step.reason.to_string());
                let begun = first.unwrap_or_else(|| Move::new(at, record, evidence));
                if outcome == Outcome::Done {
                    self.add(begun);
                } else {
                    self.unsure = Some(begun);
                }
            }
            (Action::WriteRecord { record, .. }, Outcome::Done) => {
                if let Some(it) = self.of(record.term) {
                    it.ours |= it.part(record.stage).is_some_and(|part| part.is_none());
                    it.reached(at, record.stage);
                }
            }
            // A leader that takes over opens the route of a move that was over long ago, too.
            (Action::SetRoute(Route::Open { term, .. }), Outcome::Done) => {
                if let Some(it) = self.of(*term).filter(|it| it.ours) {
                    let after = at.saturating_sub(it.began);
                    it.open_ms.get_or_insert(after);
                }
            }
            (
                Action::WriteRecord { .. }
                | Action::SetRoute(_)
                | Action::Promote { .. }
                | Action::Demote { .. }
                | Action::Register { .. }
                | Action::Drop { .. }
                | Action::SetAside { .. }
                | Action::Commit { .. },
                _,
            ) => {}
        }
    }

    /// The record was read.
    pub(super) fn read(&mut self, at: Millis, stored: &StoredRecord) {
        match (&stored.content, self.last) {
            (RecordContent::Absent | RecordContent::Earlier { .. }, None) => {
                self.last = Some(Term(0));
            }
            // What was there before this process came to an end before it, too.
            (RecordContent::Record(record), None) if record.stage == Stage::Steady => {
                self.last = Some(record.term);
            }
            (RecordContent::Record(record), last) => {
                if last.is_none_or(|last| record.term > last) {
                    // The next leader may have decided the same and written it.
                    let unsure = self.unsure.take().filter(|it| it.is_of(record));
                    let begun = unsure.unwrap_or_else(|| Move {
                        ours: false,
                        ..Move::new(at, record, Default::default())
                    });
                    self.add(Move { read: true, ..begun });
                }
                if let Some(it) = self.of(record.term) {
                    it.reached(at, record.stage);
                }
            }
            (
                RecordContent::Absent
                | RecordContent::Earlier { .. }
                | RecordContent::Newer { .. }
                | RecordContent::Unreadable { .. },
                _,
            ) => {}
        }
    }

    /// What another controller remembers of the time before this one read the record first; false as
    /// long as it has not. Those of its own stay as they are, and so does one that may go on.
    pub(super) fn inherit(&mut self, others: Vec<Move>) -> bool {
        let Some(last) = self.last else { return false };
        for it in others {
            let is_over = it.term < last || (it.term == last && it.steady_ms.is_some());
            if is_over && self.of(it.term).is_none() {
                let at = self.list.partition_point(|own| own.term < it.term);
                self.list.insert(at, Move { read: true, ..it });
            }
        }
        let more = self.list.len().saturating_sub(MOVES);
        self.list.drain(..more);
        true
    }

    fn add(&mut self, it: Move) {
        self.last = self.last.max(Some(it.term));
        self.unsure = None;
        push(&mut self.list, it, MOVES);
    }

    fn of(&mut self, term: Term) -> Option<&mut Move> {
        self.list.iter_mut().find(|it| it.term == term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ha_core::{
        ids::ResourceVersion, observation::ClusterObservation, reason::Reason, rules::RuleId,
    };

    fn record(term: u32, stage: Stage) -> Record {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shell-sim/observations/settled.json");
        let text = std::fs::read_to_string(path).expect("an observation");
        let seen: ClusterObservation = serde_json::from_str(&text).expect("an observation");
        let stored = seen.record.known().expect("it was read");
        let record = stored.record().expect("a record").clone();
        Record { term: Term(term), stage, cause: Cause::Failover, ..record }
    }

    fn stored(term: u32, stage: Stage) -> StoredRecord {
        let content = RecordContent::Record(Box::new(record(term, stage)));
        StoredRecord { version: Some(ResourceVersion(1)), content }
    }

    fn write(rule: RuleId, term: u32, stage: Stage) -> Step {
        let record = Box::new(record(term, stage));
        let action = Action::WriteRecord { expected: None, record, reads_target: false };
        Step { rule, action, reason: Reason::NotLeader }
    }

    fn list(moves: &Moves) -> Vec<(u32, &str, bool)> {
        moves.list().iter().map(|it| (it.term.0, it.rule.as_str(), it.read)).collect()
    }

    #[test]
    fn what_was_over_before_is_not_listed_and_what_comes_then_is_once() {
        let mut moves = Moves::default();
        moves.read(1, &stored(4, Stage::Steady));
        assert_eq!(list(&moves), []);
        moves.read(2, &stored(5, Stage::Intent));
        moves.read(9, &stored(5, Stage::Steady));
        // A read of earlier comes late.
        moves.read(10, &stored(4, Stage::Steady));
        moves.read(11, &stored(5, Stage::Steady));
        assert_eq!(list(&moves), [(5, "", true)]);
        assert_eq!(moves.list()[0].steady_ms, Some(7));
    }

    /// Whether a write without an answer landed is told by the record; the facts are those of the first.
    #[test]
    fn an_intent_whose_answer_is_lost_is_listed_with_its_rule() {
        for again in [false, true] {
            let mut moves = Moves::default();
            moves.read(1, &stored(4, Stage::Steady));
            moves.step(2, &write(RuleId::E10, 5, Stage::Intent), Outcome::Unknown);
            assert_eq!(list(&moves), []);
            if again {
                moves.step(3, &write(RuleId::T60, 5, Stage::Intent), Outcome::Unknown);
                moves.step(4, &write(RuleId::T60, 5, Stage::Intent), Outcome::Done);
                moves.step(5, &write(RuleId::T60, 5, Stage::Intent), Outcome::Done);
            }
            moves.read(6, &stored(5, Stage::Intent));
            assert_eq!(list(&moves), [(5, "E10", !again)]);
            moves.step(7, &write(RuleId::P10, 5, Stage::Withdrawn), Outcome::Done);
            assert_eq!(moves.list()[0].withdrawn_ms, Some(5));
        }
        // It did not land, and somebody else's did.
        let mut moves = Moves::default();
        moves.read(1, &stored(4, Stage::Steady));
        let mut other = write(RuleId::E10, 5, Stage::Intent);
        if let Action::WriteRecord { record, .. } = &mut other.action {
            record.cause = Cause::Return;
        }
        moves.step(2, &other, Outcome::Unknown);
        moves.read(3, &stored(5, Stage::Intent));
        assert_eq!(list(&moves), [(5, "", true)]);
    }

    /// Whoever begins hears of moves that were over from those who saw them, each once.
    #[test]
    fn moves_of_before_are_inherited() {
        let mut other = Moves::default();
        other.read(1, &stored(3, Stage::Steady));
        for term in 4..6 {
            other.step(2, &write(RuleId::E10, term, Stage::Intent), Outcome::Done);
            other.step(3, &write(RuleId::A30, term, Stage::Steady), Outcome::Done);
        }
        // This one may go on: whoever sees its parts lists it.
        other.step(4, &write(RuleId::E10, 6, Stage::Intent), Outcome::Done);
        let told: Vec<_> = other.list().iter().cloned().collect();
        let mut moves = Moves::default();
        assert!(!moves.inherit(told.clone()), "nothing was read yet");
        moves.read(7, &stored(5, Stage::Steady));
        moves.read(8, &stored(6, Stage::Intent));
        for _ in 0..2 {
            assert!(moves.inherit(told.clone()));
            assert_eq!(list(&moves), [(4, "E10", true), (5, "E10", true), (6, "", true)]);
        }
        let text = serde_json::to_string(&told).expect("JSON");
        assert_eq!(moves.list()[1].steady_ms, told[1].steady_ms, "{text}");
        // As many as are kept, the latest.
        let template = told[0].clone();
        let many = (1..100).map(|term| Move { term: Term(term), ..template.clone() }).collect();
        let mut moves = Moves::default();
        moves.read(1, &stored(100, Stage::Steady));
        assert!(moves.inherit(many));
        assert_eq!(moves.list().len(), MOVES);
        assert_eq!(moves.list()[0].term, Term(50));
    }

    /// Whoever takes an intent over and writes it again did not begin it.
    #[test]
    fn an_intent_that_was_read_is_not_begun_by_who_writes_it_again() {
        let mut moves = Moves::default();
        moves.read(1, &stored(5, Stage::Intent));
        moves.step(2, &write(RuleId::T60, 5, Stage::Intent), Outcome::Done);
        assert_eq!(list(&moves), [(5, "", true)]);
    }

    /// A leader that takes over opens a route in a term that is no move of its own.
    #[test]
    fn only_who_did_a_part_of_a_move_says_when_it_opened() {
        let record = record(5, Stage::Steady);
        let main = ha_core::ids::InstanceRef { id: record.target, incarnation: record.incarnation };
        let open = Step {
            rule: RuleId::R10,
            action: Action::SetRoute(Route::Open { term: Term(5), main }),
            reason: Reason::NotLeader,
        };
        let mut moves = Moves::default();
        moves.read(1, &stored(4, Stage::Steady));
        moves.read(2, &stored(5, Stage::Steady));
        moves.step(3, &write(RuleId::A30, 5, Stage::Steady), Outcome::Done);
        moves.step(900, &open, Outcome::Done);
        assert_eq!(moves.list()[0].open_ms, None, "it was open long ago");
        let mut moves = Moves::default();
        moves.read(1, &stored(4, Stage::Steady));
        moves.read(2, &stored(5, Stage::Withdrawn));
        moves.step(8, &write(RuleId::A30, 5, Stage::Attached), Outcome::Done);
        moves.step(12, &open, Outcome::Done);
        assert_eq!((moves.list()[0].attached_ms, moves.list()[0].open_ms), (Some(6), Some(10)));
    }

    #[test]
    fn two_words_of_one_move_are_one() {
        let of = |read, rule: &str, wall_ms| Move {
            wall_ms,
            read,
            ..Move::new(0, &record(5, Stage::Intent), (rule.to_owned(), "why".to_owned()))
        };
        let own = Move { withdrawn_ms: Some(10), ..of(false, "E10", 1_000) };
        let seen = Move {
            withdrawn_ms: Some(3),
            steady_ms: Some(40),
            open_ms: Some(50),
            ..of(true, "", 1_200)
        };
        for merged in [own.merged(&seen), seen.merged(&own)] {
            assert_eq!((merged.rule.as_str(), merged.read, merged.wall_ms), ("E10", false, 1_000));
            let parts = (merged.withdrawn_ms, merged.steady_ms, merged.open_ms);
            assert_eq!(parts, (Some(10), Some(240), Some(250)));
        }
    }
}
