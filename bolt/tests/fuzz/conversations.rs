//! Conversations as real clients hold them: the seeds of the mutations, as bytes of both directions.

use crate::common::{
    host::{Choice, Host},
    request_bytes, response_bytes,
};
use bolt::{
    Request, Response, Value, Version,
    chunk::{Decoder, Frame},
    handshake::{Offer, answer},
    message::{Amount, AuthMap, Extra, Failure, Fetch, HelloMap, Mode, Route, RouteTarget, Run},
    server::{Session, Settings, broken},
    value::{
        Date, DateTime, DateTimeZoneId, Duration, LocalDateTime, LocalTime, Map, Node, Path,
        Point2D, Point3D, Relationship, Time, TimeForm, UnboundRelationship, map,
    },
};

/// A conversation: its name, what the client sends, what the server sends.
pub(crate) struct Conversation {
    pub(crate) name: String,
    pub(crate) client: Vec<u8>,
    pub(crate) server: Vec<u8>,
}

const OK: Choice = Choice { fails: false, applies_all_the_same: false, has_more: false };
const FAILS: Choice = Choice { fails: true, ..OK };
const MORE: Choice = Choice { has_more: true, ..OK };

fn run(query: &str, extra: Extra) -> Request {
    let parameters = map([("n", Value::Int(1)), ("list", Value::List(vec!["ä".into()]))]);
    Request::Run(Run { query: query.to_owned(), parameters, extra })
}

fn some(count: u64) -> Fetch {
    Fetch { amount: Amount::AtMost(count), qid: None }
}

const PULL: Request = Request::Pull(Fetch::ALL);

fn login(version: Version) -> Vec<(Request, Choice)> {
    let mut hello = map([("user_agent", "memgraph-ha/0.1")]);
    let auth = AuthMap::basic("ann", "not a secret");
    if version.has_logon() {
        return vec![(Request::Hello(HelloMap(hello)), OK), (Request::Logon(auth), OK)];
    }
    hello.extend(auth.0);
    vec![(Request::Hello(HelloMap(hello)), OK)]
}

fn of(name: &str, version: Version, requests: Vec<(Request, Choice)>) -> Conversation {
    let name = format!("{name}-{version}");
    let mut client = Offer::of(&[version]).bytes().to_vec();
    let mut server = answer(version).to_vec();
    let mut host = Host::new(Session::new(Settings::memgraph(version)));
    for (request, choice) in login(version).into_iter().chain(requests) {
        let bytes = request_bytes(&request, version);
        client.extend(&bytes);
        let frame = Decoder::new(1 << 20).next(&mut &bytes[..]).expect("a short message");
        let Some(Frame::Message(body)) = frame else { panic!("no message") };
        let reply = host.answer(&body, choice).expect("the order of calls");
        for message in reply.messages {
            server.extend(response_bytes(&message, version));
        }
    }
    Conversation { name, client, server }
}

/// One value of each kind.
fn one_of_each() -> Vec<Value> {
    let properties = map([("k", 1_i64)]);
    let node = |id| Node {
        id,
        labels: vec!["A".to_owned()],
        properties: map([("k", "v")]),
        element_id: None,
    };
    let kind = "R".to_owned();
    let unbound =
        UnboundRelationship { id: 3, kind: kind.clone(), properties: Map::new(), element_id: None };
    let bound =
        Relationship { id: 3, start: 1, end: 2, kind, properties: Map::new(), element_ids: None };
    let path = Path {
        nodes: vec![node(1), node(2)],
        relationships: vec![unbound.clone()],
        indices: vec![1, 1],
    };
    let at =
        |form| DateTime { seconds: 1_700_000_000, nanoseconds: 5, offset_seconds: 3_600, form };
    let zoned = |form| DateTimeZoneId {
        seconds: 1_700_000_000,
        nanoseconds: 5,
        zone: "Europe/Berlin".to_owned(),
        form,
    };
    vec![
        Value::Null,
        true.into(),
        Value::Int(-1_234_567_890_123),
        Value::Float(1.5),
        "text".into(),
        Value::Bytes(vec![0, 1, 2]),
        Value::List(vec![Value::Int(1), Value::Null]),
        properties.into(),
        Value::Node(Box::new(node(1))),
        Value::Relationship(Box::new(bound)),
        Value::UnboundRelationship(Box::new(unbound)),
        Value::Path(Box::new(path)),
        Value::Date(Date { days: 19_000 }),
        Value::Time(Time { nanoseconds: 1, offset_seconds: 3_600 }),
        Value::LocalTime(LocalTime { nanoseconds: 1 }),
        Value::LocalDateTime(LocalDateTime { seconds: 1, nanoseconds: 2 }),
        Value::DateTime(Box::new(at(TimeForm::Utc))),
        Value::DateTime(Box::new(at(TimeForm::Local))),
        Value::DateTimeZoneId(Box::new(zoned(TimeForm::Utc))),
        Value::DateTimeZoneId(Box::new(zoned(TimeForm::Local))),
        Value::Duration(Box::new(Duration { months: 1, days: 2, seconds: 3, nanoseconds: 4 })),
        Value::Point2D(Point2D { srid: 7_203, x: 1.0, y: 2.0 }),
        Value::Point3D(Box::new(Point3D { srid: 9_157, x: 1.0, y: 2.0, z: 3.0 })),
    ]
}

fn values(version: Version) -> Conversation {
    let mut one = of("values", version, vec![(run("RETURN all", Extra::none()), OK)]);
    one.client.extend(request_bytes(&PULL, version));
    for response in [
        Response::Record(one_of_each()),
        Response::Success(map([("has_more", Value::Bool(false)), ("type", "r".into())])),
        Response::Ignored,
        Response::Failure(Failure::new("Memgraph.ClientError.MemgraphError.MemgraphError", "no")),
        broken(),
    ] {
        one.server.extend(response_bytes(&response, version));
    }
    one
}

fn texts(version: Version) -> Conversation {
    let text = |text: &str| [(run(text, Extra::none()), OK), (PULL, OK)];
    let requests = [text("BEGIN"), text("CREATE (n)"), text("COMMIT"), text("ROLLBACK")];
    let mut requests = requests.concat();
    let again = if version == Version::V1_0 { Request::AckFailure } else { Request::Reset };
    requests.push((again, OK));
    of("texts", version, requests)
}

fn transaction(version: Version) -> Conversation {
    let extra =
        Extra::none().with_mode(Mode::Write).with_database("memgraph").with_tx_timeout_ms(9);
    let requests = vec![
        (Request::Begin(extra), OK),
        (run("UNWIND range(1, 9) AS n RETURN n", Extra::none()), OK),
        (Request::Pull(some(3)), MORE),
        (Request::Pull(Fetch { qid: Some(0), ..some(3) }), MORE),
        (Request::Discard(Fetch::ALL), OK),
        (Request::Commit, OK),
        (Request::Begin(Extra::none()), OK),
        (Request::Rollback, OK),
        (Request::Goodbye, OK),
    ];
    of("transaction", version, requests)
}

fn failures(version: Version) -> Conversation {
    let mode = Extra::none().with_mode(Mode::Read);
    let requests = vec![
        (run("RETURN", mode.clone()), FAILS),
        (PULL, OK),
        (Request::Reset, OK),
        (run("RETURN 1", mode), OK),
        (PULL, FAILS),
        (Request::Reset, OK),
        (Request::Begin(Extra::none()), OK),
        (Request::Commit, FAILS),
        (Request::Reset, OK),
        (PULL, OK),
    ];
    of("failures", version, requests)
}

fn route(version: Version) -> Conversation {
    let target = if version == Version::V4_3 {
        RouteTarget::Database(Some("memgraph".to_owned()))
    } else {
        RouteTarget::Extra(Extra::none().with_database("memgraph"))
    };
    let routing = map([("address", "localhost:7687")]);
    let route = Request::Route(Route { routing, bookmarks: vec!["b".into()], target });
    of("route", version, vec![(route, OK), (Request::Reset, OK)])
}

/// All of them.
pub(crate) fn conversations() -> Vec<Conversation> {
    let new = [Version::V5_2, Version::V4_4, Version::V4_0];
    let mut all: Vec<Conversation> = new.into_iter().map(transaction).collect();
    all.extend(new.into_iter().map(failures));
    all.extend([Version::V5_2, Version::V4_4, Version::V1_0].map(texts));
    all.extend([Version::V5_2, Version::V4_4].map(values));
    all.extend([Version::V5_2, Version::V4_4, Version::V4_3].map(route));
    all.push(of("logoff", Version::V5_2, vec![(Request::Logoff, OK), (Request::Reset, OK)]));
    all
}
