//! Holds the lease, or tries to get it. What may be concluded from it, and until when, is judged by
//! the core's clock of leadership; this only reads and writes the object.

use super::Shared;
use crate::cluster::Written;
use ha_core::ids::ControllerId;
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Renews, or campaigns, in its period.
pub(super) async fn run(shared: Arc<Shared>) {
    let period = Duration::from_millis(shared.settings.timing.renew_ms);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What takes longer than its period is of no use any more.
        if timeout(period, turn(&shared)).await.is_err() {
            tracing::debug!("the lease was neither read nor written within its period");
        }
    }
}

async fn turn(shared: &Shared) {
    if !shared.mind().holds_lease() {
        read(shared).await;
    }
    let (expected, me) = {
        let mind = shared.mind();
        (mind.lease_to_write(), mind.me())
    };
    let Some(expected) = expected else { return };
    let sent = shared.mind().now();
    let written = shared.effects.write_lease(expected, Some(me)).await;
    note(&written, me);
    let leads_now = shared.mind().wrote_lease(sent, &written);
    if leads_now {
        tracing::info!(controller = %me, "this controller leads");
        shared.wake();
    }
    if !matches!(written, Written::Done(_)) {
        read(shared).await;
    }
}

fn note(written: &Written, me: ControllerId) {
    match written {
        Written::Done(_) => {}
        Written::Refused => tracing::info!(controller = %me, "the lease is somebody else's"),
        Written::Unknown(why) => {
            tracing::warn!(controller = %me, why, "a write of the lease has no answer");
        }
    }
}

async fn read(shared: &Shared) {
    match shared.effects.lease().await {
        Ok(lease) => shared.mind().saw_lease(lease),
        Err(error) => tracing::warn!(%error, "the lease cannot be read"),
    }
}

/// Gives the lease up, as the last thing that a process does.
pub(super) async fn release(shared: &Shared) {
    let held = {
        let mut mind = shared.mind();
        let held = mind.leads().then(|| mind.lease_to_write()).flatten();
        mind.release();
        held
    };
    shared.desk.changed();
    if let Some(expected) = held {
        let written = shared.effects.write_lease(expected, None).await;
        tracing::info!(?written, "the lease is given up");
    }
}
