//! What a controller reads and writes in Kubernetes, and what it relies on there, with one body for
//! two API servers: the one in memory, on which everything else is tested, and a real one.

// Each body is a test, and none of them is marked as one here.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod home;
mod lease;
mod marks;
mod objects;
mod orders;
mod pods;
mod record;
mod set;
mod stored;
mod watches;
