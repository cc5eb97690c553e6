//! Asks the other controllers for promises, in the period of the lease's renewals, always: whoever
//! begins to ask when the API server is gone has no promise when its lease ends.

use super::Shared;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};

/// Asks everybody, in turn with waiting.
pub(super) async fn run(shared: Arc<Shared>) {
    let (period, mut ticks) = (shared.period(), shared.ticks());
    loop {
        ticks.tick().await;
        let mut asked = JoinSet::new();
        for address in shared.effects.peers().await {
            asked.spawn(ask(Arc::clone(&shared), address, period));
        }
        // Each of them ends within the period.
        while asked.join_next().await.is_some() {}
    }
}

async fn ask(shared: Arc<Shared>, address: SocketAddr, period: Duration) {
    let (sent, me) = {
        let mind = shared.mind();
        (mind.now(), mind.me())
    };
    match timeout(period, shared.effects.ask_peer(address, me)).await {
        Ok(Ok(heard)) => shared.mind().told(sent, &heard),
        Ok(Err(error)) => tracing::debug!(%error, "another controller does not answer"),
        Err(_) => tracing::debug!(%address, "another controller does not answer in time"),
    }
}
