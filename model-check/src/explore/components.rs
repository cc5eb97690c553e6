//! Strongly connected components: which states can reach each other by progress. Tarjan's search
//! as Pearce made it lean, with a stack of its own instead of recursion: four bytes a state, and
//! what the stacks need on the way.

use super::{StateNo, at, number, rows::Rows};

/// A component that is complete.
pub(super) struct Component<'a> {
    /// Its states, in no particular order.
    pub(super) members: &'a [StateNo],
    id: u32,
    ids: &'a [u32],
}

impl Component<'_> {
    /// Whether a state belongs to it.
    pub(super) fn has(&self, state: StateNo) -> bool {
        self.ids[at(state)] == self.id
    }
}

/// Gives each component to `each`, one after the other; then, for each state, which one is its: two
/// states are in the same if their marks are equal.
pub(super) fn components(rows: &Rows, each: &mut dyn FnMut(&Component<'_>)) -> Vec<u32> {
    let mut search = Search {
        rows,
        low: vec![UNSEEN; rows.len()],
        path: Vec::new(),
        waiting: Vec::new(),
        next: 1,
        id: u32::MAX,
    };
    for root in 0..number(rows.len()) {
        if search.low[at(root)] == UNSEEN {
            search.from(root, each);
        }
    }
    search.low
}

const UNSEEN: u32 = 0;

struct Search<'a> {
    rows: &'a Rows,
    /// For a state of a complete component its mark, from the highest number downwards. For one
    /// that is being searched the lowest order, from 1 upwards, that it is known to reach. A mark
    /// is above every order, because no more states are searched than have no mark.
    low: Vec<u32>,
    /// The states from the root to the one that is being searched.
    path: Vec<Frame>,
    /// States whose edges were all followed, and that reach one further up the path.
    waiting: Vec<StateNo>,
    /// The order of the next state.
    next: u32,
    /// The mark of the next component.
    id: u32,
}

struct Frame {
    state: StateNo,
    /// Which of its edges comes next.
    edge: u32,
    /// Whether it is known to reach nothing above itself.
    is_root: bool,
}

impl Search<'_> {
    fn from(&mut self, root: StateNo, each: &mut dyn FnMut(&Component<'_>)) {
        self.enter(root);
        while let Some(frame) = self.path.last_mut() {
            let target = self.rows.targets(frame.state).get(at(frame.edge)).copied();
            frame.edge += 1;
            match target {
                Some(target) if self.low[at(target)] == UNSEEN => self.enter(target),
                Some(target) => self.reaches(target),
                None => self.leave(each),
            }
        }
    }

    fn enter(&mut self, state: StateNo) {
        self.low[at(state)] = self.next;
        self.next += 1;
        self.path.push(Frame { state, edge: 0, is_root: true });
    }

    /// The state that is being searched reaches another.
    fn reaches(&mut self, target: StateNo) {
        if let Some(frame) = self.path.last_mut() {
            let low = self.low[at(target)];
            if low < self.low[at(frame.state)] {
                self.low[at(frame.state)] = low;
                frame.is_root = false;
            }
        }
    }

    /// All edges of the state at the end of the path were followed.
    fn leave(&mut self, each: &mut dyn FnMut(&Component<'_>)) {
        let Some(Frame { state, is_root, .. }) = self.path.pop() else {
            return;
        };
        if is_root {
            self.complete(state, each);
        } else {
            self.waiting.push(state);
        }
        self.reaches(state);
    }

    fn complete(&mut self, root: StateNo, each: &mut dyn FnMut(&Component<'_>)) {
        let low = self.low[at(root)];
        let below = self.waiting.iter().rev().take_while(|state| self.low[at(**state)] >= low);
        let from = self.waiting.len() - below.count();
        self.waiting.push(root);
        let members = &self.waiting[from..];
        for member in members {
            self.low[at(*member)] = self.id;
        }
        self.next -= number(members.len());
        each(&Component { members, id: self.id, ids: &self.low });
        self.waiting.truncate(from);
        self.id -= 1;
    }
}
