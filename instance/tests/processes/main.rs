//! Instances as real processes: they are started, killed and asked over Bolt, as a driver would.
//!
//! The process is this very test binary: `the_process` is the body that `Instance::start` runs in
//! a child, with the flags in an environment variable. `INSTANCE_COMMAND` names another start
//! command, `memgraph-ha instance` or a vendor's binary, on which the same tests run then; what needs
//! flags that are ours alone fails on the latter.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;
mod drivers;
mod durability;
mod faults;
mod fidelity;
mod hostile;
mod lone;
mod network;
#[path = "../ports/mod.rs"]
mod ports;
mod relay;
mod replicas;
mod upstream;

/// Not a test: the body of a child process.
#[test]
#[ignore = "the body of the processes that the tests start"]
fn the_process() {
    let Ok(flags) = std::env::var(common::FLAGS) else { return };
    let flags: Vec<String> = serde_json::from_str(&flags).unwrap();
    if let Err(error) = instance::process::run(&flags) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    // The harness would go on to print to an output that nobody reads any more.
    std::process::exit(0);
}
