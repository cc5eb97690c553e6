//! The admin socket: JSON lines in, JSON lines out.
//!
//! `{"port":"bolt","fault":{"delay_ms":100}}` sets a fault, `{"port":"bolt","fault":{}}` lifts it,
//! `{}` only asks; each line is answered by the faults of all ports.

use super::{Fault, Port};
use crate::node::Node;
use serde::Deserialize;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// Longest line.
const MAX_LINE: u64 = 64 << 10;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    port: Option<Port>,
    #[serde(default)]
    fault: Fault,
}

/// Listens on a socket, in the place of one that an earlier process left.
///
/// # Errors
/// The socket cannot be made.
pub(crate) fn serve(node: &Arc<Node>, path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    let owner = Arc::clone(node);
    node.tasks.spawn(async move {
        let free = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = owner.cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { continue };
            let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { continue };
            let node = Arc::clone(&owner);
            owner.tasks.spawn(async move {
                tokio::select! {
                    () = node.cancel.cancelled() => {}
                    ended = converse(&node, stream) => if let Err(error) = ended {
                        tracing::debug!(%error, "the admin connection broke");
                    },
                }
                drop(permit);
            });
        }
    });
    Ok(())
}

async fn converse(node: &Node, stream: UnixStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = String::new();
    loop {
        line.clear();
        let read = (&mut reading).take(MAX_LINE).read_line(&mut line).await?;
        if read == 0 {
            return Ok(());
        }
        let answer = match serde_json::from_str::<Order>(&line) {
            Ok(order) => {
                if let Some(port) = order.port {
                    node.faults.set(port, order.fault);
                }
                shown(node)
            }
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        writing.write_all(format!("{answer}\n").as_bytes()).await?;
    }
}

fn shown(node: &Node) -> serde_json::Value {
    let [bolt, replication, outgoing] = Port::ALL.map(|port| node.faults.get(port));
    serde_json::json!({ "bolt": bolt, "replication": replication, "outgoing": outgoing })
}
