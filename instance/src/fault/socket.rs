//! The admin socket: JSON lines in, JSON lines out.
//!
//! `{"port":"bolt","fault":{"delay_ms":100}}` sets a fault, `{"port":"bolt","fault":{}}` lifts it,
//! `{}` only asks; each line is answered by the faults of all ports.

use super::gate::PAUSE;
use super::{Fault, Port};
use crate::node::Node;
use serde::Deserialize;
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
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

/// Removes a socket that an earlier process left.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => {
            let why = format!("{} is there already and is no socket", path.display());
            Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Listens on a socket, in the place of one that an earlier process left.
///
/// # Errors
/// The socket cannot be made, or something else is in its place.
pub(crate) fn serve(node: &Arc<Node>, path: &Path) -> io::Result<()> {
    clear(path)?;
    let listener = UnixListener::bind(path)?;
    let owner = Arc::clone(node);
    node.tasks.spawn(async move {
        let free = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = owner.cancel.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "an admin connection cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[tokio::test]
    async fn only_a_socket_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(Settings::default()).unwrap();
        let notes = folder.path().join("notes");
        fs::write(&notes, "kept").unwrap();
        let error = serve(&node, &notes).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("notes"), "{error}");
        assert_eq!(fs::read_to_string(&notes).unwrap(), "kept");
        let left = folder.path().join("left");
        drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
        serve(&node, &left).unwrap();
        UnixStream::connect(&left).await.unwrap();
        node.cancel.cancel();
    }
}
