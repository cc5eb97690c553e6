//! Requests between instances over TCP: what the machine calls a message, as bytes (MR 8). One
//! request at a time on a connection; who asks several things at once opens several.

mod client;
mod server;
mod wire;

pub(crate) use client::{Pool, ask};
pub(crate) use server::listen;
pub(crate) use wire::{HELLO, WireError, read_message, write_message};

use serde::{Deserialize, Serialize};
use shell_sim::memgraph::RpcResponse;

/// What comes back for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The answer of the replication server.
    Response(RpcResponse),
    /// The server was just closed.
    Refused,
}
