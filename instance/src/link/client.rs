//! A main's side: one request, with the limits of MR 8, on a connection that may be used again.

use super::{HELLO, Reply, WireError, read_message, write_message};
use crate::cypher::ast::Address;
use crate::fault::{Faults, Passage, Port};
use crate::graph::Delta;
use shell_sim::memgraph::{CONNECT_SECONDS, Rpc, RpcFailure, RpcResponse};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connections kept open for each address.
const IDLE: usize = 4;

/// Connections that nobody uses now.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<BTreeMap<(String, u16), Vec<TcpStream>>>);

impl Pool {
    /// A connection whose peer has not closed it.
    fn take(&self, address: &Address) -> Option<TcpStream> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.get_mut(&(address.host.clone(), address.port))?;
        while let Some(stream) = streams.pop() {
            let silent = stream.try_read(&mut [0]);
            if silent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                return Some(stream);
            }
        }
        None
    }

    fn give(&self, address: &Address, stream: TcpStream) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let streams = idle.entry((address.host.clone(), address.port)).or_default();
        if streams.len() < IDLE {
            streams.push(stream);
        }
    }
}

/// Asks a replication server.
pub(crate) async fn ask(
    pool: &Pool,
    faults: &Faults,
    address: &Address,
    request: &Rpc<Delta>,
) -> Result<RpcResponse, RpcFailure> {
    let limit = Duration::from_secs(request.timeout_seconds().into());
    let fault = faults.get(Port::Outgoing);
    if fault.refuse {
        return Err(RpcFailure::Refused);
    }
    let kept = pool.take(address);
    let fresh = kept.is_none();
    if fresh && fault.silence {
        let connecting = Duration::from_secs(CONNECT_SECONDS.into());
        let lifted = faults.of(Port::Outgoing).while_hung(|fault| fault.silence);
        if timeout(connecting, lifted).await.is_err() {
            return Err(RpcFailure::Refused);
        }
    }
    let mut stream = match kept {
        Some(stream) => stream,
        None => connect(address).await?,
    };
    let passage = timeout(limit, faults.of(Port::Outgoing).message()).await;
    match passage {
        Err(_) => return Err(RpcFailure::TimedOut),
        Ok(Passage::Breaks) => return Err(RpcFailure::Broken),
        Ok(Passage::Passes | Passage::BreaksAfter) => {}
    }
    let reply = exchange(&mut stream, request, limit, fresh).await?;
    if passage == Ok(Passage::BreaksAfter) {
        return Err(RpcFailure::Broken);
    }
    match reply {
        Reply::Response(response) => {
            pool.give(address, stream);
            Ok(response)
        }
        Reply::Refused => Err(RpcFailure::Refused),
    }
}

async fn connect(address: &Address) -> Result<TcpStream, RpcFailure> {
    let limit = Duration::from_secs(CONNECT_SECONDS.into());
    // The name is resolved each time: an address survives a change behind it (MR 1.1).
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    match timeout(limit, connecting).await {
        Ok(Ok(stream)) => {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
            Ok(stream)
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, host = address.host, port = address.port, "no connection");
            Err(RpcFailure::Refused)
        }
        Err(_) => Err(RpcFailure::Refused),
    }
}

/// One request and its answer; the limit counts from the last progress.
async fn exchange(
    stream: &mut TcpStream,
    request: &Rpc<Delta>,
    limit: Duration,
    fresh: bool,
) -> Result<Reply, RpcFailure> {
    let (mut reading, mut writing) = stream.split();
    let talk = async {
        if fresh {
            timeout(limit, writing.write_all(&HELLO)).await.map_err(late)??;
        }
        write_message(&mut writing, request, limit).await?;
        if fresh {
            let mut hello = [0; HELLO.len()];
            timeout(limit, reading.read_exact(&mut hello)).await.map_err(late)??;
            if hello != HELLO {
                return Err(WireError::Hello(hello));
            }
        }
        let read = timeout(limit, read_message::<_, Reply>(&mut reading));
        let closed = || io::Error::from(io::ErrorKind::UnexpectedEof);
        read.await.map_err(late)??.ok_or_else(|| closed().into())
    };
    talk.await.map_err(|error: WireError| match &error {
        WireError::Io(io) if io.kind() == io::ErrorKind::TimedOut => RpcFailure::TimedOut,
        WireError::Io(_) => RpcFailure::Broken,
        WireError::Hello(_) | WireError::Frame(_) | WireError::Message | WireError::Content(_) => {
            tracing::error!(%error, "a replica does not understand this main");
            RpcFailure::Broken
        }
    })
}

fn late(_: tokio::time::error::Elapsed) -> io::Error {
    io::ErrorKind::TimedOut.into()
}
