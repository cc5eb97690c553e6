//! A gateway on the loopback while the main moves: what clients see, and what instances get.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{Request, server::FaultClass};
use gateway::{
    clock::Clock,
    controllers::{NoStoredTarget, StoredTarget},
};
use ha_core::ids::Term;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{
    client::{Client, Got, code, is_done},
    host::Role,
    net::{Instance, Lead, Running, clock_ahead, until},
};
use tokio::sync::mpsc;

async fn two() -> (Instance, Instance, Lead, Running) {
    two_with(&[]).await
}

async fn two_with(set: &[(&str, &str)]) -> (Instance, Instance, Lead, Running) {
    let (first, second) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.open(&first);
    let running = Running::start(&lead, set);
    (first, second, lead, running)
}

async fn connected(running: &Running) -> Client {
    Client::connect(running.at.write.unwrap()).await.expect("a login")
}

#[tokio::test]
async fn a_client_writes_to_the_main_of_the_grant() {
    let (first, second, _lead, running) = two().await;
    let mut client = connected(&running).await;
    assert!(is_done(&client.write(1).await));
    assert!(is_done(&client.begin(2).await));
    assert!(is_done(&client.ask(&[Request::Commit]).await));
    assert_eq!((first.committed(), second.committed()), (vec![1, 2], vec![]));
}

#[tokio::test]
async fn a_begin_while_the_main_moves_waits_and_goes_to_the_new_one() {
    let (first, second, lead, running) = two().await;
    let mut client = connected(&running).await;
    assert!(is_done(&client.write(1).await));
    lead.withdraw().await;
    let waiting = tokio::spawn(async move {
        let got = client.begin(2).await;
        (client, got)
    });
    until(|| running.metric("memgraph_gateway_held_total{listener=\"write\"}") > 0).await;
    assert!(!waiting.is_finished());
    lead.open(&second);
    let (mut client, got) = waiting.await.unwrap();
    assert!(is_done(&got), "{got:?}");
    assert!(is_done(&client.ask(&[Request::Commit]).await));
    assert_eq!((first.committed(), second.committed()), (vec![1], vec![2]));
    assert_eq!(running.metric("memgraph_gateway_rehomed_total{listener=\"write\"}"), 1);
}

#[tokio::test]
async fn a_new_client_while_there_is_no_route_waits() {
    let (_first, second, lead, running) = two().await;
    lead.withdraw().await;
    let address = running.at.write.unwrap();
    let waiting = tokio::spawn(async move { Client::connect(address).await });
    until(|| running.metric("memgraph_gateway_held_total{listener=\"write\"}") > 0).await;
    lead.open(&second);
    let mut client = waiting.await.unwrap().expect("a login");
    assert!(is_done(&client.write(1).await));
    assert_eq!(second.committed(), [1]);
}

#[tokio::test]
async fn an_open_transaction_fails_so_that_its_driver_retries() {
    let (first, second, lead, running) = two().await;
    let mut client = connected(&running).await;
    assert!(is_done(&client.begin(1).await));
    lead.withdraw().await;
    let got = client.ask(&[Request::Commit]).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    lead.withdraw().await;
    lead.open(&second);
    assert!(is_done(&client.ask(&[Request::Reset]).await));
    assert!(is_done(&client.write(2).await));
    assert_eq!((first.committed(), second.committed()), (vec![], vec![2]));
}

#[tokio::test]
async fn a_commit_whose_answer_is_out_ends_without_an_answer() {
    let (first, _second, lead, running) = two().await;
    let mut client = connected(&running).await;
    assert!(is_done(&client.begin(1).await));
    first.knobs.stalls.store(true, SeqCst);
    let before = first.knobs.got.load(SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    until(|| first.knobs.got.load(SeqCst) > before).await;
    lead.withdraw().await;
    first.knobs.stalls.store(false, SeqCst);
    assert!(matches!(client.hear(1).await, Got::Ended));
    until(|| first.committed() == [1]).await;
    assert_eq!(running.metric("memgraph_gateway_closed_in_doubt_total{listener=\"write\"}"), 1);
}

#[tokio::test]
async fn a_planned_move_waits_for_what_is_open() {
    let (first, second, lead, running) = two().await;
    let mut open = connected(&running).await;
    let mut other = connected(&running).await;
    assert!(is_done(&open.begin(1).await));
    assert!(is_done(&other.write(2).await));
    lead.drain();
    lead.until(|ask| ask.question.open_transactions).await;
    let held = tokio::spawn(async move {
        let got = other.write(3).await;
        (other, got)
    });
    assert!(is_done(&open.ask(&[Request::Commit]).await), "what is open ends");
    lead.until(|ask| !ask.question.open_transactions).await;
    lead.withdraw().await;
    first.database.lock().unwrap().role = Role::Replica;
    lead.open(&second);
    assert!(is_done(&held.await.unwrap().1));
    assert_eq!((first.committed(), second.committed()), (vec![2, 1], vec![3]));
}

/// What a load of clients did: which writes were acknowledged, refused for a retry, in doubt.
#[derive(Default)]
struct Load {
    acked: BTreeSet<u32>,
    again: BTreeSet<u32>,
    doubt: BTreeSet<u32>,
}

async fn load(address: std::net::SocketAddr, next: Arc<AtomicU32>, ends: Arc<AtomicBool>) -> Load {
    let mut load = Load::default();
    while !ends.load(SeqCst) {
        let Ok(mut client) = Client::connect(address).await else { continue };
        while !ends.load(SeqCst) {
            let id = next.fetch_add(1, SeqCst);
            let got = match id % 3 {
                0 => client.write(id).await,
                1 => client.write_apart(id).await,
                _ => match client.begin(id).await {
                    got if is_done(&got) => client.ask(&[Request::Commit]).await,
                    other => other,
                },
            };
            if is_done(&got) {
                load.acked.insert(id);
            } else if code(&got) == Some(FaultClass::MainChanged.code()) {
                load.again.insert(id);
                if !is_done(&client.ask(&[Request::Reset]).await) {
                    break;
                }
            } else if matches!(got, Got::Ended) {
                load.doubt.insert(id);
                break;
            } else {
                panic!("{got:?}");
            }
        }
    }
    load
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_nothing_acknowledged_is_lost_and_nothing_refused_is_there() {
    let (first, second, lead, running) = two().await;
    let (next, ends) = (Arc::new(AtomicU32::new(1)), Arc::new(AtomicBool::new(false)));
    let address = running.at.write.unwrap();
    let clients: Vec<_> =
        (0..8).map(|_| tokio::spawn(load(address, Arc::clone(&next), Arc::clone(&ends)))).collect();
    let mut main = &first;
    for turn in 0..12 {
        let target = next.load(SeqCst) + 40;
        until(|| next.load(SeqCst) > target).await;
        if turn % 2 == 0 {
            lead.drain();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        lead.withdraw().await;
        let got = main.knobs.got.load(SeqCst);
        main = if std::ptr::eq(main, &first) { &second } else { &first };
        tokio::time::sleep(Duration::from_millis(5)).await;
        let old = if std::ptr::eq(main, &first) { &second } else { &first };
        // Bytes that were in its socket may still be read, but no more than those come.
        let settled = old.knobs.got.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(old.knobs.got.load(SeqCst), settled, "bytes after the withdrawal ({got})");
        lead.open(main);
    }
    ends.store(true, SeqCst);
    let mut sum = Load::default();
    for client in clients {
        let mut load = client.await.unwrap();
        sum.acked.append(&mut load.acked);
        sum.again.append(&mut load.again);
        sum.doubt.append(&mut load.doubt);
    }
    let all = [first.committed(), second.committed()].concat();
    let committed: BTreeSet<u32> = all.iter().copied().collect();
    assert_eq!(committed.len(), all.len(), "a write is there twice");
    assert!(sum.acked.is_subset(&committed));
    assert!(sum.again.is_disjoint(&committed));
    let known: BTreeSet<u32> = sum.acked.union(&sum.doubt).copied().collect();
    assert!(committed.is_subset(&known), "a write is there that nobody heard of");
    assert!(sum.acked.len() > 300 && sum.again.len() + sum.doubt.len() > 0);
}

#[tokio::test]
async fn a_frozen_gateway_passes_nothing_on_waking() {
    let (first, second) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.open(&first);
    let (clock, slept) = clock_ahead();
    let running = Running::start_with(&lead, &[], clock, NoStoredTarget);
    let mut client = connected(&running).await;
    assert!(is_done(&client.begin(1).await));
    // The controllers have gone on; this process noticed nothing of it.
    lead.say(|said| said.silent = true);
    let before = first.knobs.got.load(SeqCst);
    slept.store(60_000, SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(first.knobs.got.load(SeqCst), before, "not a byte");
    lead.say(|said| said.silent = false);
    lead.open(&second);
    let got = client.hear(1).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    assert!(first.committed().is_empty());
}

#[tokio::test]
async fn without_controllers_writes_are_held_when_the_grant_has_run_out() {
    let set = [("hold-limit", "300ms"), ("grant-limit", "400ms"), ("poll-wait", "50ms")];
    let first = Instance::start(0).await;
    let lead = Lead::new();
    lead.say(|said| said.lasts_ms = 400);
    lead.open(&first);
    let running = Running::start(&lead, &set);
    let mut client = connected(&running).await;
    assert!(is_done(&client.write(1).await));
    lead.say(|said| said.silent = true);
    until(|| running.gate.expires_in().is_none()).await;
    let got = client.write(2).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    assert_eq!(first.committed(), [1]);
    lead.say(|said| said.silent = false);
    assert!(is_done(&client.ask(&[Request::Reset]).await));
    assert!(is_done(&client.write(3).await));
}

struct Told(mpsc::Receiver<Term>);

impl StoredTarget for Told {
    async fn changed(&mut self) -> Option<Term> {
        self.0.recv().await
    }
}

#[tokio::test]
async fn the_stored_record_ends_a_route_past_the_controllers() {
    let (first, second) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.open(&first);
    let (tell, told) = mpsc::channel(1);
    let running = Running::start_with(&lead, &[], Clock::system(), Told(told));
    let mut client = connected(&running).await;
    assert!(is_done(&client.write(1).await));
    // A leader that does not know of the new term goes on granting the old one.
    tell.send(Term(2)).await.unwrap();
    until(|| running.gate.expires_in().is_none()).await;
    let waiting = tokio::spawn(async move { client.write(2).await });
    until(|| running.metric("memgraph_gateway_held_total{listener=\"write\"}") > 0).await;
    assert_eq!(first.committed(), [1]);
    lead.open(&second);
    assert!(is_done(&waiting.await.unwrap()));
    assert_eq!(second.committed(), [2]);
}

#[tokio::test]
async fn another_process_at_the_address_gets_no_request_of_a_client() {
    let imposter = Instance::start(5).await;
    let lead = Lead::new();
    let meant = support::rig::start_of(0);
    lead.say(|said| {
        let mut reference = imposter.reference();
        reference.incarnation.start = meant;
        said.term = 1;
        said.main = Some((reference, imposter.address));
    });
    let running = Running::start(&lead, &[("hold-limit", "500ms"), ("login-timeout", "10s")]);
    let failed = Client::connect(running.at.write.unwrap()).await;
    assert!(failed.is_err());
    let database = imposter.database.lock().unwrap();
    assert_eq!((database.logins, database.committed.len()), (0, 0), "no LOGON reached it");
}

#[tokio::test]
async fn a_main_that_dies_is_replaced_without_an_error_for_who_was_idle() {
    let (first, second, lead, running) = two().await;
    let mut idle = connected(&running).await;
    let mut open = connected(&running).await;
    assert!(is_done(&idle.write(1).await));
    assert!(is_done(&open.begin(2).await));
    first.kill();
    let got = open.ask(&[Request::Commit]).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    let waiting = tokio::spawn(async move { idle.write(3).await });
    lead.withdraw().await;
    lead.open(&second);
    let got = waiting.await.unwrap();
    assert!(is_done(&got), "{got:?}");
    assert_eq!(second.committed(), [3]);
}

#[tokio::test]
async fn a_main_that_dies_before_a_result_was_asked_for_is_replaced_without_an_error() {
    let (first, second, lead, running) = two().await;
    let mut clients = Vec::new();
    for id in 1..=3 {
        let mut client = connected(&running).await;
        assert!(is_done(&client.ask(&[support::requests::run(&format!("CREATE {id}"))]).await));
        clients.push(client);
    }
    first.kill();
    let pull = Request::Pull(bolt::message::Fetch::ALL);
    // One asks before another main is there, one after, and one gives it up.
    let (mut early, mut late, mut not) = (clients.remove(0), clients.remove(0), clients.remove(0));
    let all = [pull.clone()];
    let waiting = tokio::spawn(async move { early.ask(&all).await });
    until(|| running.metric("memgraph_gateway_held_total{listener=\"write\"}") > 0).await;
    assert!(is_done(&not.ask(&[Request::Reset]).await));
    lead.withdraw().await;
    lead.open(&second);
    let got = waiting.await.unwrap();
    assert!(is_done(&got), "{got:?}");
    assert!(is_done(&late.ask(&[pull]).await));
    assert_eq!((first.committed(), second.committed()), (vec![], vec![1, 2]));
    let counted =
        |what| running.metric(&format!("memgraph_gateway_{what}_total{{listener=\"write\"}}"));
    assert_eq!((counted("asked_again"), counted("failed_retryable")), (2, 0));
}

#[tokio::test]
async fn an_instance_that_stops_within_an_answer_ends_the_connection_when_the_route_does() {
    let (first, _second, lead, running) = two().await;
    let mut client = connected(&running).await;
    first.knobs.stops_within.store(true, SeqCst);
    let before = first.knobs.got.load(SeqCst);
    client
        .send(&[support::requests::run("RETURN 3"), Request::Pull(bolt::message::Fetch::ALL)])
        .await
        .unwrap();
    until(|| first.knobs.got.load(SeqCst) > before).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    lead.withdraw().await;
    assert!(matches!(client.hear(2).await, Got::Ended));
}

#[tokio::test]
async fn a_refused_write_never_reaches_a_client_of_the_write_port() {
    let (first, second, lead, running) = two().await;
    let mut client = connected(&running).await;
    first.database.lock().unwrap().role = Role::Replica;
    let got = client.write(1).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    lead.withdraw().await;
    lead.open(&second);
    assert!(is_done(&client.ask(&[Request::Reset]).await));
    assert!(is_done(&client.write(2).await));
    assert_eq!(second.committed(), [2]);
    assert_eq!(running.metric("memgraph_gateway_forbidden_writes_total{listener=\"write\"}"), 1);
}
