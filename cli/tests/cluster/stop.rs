//! How long a controller takes from SIGTERM to its end while it leads and clients write: it gives the
//! lease up and ends, within the 5 s that are promised, and its successor withdraws no route: no write
//! fails or is in doubt. `STOPS=20` asks for so many; each is printed.

use crate::{
    client::Events,
    site::{Server, Site},
    writers::{Gateway, LOG, ledger, nothing_is_lost, until, writers},
};
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What is promised (`design/operating.md`), and as much again: a machine for tests has other things to
/// do.
const BOUND: Duration = Duration::from_secs(10);

/// How long a process must have run before it may take a lease over, as the chart waits between two of
/// a rolling update (`minReadySeconds`).
const READY: Duration = Duration::from_secs(7);

#[tokio::test]
async fn a_leader_ends_soon_after_sigterm_and_has_given_its_lease_up() {
    let stops: u32 = std::env::var("STOPS").map_or(2, |text| text.parse().expect("a number"));
    let mut site = Site::start(Server::in_memory().await, &[]).await;
    site.settled().await;
    let before = site.record().await;
    let path = site.path("ledger");
    let gateway = Gateway::start(&site, "5s").await;
    let writers = writers(&gateway, &path);
    until(&path, "written", |acked, _| acked > 100).await;
    let (_, troubles) = ledger(&path);
    let told = std::fs::read_to_string(site.path(LOG)).expect("a log").len();
    let mut took = Vec::new();
    for _ in 0..stops {
        let no = site.settled().await;
        let lease = site.cluster.read_lease().await.expect("an answer").expect("a lease");
        // A page that is open does not hold the stop up; nor do the gateway's questions.
        let _listens = Events::listen(site.controllers[no].at).await;
        let (written, _) = ledger(&path);
        let stopped = site.controllers[no].process.take().expect("it runs");
        let begun = Instant::now();
        stopped.signal(Signal::TERM);
        assert_eq!(stopped.ended().await, Some(0));
        let after = begun.elapsed();
        let next = site.cluster.read_lease().await.expect("an answer").expect("a lease");
        assert_ne!(next.sample.holder, lease.sample.holder, "it was not given up");
        assert!(after < BOUND, "{after:?} from SIGTERM to the end");
        took.push(after.as_millis());
        until(&path, "written on", |acked, _| acked > written + 100).await;
        site.run(no, &[]);
        sleep(READY).await;
    }
    println!("SIGTERM to exit of a leader under load, ms: {took:?}");
    site.settled().await;
    let after = site.record().await;
    assert_eq!((after.target, after.term), (before.target, before.term), "nothing moved");
    // The next leader decides before it answers, and withdraws nothing meanwhile.
    let log = std::fs::read_to_string(site.path(LOG)).expect("a log");
    let others = ledger(&path).1;
    assert_eq!(
        others.len(),
        troubles.len(),
        "{:?}; the gateway:\n{log}",
        &others[troubles.len()..]
    );
    assert!(!log[told..].contains("Closed"), "{log}");
    writers.signal(Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    nothing_is_lost(&site, &path).await;
}
