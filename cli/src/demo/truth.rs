//! Asks all instances which writes they hold.

use super::{load::Write, site::Site};
use crate::verdict::{self, Held, Verdict};
use ha_core::ids::InstanceId;
use shell_k8s::memgraph::Connection;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How soon instances that differ are asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// Asks every instance, until all say the same or the limit has passed.
pub(super) async fn ask(site: &Site, instances: u8, writes: &[Write], limit: Duration) -> Verdict {
    let begun = Instant::now();
    loop {
        let (mut held, mut unasked) = (Vec::new(), Vec::new());
        for id in (0..instances).map(InstanceId) {
            match held_by(site, id).await {
                Ok(writes) => held.push(writes),
                Err(error) => unasked.push(error),
            }
        }
        let writes = writes.iter().map(|write| (write.number, write.end.as_told()));
        let verdict = Verdict::of(writes, &held, unasked);
        if verdict.clean || begun.elapsed() >= limit {
            return verdict;
        }
        sleep(AGAIN).await;
    }
}

/// What an instance of the cluster holds.
pub(super) async fn held_by(site: &Site, id: InstanceId) -> Result<Held, String> {
    let mut connection = site.instance(id).await?;
    held(&mut connection).await.map_err(|why| format!("{id}: {why}"))
}

/// What an instance holds.
pub(super) async fn held(connection: &mut Connection) -> Result<Held, String> {
    let table = connection.query(verdict::ALL).await.map_err(|error| error.to_string())?;
    verdict::held(&table.rows)
}
