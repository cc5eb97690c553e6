//! A replica's side: takes requests from whoever connects, as Memgraph does (MR 3.4), and hands
//! them to the machine.

use super::{HELLO, Reply, WireError, read_message, write_message};
use crate::fault::{Gate, Passage, Port, accept_loop};
use crate::graph::Delta;
use crate::node::Node;
use shell_sim::memgraph::Rpc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 256;

/// How long a peer may take to say who it is.
const HELLO_TIME: Duration = Duration::from_secs(10);

/// How long one frame of an answer may take.
const STALL: Duration = Duration::from_secs(30);

/// Serves a port until cancelled.
pub(crate) fn listen(node: &Arc<Node>, listener: std::net::TcpListener, cancel: CancellationToken) {
    let gate = Gate { port: Port::Replication, limit: MAX_CONNECTIONS, cancel };
    let accepting =
        accept_loop(Arc::clone(node), gate, listener, |node, stream, peer| async move {
            if let Err(error) = converse(&node, stream).await {
                tracing::debug!(%error, %peer, "a replication connection broke");
            }
        });
    node.tasks.spawn(accepting);
}

/// Whether the main closed the connection on which it waits for the answer. What it gave up must
/// not take effect behind what it asked for since, on another connection: after a pause of this
/// process both lie here, and which is read first is chance.
fn is_given_up(stream: &BufReader<TcpStream>) -> bool {
    matches!(stream.get_ref().try_read(&mut [0]), Ok(0))
}

async fn converse(node: &Arc<Node>, stream: TcpStream) -> Result<(), WireError> {
    let mut stream = BufReader::new(stream);
    let mut hello = [0; HELLO.len()];
    let read = timeout(HELLO_TIME, stream.read_exact(&mut hello)).await;
    read.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??;
    if hello != HELLO {
        return Err(WireError::Hello(hello));
    }
    stream.write_all(&HELLO).await?;
    while let Some(request) = read_message::<_, Rpc<Delta>>(&mut stream).await? {
        let passage = node.faults.of(Port::Replication).message().await;
        if passage == Passage::Breaks || is_given_up(&stream) {
            return Ok(());
        }
        let reply = node.serve(request).map_or(Reply::Refused, Reply::Response);
        if passage == Passage::BreaksAfter {
            return Ok(());
        }
        // The answer of a server that was just closed still counts: the request had its effect.
        write_message(&mut stream, &reply, STALL).await?;
    }
    Ok(())
}
