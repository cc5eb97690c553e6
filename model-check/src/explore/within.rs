//! How far it is to rest: backwards from the states at rest, all at once.

use super::{Rest, StateNo, at, count, number, rows::Rows};

/// How many steps of progress lead to rest, at best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Within {
    /// The most that any state needs, among those that can come to rest.
    pub steps: u32,
    /// The first state that needs so many; `None` if no state can come to rest.
    pub farthest: Option<StateNo>,
    /// How many states cannot come to rest at all.
    pub lost: u64,
    /// The first of them.
    pub first_lost: Option<StateNo>,
}

pub(super) fn within(rows: &Rows, rests: &[Rest]) -> Within {
    let sources = Sources::new(rows, rests);
    let mut reached: Vec<bool> = rests.iter().map(|rest| rest.is_rest()).collect();
    let mut level: Vec<StateNo> =
        (0..number(rests.len())).filter(|state| reached[at(*state)]).collect();
    let mut within = Within { farthest: level.first().copied(), ..Within::default() };
    loop {
        let mut next = Vec::new();
        for state in &level {
            for source in sources.of(*state) {
                let known = &mut reached[at(*source)];
                if !*known {
                    *known = true;
                    next.push(*source);
                }
            }
        }
        let Some(first) = next.iter().min() else {
            break;
        };
        within.steps += 1;
        within.farthest = Some(*first);
        level = next;
    }
    within.first_lost = reached.iter().position(|reached| !reached).map(number);
    within.lost = count(reached.iter().filter(|reached| !**reached).count());
    within
}

/// The edges of the states that move, from where they lead to where they come from.
struct Sources {
    /// Where the sources of each state begin; one more at the end.
    begins: Vec<u64>,
    sources: Vec<StateNo>,
}

impl Sources {
    fn new(rows: &Rows, rests: &[Rest]) -> Self {
        let moving = || {
            let states = (0..number(rests.len())).zip(rests);
            states.filter(|(_, rest)| !rest.is_rest()).map(|(state, _)| state)
        };
        // Where the sources of each state end; each one that is put in moves it down, so that it
        // is where they begin at last.
        let mut begins = vec![0_u64; rests.len() + 1];
        for state in moving() {
            for target in rows.targets(state) {
                begins[at(*target)] += 1;
            }
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        let mut sources = vec![0; usize::try_from(sum).unwrap_or(usize::MAX)];
        for state in moving() {
            for target in rows.targets(state) {
                let begin = &mut begins[at(*target)];
                *begin -= 1;
                sources[*begin as usize] = state;
            }
        }
        Self { begins, sources }
    }

    fn of(&self, state: StateNo) -> &[StateNo] {
        let index = at(state);
        &self.sources[self.begins[index] as usize..self.begins[index + 1] as usize]
    }
}
