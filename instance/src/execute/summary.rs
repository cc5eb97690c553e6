//! What the summary of a query tells.

/// Whether a query reads or writes: `type` in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing.
    Read,
    /// It only creates.
    Write,
    /// It reads, and changes something.
    ReadWrite,
}

impl Access {
    /// The word in the summary.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::ReadWrite => "rw",
        }
    }

    /// Whether it may change something, so that a replica refuses it (MR 4.4).
    #[must_use]
    pub const fn writes(self) -> bool {
        match self {
            Self::Read => false,
            Self::Write | Self::ReadWrite => true,
        }
    }
}

/// What a query changed: `stats` in the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the summary")]
pub struct Stats {
    pub nodes_created: u64,
    pub nodes_deleted: u64,
    pub relationships_created: u64,
    pub relationships_deleted: u64,
    pub properties_set: u64,
    pub labels_added: u64,
    pub labels_removed: u64,
}

impl Stats {
    /// Keys and numbers as in the summary, zeros too.
    #[must_use]
    pub const fn entries(&self) -> [(&'static str, u64); 7] {
        [
            ("nodes-created", self.nodes_created),
            ("nodes-deleted", self.nodes_deleted),
            ("relationships-created", self.relationships_created),
            ("relationships-deleted", self.relationships_deleted),
            ("properties-set", self.properties_set),
            ("labels-added", self.labels_added),
            ("labels-removed", self.labels_removed),
        ]
    }

    /// Whether the summary has them at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
