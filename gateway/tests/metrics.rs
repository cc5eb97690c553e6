//! Every metric is there, per listener where it belongs to one, and moves with what it counts.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{Request, message::Fetch};
use gateway::controllers::{NoStoredTarget, wire::Replica};
use std::sync::atomic::Ordering::SeqCst;
use support::{
    client::{Client, Got, is_done},
    host::Role,
    net::{Instance, Lead, Running, clock_ahead, read_to_end, until},
    requests::run,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn at(running: &Running, name: &str, labels: &str) -> u64 {
    running.metric(&format!("memgraph_gateway_{name}{{{labels}}}"))
}

fn write(running: &Running, name: &str) -> u64 {
    at(running, name, "listener=\"write\"")
}

#[tokio::test]
async fn each_listener_counts_its_own() {
    let (main, replica) = (Instance::start(0).await, Instance::start(1).await);
    replica.database.lock().unwrap().role = Role::Replica;
    let lead = Lead::new();
    lead.say(|said| {
        let (instance, address) = (replica.reference(), replica.address);
        said.replicas = vec![Replica { instance, address, votes: true }];
    });
    lead.open(&main);
    let running = Running::start(&lead, &[]);
    let mut writer = Client::connect(running.at.write.unwrap()).await.unwrap();
    let mut reader = Client::connect(running.at.read.unwrap()).await.unwrap();
    assert!(is_done(&writer.write(1).await));
    for _ in 0..2 {
        let many = [run("RETURN 5000"), Request::Pull(Fetch::ALL)];
        assert!(is_done(&reader.ask(&many).await));
    }
    for listener in ["write", "read"] {
        let of = |name: &str| at(&running, name, &format!("listener=\"{listener}\""));
        assert_eq!((of("connections_active"), of("connections_total")), (1, 1), "{listener}");
    }
    let sent = "listener=\"read\",direction=\"sent\"";
    assert!(at(&running, "bytes_transferred_total", sent) > 20_000, "while it is open");
    drop((writer, reader));
    for listener in ["write", "read"] {
        let of =
            |name: &str, more: &str| at(&running, name, &format!("listener=\"{listener}\"{more}"));
        until(|| of("connections_active", "") == 0).await;
        assert_eq!(of("ended_total", ",reason=\"client-left\""), 1);
        // What is left to be counted is counted at the end.
        for direction in ["sent", "received"] {
            let bytes = of("bytes_transferred_total", &format!(",direction=\"{direction}\""));
            assert!(bytes > 50, "{listener} {direction}: {bytes}");
        }
    }
}

#[tokio::test]
async fn what_a_move_does_to_clients_is_counted() {
    let (first, second) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.open(&first);
    let running = Running::start(&lead, &[]);
    let (mut idle, mut open, mut doubt) = (
        Client::connect(running.at.write.unwrap()).await.unwrap(),
        Client::connect(running.at.write.unwrap()).await.unwrap(),
        Client::connect(running.at.write.unwrap()).await.unwrap(),
    );
    assert_eq!(running.metric("memgraph_gateway_grant_held"), 1);
    assert_eq!(running.metric("memgraph_gateway_routed_after_seconds_count"), 1);
    assert!(is_done(&open.begin(1).await) && is_done(&doubt.begin(2).await));
    first.knobs.stalls.store(true, SeqCst);
    let before = first.knobs.got.load(SeqCst);
    doubt.send(&[Request::Commit]).await.unwrap();
    until(|| first.knobs.got.load(SeqCst) > before).await;
    lead.withdraw().await;
    assert_eq!(running.metric("memgraph_gateway_grant_held"), 0);
    first.knobs.stalls.store(false, SeqCst);
    assert!(matches!(doubt.hear(1).await, Got::Ended));
    assert!(!is_done(&open.ask(&[Request::Commit]).await));
    let waiting = tokio::spawn(async move { idle.write(3).await });
    until(|| write(&running, "held_total") == 1).await;
    lead.open(&second);
    assert!(is_done(&waiting.await.unwrap()));
    assert_eq!(write(&running, "rehomed_total"), 1);
    assert_eq!(write(&running, "failed_retryable_total"), 1);
    assert_eq!(write(&running, "closed_in_doubt_total"), 1);
    assert_eq!(write(&running, "connection_errors_total"), 1);
    assert_eq!(running.metric("memgraph_gateway_routed_after_seconds_count"), 2);
    // It is no main any more, and nobody has said so yet.
    second.database.lock().unwrap().role = Role::Replica;
    assert!(is_done(&open.ask(&[Request::Reset]).await));
    assert!(!is_done(&open.write(4).await));
    assert_eq!(write(&running, "forbidden_writes_total"), 1);
    assert!(running.metric("memgraph_gateway_grants_voided_total") >= 1);
}

#[tokio::test]
async fn who_is_refused_and_what_cannot_be_reached_is_counted() {
    let instance = Instance::start(0).await;
    let lead = Lead::new();
    lead.open(&instance);
    let set = [
        ("max-connections-per-source", "2"),
        ("rate-limit-enabled", "true"),
        ("rate-limit-rps", "1"),
        ("rate-limit-burst", "3"),
        ("passthrough", "false"),
    ];
    let running = Running::start(&lead, &set);
    let address = running.at.write.unwrap();
    let kept = (Client::connect(address).await.unwrap(), Client::connect(address).await.unwrap());
    let refused =
        |reason| at(&running, "rejected_total", &format!("listener=\"write\",reason=\"{reason}\""));
    let _third = TcpStream::connect(address).await.unwrap();
    until(|| refused("connections-of-source") == 1).await;
    let mut read = TcpStream::connect(running.at.read.unwrap()).await.unwrap();
    read.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    read_to_end(&mut read).await;
    until(|| at(&running, "ended_total", "listener=\"read\",reason=\"not-passed\"") == 1).await;
    drop(kept);
    until(|| write(&running, "connections_active") == 0).await;
    instance.kill();
    let mut late = TcpStream::connect(address).await.unwrap();
    late.write_all(&bolt::handshake::Offer::of(&[bolt::Version::V5_2]).bytes()).await.unwrap();
    until(|| write(&running, "dial_failures_total") > 0).await;
    let _more = TcpStream::connect(address).await.unwrap();
    until(|| refused("rate") >= 1).await;
    lead.say(|said| said.silent = true);
    until(|| running.metric("memgraph_gateway_ask_failures_total") > 0).await;
}

#[tokio::test]
async fn the_age_of_a_grant_grows_until_the_next_answer() {
    let instance = Instance::start(0).await;
    let lead = Lead::new();
    lead.open(&instance);
    let (clock, later) = clock_ahead();
    let running = Running::start_with(&lead, &[], clock, NoStoredTarget);
    until(|| running.metric("memgraph_gateway_grant_held") == 1).await;
    let age = || running.metric("memgraph_gateway_grant_age_seconds");
    let before = lead.said.lock().unwrap().questions;
    until(|| lead.said.lock().unwrap().questions > before).await;
    later.store(1_000, SeqCst);
    assert_eq!(age(), 1);
    until(|| running.metric("memgraph_gateway_grant_held") == 1 && age() == 0).await;
}
