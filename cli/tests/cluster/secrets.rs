//! What people log in with: in no log, and in the memory of a gateway only while somebody is there who
//! logged in with it.

use crate::{
    memory::writable,
    on_both,
    site::{PASSWORD, Process, Server, Site},
    writers::{Gateway, LOG},
};
use bolt::message::AuthMap;
use instance::console::Client;
use rustix::process::Signal;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    time::Duration,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// How many log in.
const CLIENTS: u32 = 20;

on_both!(what_people_log_in_with_is_told_and_kept_nowhere);

/// What all of them begin with.
const BEGINNING: &str = "nobody-may-read-";

/// Each is another one, and no program holds it.
fn secret(of: u32) -> String {
    format!("{BEGINNING}{of:08}/")
}

/// Which of them are in what a process can write to.
fn in_memory_of(process: &Process) -> BTreeSet<u32> {
    let process = process.0.id().to_string();
    let mut memory = File::open(format!("/proc/{process}/mem")).expect("a process of ours");
    let mut found = BTreeSet::new();
    for part in writable(&process) {
        let mut bytes = Vec::new();
        memory.seek(SeekFrom::Start(part.start)).expect("an address");
        // What cannot be read is not kept there.
        let _unreadable = memory.by_ref().take(part.end - part.start).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let numbers = text.match_indices(BEGINNING).map(|(at, _)| {
            text.get(at + BEGINNING.len()..).and_then(|rest| rest.get(..8)?.parse::<u32>().ok())
        });
        found.extend(numbers.flatten());
    }
    found
}

/// Clients, each with a secret of its own. Long ones come in pieces, and are kept in a place that grows.
async fn logged_in(at: SocketAddr) -> Vec<Client> {
    let logged_in = move |of: u32| {
        let long = secret(of).repeat(1 + usize::try_from(of).unwrap() * 50);
        let auth = AuthMap::basic("ann", &long);
        let mut client = Client::connect(at, &auth, Duration::from_secs(30)).expect("a login");
        client.run("RETURN 1").expect("an answer");
        client
    };
    spawn_blocking(move || (0..CLIENTS).map(logged_in).collect()).await.unwrap()
}

/// Waits until nothing of it is left.
async fn gone(gateway: &Process) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut left = in_memory_of(gateway);
    while !left.is_empty() && Instant::now() < deadline {
        sleep(Duration::from_millis(200)).await;
        left = in_memory_of(gateway);
    }
    assert!(left.is_empty(), "in the memory of a gateway that nobody is at: {left:?}");
}

async fn what_people_log_in_with_is_told_and_kept_nowhere(server: Server) {
    let site = Site::start(server, &["--log-level=trace"]).await;
    site.settled().await;
    let gateway = Gateway::telling(&site, "10s", "trace").await;
    let at = gateway.address();
    // What is given back is soon used for something else, so that it is looked for at once, too.
    drop(logged_in(at).await);
    gone(&gateway.process).await;
    let clients = logged_in(at).await;
    let all: BTreeSet<_> = (0..CLIENTS).collect();
    assert_eq!(in_memory_of(&gateway.process), all, "the search finds what is there");
    let mut record = site.record().await;
    // They log in once more, at another instance, without being there.
    for _ in 0..2 {
        let voter = site.pod(record.voters().next().expect("a voter"));
        let ordered = site.person(&["switchover", "--to", &voter]).await;
        assert_eq!(ordered.status.code(), Some(0), "{ordered:?}");
        let before = record.target;
        record = site.until("moved", |record| record.target != before).await;
        site.settled().await;
    }
    let clients = spawn_blocking(move || {
        let mut clients = clients;
        for client in &mut clients {
            client.run("RETURN 1").expect("at another instance");
        }
        clients
    });
    drop(clients.await.unwrap());
    gone(&gateway.process).await;
    gateway.process.signal(Signal::TERM);
    assert_eq!(gateway.process.ended().await, Some(0));
    let logs = site.controllers.iter().map(|one| one.log.clone()).chain([site.path(LOG)]);
    for path in logs {
        let log = std::fs::read_to_string(&path).expect("a log");
        assert!(log.len() > 1_000, "{}: it says little", path.display());
        for word in [PASSWORD, BEGINNING] {
            assert!(!log.contains(word), "{}: {word}", path.display());
        }
    }
}
