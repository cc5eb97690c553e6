//! How far an exploration is, on standard error, every few seconds.

use model_check::explore::Progress;
use std::time::Duration;

/// How long it is quiet between two lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks on while one configuration is explored.
#[derive(Debug)]
pub(super) struct Watch {
    name: &'static str,
    spoken: Duration,
    level: u64,
    /// How many states waited when the last level began, and the one before.
    waiting: [u64; 2],
}

impl Watch {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, spoken: Duration::ZERO, level: 0, waiting: [1, 0] }
    }

    /// Takes how far it is, and says so now and then.
    pub(super) fn look(&mut self, now: &Progress) {
        if now.level != self.level {
            self.level = now.level;
            self.waiting = [now.queue, self.waiting[0]];
        }
        if now.elapsed < self.spoken + PAUSE {
            return;
        }
        self.spoken = now.elapsed;
        eprintln!(
            "{}: {} states, {} waiting, step {}, {} states/s, {} MB, {} s, {}",
            self.name,
            now.states,
            now.queue,
            now.level,
            now.rate,
            now.bytes >> 20,
            now.elapsed.as_secs(),
            self.estimate(now)
        );
    }

    /// How long it may still take. Nobody knows how many states there are; but once levels become
    /// smaller they mostly go on doing so in the same proportion.
    fn estimate(&self, now: &Progress) -> String {
        let [this, before] = self.waiting;
        if this >= before || now.rate == 0 {
            return "still growing".into();
        }
        let later = u128::from(this) * u128::from(this) / u128::from(before - this);
        let seconds = (u128::from(now.queue) + later) / u128::from(now.rate);
        format!("perhaps {seconds} s to go")
    }
}
