//! Controllers over HTTP: whoever leads is heard, names that cannot be looked up hold up nobody, and
//! replies that make no sense are refused.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use gateway::{
    clock::Clock,
    controllers::{
        AskError, Controllers, Lookup, NoStoredTarget,
        desk::Desk,
        http::{Address, HttpControllers},
        wire::{Ask, BadReply, PATH, Reply},
    },
};
use http_body_util::{BodyExt, Full};
use hyper::{StatusCode, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};
use support::{
    client::{Client, is_done},
    net::{Instance, LONG, Lead, Running, settings, until},
};
use tokio::{net::TcpListener, time::timeout};

/// The HTTP side of controllers, as small as it can be.
async fn controllers(desk: Desk, broken: Option<&'static str>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let desk = desk.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let desk = desk.clone();
                    async move {
                        assert_eq!(request.uri().path(), PATH);
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let ask: Ask = serde_json::from_slice(&body).unwrap();
                        let mut response = hyper::Response::new(Full::new(Bytes::new()));
                        match (broken, desk.ask(ask).await) {
                            (Some(text), _) => *response.body_mut() = Full::new(Bytes::from(text)),
                            (None, Ok(reply)) => {
                                let json = serde_json::to_vec(&reply).unwrap();
                                *response.body_mut() = Full::new(Bytes::from(json));
                            }
                            (None, Err(error)) => {
                                let json = serde_json::json!({"error": error.to_string()});
                                *response.body_mut() = Full::new(Bytes::from(json.to_string()));
                                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                            }
                        }
                        Ok::<_, std::convert::Infallible>(response)
                    }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn controllers_are_asked_over_http_and_whoever_leads_is_heard() {
    let (first, second) = (Instance::start(0).await, Instance::start(1).await);
    let (lead, follower) = (Lead::new(), Lead::new());
    lead.open(&first);
    follower.say(|said| said.silent = true);
    let addresses = [
        controllers(follower.desk.clone(), None).await,
        controllers(lead.desk.clone(), None).await,
        controllers(Lead::new().desk, Some("{\"version\":")).await,
    ];
    let addresses = addresses.map(|address| Address::read(&address.to_string()).unwrap());
    let asking = HttpControllers::new(addresses.to_vec());
    let running = Running::start_by(settings(&[]), asking, Clock::system(), NoStoredTarget);
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    assert!(is_done(&client.write(1).await));
    lead.withdraw().await;
    lead.open(&second);
    assert!(is_done(&client.write(2).await));
    assert_eq!((first.committed(), second.committed()), (vec![1], vec![2]));
}

#[test]
fn replies_that_make_no_sense_are_refused() {
    let good = serde_json::json!({
        "version": 1,
        "answer": {
            "number": 1, "term": 1, "lasts_ms": 10,
            "route": "closed",
        },
        "main_address": null,
    });
    let read = |json: &serde_json::Value| Reply::read(json.to_string().as_bytes());
    read(&good).unwrap();
    let with = |key: &str, value: serde_json::Value| {
        let mut json = good.clone();
        json[key] = value;
        read(&json).unwrap_err()
    };
    assert_eq!(with("version", 2.into()), BadReply::Version(2));
    assert!(matches!(with("answer", 3.into()), BadReply::Form(_)));
    assert!(matches!(with("main_address", "0.0.0.0:7687".into()), BadReply::Address(_)));
    assert!(matches!(with("main_address", "a:7687".into()), BadReply::Form(_)));
    assert!(matches!(Reply::read(b""), Err(BadReply::Form(_))));
    let instance = serde_json::json!({
        "id": "mg-0", "incarnation": {"pod": "1", "start": "1", "boot": "1", "volume": "1"},
    });
    let route = serde_json::json!({"open": {"term": 1, "main": instance}});
    let mut open = good.clone();
    open["answer"]["route"] = route;
    assert!(matches!(read(&open), Err(BadReply::NoAddress(_))));
    open["main_address"] = "10.0.0.1:7687".into();
    read(&open).unwrap();
    open["replicas"] = serde_json::json!([
        {"instance": instance, "address": "10.0.0.1:7687", "votes": true},
    ]);
    assert!(matches!(read(&open), Err(BadReply::Twice(_))));
}

/// Names are looked up here: one hangs, one is found, one is found for as long as it is told.
struct Names {
    lookup: Lookup,
    /// Look-ups of the one that hangs.
    hung: Arc<AtomicUsize>,
    /// The names are found.
    works: Arc<AtomicBool>,
}

fn names(found: SocketAddr) -> Names {
    let (hung, works) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let (count, is_found) = (Arc::clone(&hung), Arc::clone(&works));
    let lookup = Lookup::given(move |name| {
        let (hung, is_found) = (Arc::clone(&count), is_found.load(SeqCst));
        async move {
            if name.starts_with("hangs") {
                hung.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            }
            if is_found { Ok(vec![found]) } else { Err(io::ErrorKind::NotFound.into()) }
        }
    });
    Names { lookup, hung, works }
}

fn addresses(texts: &[&str]) -> Vec<Address> {
    texts.iter().map(|text| Address::read(text).unwrap()).collect()
}

#[tokio::test]
async fn a_name_that_hangs_holds_up_nobody_and_is_looked_up_once_at_a_time() {
    let first = Instance::start(0).await;
    let lead = Lead::new();
    lead.say(|said| said.lasts_ms = 400);
    lead.open(&first);
    let names = names(controllers(lead.desk.clone(), None).await);
    let asking = HttpControllers::with_lookup(addresses(&["hangs:1", "leads:1"]), names.lookup);
    let set = settings(&[("poll-wait", "50ms"), ("grant-limit", "400ms")]);
    let running = Running::start_by(set, asking, Clock::system(), NoStoredTarget);
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    let asked = |count| until(move || lead.said.lock().unwrap().questions >= count);
    asked(8).await;
    assert!(is_done(&client.write(1).await));
    assert_eq!(names.hung.load(SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_is_not_found_any_more_goes_on_being_asked_where_it_was() {
    let first = Instance::start(0).await;
    let lead = Lead::new();
    lead.open(&first);
    let names = names(controllers(lead.desk.clone(), None).await);
    let asking = HttpControllers::with_lookup(addresses(&["leads:1"]), names.lookup);
    let set = settings(&[("poll-wait", "10ms")]);
    let running = Running::start_by(set, asking, Clock::system(), NoStoredTarget);
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    names.works.store(false, SeqCst);
    let before = lead.said.lock().unwrap().questions;
    until(|| lead.said.lock().unwrap().questions > before + 4).await;
    assert!(is_done(&client.write(1).await));
    assert_eq!(running.metric("memgraph_gateway_ask_failures_total"), 0);
}

#[tokio::test]
async fn a_name_that_was_never_found_is_named() {
    let names = names("127.0.0.1:1".parse().unwrap());
    names.works.store(false, SeqCst);
    let asking = HttpControllers::with_lookup(addresses(&["nowhere:7"]), names.lookup);
    let failed = timeout(LONG, asking.ask(question())).await.unwrap().unwrap_err();
    assert!(failed.to_string().starts_with("nowhere:7: not found"), "{failed}");
}

fn question() -> Ask {
    let gate = gateway::gate::Gate::new(ha_core::ids::GatewayId(1), 1_000, Clock::system());
    Ask {
        version: gateway::controllers::wire::VERSION,
        question: gate.ask(),
        accepted: None,
        seen: None,
        wait_ms: 0,
        pod: None,
    }
}

#[tokio::test]
async fn what_each_controller_says_is_told_when_none_grants() {
    let follower = Lead::new();
    follower.say(|said| said.silent = true);
    let follows = controllers(follower.desk, None).await;
    let broken = controllers(Lead::new().desk, Some("{\"version\":")).await;
    let asked = [follows, broken].map(|address| Address::read(&address.to_string()).unwrap());
    let failed = HttpControllers::new(asked.to_vec()).ask(question()).await.unwrap_err();
    let text = failed.to_string();
    for part in [
        "2 controllers: ",
        &format!("at {follows}: it answers 503 Service Unavailable: no controller is known"),
        &format!("at {broken}: the reply is not understood: "),
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// Whoever asks it breaks.
struct Breaks;

impl Controllers for Breaks {
    async fn ask(&self, _: Ask) -> Result<Reply, AskError> {
        panic!("a mistake");
    }
}

#[tokio::test]
async fn a_gateway_that_cannot_ask_any_more_stops_and_says_why() {
    let mut running = Running::start_by(settings(&[]), Breaks, Clock::system(), NoStoredTarget);
    let ended = timeout(LONG, &mut running.task).await.expect("it stops").unwrap();
    let why = ended.unwrap_err().to_string();
    assert!(why.starts_with("the keeper of the grant has ended: ") && why.contains("a mistake"));
}
