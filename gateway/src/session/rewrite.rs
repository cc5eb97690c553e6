//! Failures of an instance that is not the main, in one table. Each is raised before anything was
//! applied, or after everything was undone (BG 6, MR 4.4), so that whoever repeats the request loses
//! and doubles nothing. Compared with the beginning of Memgraph's text, in the letters it uses.
//!
//! Not in it: `Replication Exception: …`, which earlier versions raise also for writes that *are*
//! committed on the main (MR 4.2).

/// A failure that is told so that drivers retry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// How its text begins.
    pub begins: &'static str,
    /// It is raised by an instance that is not the main, so that the route rests on nothing.
    pub shows_no_main: bool,
}

/// The table.
pub const REWRITES: &[Rewrite] = &[
    // In prepare.
    Rewrite { begins: "Write queries are forbidden on the replica instance", shows_no_main: true },
    Rewrite { begins: "Write query forbidden on the replica", shows_no_main: true },
    // In prepare, by a main that is told not to write yet: it is the main all the same.
    Rewrite {
        begins: "Write queries currently forbidden on the main instance",
        shows_no_main: false,
    },
    // At the commit, after an abort.
    Rewrite { begins: "Cannot commit because instance is not main anymore.", shows_no_main: true },
    Rewrite { begins: "Queries on replica shouldn't write.", shows_no_main: true },
];

/// The row for this text of a failure.
#[must_use]
pub fn rewrite(message: &str) -> Option<Rewrite> {
    REWRITES.iter().copied().find(|row| message.starts_with(row.begins))
}
