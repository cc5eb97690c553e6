//! Which start of a process answered: it stands in the server name of the answer to HELLO, behind the
//! prefix that some drivers look for (BG 1.3).

use bolt::{Limits, Response, Value, Version, server::SERVER_NAME};
use ha_core::ids::StartId;

/// The bytes that an instance's answer to a login message may have.
pub(crate) const LOGIN_ANSWER_BYTES: usize = 64 << 10;

const MARK: &str = " start=";

/// The server name that an instance is started with, so that one of its starts is told from the
/// others: the value of `--bolt-server-name-for-init`.
#[must_use]
pub fn server_name(start: StartId) -> String {
    format!("{SERVER_NAME}{MARK}{start}")
}

/// The start that a server name tells: what stands behind the last `start=`, up to a blank.
#[must_use]
pub fn start_of(name: &str) -> Option<StartId> {
    let (_, rest) = name.rsplit_once(MARK)?;
    rest.split_whitespace().next()?.parse().ok()
}

/// What the answer to HELLO tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// This start answered.
    From(StartId),
    /// It succeeded, and tells no start.
    Nameless,
    /// It failed.
    Refused,
    /// It is no answer to HELLO.
    Unreadable,
}

/// Reads the answer to HELLO.
pub(crate) fn greeting(body: &[u8], version: Version) -> Greeting {
    match Response::decode(body, version, Limits::BEFORE_LOGIN) {
        Ok(Response::Success(map)) => {
            let name = map.get("server").and_then(Value::as_str);
            name.and_then(start_of).map_or(Greeting::Nameless, Greeting::From)
        }
        Ok(Response::Failure(_)) => Greeting::Refused,
        Ok(Response::Record(_) | Response::Ignored) | Err(_) => Greeting::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_start() {
        let start = StartId(0xfeed_0123_4567_89ab_cdef);
        assert_eq!(start_of(&server_name(start)), Some(start));
        assert!(server_name(start).starts_with("Neo4j/"));
        for other in ["", "Neo4j/5", "Neo4j/5 start=", "x start=zz", "start=1"] {
            assert_eq!(start_of(other), None, "{other:?}");
        }
        assert_eq!(start_of("a start=1 start=2 more"), Some(StartId(2)));
    }
}
