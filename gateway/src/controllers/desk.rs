//! Controllers within the same process: a function that answers, and a call that says when its
//! answers have changed. The HTTP side of a controller can be built on it, and tests are.

use super::{
    AskError, Controllers,
    wire::{Ask, Reply},
};
use std::{fmt, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

type Answering = dyn Fn(&Ask) -> Result<Reply, AskError> + Send + Sync;

/// Answers questions in the manner of a long poll.
#[derive(Clone)]
pub struct Desk {
    answering: Arc<Answering>,
    changes: Arc<watch::Sender<u64>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    /// `answering` is called with each question when it arrives, and again after each change while
    /// it waits. It notes a grant before it returns it (`ha_core`'s contract, 5).
    pub fn new(
        answering: impl Fn(&Ask) -> Result<Reply, AskError> + Send + Sync + 'static,
    ) -> Self {
        Self { answering: Arc::new(answering), changes: Arc::new(watch::Sender::new(0)) }
    }

    /// Answers may be others than before.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Controllers for Desk {
    async fn ask(&self, ask: Ask) -> Result<Reply, AskError> {
        let mut changes = self.changes.subscribe();
        let until = tokio::time::Instant::now() + Duration::from_millis(ask.wait_ms);
        loop {
            let reply = (self.answering)(&ask)?;
            if ask.seen.as_ref() != Some(&reply.tag) {
                return Ok(reply);
            }
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            match timeout(left, changes.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(AskError::Ended),
                Err(_) => return Ok(reply),
            }
        }
    }
}
