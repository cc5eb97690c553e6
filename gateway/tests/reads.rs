//! The read port: which replica a reader gets, and that nobody reads without a grant. A replica may
//! be the next main, which takes writes on any connection.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{
    Request,
    message::{Extra, Fetch},
    server::FaultClass,
};
use gateway::controllers::{NoStoredTarget, wire::Replica};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{
    client::{Client, Got, code, is_done},
    host::Role,
    net::{Instance, LONG, Lead, Running, clock_ahead, until},
    requests::run,
};
use tokio::time::timeout;

const IN_DOUBT: &str = "memgraph_gateway_ended_total{listener=\"read\",reason=\"in-doubt\"}";

fn replica(instance: &Instance, votes: bool) -> Replica {
    Replica { instance: instance.reference(), address: instance.address, votes }
}

#[tokio::test]
async fn reads_go_to_replicas_that_nothing_waits_for_and_never_to_a_main() {
    let (main, voter, other) =
        (Instance::start(0).await, Instance::start(1).await, Instance::start(2).await);
    for instance in [&voter, &other] {
        instance.database.lock().unwrap().role = Role::Replica;
    }
    let lead = Lead::new();
    lead.say(|said| said.replicas = vec![replica(&voter, true), replica(&other, false)]);
    lead.open(&main);
    let running = Running::start(&lead, &[]);
    let address = running.at.read.unwrap();
    let read = || [run("RETURN 2"), Request::Pull(Fetch::ALL)];
    let mut client = Client::connect(address).await.unwrap();
    assert!(is_done(&client.ask(&read()).await));
    assert_eq!((voter.knobs.accepted.load(SeqCst), other.knobs.accepted.load(SeqCst)), (0, 1));
    // A write there is the client's mistake, and told in the instance's words.
    let got = client.write(1).await;
    assert_eq!(code(&got).unwrap(), "Memgraph.ClientError.MemgraphError.MemgraphError");
    assert!(is_done(&client.ask(&[Request::Reset]).await));
    // It becomes main: nothing more goes there.
    let before = other.knobs.got.load(SeqCst);
    lead.say(|said| said.replicas = vec![replica(&voter, true)]);
    lead.open(&other);
    until(|| running.gate.view().target.is_some_and(|to| to.address == other.address)).await;
    assert!(is_done(&client.ask(&read()).await));
    assert_eq!(other.knobs.got.load(SeqCst), before);
    assert_eq!(voter.knobs.accepted.load(SeqCst), 1);
    // The last one dies: reads wait for another.
    voter.kill();
    let waiting = tokio::spawn(async move { client.ask(&read()).await });
    until(|| voter.knobs.accepted.load(SeqCst) == 1).await;
    lead.say(|said| said.replicas = vec![replica(&main, false)]);
    lead.open(&other);
    assert!(is_done(&waiting.await.unwrap()));
}

#[tokio::test]
async fn reads_spread_and_fall_back_to_the_main_only_if_told() {
    let (main, a, b) =
        (Instance::start(0).await, Instance::start(1).await, Instance::start(2).await);
    let lead = Lead::new();
    lead.say(|said| said.replicas = vec![replica(&a, false), replica(&b, false)]);
    lead.open(&main);
    let running = Running::start(&lead, &[("read-fallback-to-main", "true")]);
    let mut clients = Vec::new();
    for _ in 0..6 {
        clients.push(Client::connect(running.at.read.unwrap()).await.unwrap());
    }
    let accepted = |instance: &Instance| instance.knobs.accepted.load(SeqCst);
    assert_eq!((accepted(&main), accepted(&a), accepted(&b)), (0, 3, 3));
    lead.say(|said| said.replicas = Vec::new());
    let read = [run("RETURN 1"), Request::Pull(Fetch::ALL)];
    let moved = timeout(LONG, async {
        while accepted(&main) == 0 {
            for client in &mut clients {
                // A read under way when its replica leaves ends without an answer.
                if !is_done(&client.ask(&read).await) {
                    *client = Client::connect(running.at.read.unwrap()).await.unwrap();
                }
            }
        }
    });
    moved.await.expect("a reader at the main");
}

fn read() -> [Request; 2] {
    [run("RETURN 2"), Request::Pull(Fetch::ALL)]
}

/// A main, a replica, a reader of it, and how many milliseconds the gateway's clock went ahead.
async fn reader() -> (Instance, Instance, Lead, Running, Client, Arc<AtomicU64>) {
    let (main, other) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.say(|said| said.replicas = vec![replica(&other, false)]);
    lead.open(&main);
    let (clock, slept) = clock_ahead();
    let running = Running::start_with(&lead, &[], clock, NoStoredTarget);
    let mut client = Client::connect(running.at.read.unwrap()).await.unwrap();
    assert!(is_done(&client.ask(&read()).await));
    (main, other, lead, running, client, slept)
}

#[tokio::test]
async fn a_reader_waits_while_the_main_moves_and_keeps_his_replica() {
    let (_main, other, lead, _running, mut client, _) = reader().await;
    let next = Instance::start(2).await;
    lead.withdraw().await;
    let before = other.knobs.got.load(SeqCst);
    let waiting = tokio::spawn(async move {
        let got = client.ask(&read()).await;
        (client, got)
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(other.knobs.got.load(SeqCst), before, "not a byte: it may be the next main");
    lead.open(&next);
    let (_client, got) = waiting.await.unwrap();
    assert!(is_done(&got));
    assert_eq!(other.knobs.accepted.load(SeqCst), 1, "on the connection that there was");
}

#[tokio::test]
async fn a_replica_that_becomes_main_gets_no_word_of_its_readers() {
    let (_main, other, lead, running, mut client, _) = reader().await;
    // What a client of the read port writes is its own mistake, and must not become a write.
    assert!(is_done(&client.begin(1).await));
    lead.withdraw().await;
    let before = other.knobs.got.load(SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    lead.say(|said| said.replicas = Vec::new());
    lead.open(&other);
    until(|| running.gate.view().target.is_some_and(|to| to.address == other.address)).await;
    // Nobody can say whether it was applied: here it was not, since it never went out.
    let got = client.hear(1).await;
    assert_eq!(code(&got), Some(FaultClass::MainChanged.code()));
    assert_eq!(other.knobs.got.load(SeqCst), before);
    assert!(other.committed().is_empty());
}

#[tokio::test]
async fn a_frozen_gateway_reads_from_nobody_on_waking() {
    let (_main, other, lead, _running, mut client, slept) = reader().await;
    assert!(is_done(&client.begin(1).await));
    // The controllers have gone on, and promoted the replica; this process noticed nothing of it.
    lead.say(|said| said.silent = true);
    let before = other.knobs.got.load(SeqCst);
    slept.store(60_000, SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(other.knobs.got.load(SeqCst), before, "not a byte");
    assert!(other.committed().is_empty());
}

#[tokio::test]
async fn a_reader_of_the_main_does_nothing_after_a_withdrawal() {
    let (main, next) = (Instance::start(0).await, Instance::start(1).await);
    let lead = Lead::new();
    lead.open(&main);
    let running = Running::start(&lead, &[("read-fallback-to-main", "true")]);
    let mut client = Client::connect(running.at.read.unwrap()).await.unwrap();
    assert!(is_done(&client.begin(1).await));
    lead.withdraw().await;
    let before = main.knobs.got.load(SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(main.knobs.got.load(SeqCst), before, "not a byte");
    lead.open(&next);
    assert_eq!(code(&client.hear(1).await), Some(FaultClass::MainChanged.code()));
    assert!(main.committed().is_empty() && next.committed().is_empty());
}

/// A transaction that has read, and whose COMMIT is at the instance, which does nothing with it.
async fn commit_of_reads(client: &mut Client, instance: &Instance) {
    let [statement, pull] = read();
    assert!(is_done(&client.ask(&[Request::Begin(Extra::none()), statement, pull]).await));
    instance.knobs.stalls.store(true, SeqCst);
    let before = instance.knobs.got.load(SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    until(|| instance.knobs.got.load(SeqCst) > before).await;
}

#[tokio::test]
async fn a_commit_of_reads_is_to_be_tried_again_when_its_replica_is_gone() {
    for is_promoted in [false, true] {
        let (_main, other, lead, running, mut client, _) = reader().await;
        other.database.lock().unwrap().role = Role::Replica;
        let third = Instance::start(2).await;
        commit_of_reads(&mut client, &other).await;
        if is_promoted {
            lead.withdraw().await;
            lead.say(|said| said.replicas = vec![replica(&third, false)]);
            lead.open(&other);
        } else {
            lead.say(|said| said.replicas.push(replica(&third, false)));
            other.kill();
        }
        assert_eq!(code(&client.hear(1).await), Some(FaultClass::MainChanged.code()));
        assert!(is_done(&client.ask(&[Request::Reset]).await));
        assert!(is_done(&client.ask(&read()).await));
        assert_eq!(third.knobs.accepted.load(SeqCst), 1);
        assert_eq!(running.metric(IN_DOUBT), 0);
    }
}

#[tokio::test]
async fn a_commit_at_a_main_that_is_read_from_stays_in_doubt() {
    let main = Instance::start(0).await;
    let lead = Lead::new();
    lead.open(&main);
    let running = Running::start(&lead, &[("read-fallback-to-main", "true")]);
    let mut client = Client::connect(running.at.read.unwrap()).await.unwrap();
    commit_of_reads(&mut client, &main).await;
    main.kill();
    assert!(matches!(client.hear(1).await, Got::Ended));
    until(|| running.metric(IN_DOUBT) == 1).await;
}

/// It stays with the instance on the connection that there is, which is what it was again when the
/// grant came again, and was the main meanwhile.
#[tokio::test]
async fn a_statement_that_was_out_while_the_main_moved_leaves_its_commit_in_doubt() {
    let (main, other, lead, running, mut client, _) = reader().await;
    other.database.lock().unwrap().role = Role::Replica;
    other.knobs.stalls.store(true, SeqCst);
    let before = other.knobs.got.load(SeqCst);
    client.send(&[Request::Begin(Extra::none()), run("CREATE 1")]).await.unwrap();
    until(|| other.knobs.got.load(SeqCst) > before).await;
    lead.withdraw().await;
    // Another gateway's clients write to it now; and then it is a replica again.
    other.database.lock().unwrap().role = Role::Main;
    other.knobs.stalls.store(false, SeqCst);
    until(|| other.database.lock().unwrap().prepared > 0).await;
    other.database.lock().unwrap().role = Role::Replica;
    lead.open(&main);
    assert!(is_done(&client.hear(2).await));
    other.knobs.stalls.store(true, SeqCst);
    let before = other.knobs.got.load(SeqCst);
    client.send(&[Request::Commit]).await.unwrap();
    until(|| other.knobs.got.load(SeqCst) > before).await;
    other.kill();
    assert!(matches!(client.hear(1).await, Got::Ended));
    until(|| running.metric(IN_DOUBT) == 1).await;
}
