//! Keeps the grant: asks the controllers again and again, and does what they answer. One task of a
//! gateway runs this; the sessions hear of it through [`Gate`].

use crate::{
    controllers::{
        AskError, Controllers, StoredTarget,
        wire::{Ask, Reply, VERSION},
    },
    gate::Gate,
    metrics::Metrics,
    session::Standing,
};
use ha_core::leadership::Millis;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The least time between two questions.
const GAP: Duration = Duration::from_millis(5);
/// The time after a question that nobody answered.
const AFTER_ERROR: Duration = Duration::from_millis(100);
/// How often it looks whether a grant ran out by the wall clock.
const LOOK: Duration = Duration::from_millis(250);

/// How it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// How long a controller may wait with an answer that says nothing new.
    pub wait_ms: Millis,
    /// After how long without an answer the next question is asked.
    pub give_up_ms: Millis,
}

/// What the keeper works on.
#[derive(Debug, Clone)]
pub struct Keeper {
    /// The grant.
    pub gate: Arc<Gate>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How it asks.
    pub asking: Asking,
    /// The pod that it runs in, if it is one.
    pub pod: Option<String>,
}

impl Keeper {
    /// Runs until it is dropped.
    pub async fn run(self, controllers: impl Controllers, stored: impl StoredTarget) {
        tokio::join!(self.watch(stored), self.ask_on(controllers));
    }

    /// The second path.
    async fn watch(&self, mut stored: impl StoredTarget) {
        while let Some(term) = stored.changed().await {
            self.gate.saw_term(term);
        }
    }

    async fn ask_on(&self, controllers: impl Controllers) {
        let (mut accepted, mut seen) = (None, None);
        let mut in_trouble = false;
        loop {
            let began = Instant::now();
            let question = self.gate.ask();
            let number = question.number;
            let wait_ms = self.asking.wait_ms;
            // A grant that was voided is wanted anew at once, although nothing else has changed.
            let is_void = self.gate.view().standing == Standing::Frozen;
            let seen_last = seen.clone().filter(|_| !is_void);
            let pod = self.pod.clone();
            let ask = Ask { version: VERSION, question, accepted, seen: seen_last, wait_ms, pod };
            let Some(outcome) = self.answer(&controllers, ask).await else { continue };
            match outcome.and_then(|reply| self.take(reply)) {
                Ok(reply) => {
                    if in_trouble {
                        tracing::info!("a controller answers again");
                    }
                    in_trouble = false;
                    (accepted, seen) = (Some(number), Some(reply.tag));
                }
                Err(error) => {
                    self.metrics.ask_failed();
                    if !in_trouble {
                        tracing::warn!(%error, "no grant from the controllers");
                    }
                    in_trouble = true;
                    seen = None;
                    self.gate.mind();
                    sleep(AFTER_ERROR).await;
                }
            }
            sleep_until(began + GAP).await;
        }
    }

    /// Waits for an answer; nothing if another question is more urgent.
    async fn answer(
        &self,
        controllers: &impl Controllers,
        ask: Ask,
    ) -> Option<Result<Reply, AskError>> {
        let give_up = self.asking.give_up_ms.saturating_add(ask.wait_ms);
        let mut asked =
            std::pin::pin!(timeout(Duration::from_millis(give_up), controllers.ask(ask)));
        loop {
            let expires = self.gate.expires_in().map_or(LOOK, |ms| {
                // One more, since the grant is over at its end and not before.
                LOOK.min(Duration::from_millis(ms.saturating_add(1)))
            });
            tokio::select! {
                reply = &mut asked => {
                    return Some(reply.unwrap_or(Err(AskError::Silent(give_up))));
                }
                () = self.gate.is_urgent() => {
                    sleep(GAP).await;
                    return None;
                }
                () = sleep(expires) => {
                    self.gate.mind();
                }
            }
        }
    }

    fn take(&self, reply: Reply) -> Result<Reply, AskError> {
        let bad = |why: String| AskError::Failed { controller: "controller".to_owned(), why };
        let closed_for = self.gate.closed_for();
        reply.check().map_err(|why| bad(why.to_string()))?;
        self.gate.answered(&reply).map_err(|why| bad(why.to_string()))?;
        if let (Some(ms), None) = (closed_for, self.gate.closed_for()) {
            self.metrics.routed_after(ms);
        }
        Ok(reply)
    }
}
