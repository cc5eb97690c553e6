//! Messages as bytes on a wire.

use bolt::{Request, Response, Version};

/// A request in chunks.
pub fn request_bytes(request: &Request, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    request.send(version, &mut out).expect("a request of this version");
    out
}

/// An answer in chunks.
pub fn response_bytes(response: &Response, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    response.send(version, &mut out).expect("an answer");
    out
}
