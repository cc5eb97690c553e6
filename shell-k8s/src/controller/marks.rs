//! Keeps what pods show in step with what is known. A task of its own: no pass waits for it, and what
//! cannot be written now is written later from what is true then.
//!
//! A condition becomes false as soon as an instance is known not to replicate, and true as soon as it
//! is known to; what is not known changes nothing (`ha_core::marks`). So neither an outage of the API
//! server nor a new leader makes a rolling update stop or hurry. A `true` that is stale, since nobody
//! leads, may let a rolling update go on to the next pod; whether that one may leave is asked again
//! before it goes.

use super::Shared;
use crate::cluster::{Show, Shown};
use futures::future::join_all;
use ha_core::{
    ids::InstanceId,
    marks::{Replicates, mark},
    observation::ClusterObservation,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long what was written stands for what is seen: a watch may be late.
const SEEN_AFTER: Duration = Duration::from_secs(5);
/// How long the API server is left alone after it did not take something.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// What pods show with what was just written to them, and when that was.
type Written = BTreeMap<InstanceId, (Shown, Instant)>;

/// Marks pods for as long as this controller runs.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut status = shared.board.watch();
    let mut written = Written::new();
    let mut is_in_trouble = false;
    while status.changed().await.is_ok() {
        let now = Arc::clone(&status.borrow_and_update());
        let leads = now.leads && shared.mind().leads();
        let Some(seen) = now.observation.as_ref().filter(|_| leads) else {
            written.clear();
            continue;
        };
        let due = due(seen, shared.effects.shown(), &mut written);
        let write = |(id, shown, show): &(InstanceId, Shown, Show)| {
            let (effects, id, pod, show) = (Arc::clone(&shared.effects), *id, shown.pod, *show);
            async move { effects.show(id, pod, &show).await }
        };
        let mut failed = None;
        let results = join_all(due.iter().map(write)).await;
        for ((id, mut shown, show), result) in due.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    shown.write(&show);
                    written.insert(id, (shown, Instant::now()));
                    is_in_trouble = false;
                }
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            if !std::mem::replace(&mut is_in_trouble, true) {
                tracing::warn!(%error, "what pods show cannot be written");
            }
            sleep(AFTER_ERROR).await;
        }
    }
}

/// What is to be written, and over what.
fn due(
    seen: &ClusterObservation,
    shown: BTreeMap<InstanceId, Shown>,
    written: &mut Written,
) -> Vec<(InstanceId, Shown, Show)> {
    written.retain(|_, (_, when)| when.elapsed() < SEEN_AFTER);
    let due = |(id, shown): (InstanceId, Shown)| {
        // What was found out about one pod is not told of the next.
        let pod = seen.instances.get(&id)?.pod.known()?.as_ref()?;
        if pod.uid != shown.pod {
            return None;
        }
        let latest = written.get(&id).map(|(latest, _)| latest.clone());
        let shown = latest.filter(|latest| latest.pod == shown.pod).unwrap_or(shown);
        let show = show(seen, id).beyond(&shown)?;
        Some((id, shown, show))
    };
    shown.into_iter().filter_map(due).collect()
}

fn show(seen: &ClusterObservation, id: InstanceId) -> Show {
    let mark = mark(seen, id);
    let replicates = match mark.replicates {
        Replicates::Yes => Some(Ok(())),
        Replicates::No(missing) => Some(Err(missing)),
        Replicates::Unknown => None,
    };
    Show { replicates, part: mark.part }
}
