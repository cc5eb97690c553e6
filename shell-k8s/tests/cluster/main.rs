//! What a controller reads and writes in Kubernetes, over real sockets against the API server in
//! memory.

#[path = "../common/mod.rs"]
mod common;
mod lease;
mod names;
mod orders;
mod pods;
mod record;
mod rights;
