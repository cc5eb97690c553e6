//! Clocks of leadership: how long a controller may grant, and from when on it may promote. Pure
//! arithmetic over one process's monotonic clock; it knows neither leases' transport nor gateways'.
//!
//! The one property that this protects: no gateway forwards a write under a grant of a term after
//! another instance was promoted in a later one. See `design/leadership.md`.

mod peers;
mod timing;
mod visit;

pub use peers::{MEMBERS, Word};
pub use timing::{BadTiming, Millis, Timing};

use crate::{
    ids::{ControllerId, GatewayId, ResourceVersion},
    observation::{Leadership, LeaseView, PromotionRight, PromotionWait},
};
use alloc::collections::{BTreeMap, BTreeSet};
use peers::Peers;
use serde::{Deserialize, Serialize};

/// The lease object as read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaseSample {
    /// Its version.
    pub version: ResourceVersion,
    /// Who holds it; `None` after a release.
    pub holder: Option<ControllerId>,
    /// Whom its holder asks for promises, itself included: who may take the lease over without
    /// asking anybody.
    pub members: BTreeSet<ControllerId>,
}

impl LeaseSample {
    /// The members besides the holder.
    fn others(&self) -> impl Iterator<Item = ControllerId> + '_ {
        self.members.iter().copied().filter(|id| Some(*id) != self.holder)
    }
}

/// The last value of the lease that was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Seen {
    lease: LeaseSample,
    /// Since when it is known to be watched without a gap.
    first: Millis,
    /// When it was read last.
    last: Millis,
}

/// What one controller process remembers about leases and grants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeaderClock {
    me: ControllerId,
    started: Millis,
    seen: Option<Seen>,
    /// When the last value written by another process was first read.
    others: Option<Millis>,
    /// The version and send time of the last renewal of ours that was confirmed.
    held: Option<(ResourceVersion, Millis)>,
    /// When this process acquired the lease that it holds.
    acquired: Option<Millis>,
    /// When this process last promised to promote nobody.
    promised: Option<Millis>,
    /// The other controllers, and what they said.
    peers: Peers,
    /// For each gateway, until when the last grant answered may be alive on its clock, and the
    /// number of the question that it answered.
    grants: BTreeMap<GatewayId, (Millis, u64)>,
}

impl Seen {
    /// Whether the lease is over at that time, if it still has this value then.
    fn ran_out(&self, now: Millis, timing: &Timing) -> bool {
        now >= self.first.saturating_add(timing.stretched(timing.lease_ms))
    }
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
            peers: Peers::new(),
            grants: BTreeMap::new(),
        }
    }

    /// This controller.
    #[must_use]
    pub const fn me(&self) -> ControllerId {
        self.me
    }

    /// The lease object was read.
    pub fn saw(&mut self, now: Millis, lease: LeaseSample, timing: &Timing) {
        match &mut self.seen {
            Some(seen) if seen.lease.version > lease.version => return,
            Some(seen) if seen.lease.version == lease.version => {
                // Whoever could not look for so long gives the holder as much time again to renew,
                // unless it said already that it stands against this value.
                let gap = now.saturating_sub(seen.last) > timing.lease_ms;
                if gap && !self.peers.stands_against(seen.lease.version) {
                    seen.first = now;
                }
                seen.last = now;
                return;
            }
            Some(_) | None => {}
        }
        if lease.holder != Some(self.me) {
            self.others = Some(now);
            self.held = None;
            self.acquired = None;
        }
        self.take_seen(now, lease);
    }

    fn take_seen(&mut self, now: Millis, lease: LeaseSample) {
        self.peers.stored(&lease);
        self.seen = Some(Seen { lease, first: now, last: now });
    }

    /// There is no lease object. Whoever held one that was deleted may still grant, so its absence
    /// counts as a value that another process wrote.
    pub fn saw_none(&mut self, now: Millis) {
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

    /// A write of the lease is sent that expects this version and names these members. Until a
    /// later version is known, it may be what the lease says.
    pub fn writes(&mut self, expected: Option<ResourceVersion>, members: BTreeSet<ControllerId>) {
        self.peers.writes(self.me, expected, members);
    }

    /// A write of ours to the lease, sent at `sent`, was confirmed as this value.
    pub fn renewed(&mut self, now: Millis, sent: Millis, lease: LeaseSample) {
        let known = self.seen.as_ref().map(|seen| seen.lease.version);
        // A value that was read before may have been given up since.
        if known > Some(lease.version) || (known == Some(lease.version) && self.acquired.is_none())
        {
            return;
        }
        self.held = Some((lease.version, sent));
        self.take_seen(now, lease);
        self.acquired.get_or_insert(now);
    }

    /// The version to compare with when renewing, while the lease is ours.
    #[must_use]
    pub fn renewal(&self) -> Option<ResourceVersion> {
        let lease = &self.seen.as_ref()?.lease;
        (lease.holder == Some(self.me)).then_some(lease.version)
    }

    /// The version to compare with when acquiring a lease that ran out or was released; `None`
    /// while it is too early, `Some(None)` if there is no lease object.
    #[must_use]
    pub fn campaign(&self, now: Millis, timing: &Timing) -> Option<Option<ResourceVersion>> {
        if now < self.quiet_until(timing) {
            return None;
        }
        match &self.seen {
            None => self
                .others
                .filter(|at| now >= at.saturating_add(timing.stretched(timing.lease_ms)))
                .map(|_| None),
            Some(seen) => {
                let lease = &seen.lease;
                // Who does not reach the lease does not know that it stands still, and would end its
                // promises for a write that never arrives.
                let stood_still = seen.ran_out(seen.last, timing);
                let free = lease.holder.is_none()
                    || (stood_still && self.peers.admit(self.me, lease, now, timing));
                (free && lease.holder != Some(self.me)).then_some(Some(lease.version))
            }
        }
    }

    /// Whether the lease ran out and only somebody else's word or end would let this process take it
    /// over.
    #[must_use]
    pub fn is_kept_out(&self, now: Millis, timing: &Timing) -> bool {
        self.seen.as_ref().is_some_and(|seen| {
            seen.lease.holder.is_some_and(|holder| holder != self.me)
                && seen.ran_out(now, timing)
                && !self.peers.admit(self.me, &seen.lease, now, timing)
        })
    }

    /// How long this process may still act, counted from the request that renewed.
    #[must_use]
    pub fn right(&self, now: Millis, timing: &Timing) -> Millis {
        self.held.map_or(0, |(_, sent)| sent.saturating_add(timing.lease_ms).saturating_sub(now))
    }

    /// Whom the lease names, as last read.
    pub fn listed(&self) -> impl Iterator<Item = ControllerId> + '_ {
        self.seen.iter().flat_map(|seen| seen.lease.members.iter().copied())
    }

    /// When the lease now held was acquired.
    #[must_use]
    pub const fn acquired(&self) -> Option<Millis> {
        self.acquired
    }

    /// How long this process may still grant although its lease ran out, because everybody who
    /// could take the lease over promised to promote nobody. It continues a reign, and does no more.
    #[must_use]
    pub fn promised_right(&self, now: Millis, timing: &Timing) -> Millis {
        match &self.seen {
            Some(seen) if self.acquired.is_some() && seen.lease.holder == Some(self.me) => {
                self.peers.promised_until(self.me, &seen.lease, timing).saturating_sub(now)
            }
            Some(_) | None => 0,
        }
    }

    /// The length of a grant answered now, clipped to the leader's own right.
    #[must_use]
    pub fn grant(&self, now: Millis, timing: &Timing) -> Option<Millis> {
        let right = self.right(now, timing).max(self.promised_right(now, timing));
        let length = timing.grant_ms.min(right);
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
        if self.promised_right(now, timing) > 0 {
            return LeaseView::Promised;
        }
        match &self.seen {
            None => LeaseView::Unknown,
            Some(Seen { lease, .. }) => match lease.holder {
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
