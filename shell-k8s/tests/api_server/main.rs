//! The API server in memory, over real sockets with the real client.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod history;
mod objects;
mod watches;
