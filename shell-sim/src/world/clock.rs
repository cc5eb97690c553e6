//! The clocks of one machine: a monotonic one with a rate of its own, and a wall clock that may
//! jump. They are functions of the world's true time; nothing else here knows it.

use ha_core::{grant::Clocks, leadership::Millis};
use serde::{Deserialize, Serialize};

/// The clocks of one machine.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
pub struct Clock {
    /// How much faster than true time it runs, in millionths.
    ppm: i32,
    /// The true time at which the rate was set, and what the clock showed then.
    since: Millis,
    showed: Millis,
    /// How far the wall clock is ahead of the monotonic one.
    wall: i64,
}

const MILLION: i128 = 1_000_000;

impl Clock {
    /// The monotonic clock at this true time.
    #[must_use]
    pub fn monotonic(&self, now: Millis) -> Millis {
        let passed = now.saturating_sub(self.since);
        if self.ppm == 0 {
            return self.showed + passed;
        }
        let counted = i128::from(passed) * (MILLION + i128::from(self.ppm)) / MILLION;
        self.showed + Millis::try_from(counted).unwrap_or(0)
    }

    /// Both clocks at this true time.
    #[must_use]
    pub fn both(&self, now: Millis) -> Clocks {
        let monotonic = self.monotonic(now);
        Clocks { monotonic, wall: self.wall.saturating_add_unsigned(monotonic) }
    }

    /// From now on it runs faster than true time by this many millionths.
    pub(super) fn drift(&mut self, now: Millis, ppm: i32) {
        self.showed = self.monotonic(now);
        self.since = now;
        self.ppm = ppm;
    }

    /// Begins to count anew at the true time `now`, showing just that on both clocks.
    pub const fn begin_anew(&mut self, now: Millis) {
        self.since = now;
        self.showed = now;
        self.wall = 0;
    }

    /// From now on it stands still, or goes on at its true rate from where it stood.
    pub(super) fn sleep(&mut self, now: Millis, sleeps: bool) {
        const STILL: i32 = -1_000_000;
        self.drift(now, if sleeps { STILL } else { 0 });
    }

    /// The wall clock jumps.
    pub(super) const fn jump(&mut self, by_ms: i64) {
        self.wall = self.wall.saturating_add(by_ms);
    }
}
