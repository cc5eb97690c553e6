//! Failures that drivers may repeat, in one table. Each is raised before anything was applied, or after
//! everything was undone (BG 6, MR 4.3, 4.4), so that whoever repeats the request loses and doubles
//! nothing. Compared with the beginning of Memgraph's text, in the letters it uses.
//!
//! Of `Replication Exception: …` only what says that the transaction was aborted everywhere: the same
//! words begin a failure of a write that *is* committed on the main (MR 4.2).

/// A failure that is told so that drivers retry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewrite {
    /// How its text begins.
    pub begins: &'static str,
    /// What it says further on, too.
    pub says: &'static str,
    /// It is raised by an instance that is not the main, so that the route rests on nothing.
    pub shows_no_main: bool,
    /// It is raised before anything ran, so that no batch of the statement was committed either.
    pub in_prepare: bool,
}

/// The table.
pub const REWRITES: &[Rewrite] = &[
    Rewrite { in_prepare: true, ..not_main("Write queries are forbidden on the replica instance") },
    Rewrite { in_prepare: true, ..not_main("Write query forbidden on the replica") },
    // Commands about users.
    Rewrite { in_prepare: true, ..not_main("Query forbidden on the replica!") },
    // By a main that is told not to write yet: it is the main all the same.
    Rewrite {
        begins: "Write queries currently forbidden on the main instance",
        says: "",
        shows_no_main: false,
        in_prepare: true,
    },
    // At the commit, after an abort.
    not_main("Cannot commit because instance is not main anymore."),
    not_main("Queries on replica shouldn't write."),
    // At the commit, where the vote was missing: aborted by the main and by whoever had prepared it.
    // Up to 3.9, and from 3.10 on.
    Rewrite {
        begins: "Replication Exception: At least one STRICT_SYNC replica has not confirmed",
        says: "Transaction will be aborted on all instances.",
        shows_no_main: false,
        in_prepare: false,
    },
    Rewrite {
        begins: "Replication Exception: Failed to replicate to ",
        says: "Transaction was aborted on all instances.",
        shows_no_main: false,
        in_prepare: false,
    },
];

const fn not_main(begins: &'static str) -> Rewrite {
    Rewrite { begins, says: "", shows_no_main: true, in_prepare: false }
}

/// The row for this text of a failure.
#[must_use]
pub fn rewrite(message: &str) -> Option<Rewrite> {
    let fits = |row: &Rewrite| message.starts_with(row.begins) && message.contains(row.says);
    REWRITES.iter().copied().find(fits)
}
