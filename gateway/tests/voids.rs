//! What takes the route from everybody: an instance that closes or refuses a connection, and neither
//! what a client does nor what this machine lacks. And what bytes that pass unread may do without one.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use gateway::controllers::NoStoredTarget;
use std::{sync::atomic::Ordering::SeqCst, time::Duration};
use support::{
    client::{Client, is_done},
    net::{Instance, Lead, Running, clock_ahead, one, read_to_end, until},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const VOIDED: &str = "memgraph_gateway_grants_voided_total";
const ACTIVE: &str = "memgraph_gateway_connections_active{listener=\"write\"}";
const DIALS: &str = "memgraph_gateway_dial_failures_total{listener=\"write\"}";

/// A client whose bytes pass unread.
async fn unread(running: &Running) -> TcpStream {
    let mut stream = TcpStream::connect(running.at.write.unwrap()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    stream
}

#[tokio::test]
async fn an_unread_client_that_makes_the_instance_close_takes_nothing_from_others() {
    let (_instance, _lead, running) = one(&[]).await;
    for _ in 0..3 {
        // The instance of the tests speaks Bolt alone and closes.
        assert!(read_to_end(&mut unread(&running).await).await.is_empty());
    }
    until(|| running.metric(ACTIVE) == 0).await;
    assert_eq!(running.metric(VOIDED), 0);
}

#[tokio::test]
async fn an_instance_that_dies_under_an_unread_client_is_noticed() {
    let (instance, _lead, running) = one(&[]).await;
    instance.knobs.holds.store(true, SeqCst);
    let left = unread(&running).await;
    until(|| instance.knobs.held.load(SeqCst) == 1).await;
    drop(left);
    until(|| running.metric(ACTIVE) == 0).await;
    assert_eq!(running.metric(VOIDED), 0, "the client left");
    let mut stream = unread(&running).await;
    until(|| instance.knobs.held.load(SeqCst) == 2).await;
    instance.kill();
    read_to_end(&mut stream).await;
    until(|| running.metric(VOIDED) == 1).await;
}

#[tokio::test]
async fn what_this_machine_lacks_is_no_word_of_the_instance() {
    let instance = Instance::start(0).await;
    let lead = Lead::new();
    // No connection is to be had there, and no packet leaves: the broadcast address of the loopback.
    let nowhere = "127.255.255.255:7687".parse().unwrap();
    lead.say(|said| (said.term, said.main) = (1, Some((instance.reference(), nowhere))));
    let running = Running::start(&lead, &[]);
    let address = running.at.write.unwrap();
    let waiting = tokio::spawn(async move { Client::connect(address).await });
    until(|| running.metric(DIALS) > 2).await;
    assert_eq!(running.metric(VOIDED), 0);
    lead.open(&instance);
    let mut client = waiting.await.unwrap().expect("it waits for a way");
    assert!(is_done(&client.write(1).await));
}

#[tokio::test]
async fn an_instance_that_refuses_voids_the_grant() {
    let (instance, _lead, running) = one(&[]).await;
    let mut client = Client::connect(running.at.write.unwrap()).await.unwrap();
    assert!(is_done(&client.write(1).await));
    instance.kill();
    let address = running.at.write.unwrap();
    let late = tokio::spawn(async move { Client::connect(address).await });
    until(|| running.metric(VOIDED) > 0).await;
    late.abort();
}

#[tokio::test]
async fn bytes_that_pass_unread_stop_in_both_directions_with_the_grant_and_end_with_its_term() {
    let (main, next) = (Instance::start(0).await, Instance::start(1).await);
    main.knobs.holds.store(true, SeqCst);
    let (lead, (clock, slept)) = (Lead::new(), clock_ahead());
    lead.open(&main);
    let running = Running::start_with(&lead, &[], clock, NoStoredTarget);
    let mut client = unread(&running).await;
    let (got, told) = (&main.knobs.got, &main.knobs.told);
    until(|| main.knobs.held.load(SeqCst) == 1).await;
    // Both ways are open.
    let before = got.load(SeqCst);
    client.write_all(b"abc").await.unwrap();
    until(|| got.load(SeqCst) == before + 3).await;
    told.store(1, SeqCst);
    assert_eq!(client.read_u8().await.unwrap(), b'+');
    // The grant is over: whatever either says stays here.
    lead.say(|said| said.silent = true);
    slept.store(60_000, SeqCst);
    client.write_all(b"defg").await.unwrap();
    told.store(3, SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(got.load(SeqCst), before + 3, "not a byte to the instance");
    let heard = client.try_read(&mut [0; 8]);
    assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nor to the client");
    // The same grant again: nothing was lost.
    lead.say(|said| said.silent = false);
    until(|| got.load(SeqCst) == before + 7).await;
    let mut heard = [0; 2];
    client.read_exact(&mut heard).await.unwrap();
    // Another term: the end of both.
    lead.open(&next);
    until(|| running.gate.view().target.is_some_and(|to| to.address == next.address)).await;
    let _ = client.write_all(b"hi").await;
    told.store(9, SeqCst);
    assert!(read_to_end(&mut client).await.is_empty(), "what the old main says goes nowhere");
    until(|| running.metric(ACTIVE) == 0).await;
    assert_eq!(got.load(SeqCst), before + 7, "and what its client says too");
    assert_eq!(next.knobs.accepted.load(SeqCst), 0);
}
