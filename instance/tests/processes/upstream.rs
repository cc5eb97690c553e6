//! What Memgraph's own replication tests are known to check (MR 10.2), with the command line that
//! they give (MR 10.1): ticks, statuses, recovery, and what killed mains leave behind.

use super::common::{Instance, is_vendors, until};
use bolt::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// Flags in both forms, a switch without a value, and one that is not known here.
const FLAGS: &[&str] = &[
    "--storage-wal-enabled",
    "--storage-snapshot-interval-sec",
    "300",
    "--storage-properties-on-edges",
    "--storage-snapshot-on-exit=false",
    "--metrics-format=OpenMetrics",
    "--log-level",
    "TRACE",
    "--log-file",
    "/dev/null",
    "--query-modules-directory=/nowhere",
    "--of-a-later-release=1",
    "--licensed",
    "--engine-version=3.12",
];

fn start() -> Instance {
    Instance::start(FLAGS)
}

/// A main with replicas `r1` and so on in these modes. It does not wait for them.
fn registered(modes: &[&str]) -> (Instance, Vec<Instance>) {
    let replicas: Vec<Instance> = modes.iter().map(|_| start()).collect();
    let main = start();
    for (at, (replica, mode)) in replicas.iter().zip(modes).enumerate() {
        replica.demote();
        main.register(&format!("r{}", at + 1), mode, replica);
    }
    (main, replicas)
}

/// `ts`, `behind` and status of all rows, in the order of names.
fn infos(main: &Instance) -> Vec<(i64, i64, String)> {
    let rows = main.run("SHOW REPLICAS").rows;
    let mut names: Vec<_> = rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    names.sort();
    names.iter().map(|name| main.info(name)).collect()
}

fn ready(ts: i64) -> (i64, i64, String) {
    (ts, 0, "ready".into())
}

fn invalid(ts: i64, behind: i64) -> (i64, i64, String) {
    (ts, behind, "invalid".into())
}

/// All nodes with their ids, labels and properties.
fn nodes(instance: &Instance) -> Vec<Value> {
    let rows = instance.run("MATCH (n) RETURN n ORDER BY id(n)").rows;
    rows.into_iter().map(|mut row| row.swap_remove(0)).collect()
}

#[test]
fn clean_ups_take_a_tick_each_and_reads_change_no_row() {
    let (main, _replicas) = registered(&["SYNC", "SYNC", "ASYNC"]);
    assert_eq!(infos(&main), vec![ready(0); 3]);
    let system = main.run("SHOW REPLICAS").rows[0][3].clone();
    let shown = [("ts", Value::Int(0)), ("behind", Value::Null), ("status", Value::from("ready"))];
    assert!(is_vendors() || system == Value::Map(bolt::value::map(shown)), "{system:?}");
    // A deletion that finds nothing commits nothing: it has the tick of its start alone.
    main.run("MATCH (n) DETACH DELETE n;");
    main.run("MATCH (n) DETACH DELETE n;");
    main.run("CREATE (n1:Number {name: 'forty_two', value: 42});");
    until("all have it", || infos(&main) == vec![ready(4); 3]);
    for _ in 0..3 {
        main.run("MATCH (n) RETURN n");
        assert_eq!(infos(&main), vec![ready(4); 3]);
    }
}

#[test]
fn killed_and_stopped_replicas_are_invalid_and_are_dropped_and_return() {
    let (main, mut replicas) = registered(&["SYNC", "SYNC", "ASYNC", "ASYNC"]);
    main.run("DROP REPLICA r2");
    replicas[0].kill();
    assert!(replicas[2].terminate() && replicas[3].terminate());
    until("all are invalid", || infos(&main) == vec![invalid(0, 0); 3]);
    main.run("DROP REPLICA r1");
    main.run("DROP REPLICA r3");
    replicas[0].restart(&[]);
    replicas[2].restart(&[]);
    replicas[3].restart(&[]);
    main.register("r1", "SYNC", &replicas[0]);
    main.register("r3", "ASYNC", &replicas[2]);
    until("all are ready", || infos(&main) == vec![ready(0); 3]);
    for name in ["r1", "r3", "r4"] {
        main.run(&format!("DROP REPLICA {name}"));
    }
    assert!(main.run("SHOW REPLICAS").rows.is_empty());
}

#[test]
fn a_replica_that_starts_with_or_without_its_data_comes_to_hold_the_same_nodes() {
    for recovers in ["--data-recovery-on-startup=true", "--data-recovery-on-startup=false"] {
        let (mut main, mut replicas) = registered(&["SYNC", "ASYNC"]);
        main.kill();
        main.restart(&["--replication-restore-state-on-startup=true"]);
        until("registrations are kept", || infos(&main) == vec![ready(0); 2]);
        main.run("CREATE (:Number {name: 'a', list: [1, 2.5, 'x']})");
        until("both have it", || infos(&main) == vec![ready(2); 2]);
        replicas[1].kill();
        until("it is missed", || infos(&main)[1] == invalid(2, 0));
        main.run("MATCH (n) RETURN count(n)");
        main.run("CREATE (:Number:Other {name: 'b'})-[:R]->(:Number)");
        assert_eq!(infos(&main), [ready(5), invalid(2, -3)]);
        replicas[1].restart(&[recovers]);
        until("it has both", || infos(&main) == vec![ready(5); 2]);
        let expected = nodes(&main);
        assert_eq!(expected.len(), 3);
        assert!(replicas.iter().all(|replica| nodes(replica) == expected), "{recovers}");
    }
}

#[test]
fn index_listings_on_a_replica_move_no_tick() {
    let (main, replicas) = registered(&["SYNC"]);
    for _ in 0..20 {
        assert!(replicas[0].run("SHOW INDEX INFO;").rows.is_empty());
    }
    main.run("CREATE (:T)");
    assert_eq!(infos(&main), [ready(2)]);
}

#[test]
fn roles_change_after_a_snapshot_and_a_wiped_instance_is_filled() {
    let (first, mut others) = registered(&["SYNC"]);
    let second = others.swap_remove(0);
    first.run("UNWIND range(0, 9) AS i CREATE ({id: i})");
    assert_eq!(infos(&first), [ready(2)]);
    first.run("CREATE SNAPSHOT;");
    first.demote();
    second.promote();
    second.register("r1", "SYNC", &first);
    assert_eq!(infos(&second), [ready(2)]);
    second.run("UNWIND range(10, 19) AS i CREATE ({id: i})");
    assert_eq!(infos(&second), [ready(4)]);
    second.run("DROP REPLICA r1");
    drop(first);
    let wiped = start();
    wiped.demote();
    second.register("r1", "SYNC", &wiped);
    until("it has everything", || infos(&second) == [ready(4)]);
    assert_eq!(wiped.number("MATCH (n) RETURN count(*)"), 20);
}

/// Kills a main under writes of numbers from 1 on; how many were acknowledged, and what its replica
/// holds.
fn killed_under_writes(mode: &str) -> (i64, Vec<i64>) {
    let (mut main, replicas) = registered(&[mode]);
    let acknowledged = Arc::new(AtomicI64::new(0));
    let writer = thread::spawn({
        let (mut client, acknowledged) = (main.client(), Arc::clone(&acknowledged));
        move || {
            for name in 1.. {
                if client.run(&format!("CREATE (:Number {{name: {name}}})")).is_err() {
                    return;
                }
                acknowledged.store(name, Ordering::SeqCst);
            }
        }
    });
    until("some are written", || acknowledged.load(Ordering::SeqCst) >= 20);
    main.kill();
    writer.join().unwrap();
    let held = replicas[0].run("MATCH (n) RETURN COLLECT(n.name) AS names").rows;
    let Value::List(names) = &held[0][0] else { panic!("{held:?}") };
    let mut names: Vec<i64> = names.iter().map(|name| name.as_int().unwrap()).collect();
    names.sort_unstable();
    (acknowledged.load(Ordering::SeqCst), names)
}

#[test]
fn a_killed_main_leaves_a_prefix_to_an_async_replica_and_all_to_a_sync_one() {
    for _ in 0..3 {
        let (_, held) = killed_under_writes("ASYNC");
        assert!(held.iter().copied().eq((1..).take(held.len())), "no prefix: {held:?}");
        let (acknowledged, held) = killed_under_writes("SYNC");
        let last = held.last().copied().unwrap_or_default();
        assert!(last == acknowledged || last == acknowledged + 1, "{acknowledged}: {held:?}");
        assert!(held.iter().copied().eq(1..=last), "no prefix: {held:?}");
    }
}
