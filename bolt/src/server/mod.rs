//! Memgraph's side of a session as a machine (BG 1.4, MR 7): requests in, what the host has to do
//! out, its outcome in, answers out. Knows the protocol and its states, not what statements mean.
//!
//! The host hands each message to [`Session::message`]. A [`Step::Reply`] is sent as it is. A
//! [`Step::Ask`] is carried out, records of a PULL are sent as they come, and the [`Outcome`] goes to
//! [`Session::outcome`], whose reply ends the answer. One request is in hand at a time, as in
//! Memgraph, where RESET waits for its turn too.

mod ask;
mod fault;
mod state;
mod text;

use alloc::{borrow::ToOwned, string::String};
pub use ask::{Ask, Close, Misuse, Origin, Outcome, Reply, Step};
pub use fault::{Fault, FaultClass};
pub use state::Session;
pub use text::TransactionText;

use crate::{Limits, Response, Version};

/// The name by which Memgraph introduces itself unless it is told another (MR 7).
pub const SERVER_NAME: &str = "Neo4j/v5.11.0 compatible graph database server - Memgraph";

/// The constant that Memgraph sends as the id of every connection (MR 7).
pub const CONNECTION_ID: &str = "bolt-1";

/// What Memgraph sends before it closes a connection on which something came that it does not
/// understand or that does not fit the state of the session, a handshake included.
#[must_use]
pub fn broken() -> Response {
    let text = "Something went wrong while executing the query! Check the server logs for more \
                details.";
    Response::Failure(Fault::new(FaultClass::Execution, text).failure())
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// HELLO is awaited, and from 5.1 on LOGON; also after LOGOFF.
    Init,
    /// A statement or a transaction may begin.
    Idle,
    /// A result is open: PULL or DISCARD is awaited.
    Result,
    /// A request failed: everything but RESET is ignored.
    Error,
    /// The connection is closed.
    Closed,
}

/// What ROUTE is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RouteAnswer {
    /// The failure of a build without enterprise code: code `66`.
    Community,
    /// The failure of the public image outside a cluster (MR 7).
    #[default]
    NoCluster,
    /// The host answers.
    Host,
}

/// How a server differs from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The version that was chosen in the handshake.
    pub version: Version,
    /// The name in the answer to HELLO; none is sent if it is none.
    pub server_name: Option<String>,
    /// What ROUTE is answered with.
    pub route: RouteAnswer,
    /// LOGOFF is answered with SUCCESS, as the protocol says; Memgraph's source sends nothing.
    pub answers_logoff: bool,
    /// What a client may send before it logged in.
    pub before_login: Limits,
    /// What a client may send after.
    pub limits: Limits,
}

impl Settings {
    /// Memgraph's own.
    #[must_use]
    pub fn memgraph(version: Version) -> Self {
        Self {
            version,
            server_name: Some(SERVER_NAME.to_owned()),
            route: RouteAnswer::default(),
            answers_logoff: false,
            before_login: Limits::BEFORE_LOGIN,
            limits: Limits::USUAL,
        }
    }
}
