//! A gateway on the loopback among clients that are not friendly, and what users of a proxy expect:
//! limits, replicas, admin port, an orderly stop.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{
    Request, Response, Value, Version,
    handshake::Offer,
    message::{Extra, Fetch, Route, RouteTarget, Run},
    value::map,
};
use gateway::controllers::wire::Replica;
use std::{net::SocketAddr, sync::atomic::Ordering::SeqCst};
use support::{
    client::{Client, Got, is_done},
    net::{Instance, LONG, one, read_to_end, until},
    requests::run,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

#[tokio::test]
async fn what_is_not_bolt_is_closed_without_a_word() {
    let (instance, _lead, running) = one(&[("passthrough", "false")]).await;
    let garbage: [&[u8]; 4] =
        [b"\0\0\0\0", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"``\xB0\x18"];
    for bytes in garbage {
        let mut stream = TcpStream::connect(running.at.write.unwrap()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        assert!(read_to_end(&mut stream).await.is_empty(), "{bytes:?}");
    }
    assert_eq!(instance.knobs.accepted.load(SeqCst), 0, "the instance is not bothered");
}

#[tokio::test]
async fn http_on_the_bolt_port_passes_unread_to_the_instance_that_is_meant() {
    let (instance, lead, running) = one(&[]).await;
    let mut stream = TcpStream::connect(running.at.write.unwrap()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    // The instance of the tests speaks Bolt alone and closes.
    assert!(read_to_end(&mut stream).await.is_empty());
    assert!(instance.knobs.accepted.load(SeqCst) >= 2, "one to ask who it is, one to speak");
    until(|| running.metric("memgraph_gateway_connections_active{listener=\"write\"}") == 0).await;
    // Where another process answers, nothing passes.
    let imposter = Instance::start(3).await;
    lead.say(|said| {
        said.term += 1;
        said.main = Some((instance.reference(), imposter.address));
    });
    until(|| running.gate.view().target.is_some_and(|to| to.address == imposter.address)).await;
    let mut stream = TcpStream::connect(running.at.write.unwrap()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    until(|| imposter.knobs.accepted.load(SeqCst) >= 2).await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    // Only the gateway's own handshake and HELLO are there.
    let greeting = imposter.knobs.got.load(SeqCst) / imposter.knobs.accepted.load(SeqCst);
    assert!(greeting < 80, "{greeting}");
    assert!(imposter.database.lock().unwrap().committed.is_empty());
}

#[tokio::test]
async fn a_client_that_says_nothing_or_little_runs_out_of_time() {
    let (_instance, _lead, running) = one(&[("login-timeout", "300ms")]).await;
    let address = running.at.write.unwrap();
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let drip = tokio::spawn(async move {
        for byte in Offer::of(&[Version::V5_2]).bytes() {
            if slow.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        }
        read_to_end(&mut slow).await
    });
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(&Offer::of(&[Version::V5_2]).bytes()).await.unwrap();
    half.write_all(&[0, 200, 0xB1]).await.unwrap();
    assert!(read_to_end(&mut silent).await.is_empty());
    assert!(drip.await.unwrap().is_empty());
    assert_eq!(read_to_end(&mut half).await, [0, 0, 2, 5], "the version, and no more");
    until(|| running.metric("memgraph_gateway_connections_active{listener=\"write\"}") == 0).await;
}

#[tokio::test]
async fn half_open_connections_are_limited_and_give_their_places_back() {
    let set = [("max-connections", "20"), ("max-connections-per-source", "15")];
    let (_instance, _lead, running) = one(&set).await;
    let address = running.at.write.unwrap();
    let mut streams = Vec::new();
    for _ in 0..40 {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    let refused =
        "memgraph_gateway_rejected_total{listener=\"write\",reason=\"connections-of-source\"}";
    until(|| running.metric(refused) == 25).await;
    assert_eq!(running.metric("memgraph_gateway_connections_active{listener=\"write\"}"), 15);
    drop(streams);
    until(|| running.metric("memgraph_gateway_connections_active{listener=\"write\"}") == 0).await;
    let mut client = Client::connect(address).await.unwrap();
    assert!(is_done(&client.write(1).await));
}

#[tokio::test]
async fn giant_messages_pass_after_the_login_and_not_before() {
    let (instance, _lead, running) = one(&[]).await;
    let address = running.at.write.unwrap();
    let mut client = Client::connect(address).await.unwrap();
    let parameters = map([("text", Value::from("x".repeat(900_000).as_str()))]);
    let query = "CREATE 1".to_owned();
    let giant = Request::Run(Run { query, parameters, ..Run::default() });
    assert!(is_done(&client.ask(&[giant, Request::Pull(Fetch::ALL)]).await));
    assert_eq!(instance.committed(), [1]);
    let got = client.ask(&[run("RETURN 100000"), Request::Pull(Fetch::ALL)]).await;
    let Got::Answers(answers) = got else { panic!("it ended") };
    assert_eq!(answers.len(), 100_002);
    let password = "x".repeat(100_000);
    let stream = TcpStream::connect(address).await.unwrap();
    assert!(Client::login_as(stream, Version::V5_2, &password).await.is_err());
    assert_eq!(instance.database.lock().unwrap().logins, 1);
}

#[tokio::test]
async fn a_refused_login_is_told_and_voids_nothing() {
    let (_instance, _lead, running) = one(&[]).await;
    let address = running.at.write.unwrap();
    let mut client = Client::connect(address).await.unwrap();
    for version in [Version::V5_2, Version::V4_4] {
        let stream = TcpStream::connect(address).await.unwrap();
        let refused = Client::login_as(stream, version, "wrong").await.map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    }
    assert!(is_done(&client.write(1).await));
    assert_eq!(running.metric("memgraph_gateway_held_total{listener=\"write\"}"), 0);
}

#[tokio::test]
async fn every_version_of_memgraph_is_spoken() {
    let (instance, _lead, running) = one(&[]).await;
    for (id, version) in (1..).zip(Version::MEMGRAPH) {
        let stream = TcpStream::connect(running.at.write.unwrap()).await.unwrap();
        let mut client = Client::login(stream, *version).await.unwrap();
        assert!(is_done(&client.write(id).await), "{version}");
    }
    assert_eq!(instance.committed().len(), Version::MEMGRAPH.len());
}

async fn http(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    String::from_utf8(read_to_end(&mut stream).await).unwrap()
}

#[tokio::test]
async fn the_admin_port_tells_and_a_stop_lets_transactions_end() {
    let (instance, _lead, mut running) = one(&[]).await;
    let (write, admin) = (running.at.write.unwrap(), running.at.admin.unwrap());
    let mut open = Client::connect(write).await.unwrap();
    let mut idle = Client::connect(write).await.unwrap();
    assert!(is_done(&open.begin(1).await));
    let metrics = http(admin, "/metrics").await;
    for line in [
        "memgraph_gateway_connections_active{listener=\"write\"} 2",
        "memgraph_gateway_connections_total{listener=\"write\"} 2",
        "memgraph_gateway_grant_held 1",
        "memgraph_gateway_routed_after_seconds_count 1",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(http(admin, "/livez").await.starts_with("HTTP/1.1 200"));
    assert!(http(admin, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(http(admin, "/").await.starts_with("HTTP/1.1 404"));
    running.stop();
    idle.ended().await;
    assert!(http(admin, "/readyz").await.starts_with("HTTP/1.1 503"));
    assert!(is_done(&open.ask(&[Request::Commit]).await), "what is open ends");
    open.ended().await;
    timeout(LONG, &mut running.task).await.expect("it stops").unwrap().unwrap();
    assert_eq!(instance.committed(), [1]);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let (_instance, _lead, mut running) = one(&[("stop-limit", "200ms")]).await;
    let mut open = Client::connect(running.at.write.unwrap()).await.unwrap();
    assert!(is_done(&open.begin(1).await));
    running.stop();
    timeout(LONG, &mut running.task).await.expect("it stops").unwrap().unwrap();
    open.ended().await;
}

#[tokio::test]
async fn an_idle_time_is_one_without_any_byte() {
    let (_instance, _lead, running) = one(&[("idle-timeout", "1s")]).await;
    let address = running.at.write.unwrap();
    let mut idle = Client::connect(address).await.unwrap();
    let mut busy = Client::connect(address).await.unwrap();
    let works = tokio::spawn(async move {
        for id in 0..15 {
            assert!(is_done(&busy.write(id).await));
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    idle.ended().await;
    works.await.unwrap();
    let ended = running.metric("memgraph_gateway_ended_total{listener=\"write\",reason=\"idle\"}");
    assert_eq!(ended, 1);
}

#[tokio::test]
async fn route_is_answered_over_the_wire() {
    let set = [("advertised-read-address", "read.example:7687")];
    let (_instance, _lead, running) = one(&set).await;
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    let target = RouteTarget::Extra(Extra::none().with_database("a"));
    let routing = map([("address", "gw.example:7687")]);
    let route = Request::Route(Route { routing, bookmarks: Vec::new(), target });
    let pull = Request::Pull(Fetch::ALL);
    // Pipelined, the answers keep their order.
    let got = client.ask(&[run("RETURN 1"), pull, route]).await;
    let Got::Answers(answers) = got else { panic!("it ended") };
    let Some(Response::Success(entries)) = answers.last() else { panic!("{answers:?}") };
    let table = entries["rt"].as_map().unwrap();
    assert_eq!((table["db"].as_str(), table["ttl"].as_int()), (Some("a"), Some(10)));
}

/// A client of the read listener that is told of no write address elsewhere has none.
#[tokio::test]
async fn route_names_no_address_for_writes_by_which_only_reads_come() {
    let (_instance, lead, running) = one(&[]).await;
    let other = Instance::start(1).await;
    lead.say(|said| {
        let (instance, address) = (other.reference(), other.address);
        said.replicas = vec![Replica { instance, address, votes: false }];
    });
    for (address, count) in [(running.at.write.unwrap(), 1), (running.at.read.unwrap(), 0)] {
        let mut client = Client::connect(address).await.unwrap();
        let target = RouteTarget::Extra(Extra::none());
        let routing = map([("address", address.to_string().as_str())]);
        let route = Request::Route(Route { routing, bookmarks: Vec::new(), target });
        let Got::Answers(answers) = client.ask(&[route]).await else { panic!("it ended") };
        let [Response::Success(entries)] = &answers[..] else { panic!("{answers:?}") };
        let table = entries["rt"].as_map().unwrap();
        let write = table["servers"].as_list().unwrap()[0].as_map().unwrap();
        assert_eq!(write["role"].as_str(), Some("WRITE"));
        assert_eq!(write["addresses"].as_list().unwrap().len(), count);
    }
}
