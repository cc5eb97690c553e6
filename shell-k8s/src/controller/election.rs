//! Holds the lease, or tries to get it. What may be concluded from it, and until when, is judged by
//! the core's clock of leadership; this only reads and writes the object.

use super::{Lease, Shared};
use crate::cluster::Written;
use ha_core::ids::ControllerId;
use std::sync::Arc;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// How often giving the lease up is tried: more than one renewal cannot have been under way.
const RELEASES: u32 = 2;

/// Renews, or campaigns, in its period, and when somebody says that the lease is free.
pub(super) async fn run(shared: Arc<Shared>) {
    let (period, mut ticks) = (shared.period(), shared.ticks());
    loop {
        let is_told = tokio::select! {
            _ = ticks.tick() => false,
            () = shared.freed.notified() => true,
        };
        if is_told && shared.mind().holds_lease() {
            continue;
        }
        // What takes longer than its period is of no use any more.
        if timeout(period, turn(&shared)).await.is_err() {
            tracing::debug!("the lease was neither read nor written within its period");
        }
        if is_told {
            ticks.reset();
            // Whoever says so again and again costs the API server no more than this.
            sleep(shared.settings.again).await;
        }
    }
}

async fn turn(shared: &Shared) {
    if !shared.mind().holds_lease() {
        read(shared).await;
        if shared.mind().is_kept_out() {
            look_for_members(shared).await;
        }
    }
    let (write, me, sent) = {
        let mut mind = shared.mind();
        (mind.lease_to_write(), mind.me(), mind.now())
    };
    let Some((expected, members)) = write else { return };
    let written = shared.effects.write_lease(expected, Some(me), &members).await;
    note(&written, me);
    let leads_now = shared.mind().wrote_lease(sent, members, &written);
    if leads_now {
        tracing::info!(controller = %me, "this controller leads");
        shared.wake();
    }
    if !matches!(written, Written::Done(_)) {
        read(shared).await;
    }
}

/// Members of a lease that ran out may have promised its holder something. Those whose pods are gone
/// have ended, as far as the API server tells.
async fn look_for_members(shared: &Shared) {
    match shared.effects.living_pods().await {
        Ok(living) => shared.mind().saw_living_pods(&living),
        Err(error) => tracing::warn!(%error, "the pods of other controllers cannot be read"),
    }
}

fn note(written: &Written, me: ControllerId) {
    match written {
        Written::Done(_) => {}
        Written::Overtaken => tracing::info!(controller = %me, "the lease is somebody else's"),
        Written::Refused(why) => {
            tracing::warn!(controller = %me, why, "a write of the lease is refused");
        }
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

/// Gives the lease up, as the last thing that a process does, and says so: gateways forward for a
/// grant's length only, and another one that looks in its period takes a part of it.
pub(super) async fn release(shared: &Shared) {
    let held = shared.mind().release();
    shared.desk.changed();
    let Some((mut expected, mut members)) = held else { return };
    let me = shared.mind().me();
    for _ in 0..RELEASES {
        let written = shared.effects.write_lease(Some(expected), None, &members).await;
        tracing::info!(?written, "the lease is given up");
        if written != Written::Overtaken {
            break;
        }
        // A renewal of this process may have been under way when it was told to stop, and have landed
        // since: nobody heard of its answer, and it gives no right any more.
        match shared.effects.lease().await {
            Ok(Some(Lease { sample, pods })) if sample.holder == Some(me) => {
                (expected, members) = (sample.version, pods);
            }
            Ok(_) => break,
            Err(error) => {
                tracing::warn!(%error, "whether the lease is given up cannot be read");
                break;
            }
        }
    }
    tell_peers(shared).await;
}

async fn tell_peers(shared: &Shared) {
    let mut told = JoinSet::new();
    for at in shared.effects.peers().await {
        let effects = Arc::clone(&shared.effects);
        told.spawn(async move {
            if let Err(error) = effects.tell_peer(at).await {
                tracing::debug!(%error, "another controller is not told");
            }
        });
    }
    while told.join_next().await.is_some() {}
}
