//! How a gateway asks for grants. Whoever knows the controllers implements [`Controllers`]: over HTTP
//! in [`http`], within one process in [`desk`]. What is said is in [`wire`]; what may be done with an
//! answer is judged by `ha_core::grant` alone.

pub mod desk;
pub mod http;
mod names;
pub mod wire;

use ha_core::ids::Term;
pub use names::{Lookup, Name};
use std::future::Future;
use wire::{Ask, BadReply, Reply};

/// No controller gave an answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is nobody to ask.
    #[error("no controller is known")]
    Nobody,
    /// Nobody answered in time.
    #[error("no controller answered within {0} ms")]
    Silent(u64),
    /// The answer could not be had.
    #[error("{controller}: {why}")]
    Failed {
        /// Who was asked.
        controller: String,
        /// What went wrong.
        why: String,
    },
    /// The answer is not one.
    #[error("{controller}: {why}")]
    Bad {
        /// Who answered.
        controller: String,
        /// What is wrong with it.
        why: BadReply,
    },
    /// The controllers are gone.
    #[error("the controllers of this process have ended")]
    Ended,
}

/// Those who may grant. Each question goes to all of them, since nobody else knows who leads; the
/// answer of whoever does not is an error.
pub trait Controllers: Send + Sync + 'static {
    /// Asks, and waits for as long as [`Ask::wait_ms`] says while the answer would say nothing new.
    /// A question that is dropped is taken back.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<Reply, AskError>> + Send;
}

/// The stored target, watched past the controllers: the second path on which a route ends.
pub trait StoredTarget: Send + 'static {
    /// Waits until the record names another term, and returns it. `None` if it cannot be watched
    /// any more.
    fn changed(&mut self) -> impl Future<Output = Option<Term>> + Send;
}

/// There is no second path.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStoredTarget;

impl StoredTarget for NoStoredTarget {
    async fn changed(&mut self) -> Option<Term> {
        None
    }
}
