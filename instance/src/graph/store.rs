//! The graph of one instance, its open transactions, and which of them may change what.

use super::{Delta, Graph, Ids, Misfit, Object, Transaction, TransactionId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many changed objects are remembered before it is looked which are of use.
const CHANGED_AT_LEAST: usize = 1024;

/// Another transaction changed the same object at the same time. The text is Memgraph's (MR 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "Cannot resolve conflicting transactions. Retry this transaction when the conflicting \
     transaction is finished."
)]
pub struct Conflict {
    /// The object.
    pub object: Object,
}

/// The graph that an instance shows, with what its open transactions hold.
#[derive(Debug, Default)]
pub struct Store {
    graph: Graph,
    version: u64,
    ids: Arc<Ids>,
    last_transaction: u64,
    /// Open transactions with the version that each began with.
    open: BTreeMap<TransactionId, u64>,
    /// Objects that an open transaction changed.
    claims: BTreeMap<Object, TransactionId>,
    /// Objects with the version in which each was last changed.
    changed: BTreeMap<Object, u64>,
    /// The version that a replaced log made.
    rebuilt: u64,
    /// How long `changed` may grow before it is pruned.
    prune_at: usize,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What readers see now. A copy of it is a snapshot.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Opens a transaction on what readers see now. It must end in `finish`.
    pub fn begin(&mut self) -> Transaction {
        self.last_transaction += 1;
        let id = TransactionId(self.last_transaction);
        self.open.insert(id, self.version);
        Transaction::new(id, self.version, self.graph.clone(), Arc::clone(&self.ids))
    }

    /// Claims what a transaction changed since the last time. As in Memgraph, the first one to
    /// change an object keeps it until it ends, and a transaction that began before the last
    /// commit of an object may not change it. After a conflict the transaction can only be
    /// rolled back.
    ///
    /// # Errors
    /// An object that is not free.
    pub fn claim(&mut self, transaction: &mut Transaction) -> Result<(), Conflict> {
        let mut held = Vec::new();
        let claimed = self.claim_into(transaction, &mut held);
        transaction.held.append(&mut held);
        claimed?;
        transaction.claimed = transaction.changes().len();
        Ok(())
    }

    fn claim_into(
        &mut self,
        transaction: &Transaction,
        held: &mut Vec<Object>,
    ) -> Result<(), Conflict> {
        for change in transaction.changes().get(transaction.claimed..).unwrap_or_default() {
            for object in change.touched() {
                let outlived = transaction.began < self.rebuilt;
                if !outlived && transaction.snapshot().properties(object).is_none() {
                    continue;
                }
                let newer = self.changed.get(&object).is_some_and(|at| *at > transaction.began);
                let holder = self.claims.get(&object);
                if outlived || newer || holder.is_some_and(|holder| *holder != transaction.id) {
                    return Err(Conflict { object });
                }
                if holder.is_none() {
                    self.claims.insert(object, transaction.id);
                    held.push(object);
                }
            }
        }
        Ok(())
    }

    /// Makes a delta visible: a commit on a main, or an entry that a replica was sent.
    ///
    /// # Errors
    /// If it does not fit this graph; then nothing changed.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Misfit> {
        self.apply_all(&[delta]).map_err(|(_, misfit)| misfit)
    }

    /// Makes several deltas visible at once, as a replica is sent them in a recovery. That is much
    /// cheaper than one after the other, since the graph of before has to be kept only once.
    ///
    /// # Errors
    /// The first that does not fit what the ones before it made, by its position; then nothing
    /// changed.
    pub fn apply_all(&mut self, deltas: &[&Delta]) -> Result<(), (usize, Misfit)> {
        let mut graph = self.graph.clone();
        for (at, delta) in deltas.iter().enumerate() {
            for change in delta.changes() {
                graph.apply(change).map_err(|misfit| (at, misfit))?;
            }
        }
        self.graph = graph;
        self.version += 1;
        let changes = || deltas.iter().flat_map(|delta| delta.changes());
        changes().for_each(|change| self.ids.pass(change));
        if !self.open.is_empty() {
            let touched = changes().flat_map(|change| change.touched());
            self.changed.extend(touched.map(|object| (object, self.version)));
        }
        self.prune();
        Ok(())
    }

    /// Starts again from nothing with these deltas, as when a log was replaced (recovery, restart).
    /// Transactions that are open keep their snapshots and can change nothing any more.
    ///
    /// # Errors
    /// If one does not fit what the ones before it made; then nothing changed.
    pub fn rebuild<'a>(
        &mut self,
        deltas: impl IntoIterator<Item = &'a Delta>,
    ) -> Result<(), Misfit> {
        let mut graph = Graph::default();
        for delta in deltas {
            for change in delta.changes() {
                graph.apply(change)?;
                self.ids.pass(change);
            }
        }
        self.version += 1;
        self.rebuilt = self.version;
        self.graph = graph;
        self.prune();
        Ok(())
    }

    /// A transaction ended, whichever way: what it held is free. Its commit was applied before.
    pub fn finish(&mut self, transaction: &Transaction) {
        if self.open.remove(&transaction.id).is_none() {
            return;
        }
        for object in &transaction.held {
            self.claims.remove(object);
        }
        self.prune();
    }

    /// How many transactions are open.
    #[must_use]
    pub fn open_transactions(&self) -> usize {
        self.open.len()
    }

    /// Forgets changes that every open transaction has seen.
    fn prune(&mut self) {
        let Some(oldest) = self.open.values().min().copied() else {
            self.changed.clear();
            self.prune_at = CHANGED_AT_LEAST;
            return;
        };
        if self.changed.len() >= self.prune_at.max(CHANGED_AT_LEAST) {
            self.changed.retain(|_, at| *at > oldest);
            self.prune_at = 2 * self.changed.len();
        }
    }
}
