//! What a transaction may have changed, by who answered its statements. A server that refuses writes
//! refuses them at RUN (MR 4.4), so that a RUN which it answered with SUCCESS changes nothing, whoever
//! carries out what follows.

/// What a server does with writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Writes {
    /// It may carry them out.
    #[default]
    Taken,
    /// It refuses them at RUN, as a replica does.
    Refused,
}

/// What the open transaction may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Changes {
    /// Nothing: its BEGIN and each of its statements were answered by one that refuses writes.
    None,
    /// Something.
    #[default]
    Perhaps,
}

/// Who answers, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    writes: Writes,
    /// So many of the unanswered requests, the oldest ones, were sent before it was so.
    earlier: usize,
    changes: Changes,
}

impl Witness {
    pub(super) const fn new() -> Self {
        Self { writes: Writes::Taken, earlier: 0, changes: Changes::Perhaps }
    }

    pub(super) const fn changes(&self) -> Changes {
        self.changes
    }

    pub(super) const fn writes_are(&mut self, writes: Writes, unanswered: usize) {
        self.writes = writes;
        self.earlier = unanswered;
    }

    /// The oldest request is answered: what whoever carried it out did with writes.
    pub(super) const fn answered(&mut self) -> Writes {
        if self.earlier == 0 {
            return self.writes;
        }
        self.earlier -= 1;
        Writes::Taken
    }

    /// A transaction was begun.
    pub(super) const fn begins(&mut self, writes: Writes) {
        self.changes = match writes {
            Writes::Taken => Changes::Perhaps,
            Writes::Refused => Changes::None,
        };
    }

    /// A statement of it was answered.
    pub(super) const fn ran(&mut self, writes: Writes) {
        if matches!(writes, Writes::Taken) {
            self.changes = Changes::Perhaps;
        }
    }

    /// It is over, or nobody knows.
    pub(super) const fn ends(&mut self) {
        self.changes = Changes::Perhaps;
    }
}
