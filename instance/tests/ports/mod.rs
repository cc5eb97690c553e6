//! Ports for servers that bind theirs later than they are told it.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below where the kernel takes the ports of outgoing connections from: one of those might have the
/// port by the time that a server binds it.
const RANGE: std::ops::Range<u32> = 11_000..26_000;

/// A port that was free a moment ago, and that this process gives to nobody else for long. Where it
/// begins depends on the process, so that several do not meet.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(487);
    let count = RANGE.end - RANGE.start;
    for _ in 0..count {
        let offset = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % count;
        let port = u16::try_from(RANGE.start + offset).expect("below 65536");
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free in {RANGE:?}");
}
