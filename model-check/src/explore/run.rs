//! The exploration: level by level, in rounds that threads expand and one thread inserts.

use super::{
    Exploration, Facts, Limits, Progress, Rest, StateNo, System, Witness, at, count,
    exploration::{End, Found},
    liveness, number,
    parallel::spread,
    projection,
    round::{Chunk, Link, News, Target, expand},
    rows::Rows,
    visited::Visited,
    witness::Witnesses,
};
use std::time::Instant;

/// States that are expanded before anything that they led to is inserted. It does not depend on
/// the number of threads, so that nothing else does.
const ROUND: StateNo = 8_192;

/// States that a thread takes at once.
const CHUNK: StateNo = 32;

/// Explores a system from its initial state and calls `progress` after every round, which is a few
/// thousand states. What is given back is the same for any number of threads.
pub fn explore<'a, S: System>(
    system: &'a S,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Exploration<'a, S> {
    let mut explorer = Explorer {
        system,
        limits: *limits,
        begun: Instant::now(),
        visited: Visited::new(system.initial(), limits.max_states),
        rows: Rows::default(),
        rests: Vec::new(),
        broken: Witnesses::new(),
        seen: Witnesses::new(),
        levels: Vec::new(),
        expanded: 0,
        transitions: 0,
    };
    let end = explorer.all(progress);
    explorer.finish(end)
}

struct Explorer<'a, S: System> {
    system: &'a S,
    limits: Limits,
    begun: Instant,
    visited: Visited<S::State>,
    /// Stays empty unless liveness is judged, like `rests`.
    rows: Rows,
    rests: Vec<Rest>,
    broken: Witnesses,
    seen: Witnesses,
    /// How many states each level has, as far as they were begun.
    levels: Vec<u64>,
    expanded: u64,
    transitions: u64,
}

impl<'a, S: System> Explorer<'a, S> {
    fn all(&mut self, progress: &mut dyn FnMut(Progress)) -> End {
        let (mut from, mut to) = (0, 1);
        while from < to {
            self.levels.push(u64::from(to - from));
            let end = self.level(from, to, progress);
            let next = number(self.visited.states().len());
            let violated = self.limits.stop_at_first_violation && self.broken.bits() != 0;
            let end = end.or(violated.then_some(End::Violation));
            if let Some(end) = end {
                // What was found of the next level counts, though it was not expanded.
                if next > to {
                    self.levels.push(u64::from(next - to));
                }
                return end;
            }
            (from, to) = (to, next);
        }
        End::Closed
    }

    /// One level, whose states have the numbers `from..to`. Gives a reason to go no further.
    fn level(
        &mut self,
        from: StateNo,
        to: StateNo,
        progress: &mut dyn FnMut(Progress),
    ) -> Option<End> {
        let mut first = from;
        while first < to {
            let last = first.saturating_add(ROUND).min(to);
            let end = self.round(first, last);
            progress(self.progress());
            if end.is_some() {
                return end;
            }
            first = last;
        }
        None
    }

    fn round(&mut self, from: StateNo, to: StateNo) -> Option<End> {
        let news = News {
            broken: !self.broken.bits(),
            seen: !self.seen.bits(),
            progress: self.limits.liveness,
        };
        let begin = |job: usize| from + number(job) * CHUNK;
        let jobs = at((to - from).div_ceil(CHUNK));
        let (system, visited) = (self.system, &self.visited);
        let chunks = spread(self.limits.threads, jobs, |job| {
            expand(system, visited, (begin(job), begin(job + 1).min(to)), news)
        });
        let mut chunks = chunks.iter().enumerate();
        chunks.find_map(|(job, chunk)| self.merge(begin(job), chunk))
    }

    /// Takes over what the expansion of the states from `from` on gave.
    fn merge(&mut self, from: StateNo, chunk: &Chunk<S::State>) -> Option<End> {
        self.visited.fetch(&chunk.fresh);
        let mut links = chunk.links.iter();
        for (source, state) in chunk.sources.iter().zip(from..) {
            self.begin(state, source.facts);
            self.transitions += u64::from(source.edges);
            for link in links.by_ref().take(at(source.links)) {
                if let Some(end) = self.link(state, link, &chunk.fresh) {
                    return Some(end);
                }
            }
            self.expanded += 1;
        }
        chunk.malformed.map(End::Malformed)
    }

    /// The depth of the level that is being expanded.
    const fn depth(&self) -> u32 {
        self.levels.len().saturating_sub(1) as u32
    }

    fn begin(&mut self, state: StateNo, facts: Facts) {
        let witness = Witness { state, edge: None, length: self.depth() };
        self.broken.note(facts.broken, witness);
        if self.limits.liveness {
            self.rows.open();
            self.rests.push(facts.rest);
        }
    }

    fn link(&mut self, state: StateNo, link: &Link, fresh: &[(u64, S::State)]) -> Option<End> {
        let witness = Witness { state, edge: Some(link.edge), length: self.depth() + 1 };
        self.broken.note(link.broken, witness);
        self.seen.note(link.seen, witness);
        let target = match link.target {
            Target::Known(target) => target,
            Target::Fresh(index) => {
                let (hash, to) = &fresh[at(index)];
                match self.visited.insert(*hash, to, state) {
                    Ok(target) => target,
                    Err(_) => return Some(End::StateLimit),
                }
            }
        };
        if link.progress {
            self.rows.push(target, link.class);
        }
        None
    }

    const fn bytes(&self) -> u64 {
        self.visited.bytes() + self.rows.bytes() + count(self.rests.len())
    }

    fn progress(&self) -> Progress {
        let states = count(self.visited.states().len());
        let elapsed = self.begun.elapsed();
        let rate = u128::from(states) * 1_000_000_000 / elapsed.as_nanos().max(1);
        Progress {
            states,
            queue: states - self.expanded,
            transitions: self.transitions,
            level: self.depth().into(),
            rate: u64::try_from(rate).unwrap_or(u64::MAX),
            bytes: self.bytes(),
            elapsed,
        }
    }

    fn finish(self, end: End) -> Exploration<'a, S> {
        let bytes = self.bytes();
        let explored = self.begun.elapsed();
        let judged = self.limits.liveness && end == End::Closed;
        let liveness = judged.then(|| liveness::judge(&self.rows, &self.rests));
        // The edges are not needed any more, and projections need room.
        drop((self.rows, self.rests));
        let projections = if self.limits.projections {
            projection::project(self.system, self.visited.states(), self.limits.threads)
        } else {
            Vec::new()
        };
        Exploration {
            end,
            transitions: self.transitions,
            levels: self.levels,
            liveness,
            projections,
            bytes,
            explored,
            found: Found {
                system: self.system,
                visited: self.visited,
                broken: self.broken,
                seen: self.seen,
            },
        }
    }
}
