//! Sessions of clients: Bolt on a connection, statements on the graph and the machine.

mod admin;
mod connection;
mod convert;
mod host;
mod summary;
mod tables;
mod tls;
mod usage;

pub(crate) use connection::serve;
pub(crate) use convert::parameter;
pub use tls::TlsError;
pub(crate) use tls::acceptor;
