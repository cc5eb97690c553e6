//! The Bolt gateway.
pub mod session;
