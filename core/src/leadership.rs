//! Clocks of leadership: how long a controller may grant, and from when on it may promote. Pure
//! arithmetic over one process's monotonic clock; it knows neither leases' transport nor gateways'.
//!
//! The one property that this protects: no gateway forwards a write under a grant of a term after
//! another instance was promoted in a later one. See `design/leadership.md`.

mod visit;

use crate::{
    ids::{ControllerId, GatewayId, ResourceVersion},
    observation::{Leadership, LeaseView, PromotionRight, PromotionWait},
};
use alloc::collections::{BTreeMap, BTreeSet};
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

/// The lease object as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaseSample {
    /// Its version.
    pub version: ResourceVersion,
    /// Who holds it; `None` after a release.
    pub holder: Option<ControllerId>,
}

/// What one controller process remembers about leases and grants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaderClock {
    me: ControllerId,
    started: Millis,
    /// The last value read and when it was read first.
    seen: Option<(LeaseSample, Millis)>,
    /// When the last value written by another process was first read.
    others: Option<Millis>,
    /// The version and send time of the last renewal of ours that was confirmed.
    held: Option<(ResourceVersion, Millis)>,
    /// When this process acquired the lease that it holds.
    acquired: Option<Millis>,
    /// When this process last promised to promote nobody.
    promised: Option<Millis>,
    /// For each gateway, until when the last grant answered may be alive on its clock, and the
    /// number of the question that it answered.
    grants: BTreeMap<GatewayId, (Millis, u64)>,
}

impl LeaderClock {
    /// The clock of a process that starts now.
    #[must_use]
    pub const fn start(me: ControllerId, now: Millis) -> Self {
        Self {
            me,
            started: now,
            seen: None,
            others: None,
            held: None,
            acquired: None,
            promised: None,
            grants: BTreeMap::new(),
        }
    }

    /// This controller.
    #[must_use]
    pub const fn me(&self) -> ControllerId {
        self.me
    }

    /// The lease object was read.
    pub fn saw(&mut self, now: Millis, lease: LeaseSample) {
        if self.seen.is_some_and(|(seen, _)| seen.version >= lease.version) {
            return;
        }
        self.seen = Some((lease, now));
        if lease.holder != Some(self.me) {
            self.others = Some(now);
            self.held = None;
            self.acquired = None;
        }
    }

    /// There is no lease object. Whoever held one that was deleted may still grant, so its absence
    /// counts as a value that another process wrote.
    pub const fn saw_none(&mut self, now: Millis) {
        if self.seen.is_some() || self.others.is_none() {
            self.others = Some(now);
        }
        self.seen = None;
        self.held = None;
        self.acquired = None;
    }

    /// This process gives the lease up: from the moment before it says so, it has no right.
    pub const fn released(&mut self) {
        self.held = None;
        self.acquired = None;
    }

    /// A write of ours to the lease, sent at `sent`, was confirmed with this version.
    pub fn renewed(&mut self, now: Millis, sent: Millis, version: ResourceVersion) {
        if self.seen.is_some_and(|(seen, _)| seen.version > version) {
            return;
        }
        self.seen = Some((LeaseSample { version, holder: Some(self.me) }, now));
        self.held = Some((version, sent));
        self.acquired.get_or_insert(now);
    }

    /// The version to compare with when renewing, while the lease is ours.
    #[must_use]
    pub fn renewal(&self) -> Option<ResourceVersion> {
        self.seen.and_then(|(lease, _)| (lease.holder == Some(self.me)).then_some(lease.version))
    }

    /// The version to compare with when acquiring a lease that ran out or was released; `None`
    /// while it is too early, `Some(None)` if there is no lease object.
    #[must_use]
    pub fn campaign(&self, now: Millis, timing: &Timing) -> Option<Option<ResourceVersion>> {
        if now < self.quiet_until(timing) {
            return None;
        }
        match self.seen {
            None => self
                .others
                .filter(|at| now >= at.saturating_add(timing.stretched(timing.lease_ms)))
                .map(|_| None),
            Some((lease, first_read)) => {
                let free = lease.holder.is_none()
                    || now >= first_read.saturating_add(timing.stretched(timing.lease_ms));
                (free && lease.holder != Some(self.me)).then_some(Some(lease.version))
            }
        }
    }

    /// How long this process may still grant and act, counted from the request that renewed.
    #[must_use]
    pub fn right(&self, now: Millis, timing: &Timing) -> Millis {
        self.held.map_or(0, |(_, sent)| sent.saturating_add(timing.lease_ms).saturating_sub(now))
    }

    /// When the lease now held was acquired.
    #[must_use]
    pub const fn acquired(&self) -> Option<Millis> {
        self.acquired
    }

    /// The length of a grant answered now, clipped to the leader's own right.
    #[must_use]
    pub fn grant(&self, now: Millis, timing: &Timing) -> Option<Millis> {
        let length = timing.grant_ms.min(self.right(now, timing));
        (length > 0).then_some(length)
    }

    /// A grant was answered to question number `question` of `gateway`.
    pub fn granted(&mut self, gateway: GatewayId, question: u64, now: Millis, timing: &Timing) {
        let until = now.saturating_add(timing.stretched(timing.grant_ms));
        self.grants.retain(|_, (until, _)| now < *until);
        self.grants.insert(gateway, (until, question));
    }

    /// `gateway` asked question number `question` and says that it holds no grant. It accepts the
    /// answer to its latest question only, hence no earlier grant of ours can become alive.
    pub fn holds_nothing(&mut self, gateway: GatewayId, question: u64) {
        if self.grants.get(&gateway).is_some_and(|(_, granted)| *granted < question) {
            self.grants.remove(&gateway);
        }
    }

    /// Gateways that may still forward under a grant of this process.
    #[must_use]
    pub fn outstanding(&self, now: Millis) -> BTreeSet<GatewayId> {
        self.grants.iter().filter(|(_, (until, _))| now < *until).map(|(id, _)| *id).collect()
    }

    /// This process promised another leader to promote nobody; returns until when, on this clock.
    pub fn promise(&mut self, now: Millis, timing: &Timing) -> Millis {
        self.promised = Some(now);
        now.saturating_add(timing.stretched(timing.promise_ms))
    }

    /// Leadership as a decision sees it.
    #[must_use]
    pub fn view(&self, now: Millis, timing: &Timing) -> Leadership {
        Leadership {
            me: self.me,
            lease: self.lease(now, timing),
            promotion: self.promotion(now, timing),
        }
    }

    fn lease(&self, now: Millis, timing: &Timing) -> LeaseView {
        if self.right(now, timing) > 0 {
            return LeaseView::Held;
        }
        match self.seen {
            None => LeaseView::Unknown,
            Some((lease, _)) => match lease.holder {
                Some(holder) if holder != self.me => LeaseView::Other(holder),
                Some(_) | None => LeaseView::Free,
            },
        }
    }

    fn promotion(&self, now: Millis, timing: &Timing) -> PromotionRight {
        let bounds = [
            (self.quiet_until(timing), PromotionWait::OwnStart),
            (
                self.others.map_or(0, |o| o.saturating_add(timing.stretched(timing.lease_ms))),
                PromotionWait::EarlierLease,
            ),
            (
                self.promised.map_or(0, |p| p.saturating_add(timing.stretched(timing.promise_ms))),
                PromotionWait::OwnPromise,
            ),
        ];
        if self.right(now, timing) == 0 {
            return PromotionRight::Waits(PromotionWait::NoLease);
        }
        bounds
            .into_iter()
            .find(|(bound, _)| now < *bound)
            .map_or(PromotionRight::Granted, |(_, wait)| PromotionRight::Waits(wait))
    }

    /// An earlier process of the same pod may have granted or promised until then.
    fn quiet_until(&self, timing: &Timing) -> Millis {
        let longest = timing.lease_ms.max(timing.promise_ms);
        self.started.saturating_add(timing.stretched(longest))
    }
}
