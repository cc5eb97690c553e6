//! Memgraph as a controller sees it: a Bolt client of its own, what a look reads, and how a command
//! is sent to the life that it is meant for.
//!
//! The client is ours and not a driver's because a command must go out on the very connection on
//! which the life of its addressee was read, and nowhere else: a driver's pool dials again in
//! silence, and resends (BG 2.1, 2.2). Every call is bounded by whoever makes it.

mod access;
mod command;
mod connection;
mod identity;
mod moment;
mod names;
mod probe;
mod rows;

pub use access::Access;
pub use command::{Addresses, Commander, Ended, Unmet};
pub use connection::{Connection, Failed, Table};
pub use identity::{Life, NoLife};
pub use names::Endpoints;
pub use probe::{Look, Prober};
