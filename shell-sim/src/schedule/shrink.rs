//! Makes a schedule that fails as short and simple as it can be while it fails in the same way.
//!
//! Chunks of lines are dropped, then single lines; neighbours are joined; values become simpler; of
//! the few lines that are left, any two are dropped together. That goes on until a whole round
//! changes nothing. Every choice follows from the schedule and the runs, so that a schedule shrinks
//! to the same one each time.
//!
//! **What the world refuses is left out.** Dropping `freeze gw-0` makes `thaw gw-0` impossible.
//! Were such a candidate rejected, neither line could go alone; with what was carried out taken in
//! its place, both go at once. What comes back has run as it stands.

use super::{Directive, Report, Schedule, run_possible, simpler};
use crate::world::Decide;

/// How many runs a schedule may be shrunk with, unless the caller says otherwise: enough for some
/// hundred lines.
pub const SHRINK_RUNS: u32 = 2_000;

/// Of so many lines every pair is tried.
const FEW: usize = 24;

/// What a schedule shrank to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The schedule.
    pub schedule: Schedule,
    /// How many runs that took.
    pub runs: u32,
    /// Whether nothing more could be made simpler, rather than no run was left.
    pub finished: bool,
}

/// Shrinks a schedule while its run `fails`, with so many runs at most. One that does not fail
/// comes back as it is.
#[must_use]
pub fn shrink(
    schedule: &Schedule,
    decide: Decide,
    fails: &dyn Fn(&Report) -> bool,
    runs: u32,
) -> Shrunk {
    let kept: Vec<Directive> = schedule.lines.iter().map(|(_, line)| line.clone()).collect();
    let mut search = Search { decide, fails, left: runs, kept };
    let mut goes_on = search.accepts(search.kept.clone());
    if !goes_on {
        let (schedule, finished) = (schedule.clone(), runs > 0);
        return Shrunk { schedule, runs: runs - search.left, finished };
    }
    while goes_on && search.left > 0 {
        search.drop_chunks();
        goes_on = search.join() | search.simplify() || search.drop_pair();
    }
    Shrunk {
        schedule: Schedule::of(search.kept),
        runs: runs - search.left,
        finished: search.left > 0,
    }
}

struct Search<'a> {
    decide: Decide,
    fails: &'a dyn Fn(&Report) -> bool,
    /// How many runs are left.
    left: u32,
    /// The simplest schedule so far that fails.
    kept: Vec<Directive>,
}

/// What gives a schedule its form: where it begins, and that it ends in silence. Without them the
/// rest would fail for another reason, which no comparison of failures could tell.
const fn is_frame(directive: &Directive) -> bool {
    matches!(
        directive,
        Directive::World(_) | Directive::Bootstrap | Directive::Calm | Directive::Settle(_)
    )
}

impl Search<'_> {
    /// Keeps what can be carried out of a candidate, if that fails.
    fn accepts(&mut self, candidate: Vec<Directive>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let (done, report) = run_possible(&Schedule::of(candidate), self.decide);
        let fails = (self.fails)(&report);
        if fails {
            self.kept = done.lines.into_iter().map(|(_, line)| line).collect();
        }
        fails
    }

    /// Drops chunks, each half as large as the one before, until no single line can go.
    fn drop_chunks(&mut self) {
        let mut size = self.kept.len().div_ceil(2);
        while size > 0 && self.left > 0 {
            let dropped = self.drop_each(size);
            let again = size == 1 && dropped;
            size = if again { 1 } else { size / 2 };
        }
    }

    /// Tries to drop every chunk of this size. From the end, because what comes after the failure
    /// goes at once, and because later lines need the earlier ones.
    fn drop_each(&mut self, size: usize) -> bool {
        let mut dropped = false;
        let mut end = self.kept.len();
        while end > 0 && self.left > 0 {
            let begin = end.saturating_sub(size);
            let goes = |at: usize| (begin..end).contains(&at);
            let lines = self.kept.iter().enumerate();
            let candidate: Vec<Directive> = lines
                .filter(|(at, line)| !goes(*at) || is_frame(line))
                .map(|(_, line)| line.clone())
                .collect();
            if candidate.len() < self.kept.len() {
                dropped |= self.accepts(candidate);
            }
            end = begin;
        }
        dropped
    }

    /// Drops two lines anywhere, neither of which can go alone: a message that is withheld and later
    /// lost, a fault and the write that needs it over. Tried where few are left, for there are many
    /// pairs of many.
    fn drop_pair(&mut self) -> bool {
        let lines: Vec<usize> =
            (0..self.kept.len()).filter(|at| !is_frame(&self.kept[*at])).collect();
        if lines.len() > FEW {
            return false;
        }
        let pairs = lines.iter().flat_map(|one| lines.iter().map(move |other| (*one, *other)));
        let mut pairs = pairs.filter(|(one, other)| one < other);
        pairs.any(|(one, other)| {
            let mut candidate = self.kept.clone();
            candidate.remove(other);
            candidate.remove(one);
            self.accepts(candidate)
        })
    }

    /// Makes one line of neighbours that let the same thing go on.
    fn join(&mut self) -> bool {
        let mut joined = false;
        let mut at = self.kept.len().saturating_sub(1);
        while at > 0 {
            if let [one, next] = &self.kept[at - 1..=at]
                && let Some(both) = simpler::joined(one, next)
            {
                let mut candidate = self.kept.clone();
                candidate.splice(at - 1..=at, [both]);
                joined |= self.accepts(candidate);
            }
            at = (at - 1).min(self.kept.len().saturating_sub(1));
        }
        joined
    }

    /// Makes the values of each line smaller.
    fn simplify(&mut self) -> bool {
        let mut changed = false;
        let mut at = 0;
        while let Some(line) = self.kept.get(at) {
            let found = simpler::than(line).into_iter().any(|simpler| {
                let mut candidate = self.kept.clone();
                candidate[at] = simpler;
                self.accepts(candidate)
            });
            changed |= found;
            // A simpler line may become simpler still.
            at += usize::from(!found);
        }
        changed
    }
}
