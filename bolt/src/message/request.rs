//! What clients send.

use super::{AuthMap, Extra, ExtraError, HelloMap, MessageError, Signature, extra::int};
use crate::{
    Map, Value, Version, chunk,
    packstream::{Limits, Reader, Writer},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// RUN: a statement.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Run {
    /// The statement.
    pub query: String,
    /// Its parameters.
    pub parameters: Map,
    /// Options of the transaction that it opens, if it opens one; none in version 1.
    pub extra: Extra,
}

/// How many records are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Amount {
    /// All that are left.
    #[default]
    All,
    /// At most so many.
    AtMost(u64),
}

/// PULL or DISCARD: records of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fetch {
    /// How many.
    pub amount: Amount,
    /// Of which result of the transaction, by the number in the answer to its RUN; the last if none.
    pub qid: Option<i64>,
}

/// The database that a ROUTE asks about.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteTarget {
    /// Its name, in 4.3.
    Database(Option<String>),
    /// Options, from 4.4 on.
    Extra(Extra),
}

impl RouteTarget {
    /// The name of the database.
    ///
    /// # Errors
    /// It is no string.
    pub fn database(&self) -> Result<Option<&str>, ExtraError> {
        match self {
            Self::Database(name) => Ok(name.as_deref()),
            Self::Extra(extra) => extra.database(),
        }
    }
}

/// ROUTE: which servers there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// The routing context; `address` is the one that the client used.
    pub routing: Map,
    /// The states that the client has seen.
    pub bookmarks: Vec<Value>,
    /// What is asked about.
    pub target: RouteTarget,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// HELLO, or INIT in version 1.
    Hello(HelloMap),
    /// LOGON, from 5.1 on.
    Logon(AuthMap),
    /// LOGOFF, from 5.1 on.
    Logoff,
    /// GOODBYE, which is not answered.
    Goodbye,
    /// RESET.
    Reset,
    /// ACK_FAILURE, in version 1.
    AckFailure,
    /// RUN.
    Run(Run),
    /// PULL, or PULL_ALL in version 1.
    Pull(Fetch),
    /// DISCARD, or DISCARD_ALL in version 1.
    Discard(Fetch),
    /// BEGIN.
    Begin(Extra),
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// ROUTE, from 4.3 on.
    Route(Route),
    /// TELEMETRY, from 5.4 on; read in any version, since Memgraph's answer to it is its own.
    Telemetry(i64),
}

impl Request {
    /// What it is.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        match self {
            Self::Hello(_) => Signature::Hello,
            Self::Logon(_) => Signature::Logon,
            Self::Logoff => Signature::Logoff,
            Self::Goodbye => Signature::Goodbye,
            Self::Reset => Signature::Reset,
            Self::AckFailure => Signature::AckFailure,
            Self::Run(_) => Signature::Run,
            Self::Pull(_) => Signature::Pull,
            Self::Discard(_) => Signature::Discard,
            Self::Begin(_) => Signature::Begin,
            Self::Commit => Signature::Commit,
            Self::Rollback => Signature::Rollback,
            Self::Route(_) => Signature::Route,
            Self::Telemetry(_) => Signature::Telemetry,
        }
    }

    /// Reads a message of a client.
    ///
    /// # Errors
    /// Its bytes are no PackStream, or no request of this version.
    pub fn decode(body: &[u8], version: Version, limits: Limits) -> Result<Self, MessageError> {
        let mut reader = Reader::new(body, limits)?;
        let (fields, byte) = reader.head()?;
        let Some(signature) = Signature::of(byte).filter(|signature| signature.is_request()) else {
            return Err(MessageError::Signature { byte, direction: "request" });
        };
        let found = fields;
        match fields_of(signature, version) {
            None => return Err(MessageError::Version { signature, version }),
            Some(expected) if expected != found => {
                return Err(MessageError::Fields { signature, version, expected, found });
            }
            Some(_) => {}
        }
        let request = Self::fields(signature, version, &mut reader)?;
        reader.finish()?;
        Ok(request)
    }

    fn fields(
        signature: Signature,
        version: Version,
        reader: &mut Reader<'_>,
    ) -> Result<Self, MessageError> {
        Ok(match signature {
            Signature::Hello if version.has_transactions() => {
                Self::Hello(HelloMap(reader.map("who the client is, as a map")?))
            }
            Signature::Hello => {
                let agent = reader.text("the name of the client")?;
                let mut map = reader.map("credentials as a map")?;
                map.insert("user_agent".to_owned(), agent.into());
                Self::Hello(HelloMap(map))
            }
            Signature::Logon => Self::Logon(AuthMap(reader.map("credentials as a map")?)),
            Signature::Run => {
                let query = reader.text("a statement")?;
                let parameters = reader.map("parameters as a map")?;
                let has_extra = version.has_transactions();
                let extra = if has_extra { reader.map("options as a map")? } else { Map::new() };
                Self::Run(Run { query, parameters, extra: Extra(extra) })
            }
            Signature::Pull => Self::Pull(fetch(signature, version, reader)?),
            Signature::Discard => Self::Discard(fetch(signature, version, reader)?),
            Signature::Begin => Self::Begin(Extra(reader.map("options as a map")?)),
            Signature::Route => Self::Route(route(signature, version, reader)?),
            Signature::Telemetry => Self::Telemetry(reader.int("the number of an interface")?),
            Signature::Logoff => Self::Logoff,
            Signature::Goodbye => Self::Goodbye,
            Signature::Reset => Self::Reset,
            Signature::AckFailure => Self::AckFailure,
            Signature::Commit => Self::Commit,
            Signature::Rollback => Self::Rollback,
            Signature::Success | Signature::Record | Signature::Ignored | Signature::Failure => {
                return Err(MessageError::Signature {
                    byte: signature.byte(),
                    direction: "request",
                });
            }
        })
    }

    /// Appends the message as it goes over the wire, in chunks, to `out`.
    ///
    /// # Errors
    /// It is not part of this version, or something in it is too long.
    pub fn send(&self, version: Version, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let mut body = Vec::new();
        self.encode(version, &mut body)?;
        chunk::encode(&body, out);
        Ok(())
    }

    /// Appends the message, not yet in chunks, to `out`.
    ///
    /// # Errors
    /// It is not part of this version, or something in it is too long.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), MessageError> {
        let signature = self.signature();
        let Some(fields) = fields_of(signature, version) else {
            return Err(MessageError::Version { signature, version });
        };
        let mut writer = Writer::new(version, out);
        writer.head(u8::try_from(fields).unwrap_or(u8::MAX), signature.byte());
        match self {
            Self::Hello(HelloMap(map)) if version.has_transactions() => writer.map(map)?,
            Self::Hello(hello) => {
                let mut map = hello.0.clone();
                map.remove("user_agent");
                let agent = hello.user_agent();
                let agent = agent.map_err(|error| MessageError::Entry { signature, error })?;
                writer.text(agent.unwrap_or(""))?;
                writer.map(&map)?;
            }
            Self::Logon(AuthMap(map)) | Self::Begin(Extra(map)) => writer.map(map)?,
            Self::Run(run) => {
                writer.text(&run.query)?;
                writer.map(&run.parameters)?;
                if fields == 3 {
                    writer.map(&run.extra.0)?;
                }
            }
            Self::Pull(fetch) | Self::Discard(fetch) if fields == 1 => {
                writer.map(&fetch.map())?;
            }
            Self::Route(route) => {
                writer.map(&route.routing)?;
                writer.list(&route.bookmarks)?;
                match &route.target {
                    RouteTarget::Database(name) => writer.value(&name.clone().into())?,
                    RouteTarget::Extra(Extra(map)) => writer.map(map)?,
                }
            }
            Self::Telemetry(number) => writer.int(*number),
            Self::Pull(_) | Self::Discard(_) | Self::Logoff | Self::Goodbye | Self::Reset => {}
            Self::AckFailure | Self::Commit | Self::Rollback => {}
        }
        Ok(())
    }
}

impl Fetch {
    /// All that is left of the last result.
    pub const ALL: Self = Self { amount: Amount::All, qid: None };

    fn map(self) -> Map {
        let n = match self.amount {
            Amount::All => -1,
            Amount::AtMost(count) => i64::try_from(count).unwrap_or(i64::MAX),
        };
        let qid = self.qid.map(|qid| ("qid", qid));
        crate::value::map([("n", n)].into_iter().chain(qid))
    }
}

/// How many fields a request has; none if it is not part of the version.
const fn fields_of(signature: Signature, version: Version) -> Option<usize> {
    let is_first = version.major < 3;
    let has_logon = version.major > 5 || (version.major == 5 && version.minor >= 1);
    let has_route = version.major > 4 || (version.major == 4 && version.minor >= 3);
    Some(match signature {
        Signature::Hello => 1 + is_first as usize,
        Signature::Run => 3 - is_first as usize,
        Signature::Pull | Signature::Discard => !is_first as usize,
        Signature::AckFailure if is_first => 0,
        Signature::Reset => 0,
        Signature::Commit | Signature::Rollback | Signature::Goodbye if !is_first => 0,
        Signature::Begin if !is_first => 1,
        Signature::Route if has_route => 3,
        Signature::Logon if has_logon => 1,
        Signature::Logoff if has_logon => 0,
        Signature::Telemetry if !is_first => 1,
        Signature::AckFailure
        | Signature::Commit
        | Signature::Rollback
        | Signature::Goodbye
        | Signature::Begin
        | Signature::Route
        | Signature::Logon
        | Signature::Logoff
        | Signature::Telemetry
        | Signature::Success
        | Signature::Record
        | Signature::Ignored
        | Signature::Failure => return None,
    })
}

fn fetch(
    signature: Signature,
    version: Version,
    reader: &mut Reader<'_>,
) -> Result<Fetch, MessageError> {
    if !version.has_transactions() {
        return Ok(Fetch::ALL);
    }
    let map = reader.map("n and qid in a map")?;
    let wrong = |error| MessageError::Entry { signature, error };
    let amount = match int(&map, "n").map_err(wrong)? {
        None | Some(-1) => Amount::All,
        Some(number) => match u64::try_from(number) {
            Ok(count) => Amount::AtMost(count),
            Err(_) => {
                return Err(wrong(ExtraError::new("n", "-1 or at least 0", map.get("n"))));
            }
        },
    };
    let qid = int(&map, "qid").map_err(wrong)?.filter(|qid| *qid != -1);
    Ok(Fetch { amount, qid })
}

fn route(
    signature: Signature,
    version: Version,
    reader: &mut Reader<'_>,
) -> Result<Route, MessageError> {
    let routing = reader.map("the routing context as a map")?;
    let bookmarks = reader.list("bookmarks as a list")?;
    let target = if version >= Version::V4_4 {
        RouteTarget::Extra(Extra(reader.map("options as a map")?))
    } else {
        let name = crate::value::map([("db", reader.value()?)]);
        let name = super::extra::text(&name, "db");
        let name = name.map_err(|error| MessageError::Entry { signature, error })?;
        RouteTarget::Database(name.map(str::to_owned))
    };
    Ok(Route { routing, bookmarks, target })
}
