//! The Bolt protocol as pure code.

pub mod chunk;
pub mod handshake;
pub mod message;
pub mod packstream;
pub mod server;
pub mod tracker;
pub mod value;
mod version;

pub use message::{Request, Response, Signature};
pub use packstream::Limits;
pub use value::{Map, Value};
pub use version::Version;
