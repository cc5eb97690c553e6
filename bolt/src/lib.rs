//! The Bolt protocol as pure code: bytes and values in, bytes and values out. No sockets, no clock, no
//! threads, which `no_std` holds. Speaks the versions that Memgraph speaks, [`Version::MEMGRAPH`].
//!
//! | module | what it is |
//! |---|---|
//! | [`handshake`] | the first bytes of a connection, and which version Memgraph chooses |
//! | [`chunk`] | messages in chunks: a decoder that assembles, a scanner that does not |
//! | [`packstream`] | values to bytes and back, within [`Limits`] |
//! | [`message`] | requests and answers, per version |
//! | [`server`] | Memgraph's side of a session as a machine |
//! | [`tracker`] | where a connection stands, for a gateway that forwards its bytes |
//! | [`wipe`] | bytes that may be a login, without copies that stay |
//!
//! A **server** reads a handshake, then hands messages to its session:
//!
//! ```
//! use bolt::{Response, Version, chunk::{self, Decoder, Frame}, handshake::{HandshakeReader, Offer, answer}};
//! use bolt::server::{Ask, Outcome, Session, Settings, Step};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut hello = Vec::new();
//! # let map = bolt::message::HelloMap(bolt::value::map([("user_agent", "x")]));
//! # bolt::Request::Hello(map).encode(Version::V4_4, &mut hello)?;
//! # let mut arrived = Offer::of(&[Version::V4_4]).bytes().to_vec();
//! # chunk::encode(&hello, &mut arrived);
//! # let mut sent = Vec::new();
//! let mut input = &arrived[..]; // as it comes, in pieces of any size
//! let offer = HandshakeReader::new().read(&mut input)?.ok_or("more bytes, please")?;
//! let version = offer.choose(Version::MEMGRAPH).ok_or("no common version")?;
//! sent.extend(answer(version));
//!
//! let mut session = Session::new(Settings::memgraph(version));
//! let mut decoder = Decoder::new(session.limits().bytes);
//! while let Some(frame) = decoder.next(&mut input)? {
//!     let Frame::Message(body) = frame else { continue };
//!     let reply = match session.message(&body)? {
//!         Step::Reply(reply) => reply,
//!         Step::Ask(Ask::Authenticate(_)) => session.outcome(Outcome::Done)?,
//!         Step::Ask(other) => carry_out(other),
//!     };
//!     for response in &reply.messages {
//!         let mut body = Vec::new();
//!         response.encode(version, &mut body)?;
//!         chunk::encode(&body, &mut sent);
//!     }
//!     decoder.set_limit(session.limits().bytes);
//! }
//! # fn carry_out(_: Ask) -> bolt::server::Reply { unreachable!() }
//! # assert!(sent.len() > 40);
//! # Ok(())
//! # }
//! ```
//!
//! A **gateway** forwards what the scanner tells, and asks the tracker before it changes anything:
//!
//! ```
//! use bolt::{Signature, chunk::{Event, Scanner}, tracker::Tracker};
//!
//! let (mut scanner, mut tracker) = (Scanner::new(), Tracker::default());
//! let arrived = [0, 3, 0xB1, 0x11, 0xA0, 0, 0]; // BEGIN
//! let mut upstream: Vec<u8> = Vec::new();
//! for event in scanner.scan(&arrived) {
//!     if let Event::Start(head) = event {
//!         // Nothing of the message has left yet: hold it here, or go on.
//!         assert_eq!(head.signature(), Some(Signature::Begin.byte()));
//!         assert!(tracker.is_boundary());
//!     }
//!     tracker.client(&event);
//!     upstream.extend(event.wire());
//! }
//! assert_eq!(upstream, arrived);
//! assert!(!tracker.is_boundary() && !tracker.is_commit_pending());
//! ```
//!
//! A **client** writes requests and reads answers:
//!
//! ```
//! use bolt::{Limits, Request, Response, Version, chunk, message::{Extra, Fetch, Run}};
//!
//! # fn main() -> Result<(), bolt::message::MessageError> {
//! let run = Run { query: "RETURN 1".to_owned(), ..Run::default() };
//! let mut out = Vec::new();
//! for request in [Request::Run(run), Request::Pull(Fetch::ALL)] {
//!     let mut body = Vec::new();
//!     request.encode(Version::V4_4, &mut body)?;
//!     chunk::encode(&body, &mut out);
//! }
//! // What a `chunk::Decoder` makes of the answer:
//! let body = [0xB1, 0x71, 0x91, 0x01];
//! let answer = Response::decode(&body, Version::V4_4, Limits::USUAL)?;
//! assert_eq!(answer, Response::Record(vec![1.into()]));
//! # Ok(())
//! # }
//! ```
//!
//! Errors name where, what was expected and what was found, and no content: it may be secret. The
//! maps of HELLO and LOGON print their keys only.

#![no_std]

extern crate alloc;

pub mod chunk;
pub mod handshake;
pub mod message;
pub mod packstream;
pub mod server;
pub mod tracker;
pub mod value;
mod version;
pub mod wipe;

pub use message::{Request, Response, Signature};
pub use packstream::Limits;
pub use value::{Map, Value};
pub use version::Version;
