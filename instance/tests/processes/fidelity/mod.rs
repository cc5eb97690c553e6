//! Each row of the tables in `design/memgraph-semantics.md` against real processes, over Bolt and
//! with what any process can be made to do: killed, stopped, started, cut off. `design/fidelity.md`
//! lists which test shows which row. A vendor's binary is tried with the same tests
//! (`INSTANCE_COMMAND`).

mod commands;
mod commits;
mod fence;
mod history;
mod list;
mod modes;
mod restarts;
mod states;

use super::common::{Instance, branched, is_vendors};
use super::relay::Relay;
use bolt::Value;
use bolt::message::Failure;
use instance::console::ClientError;
use std::thread::{self, JoinHandle};

/// No checks but those that commits ask for, so that a state stands still.
const NO_HEARTBEATS: &str = "--replication-replica-check-frequency-sec=0";

const CLIENT_ERROR: &str = "Memgraph.ClientError.MemgraphError.MemgraphError";

/// Bytes of a way on which REGISTER passes, and a recovery of much data does not.
const NARROW: usize = 64 << 10;

/// More data than passes a narrow way.
const MUCH: &str = "UNWIND range(1, 5000) AS i CREATE (:T {i: i, text: 'sixty bytes and more, so \
                    that the whole is a good deal longer than what may pass'})";

/// A write that may wait for a replica.
fn write_behind(main: &Instance) -> JoinHandle<Result<(), ClientError>> {
    let mut client = main.client();
    thread::spawn(move || client.run("CREATE (:T)").map(drop))
}

/// Runs a statement that must fail.
fn failure(instance: &Instance, query: &str) -> Failure {
    let error = instance.client().run(query).expect_err(query);
    error.failure().unwrap_or_else(|| panic!("{query}: {error}")).clone()
}

/// Whether a row has nothing behind it (MR 3.2).
fn is_phantom(main: &Instance, name: &str) -> bool {
    let rows = main.run("SHOW REPLICAS").rows;
    let row = rows.iter().find(|row| row[0].as_str() == Some(name)).expect("a row");
    row[4].as_map().unwrap().is_empty()
}

/// Names of the listed replicas.
fn listed(main: &Instance) -> Vec<String> {
    let rows = main.run("SHOW REPLICAS").rows;
    rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect()
}

/// A main whose only replica `r1` is in recovery for as long as its way is narrow.
fn in_recovery(mode: &str) -> (Instance, Instance, Relay) {
    let (main, replica) = (Instance::start(&[NO_HEARTBEATS]), Instance::start(&[]));
    main.run(MUCH);
    replica.demote();
    let relay = Relay::to(&replica);
    relay.narrow(NARROW);
    relay.register(&main, "r1", mode);
    assert_eq!(main.info("r1"), (0, -2, "recovery".into()));
    (main, replica, relay)
}

/// A main whose only row `r1` is `diverged`: a REGISTER of what branched off leaves a phantom, which
/// a restart makes a live row (MR 3.2).
fn diverged(mode: &str) -> (Instance, Instance) {
    let (mut main, former) = branched(&[]);
    let register = Instance::register_text("r1", mode, &former);
    assert_eq!(main.refused(&register), "Couldn't register replica r1. Error: 3");
    main.restart(&[]);
    assert_eq!(main.info("r1").2, "diverged");
    (main, former)
}

/// Calls with a flag and the version that it means; a vendor's binary has only its own.
fn for_each_version(mut check: impl FnMut(&str, &str)) {
    if is_vendors() {
        let version = Instance::start(&[]).run("SHOW VERSION").rows[0][0].clone();
        return check("--log-level=WARNING", version.as_str().unwrap());
    }
    for (word, version) in
        [("3.8", "3.8.0"), ("3.10", "3.10.0"), ("3.12", "3.12.0"), ("head", "3.13.0")]
    {
        check(&format!("--engine-version={word}"), version);
    }
}

/// Major and minor number.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

/// Notifications of a summary.
fn notices(summary: &bolt::Map) -> Vec<bolt::Map> {
    let Some(Value::List(notices)) = summary.get("notifications") else { return Vec::new() };
    notices.iter().map(|notice| notice.as_map().unwrap().clone()).collect()
}
