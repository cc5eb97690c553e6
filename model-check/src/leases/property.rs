//! What is judged, and what is worth seeing.

use std::ops::BitOrAssign;

/// The safety property, by name.
pub const PROPERTY: &str = "nobody-forwards-past-a-promotion";

/// Things worth seeing: a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments(pub u64);

impl Moments {
    /// A grant was answered after the lease had run out.
    pub const GRANT_ON_PROMISES: Self = Self(1);
    /// Whoever promised leads while its promise runs.
    pub const PROMISED_TAKES_OVER: Self = Self(1 << 1);
    /// Another one than the first leader promotes.
    pub const PROMOTED_AFTER_TAKEOVER: Self = Self(1 << 2);
    /// Somebody takes over whom the lease does not name.
    pub const NEWCOMER: Self = Self(1 << 3);
    /// A promotion arrives after its reign began, or ended.
    pub const LATE_PROMOTION: Self = Self(1 << 4);
    /// A grant of the next reign was answered.
    pub const GRANT_OF_THE_NEXT_REIGN: Self = Self(1 << 5);
    /// An intent follows on an intent.
    pub const INTENT_OVER_INTENT: Self = Self(1 << 6);
    /// A write of the lease arrives after its process ended.
    pub const LATE_LEASE: Self = Self(1 << 7);

    /// A clock stood still for a tick.
    pub const SLOW: Self = Self(1 << 8);

    /// Each, with its name.
    pub const ALL: &[(Self, &'static str)] = &[
        (Self::GRANT_ON_PROMISES, "grant-on-promises"),
        (Self::PROMISED_TAKES_OVER, "takeover-with-a-promise-alive"),
        (Self::PROMOTED_AFTER_TAKEOVER, "promotion-after-takeover"),
        (Self::NEWCOMER, "newcomer-takes-over"),
        (Self::LATE_PROMOTION, "late-promotion"),
        (Self::GRANT_OF_THE_NEXT_REIGN, "grant-of-the-next-reign"),
        (Self::INTENT_OVER_INTENT, "intent-over-intent"),
        (Self::LATE_LEASE, "late-write-of-the-lease"),
        (Self::SLOW, "slow-clock"),
    ];

    /// Those that are missing in a set of bits.
    #[must_use]
    pub fn missing(expected: &[Self], seen: u64) -> Vec<&'static str> {
        let missing =
            |(moment, _): &&(Self, &str)| expected.contains(moment) && seen & moment.0 == 0;
        Self::ALL.iter().filter(missing).map(|(_, name)| *name).collect()
    }
}

impl BitOrAssign for Moments {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
