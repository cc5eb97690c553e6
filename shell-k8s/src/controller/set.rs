//! How many pods the StatefulSet asks for, beside how many instances this controller keeps. No decision
//! rests on it, hence no pass waits for it, and it is read seldom (`decisions/0026`).

use super::Shared;
use std::sync::Arc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What is known of the StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Set {
    /// It was not read yet.
    #[default]
    Unread,
    /// The last read failed, and why.
    Unknown(String),
    /// There is no such object.
    Missing,
    /// It asks for so many pods.
    Asks(u32),
}

impl Set {
    /// How many pods it asks for, if that is known.
    pub(super) const fn replicas(&self) -> Option<u32> {
        match self {
            Self::Asks(replicas) => Some(*replicas),
            Self::Unread | Self::Unknown(_) | Self::Missing => None,
        }
    }
}

/// Reads it with each period, for as long as this controller runs.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut ticks = interval(shared.settings.set_period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let begun = Instant::now();
        let read = shared.effects.replicas().await;
        shared.meters.read("set", read.is_ok(), begun.elapsed());
        *shared.set() = match read {
            Ok(Some(replicas)) => Set::Asks(replicas),
            Ok(None) => Set::Missing,
            Err(error) => Set::Unknown(error.to_string()),
        };
    }
}
