//! The two clocks of this process, as grants need them: monotonic and running in suspend, and wall
//! time. A test passes its own.

use ha_core::{grant::Clocks, leadership::Millis};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::{fmt, sync::Arc};

type Read = dyn Fn() -> Clocks + Send + Sync;

/// Where time comes from.
#[derive(Clone)]
pub struct Clock(Option<Arc<Read>>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(given)" } else { "Clock(system)" })
    }
}

/// Runs in suspend too, where there is such a clock.
#[cfg(target_os = "linux")]
const MONOTONIC: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const MONOTONIC: ClockId = ClockId::Monotonic;

fn millis(time: Timespec) -> i64 {
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}

impl Clock {
    /// The machine's clocks.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// Clocks that are read from elsewhere.
    #[must_use]
    pub fn given(read: impl Fn() -> Clocks + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(read)))
    }

    /// Both, now.
    #[must_use]
    pub fn now(&self) -> Clocks {
        match &self.0 {
            Some(read) => read(),
            None => Clocks {
                monotonic: millis(clock_gettime(MONOTONIC)).unsigned_abs(),
                wall: millis(clock_gettime(ClockId::Realtime)),
            },
        }
    }

    /// The monotonic one alone, in milliseconds.
    #[must_use]
    pub fn monotonic(&self) -> Millis {
        match &self.0 {
            Some(read) => read().monotonic,
            None => millis(clock_gettime(MONOTONIC)).unsigned_abs(),
        }
    }
}
