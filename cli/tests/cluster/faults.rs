//! Whatever an API server does short of being away for good: nothing moves, every write goes on, every
//! page answers, and when it is well again everything comes to rest.

use crate::{
    PATIENCE,
    site::{Server, Site},
    writers::{Gateway, ledger, nothing_is_lost, until, writers},
};
use rustix::process::Signal;
use shell_k8s::api_server::{Faults, Link, Refusal, Who};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long each of them lasts: longer than a lease.
const LASTS: Duration = Duration::from_secs(3);
const MANY: u32 = 1_000_000;
/// What people and their tools read.
const PATHS: [&str; 7] = [
    "/livez",
    "/metrics",
    "/api/v1/status",
    "/api/v1/leadership",
    "/v1/status",
    "/v1/explain",
    "/v1/journal",
];

type Fault = (&'static str, fn(&Faults));

const FAULTS: [Fault; 9] = [
    ("429", |faults| {
        faults.refuse(Who::Everyone, MANY, Refusal::TooManyRequests { retry_after_s: 1 });
    }),
    ("500", |faults| faults.refuse(Who::Everyone, MANY, Refusal::InternalError)),
    ("503", |faults| faults.refuse(Who::Everyone, MANY, Refusal::ServiceUnavailable)),
    ("answers of writes are lost", |faults| faults.lose_answers(Who::Everyone, MANY)),
    ("slow", |faults| faults.delay(Who::Everyone, Duration::from_millis(400))),
    ("writes land late", |faults| {
        faults.delay_writes(Who::Everyone, MANY, Duration::from_millis(600));
    }),
    ("old reads", |faults| faults.freeze_reads(Who::Everyone)),
    ("410", |faults| {
        faults.forget_history();
        faults.cut_watches(Who::Everyone);
    }),
    ("silence", |faults| faults.link(Who::Everyone, Link::Silent)),
];

#[tokio::test]
async fn no_fault_of_an_api_server_moves_a_main_or_fails_a_write() {
    let soon = ["--lease-ms=1500", "--renew-ms=300", "--grant-ms=900"];
    let site = Site::start(Server::in_memory().await, &soon).await;
    site.settled().await;
    let before = site.record().await;
    let path = site.path("ledger");
    let gateway = Gateway::start(&site, "5s").await;
    let writers = writers(&gateway, &path);
    until(&path, "written", |acked, _| acked > 50).await;
    // The lease names both controllers, which have promised, once it was renewed since.
    sleep(Duration::from_secs(2)).await;
    let Server::Memory(server) = &site.server else { unreachable!("it is in memory") };
    let faults = server.faults();
    for (name, begin) in FAULTS {
        let (acked, _) = ledger(&path);
        begin(&faults);
        for no in 0..site.controllers.len() {
            for at in PATHS {
                let answer = timeout(PATIENCE, site.get(no, at)).await.expect("an answer");
                assert_eq!(answer.status, 200, "{name}: {at} says {}", answer.body);
            }
        }
        sleep(LASTS).await;
        let (now, others) = ledger(&path);
        assert!(now > acked, "{name}: writes stand still");
        assert!(others.is_empty(), "{name}: {others:?}");
        faults.clear();
        site.settled().await;
        let after = site.record().await;
        assert_eq!((after.target, after.term), (before.target, before.term), "{name}");
    }
    let (acked, _) = ledger(&path);
    until(&path, "written at the end", |now, _| now > acked + 50).await;
    writers.signal(Signal::TERM);
    assert_eq!(writers.ended().await, Some(0));
    assert!(ledger(&path).1.is_empty(), "{:?}", ledger(&path).1);
    nothing_is_lost(&site, &path).await;
}
