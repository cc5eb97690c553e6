//! What is measured where it happens, since no status tells it: how long looks at instances and reads
//! of objects take, and how long a wake waits for its pass.

// Seconds in metrics are floats.
#![allow(clippy::float_arithmetic)]

use ha_core::{ids::InstanceId, reading::Why};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLook {
    instance: String,
    found: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByObject {
    object: &'static str,
    found: &'static str,
}

/// What is measured.
#[derive(Debug)]
pub(crate) struct Meters {
    looks: Family<ByLook, Histogram>,
    reads: Family<ByObject, Histogram>,
    wake_waits: Histogram,
    conflicts: Counter,
    /// Since when somebody waits for a pass.
    woken: Mutex<Option<Instant>>,
}

fn durations() -> Histogram {
    Histogram::new([0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])
}

const fn why(why: &Why) -> &'static str {
    match why {
        Why::NeverRead => "never-read",
        Why::NoAddress => "no-address",
        Why::Refused => "refused",
        Why::Silent => "silent",
        Why::Unrecognized(_) => "unrecognized",
        Why::Unauthorized => "unauthorized",
        Why::BeforeLease => "before-lease",
    }
}

impl Meters {
    pub(super) fn new() -> Self {
        Self {
            looks: Family::new_with_constructor(durations),
            reads: Family::new_with_constructor(durations),
            wake_waits: durations(),
            conflicts: Counter::default(),
            woken: Mutex::new(None),
        }
    }

    /// Shows them in a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "How long a look at an instance takes, by what was found";
        registry.register("look_duration_seconds", help, self.looks.clone());
        let help = "How long a read of the record, of the orders or of the StatefulSet takes";
        registry.register("read_duration_seconds", help, self.reads.clone());
        let help = "How long a wake waits for its pass";
        registry.register("wake_wait_seconds", help, self.wake_waits.clone());
        let help = "Writes of the record that found another version";
        registry.register("record_conflicts", help, self.conflicts.clone());
    }

    pub(super) fn looked<T>(&self, id: InstanceId, found: &Result<T, Why>, took: Duration) {
        let found = found.as_ref().err().map_or("answer", why);
        let by = ByLook { instance: id.to_string(), found };
        self.looks.get_or_create(&by).observe(took.as_secs_f64());
    }

    pub(super) fn read(&self, object: &'static str, found: bool, took: Duration) {
        let found = if found { "answer" } else { "nothing" };
        self.reads.get_or_create(&ByObject { object, found }).observe(took.as_secs_f64());
    }

    pub(super) fn conflict(&self) {
        self.conflicts.inc();
    }

    /// Somebody asks for a pass.
    pub(super) fn woken(&self) {
        let mut woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        woken.get_or_insert_with(Instant::now);
    }

    /// A pass begins.
    pub(super) fn begun(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = woken {
            self.wake_waits.observe(since.elapsed().as_secs_f64());
        }
    }
}
