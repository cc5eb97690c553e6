//! What is counted, as Prometheus reads it. Names of the predecessor are kept (PI 7).

// Seconds in metrics are floats.
#![allow(clippy::float_arithmetic)]

use crate::{
    gate::Gate,
    session::{Ending, Listener, Tally},
};
use ha_core::leadership::Millis;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

impl EncodeLabelValue for Listener {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.word().encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByListener {
    listener: Listener,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    listener: Listener,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDirection {
    listener: Listener,
    direction: &'static str,
}

/// Why a connection was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There are as many as are allowed.
    Total,
    /// There are as many of this source as are allowed.
    Source,
    /// This source connects too often.
    Rate,
    /// The TLS handshake failed.
    Tls,
}

impl Refusal {
    const fn word(self) -> &'static str {
        match self {
            Self::Total => "connections",
            Self::Source => "connections-of-source",
            Self::Rate => "rate",
            Self::Tls => "tls",
        }
    }
}

type PortCounter = Family<ByListener, Counter>;

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    active: Family<ByListener, Gauge>,
    accepted: PortCounter,
    errors: PortCounter,
    bytes: Family<ByDirection, Counter>,
    refused: Family<ByReason, Counter>,
    ended: Family<ByReason, Counter>,
    held: PortCounter,
    rehomed: PortCounter,
    asked_again: PortCounter,
    failed_retryable: PortCounter,
    in_doubt: PortCounter,
    forbidden: PortCounter,
    dial_failures: PortCounter,
    ask_failures: Counter,
    grants_voided: Counter,
    grant_held: Gauge,
    grant_age: Gauge<f64, AtomicU64>,
    routed_after: Histogram,
}

/// What one listener's sessions count, looked up once.
#[derive(Debug, Clone)]
pub struct PortMetrics {
    listener: Listener,
    /// Connections that are open.
    pub active: Gauge,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that could not be dialled.
    pub dial_failures: Counter,
    errors: Counter,
    to_client: Counter,
    to_server: Counter,
    held: Counter,
    rehomed: Counter,
    asked_again: Counter,
    failed_retryable: Counter,
    in_doubt: Counter,
    forbidden: Counter,
    refused: Family<ByReason, Counter>,
    ended: Family<ByReason, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new() -> Self {
        let new = Self {
            registry: Mutex::new(Registry::with_prefix("memgraph_gateway")),
            active: Family::default(),
            accepted: Family::default(),
            errors: Family::default(),
            bytes: Family::default(),
            refused: Family::default(),
            ended: Family::default(),
            held: Family::default(),
            rehomed: Family::default(),
            asked_again: Family::default(),
            failed_retryable: Family::default(),
            in_doubt: Family::default(),
            forbidden: Family::default(),
            dial_failures: Family::default(),
            ask_failures: Counter::default(),
            grants_voided: Counter::default(),
            grant_held: Gauge::default(),
            grant_age: Gauge::default(),
            routed_after: Histogram::new([
                0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
            ]),
        };
        new.register();
        new
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counter = |name: &str, help: &str, family: &PortCounter| {
            registry.register(name, help, family.clone());
        };
        counter("connections", "Connections accepted", &self.accepted);
        counter(
            "connection_errors",
            "Connections that broke, or were cut within something",
            &self.errors,
        );
        counter("held", "Waits of clients for a route", &self.held);
        counter("rehomed", "Sessions that went on at another connection", &self.rehomed);
        counter(
            "asked_again",
            "Times that forwarded requests were asked again at another instance",
            &self.asked_again,
        );
        counter(
            "failed_retryable",
            "Requests answered so that drivers retry them",
            &self.failed_retryable,
        );
        counter(
            "closed_in_doubt",
            "Connections closed while a commit may have been applied",
            &self.in_doubt,
        );
        counter(
            "forbidden_writes",
            "Writes refused by an instance that is not the main",
            &self.forbidden,
        );
        counter("dial_failures", "Instances that could not be reached", &self.dial_failures);
        registry.register("connections_active", "Connections open", self.active.clone());
        registry.register(
            "bytes_transferred",
            "Bytes written: sent to clients, received for instances",
            self.bytes.clone(),
        );
        registry.register("rejected", "Connections not accepted", self.refused.clone());
        registry.register("ended", "Connections ended, by reason", self.ended.clone());
        registry.register(
            "ask_failures",
            "Questions that no controller answered",
            self.ask_failures.clone(),
        );
        registry.register(
            "grants_voided",
            "Grants given up because the instance closed or refused a connection",
            self.grants_voided.clone(),
        );
        registry.register("grant_held", "Whether there is a live grant", self.grant_held.clone());
        registry.register("grant_age_seconds", "Age of the present grant", self.grant_age.clone());
        registry.register(
            "routed_after_seconds",
            "Time without an open write route, when it opens again",
            self.routed_after.clone(),
        );
    }

    /// What the sessions of a listener count.
    #[must_use]
    pub fn port(&self, listener: Listener) -> PortMetrics {
        let by = ByListener { listener };
        let of = |family: &PortCounter| family.get_or_create_owned(&by);
        let bytes =
            |direction| self.bytes.get_or_create_owned(&ByDirection { listener, direction });
        PortMetrics {
            listener,
            active: self.active.get_or_create_owned(&by),
            accepted: of(&self.accepted),
            dial_failures: of(&self.dial_failures),
            errors: of(&self.errors),
            to_client: bytes("sent"),
            to_server: bytes("received"),
            held: of(&self.held),
            rehomed: of(&self.rehomed),
            asked_again: of(&self.asked_again),
            failed_retryable: of(&self.failed_retryable),
            in_doubt: of(&self.in_doubt),
            forbidden: of(&self.forbidden),
            refused: self.refused.clone(),
            ended: self.ended.clone(),
        }
    }

    /// No controller answered.
    pub fn ask_failed(&self) {
        self.ask_failures.inc();
    }

    /// The write route opened after so long without one.
    pub fn routed_after(&self, ms: Millis) {
        self.routed_after.observe(seconds(ms));
    }

    /// Everything, as text.
    #[must_use]
    pub fn text(&self, gate: &Gate) -> String {
        let age = gate.grant_age();
        self.grants_voided.inner().store(gate.voided(), Relaxed);
        self.grant_held.set(i64::from(age.is_some()));
        self.grant_age.set(age.map_or(0.0, seconds));
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // A String takes whatever is written to it.
        let _ = encode(&mut text, &registry);
        text
    }
}

fn seconds(ms: Millis) -> f64 {
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1_000.0
}

impl PortMetrics {
    /// A connection was not accepted.
    pub fn refused(&self, why: Refusal) {
        let by = ByReason { listener: self.listener, reason: why.word() };
        self.refused.get_or_create(&by).inc();
    }

    /// A connection ended.
    pub fn ended(&self, why: Ending) {
        if why.is_abrupt() || why == Ending::ClientBroke {
            self.errors.inc();
        }
        self.ended.get_or_create(&ByReason { listener: self.listener, reason: why.word() }).inc();
    }

    /// What a session tells.
    pub fn tally(&self, tally: Tally) {
        self.held.inc_by(tally.held.into());
        self.rehomed.inc_by(tally.rehomed.into());
        self.asked_again.inc_by(tally.asked_again.into());
        self.failed_retryable.inc_by(tally.failed_retryable.into());
        self.in_doubt.inc_by(tally.in_doubt.into());
        self.forbidden.inc_by(tally.forbidden.into());
    }

    /// Bytes were written.
    pub fn wrote(&self, to_client: u64, to_server: u64) {
        self.to_client.inc_by(to_client);
        self.to_server.inc_by(to_server);
    }
}
