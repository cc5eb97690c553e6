//! Who may connect: as many as there is room for, not too many of one source, and none too often.
//! Judged before the first byte is read; a refusal is a closed connection.

use crate::metrics::Refusal;
use ha_core::leadership::Millis;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Sources that are remembered at most. Beyond that, those that are idle are forgotten.
const SOURCES: usize = 1 << 16;

/// The limits of one listener. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Connections at a time of one source: an IPv4 address, or the first half of an IPv6 address.
    pub per_source: usize,
    /// New connections a second of one source.
    pub rate: u32,
    /// New connections of one source that may come at once.
    pub burst: u32,
}

#[derive(Debug)]
struct Source {
    connections: usize,
    /// Connections that it may open now, in thousandths.
    tokens: u64,
    counted: Millis,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    sources: HashMap<IpAddr, Source>,
}

/// Admits connections of one listener.
#[derive(Debug)]
pub struct Admission {
    limits: Limits,
    state: Mutex<State>,
}

/// A connection that was admitted; its place is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    admission: Arc<Admission>,
    source: IpAddr,
}

/// What counts as one source.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

impl Admission {
    /// Nobody is connected.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// A connection from there.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Millis) -> Result<Place, Refusal> {
        let key = source_of(address);
        let limits = self.limits;
        let mut state = self.state();
        if limits.connections > 0 && state.connections >= limits.connections {
            return Err(Refusal::Total);
        }
        if state.sources.len() >= SOURCES && !state.sources.contains_key(&key) {
            state.sources.retain(|_, source| source.connections > 0);
            if state.sources.len() >= SOURCES {
                return Err(Refusal::Total);
            }
        }
        let full = u64::from(limits.burst.max(1)) * 1_000;
        let source = state.sources.entry(key).or_insert(Source {
            connections: 0,
            tokens: full,
            counted: now,
        });
        if limits.rate > 0 {
            let elapsed = now.saturating_sub(source.counted);
            let earned = elapsed.saturating_mul(u64::from(limits.rate));
            source.tokens = source.tokens.saturating_add(earned).min(full);
            source.counted = now;
            if source.tokens < 1_000 {
                return Err(Refusal::Rate);
            }
        }
        if limits.per_source > 0 && source.connections >= limits.per_source {
            return Err(Refusal::Source);
        }
        if limits.rate > 0 {
            source.tokens -= 1_000;
        }
        source.connections += 1;
        state.connections += 1;
        Ok(Place { admission: Arc::clone(self), source: key })
    }

    /// Connections that are admitted now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state().connections
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.connections = state.connections.saturating_sub(1);
        let keeps_tokens = self.admission.limits.rate > 0;
        if let Some(source) = state.sources.get_mut(&self.source) {
            source.connections = source.connections.saturating_sub(1);
            if source.connections == 0 && !keeps_tokens {
                state.sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = Limits { connections: 0, per_source: 0, rate: 0, burst: 0 };

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let admission = Admission::new(Limits { connections: 3, per_source: 2, ..NONE });
        let first = admission.admit(at("10.0.0.1"), 0).unwrap();
        let _second = admission.admit(at("10.0.0.1"), 0).unwrap();
        assert_eq!(admission.admit(at("10.0.0.1"), 0).unwrap_err(), Refusal::Source);
        let _third = admission.admit(at("10.0.0.2"), 0).unwrap();
        assert_eq!(admission.admit(at("10.0.0.3"), 0).unwrap_err(), Refusal::Total);
        drop(first);
        assert!(admission.admit(at("10.0.0.1"), 0).is_ok());
        assert_eq!(admission.connections(), 2);
    }

    #[test]
    fn the_rate_of_a_source_is_limited() {
        let admission = Admission::new(Limits { rate: 10, burst: 2, ..NONE });
        for _ in 0..2 {
            admission.admit(at("10.0.0.1"), 1_000).unwrap();
        }
        assert_eq!(admission.admit(at("10.0.0.1"), 1_099).unwrap_err(), Refusal::Rate);
        assert!(admission.admit(at("10.0.0.2"), 1_099).is_ok(), "another source");
        assert!(admission.admit(at("10.0.0.1"), 1_199).is_ok(), "one is earned in 100 ms");
        assert!(admission.admit(at("10.0.0.1"), 1_199).is_err(), "and no more");
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_mapped_ipv4_is_ipv4() {
        assert_eq!(source_of(at("2001:db8:1:2:3::1")), source_of(at("2001:db8:1:2:4::9")));
        assert_ne!(source_of(at("2001:db8:1:2::1")), source_of(at("2001:db8:1:3::1")));
        assert_eq!(source_of(at("::ffff:10.0.0.1")), at("10.0.0.1"));
    }
}
