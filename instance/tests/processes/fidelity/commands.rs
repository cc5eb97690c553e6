//! MR 1.2 and 1.3: what the replication commands do, and how they refuse.

use super::super::common::{Instance, branched, cluster, free_port, until};
use super::super::relay::Relay;
use super::{
    CLIENT_ERROR, failure, for_each_version, is_phantom, listed, notices, numbers, write_behind,
};
use bolt::Value;
use std::net::TcpStream;
use std::thread;

const TO_MAIN: &str = "SET REPLICATION ROLE TO MAIN";
const NOT_MAIN: &str = "Couldn't set replication role to main!";
const NOT_REPLICA: &str = "Couldn't set role to replica!";

#[test]
fn a_promotion_ends_the_server_and_begins_without_replicas() {
    let cluster = cluster(&["SYNC", "SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    cluster[1].promote();
    assert_eq!(cluster[1].role(), "main");
    assert!(listed(&cluster[1]).is_empty());
    let port = cluster[1].replication_port;
    until("the server is gone", || TcpStream::connect(("127.0.0.1", port)).is_err());
    // The counter goes on behind the last tick that was taken over (2): start 3, commit 4.
    cluster[1].run("CREATE (:T)");
    cluster[1].register("c", "ASYNC", &cluster[2]);
    cluster[1].wait_for("c", "ready");
    assert_eq!(cluster[1].info("c"), (4, 0, "ready".into()));
}

#[test]
fn a_main_is_not_promoted() {
    let main = Instance::start(&[]);
    let refused = failure(&main, TO_MAIN);
    assert_eq!((refused.code.as_str(), refused.message.as_str()), (CLIENT_ERROR, NOT_MAIN));
    assert_eq!(main.role(), "main");
}

#[test]
fn a_commit_that_waits_keeps_role_commands_out() {
    let cluster = cluster(&["SYNC"], &[]);
    let other = Instance::start(&[]);
    other.demote();
    cluster[1].freeze();
    let writing = write_behind(&cluster[0]);
    until("the commit waits", || cluster[0].info("r1").2 == "replicating");
    assert_eq!(cluster[0].refused(TO_MAIN), NOT_MAIN);
    let demote = format!("SET REPLICATION ROLE TO REPLICA WITH PORT {}", free_port());
    assert_eq!(cluster[0].refused(&demote), NOT_REPLICA);
    let register = Instance::register_text("r2", "ASYNC", &other);
    assert_eq!(cluster[0].refused(&register), "Couldn't register replica r2. Error: 6");
    let no_access = "Failed to unregister replica due to lack of unique access over the cluster \
                     state. Please try again later on.";
    assert_eq!(cluster[0].refused("DROP REPLICA r1"), no_access);
    assert_eq!((cluster[0].role().as_str(), listed(&cluster[0])), ("main", vec!["r1".into()]));
    cluster[1].thaw();
    writing.join().unwrap().unwrap();
    cluster[0].register("r2", "ASYNC", &other);
}

#[test]
fn one_system_query_runs_at_a_time() {
    let (main, replica) = (Instance::start(&[]), Instance::start(&[]));
    replica.demote();
    replica.freeze();
    let (mut client, register) = (main.client(), Instance::register_text("r1", "ASYNC", &replica));
    let registering = thread::spawn(move || client.run(&register).map(drop));
    until("REGISTER runs", || listed(&main) == ["r1"]);
    let second = failure(&main, "DROP REPLICA r1");
    let text = "Multiple concurrent system queries are not supported.";
    assert_eq!((second.code.as_str(), second.message.as_str()), (CLIENT_ERROR, text));
    assert_eq!(main.role(), "main");
    replica.thaw();
    registering.join().unwrap().unwrap();
}

#[test]
fn a_demotion_erases_registrations_on_disk_too() {
    let mut cluster = cluster(&["SYNC"], &[]);
    cluster[0].demote();
    assert_eq!(cluster[0].role(), "replica");
    cluster[0].restart(&[]);
    cluster[0].promote();
    assert!(listed(&cluster[0]).is_empty());
    cluster[0].restart(&[]);
    assert!(listed(&cluster[0]).is_empty());
}

#[test]
fn a_replica_is_not_demoted_again_whatever_the_port() {
    let replica = Instance::start(&[]);
    replica.demote();
    for port in [replica.replication_port, free_port()] {
        let again = format!("SET REPLICATION ROLE TO REPLICA WITH PORT {port}");
        let refused = failure(&replica, &again);
        assert_eq!((refused.code.as_str(), refused.message.as_str()), (CLIENT_ERROR, NOT_REPLICA));
    }
    assert_eq!(replica.role(), "replica");
}

#[test]
fn a_replica_registers_and_drops_nobody() {
    let replica = Instance::start(&[]);
    replica.demote();
    let register = "REGISTER REPLICA r1 SYNC TO \"127.0.0.1:10001\"";
    assert_eq!(replica.refused(register), "Replica can't register another replica!");
    let drop = "Replica can't unregister a replica! Please rerun the query on main in order to \
                unregister a replica from the cluster.";
    assert_eq!(replica.refused("DROP REPLICA r1"), drop);
    let show = "Show replicas query should only be run on the main instance.";
    assert_eq!(replica.refused("SHOW REPLICAS"), show);
    assert_eq!(replica.role(), "replica");
}

#[test]
fn a_dropped_replica_is_not_told() {
    let cluster = cluster(&["SYNC"], &[]);
    cluster[0].run("CREATE (:T)");
    let unknown = "Failed to unregister the replica r2.";
    assert_eq!(cluster[0].refused("DROP REPLICA r2"), unknown);
    cluster[0].run("DROP REPLICA r1");
    assert!(listed(&cluster[0]).is_empty());
    cluster[0].run("CREATE (:T)");
    assert_eq!((cluster[0].count(), cluster[1].count()), (2, 1));
    assert_eq!(cluster[1].role(), "replica");
    assert!(cluster[1].refused("CREATE (:T)").starts_with("Write queries are forbidden"));
}

#[test]
fn transactions_refuse_administration_at_run() {
    let main = Instance::start(&[]);
    let managing = [
        TO_MAIN,
        "SET REPLICATION ROLE TO REPLICA WITH PORT 10001",
        "REGISTER REPLICA r1 SYNC TO \"127.0.0.1:10001\"",
        "DROP REPLICA r1",
        "SHOW REPLICAS",
        "SHOW REPLICATION ROLE",
    ]
    .map(|query| (query, "Managing replication is not allowed in multicommand transactions."));
    let others = [
        ("SHOW CONFIG", "Configuration information query"),
        ("SHOW STORAGE INFO", "Storage information query"),
        ("SHOW VERSION", ""),
        ("STORAGE MODE IN_MEMORY_ANALYTICAL", ""),
    ];
    for (query, text) in managing.into_iter().chain(others) {
        let mut client = main.client();
        client.begin().unwrap();
        let error = client.run(query).expect_err(query);
        let refused = error.failure().unwrap_or_else(|| panic!("{query}: {error}"));
        assert_eq!(refused.code, CLIENT_ERROR, "{query}");
        assert!(refused.message.starts_with(text), "{query}: {}", refused.message);
        assert!(refused.message.contains("multicommand transactions"), "{query}");
    }
    assert_eq!((main.role().as_str(), listed(&main).len()), ("main", 0));
}

#[test]
fn success_is_told_in_a_notification() {
    let (main, replica) = (Instance::start(&[]), Instance::start(&[]));
    let port = replica.replication_port;
    let told = |instance: &Instance, query: &str| {
        let outcome = instance.run(query);
        let notices = notices(&outcome.summary);
        assert_eq!(notices.len(), 1, "{query}: {notices:?}");
        let text = |key: &str| notices[0][key].as_str().unwrap().to_owned();
        assert_eq!(notices[0].len(), 4, "{notices:?}");
        assert_eq!(text("severity"), "INFO");
        assert!(notices[0].contains_key("description"));
        (text("code"), text("title"))
    };
    let pair = |code: &str, title: &str| (code.to_owned(), title.to_owned());
    let demote = format!("SET REPLICATION ROLE TO REPLICA WITH PORT {port}");
    assert_eq!(told(&replica, &demote), pair("SetReplica", "Replica role set to REPLICA."));
    let register = Instance::register_text("r1", "SYNC", &replica);
    assert_eq!(told(&main, &register), pair("RegisterReplica", "Replica r1 is registered."));
    assert_eq!(told(&main, "DROP REPLICA r1").0, "DropReplica");
    assert_eq!(told(&replica, TO_MAIN), pair("SetReplica", "Replica role set to MAIN."));
}

#[test]
fn bolts_own_port_for_replication_is_warned_of() {
    let replica = Instance::start(&[]);
    let Ok(outcome) = replica.client().run("SET REPLICATION ROLE TO REPLICA WITH PORT 7687") else {
        return println!("left out: port 7687 is in use here");
    };
    let codes: Vec<Value> =
        notices(&outcome.summary).iter().map(|notice| notice["code"].clone()).collect();
    assert!(codes.contains(&"ReplicaPortWarning".into()), "{codes:?}");
    assert!(codes.contains(&"SetReplica".into()), "{codes:?}");
}

#[test]
fn the_port_of_a_replica_is_a_number_and_a_main_has_none() {
    let main = Instance::start(&[]);
    for (query, text) in [
        ("SET REPLICATION ROLE TO MAIN WITH PORT 10001", "Main can't set a port!"),
        ("SET REPLICATION ROLE TO REPLICA", "Replica must set a port!"),
        ("SET REPLICATION ROLE TO REPLICA WITH PORT 70000", "Port number invalid!"),
        ("REGISTER REPLICA r1 SYNC TO 10001", "Socket address should be a string literal!"),
    ] {
        assert_eq!(main.refused(query), text, "{query}");
    }
    let address = main.refused("REGISTER REPLICA r1 SYNC TO \"::1:10001\"");
    assert!(address.starts_with("Invalid socket address."), "{address}");
    main.client().run("REGISTER REPLICA r-1 SYNC TO \"127.0.0.1:10001\"").unwrap_err();
    assert!(listed(&main).is_empty());
}

#[test]
fn errors_1_and_2_tell_what_is_listed_already() {
    let cluster = cluster(&["SYNC", "ASYNC"], &[]);
    let other = Instance::start(&[]);
    let taken = Instance::register_text("r1", "SYNC", &other);
    assert_eq!(cluster[0].refused(&taken), "Couldn't register replica r1. Error: 1");
    let listed_there = Instance::register_text("r9", "ASYNC", &cluster[1]);
    assert_eq!(cluster[0].refused(&listed_there), "Couldn't register replica r9. Error: 2");
    // Texts are compared and nothing is resolved: the same place under another name is another one.
    let port = cluster[1].replication_port;
    cluster[0].run(&format!("REGISTER REPLICA r9 ASYNC TO \"localhost:{port}\""));
    assert_eq!(listed(&cluster[0]), ["r1", "r2", "r9"]);
}

#[test]
fn error_5_is_a_replica_that_is_away_a_main_or_a_broken_answer_and_leaves_a_phantom() {
    let (main, other) = (Instance::start(&[]), Instance::start(&[]));
    let broken = Instance::start(&[]);
    broken.demote();
    let relay = Relay::to(&broken);
    relay.narrow(0);
    let away = format!("REGISTER REPLICA away SYNC TO \"127.0.0.1:{}\"", free_port());
    assert_eq!(main.refused(&away), "Couldn't register replica away. Error: 5");
    // A main has no replication server.
    let to_main = Instance::register_text("other", "STRICT_SYNC", &other);
    assert_eq!(main.refused(&to_main), "Couldn't register replica other. Error: 5");
    thread::scope(|scope| {
        scope.spawn(|| {
            until("REGISTER waits", || listed(&main).len() == 3);
            relay.cut();
        });
        let refused = relay.try_register(&main, "broken", "SYNC").unwrap_err();
        let text = "Couldn't register replica broken. Error: 5";
        assert_eq!(refused.failure().unwrap().message, text);
    });
    for name in ["away", "other", "broken"] {
        assert!(is_phantom(&main, name), "{name}");
        let again = format!("REGISTER REPLICA {name} SYNC TO \"127.0.0.1:{}\"", free_port());
        let text = format!("Couldn't register replica {name}. Error: 1");
        assert_eq!(main.refused(&again), text);
    }
    let another_name = to_main.replace("REPLICA other", "REPLICA another");
    assert_eq!(main.refused(&another_name), "Couldn't register replica another. Error: 2");
    main.run("CREATE (:T)");
    main.run("DROP REPLICA other");
    other.demote();
    main.register("other", "STRICT_SYNC", &other);
    main.wait_for("other", "ready");
}

#[test]
fn error_3_leaves_a_phantom_up_to_3_12_and_nothing_on_head() {
    for_each_version(|flag, version| {
        let (main, former) = branched(&[flag]);
        let register = Instance::register_text("r1", "STRICT_SYNC", &former);
        assert_eq!(main.refused(&register), "Couldn't register replica r1. Error: 3");
        if numbers(version) > (3, 12) {
            assert!(listed(&main).is_empty(), "{version}");
        } else {
            assert!(is_phantom(&main, "r1"), "{version}");
            assert_eq!(main.refused(&register), "Couldn't register replica r1. Error: 1");
            main.run("DROP REPLICA r1");
        }
        main.run("CREATE (:T)");
    });
}
