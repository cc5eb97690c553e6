//! Accepts connections as far as the fault of the port lets them in.

use super::{Port, Switch};
use crate::node::Node;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How long to wait after accepting failed, as when file descriptors have run out.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// How long to wait before a port that was given up is bound again.
const REBIND: Duration = Duration::from_millis(20);

/// A listening port.
pub(crate) struct Gate {
    /// Which one, for its faults.
    pub(crate) port: Port,
    /// Connections at a time.
    pub(crate) limit: usize,
    /// Ends it, and every connection.
    pub(crate) cancel: CancellationToken,
}

/// Accepts until cancelled; each connection is a task of `serve`, dropped when cancelled.
pub(crate) async fn accept_loop<F, T>(
    node: Arc<Node>,
    gate: Gate,
    listener: std::net::TcpListener,
    serve: F,
) where
    F: Fn(Arc<Node>, TcpStream, SocketAddr) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = match adopt(listener) {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::error!(%error, %address, "the listener cannot be used");
            return;
        }
    };
    let free = Arc::new(Semaphore::new(gate.limit));
    let switch = node.faults.of(gate.port);
    let mut faults = switch.watch();
    loop {
        if switch.get().refuse {
            listener = None;
        } else if listener.is_none() {
            listener = rebound(address, &gate.cancel).await;
            if gate.cancel.is_cancelled() {
                return;
            }
            if listener.is_none() {
                continue;
            }
        }
        let accepted = tokio::select! {
            () = gate.cancel.cancelled() => return,
            _ = faults.changed() => continue,
            accepted = accept(listener.as_ref()) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, %address, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else {
            tracing::warn!(%peer, limit = gate.limit, "too many connections; this one is closed");
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "no TCP_NODELAY");
        }
        let (owner, cancel) = (Arc::clone(&node), gate.cancel.clone());
        let (port, serve) = (gate.port, serve.clone());
        node.tasks.spawn(async move {
            let served = async {
                if hold_back(owner.faults.of(port)).await {
                    serve(Arc::clone(&owner), stream, peer).await;
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = served => {}
            }
            drop(permit);
        });
    }
}

/// The port that was given up, bound again; none if it is not to be had yet.
async fn rebound(address: SocketAddr, cancel: &CancellationToken) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => return Some(listener),
        Err(error) => tracing::debug!(%error, %address, "the port cannot be bound again yet"),
    }
    tokio::select! {
        () = cancel.cancelled() => {}
        () = tokio::time::sleep(REBIND) => {}
    }
    None
}

/// Whether a new connection is served; a silent one is held open until the fault is over.
async fn hold_back(switch: &Switch) -> bool {
    if switch.get().silence {
        switch.while_hung(|fault| fault.silence).await;
        return false;
    }
    switch.while_hung(|fault| fault.half_open).await;
    true
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

fn adopt(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::settings::Settings;

    /// Longer than anything takes that works.
    const LONG: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_port_that_somebody_else_took_holds_up_no_end() {
        let node = Node::open(Settings::default()).unwrap();
        node.faults.set(Port::Bolt, Fault { refuse: true, ..Fault::default() });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let cancel = CancellationToken::new();
        let gate = Gate { port: Port::Bolt, limit: 1, cancel: cancel.clone() };
        let accepting = accept_loop(Arc::clone(&node), gate, listener, |_, _, _| async {});
        let accepting = tokio::spawn(accepting);
        let taken = tokio::time::timeout(LONG, async {
            loop {
                match TcpListener::bind(address).await {
                    Ok(taken) => return taken,
                    Err(_) => tokio::time::sleep(REBIND).await,
                }
            }
        });
        let taken = taken.await.expect("it gives its port up");
        node.faults.set(Port::Bolt, Fault::default());
        tokio::time::sleep(REBIND * 2).await;
        cancel.cancel();
        tokio::time::timeout(LONG, accepting).await.expect("it ends").unwrap();
        drop(taken);
    }
}
