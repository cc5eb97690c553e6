//! ROUTE, the question of `neo4j://` drivers for the servers there are. The gateway's two listeners
//! are the answer, whatever happens behind them (BG 1.5): the addresses never change, and while the
//! main moves the write address is named all the same, and holds. What a client used to come here is
//! the address of its own listener, and no other's.

use super::{Ending, Listener, Session};
use bolt::{Limits, Map, Request, Response, Signature, Value, Version, message::Route, value::map};

/// The database that Memgraph has unless another is named.
const DATABASE: &str = "memgraph";

/// What ROUTE is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routing {
    /// `host:port` of the write listener, as clients reach it; if none, the address that the client
    /// says it used, where that is one for writes.
    pub write: Option<String>,
    /// `host:port` of the read listener; if none, reads are sent to the write listener too, or where
    /// that is not known to what the client used.
    pub read: Option<String>,
    /// Whose clients ask: what those of the write listener use is for writes too.
    pub listener: Listener,
    /// For how long a driver keeps the answer, in seconds.
    pub ttl_s: u32,
}

impl Routing {
    /// The answer; nothing if no address is known.
    fn table(&self, route: &Route, version: Version) -> Option<Map> {
        let used = route.routing.get("address").and_then(Value::as_str);
        let write = self.write.as_deref().or(used.filter(|_| self.listener == Listener::Write));
        let read = self.read.as_deref().or(write).or(used)?;
        let router = write.unwrap_or(read);
        let server = |address: Option<&str>, role: &str| {
            let addresses = Value::List(address.into_iter().map(Value::from).collect());
            Value::Map(map([("addresses", addresses), ("role", role.into())]))
        };
        let servers =
            vec![server(write, "WRITE"), server(Some(read), "READ"), server(Some(router), "ROUTE")];
        let mut table =
            map([("ttl", Value::Int(self.ttl_s.into())), ("servers", Value::List(servers))]);
        if version >= Version::V4_4 {
            let database = route.target.database().ok().flatten().unwrap_or(DATABASE);
            table.insert("db".to_owned(), database.into());
        }
        Some(map([("rt", Value::Map(table))]))
    }
}

impl Session {
    /// Answers the ROUTE whose body was read.
    pub(super) fn answer_route(&mut self) {
        let rest = std::mem::take(&mut self.route_body);
        let Some(version) = self.version else { return };
        let mut body = vec![0xB3, Signature::Route.byte()];
        body.extend_from_slice(&rest);
        let table = match Request::decode(&body, version, Limits::BEFORE_LOGIN) {
            Ok(Request::Route(route)) => {
                self.policy.routing.as_ref().and_then(|routing| routing.table(&route, version))
            }
            Ok(_) | Err(_) => None,
        };
        if let Some(table) = table {
            self.say(&Response::Success(table));
        } else {
            self.say(&bolt::server::broken());
            self.end(Ending::Protocol);
        }
    }
}
