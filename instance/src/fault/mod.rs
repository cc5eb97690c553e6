//! Faults on demand, on each port: what a broken network or a hung process looks like from outside.

mod gate;
mod socket;

pub(crate) use gate::{Gate, accept_loop};
pub(crate) use socket::serve;

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Which connections a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// Clients that come to the Bolt port.
    Bolt,
    /// Mains that come to the replication port.
    Replication,
    /// Replicas that this instance goes to as main.
    Outgoing,
}

impl Port {
    /// All ports.
    pub const ALL: [Self; 3] = [Self::Bolt, Self::Replication, Self::Outgoing];
}

/// When a connection breaks around a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The message arrived and has no effect.
    #[default]
    Before,
    /// The message has its effect and no answer.
    After,
}

/// A connection breaks at one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailAt {
    /// Which message, counted from 1 over all connections of the port since the fault was set.
    pub message: u64,
    /// Before or after it has its effect.
    #[serde(default)]
    pub when: When,
}

/// What is wrong with a port; the default is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Each message waits so many milliseconds before it has an effect.
    pub delay_ms: u64,
    /// New connections are refused.
    pub refuse: bool,
    /// New connections are accepted, and nothing is read or said on them.
    pub silence: bool,
    /// No connection, old or new, gets anything through; all stay open.
    pub half_open: bool,
    /// A connection breaks at one message.
    pub fail_at: Option<FailAt>,
}

/// What becomes of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It has its effect.
    Passes,
    /// The connection breaks before.
    Breaks,
    /// The connection breaks after it had its effect.
    BreaksAfter,
}

/// The fault of one port.
#[derive(Debug)]
pub(crate) struct Switch {
    fault: watch::Sender<Fault>,
    messages: AtomicU64,
}

impl Default for Switch {
    fn default() -> Self {
        Self { fault: watch::Sender::new(Fault::default()), messages: AtomicU64::new(0) }
    }
}

impl Switch {
    /// Sets the fault, in the place of the one before.
    pub(crate) fn set(&self, fault: Fault) {
        self.messages.store(0, Ordering::SeqCst);
        self.fault.send_replace(fault);
    }

    /// The fault now.
    pub(crate) fn get(&self) -> Fault {
        *self.fault.borrow()
    }

    /// Changes of the fault.
    pub(crate) fn watch(&self) -> watch::Receiver<Fault> {
        self.fault.subscribe()
    }

    /// Waits as long as nothing gets through.
    pub(crate) async fn while_hung(&self, hung: impl Fn(&Fault) -> bool) {
        // The sender lives as long as this switch, so waiting cannot fail.
        let _ = self.watch().wait_for(|fault| !hung(fault)).await;
    }

    /// A message wants to pass.
    pub(crate) async fn message(&self) -> Passage {
        let fault = self.get();
        if fault == Fault::default() {
            return Passage::Passes;
        }
        self.while_hung(|fault| fault.half_open).await;
        if fault.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
        }
        let Some(fail_at) = fault.fail_at else { return Passage::Passes };
        if self.messages.fetch_add(1, Ordering::SeqCst) + 1 != fail_at.message {
            return Passage::Passes;
        }
        match fail_at.when {
            When::Before => Passage::Breaks,
            When::After => Passage::BreaksAfter,
        }
    }
}

/// The faults of all ports; its copy is the same switches.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<[Switch; 3]>);

impl Faults {
    /// Sets the fault of a port, in the place of the one before.
    pub fn set(&self, port: Port, fault: Fault) {
        tracing::info!(?port, ?fault, "fault set");
        self.of(port).set(fault);
    }

    /// The fault of a port.
    #[must_use]
    pub fn get(&self, port: Port) -> Fault {
        self.of(port).get()
    }

    pub(crate) fn of(&self, port: Port) -> &Switch {
        let [bolt, replication, outgoing] = &*self.0;
        match port {
            Port::Bolt => bolt,
            Port::Replication => replication,
            Port::Outgoing => outgoing,
        }
    }
}
