//! Transactions begun and ended in Cypher instead of messages.

/// A statement that is a step of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransactionText {
    /// `BEGIN`.
    Begin,
    /// `COMMIT`.
    Commit,
    /// `ROLLBACK`.
    Rollback,
}

impl TransactionText {
    /// Memgraph compares the whole statement, without blanks around it and whatever its case
    /// (BG 1.4): `BEGIN;` is none.
    #[must_use]
    pub fn of(query: &str) -> Option<Self> {
        let trimmed = query.trim_matches(|c: char| matches!(c, ' ' | '\t'..='\r'));
        [("BEGIN", Self::Begin), ("COMMIT", Self::Commit), ("ROLLBACK", Self::Rollback)]
            .into_iter()
            .find_map(|(word, text)| trimmed.eq_ignore_ascii_case(word).then_some(text))
    }
}
