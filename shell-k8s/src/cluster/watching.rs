//! How long watches last, and how they begin anew.

use kube::runtime::utils::Backoff;
use std::time::Duration;

/// How long one watch request lasts, in seconds; a dead connection is noticed a little later.
pub(super) const WATCH_S: u32 = 30;
/// The first and the longest wait after a watch failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Waits that double after each failure and begin anew after a success.
pub(super) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Iterator for Pause {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = (pause * 2).min(PAUSES.1);
        Some(pause)
    }
}

impl Backoff for Pause {
    fn reset(&mut self) {
        self.0 = PAUSES.0;
    }
}
