//! The durations of leases, grants and promises, and how they must fit each other.

use serde::{Deserialize, Serialize};

/// Milliseconds on a monotonic clock of one process that also runs in suspend.
pub type Millis = u64;

/// The durations that must fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timing {
    /// How long a lease lasts after the request that renewed it was sent.
    pub lease_ms: Millis,
    /// How often it is renewed.
    pub renew_ms: Millis,
    /// How long a grant lasts after the gateway's request was sent.
    pub grant_ms: Millis,
    /// How long a promise between controllers lasts.
    pub promise_ms: Millis,
    /// How much faster or slower than true time any clock may run, in millionths.
    pub drift_ppm: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease_ms: 5_000,
            renew_ms: 1_000,
            grant_ms: 3_000,
            promise_ms: 5_000,
            drift_ppm: 1_000,
        }
    }
}

/// Durations that do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTiming {
    /// A grant could outlive the lease that it rests on.
    #[error("grant {grant_ms} ms is longer than the lease of {lease_ms} ms; it must not be")]
    GrantOverLease {
        /// The grant.
        grant_ms: Millis,
        /// The lease.
        lease_ms: Millis,
    },
    /// A forgotten promise would be longer than the quiet time after a start.
    #[error("promise {promise_ms} ms is longer than the lease of {lease_ms} ms; it must not be")]
    PromiseOverLease {
        /// The promise.
        promise_ms: Millis,
        /// The lease.
        lease_ms: Millis,
    },
    /// The lease would run out between two renewals.
    #[error("renewal every {renew_ms} ms leaves no second try within the lease of {lease_ms} ms")]
    RenewTooSlow {
        /// The period.
        renew_ms: Millis,
        /// The lease.
        lease_ms: Millis,
    },
    /// A drift that no clock has, or that makes the margin infinite.
    #[error("a clock drift of {drift_ppm} millionths is outside 0..=500000")]
    Drift {
        /// The drift.
        drift_ppm: u32,
    },
}

impl Timing {
    /// Whether the durations fit each other.
    ///
    /// # Errors
    /// The first relation that does not hold.
    pub const fn validate(&self) -> Result<(), BadTiming> {
        if self.drift_ppm > 500_000 {
            return Err(BadTiming::Drift { drift_ppm: self.drift_ppm });
        }
        if self.grant_ms > self.lease_ms {
            return Err(BadTiming::GrantOverLease {
                grant_ms: self.grant_ms,
                lease_ms: self.lease_ms,
            });
        }
        if self.promise_ms > self.lease_ms {
            return Err(BadTiming::PromiseOverLease {
                promise_ms: self.promise_ms,
                lease_ms: self.lease_ms,
            });
        }
        if self.renew_ms.saturating_mul(2) > self.lease_ms {
            return Err(BadTiming::RenewTooSlow {
                renew_ms: self.renew_ms,
                lease_ms: self.lease_ms,
            });
        }
        Ok(())
    }

    /// `span` as the slowest clock may count it while the fastest counts it once: the span times
    /// (1 + ε) / (1 − ε), rounded up. Clocks are read in whole milliseconds, which hides up to one
    /// on each side.
    #[must_use]
    pub const fn stretched(&self, span: Millis) -> Millis {
        let fast = 1_000_000 + self.drift_ppm as Millis;
        let slow = 1_000_000 - self.drift_ppm as Millis;
        span.saturating_add(1).saturating_mul(fast).div_ceil(slow).saturating_add(1)
    }
}
