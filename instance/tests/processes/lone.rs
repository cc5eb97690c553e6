//! One instance alone: statements, transactions, logins, its end.

use super::common::{Instance, until};
use bolt::Value;
use bolt::message::AuthMap;
use instance::console::Client;
use std::collections::BTreeMap;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn statements_see_what_earlier_ones_wrote() {
    let lone = Instance::start(&[]);
    let made = lone.run("CREATE (a:A {x: 1})-[r:R {w: 2}]->(b:B) RETURN id(a), r.w");
    assert_eq!(made.columns, ["id(a)", "r.w"]);
    assert_eq!(made.rows[0][1], Value::Int(2));
    let stats = made.summary["stats"].as_map().unwrap();
    assert_eq!(stats["nodes-created"], Value::Int(2));
    assert_eq!(made.summary["type"], Value::from("w"));
    assert_eq!(lone.number("MATCH (:A)-[r:R]->(b) RETURN r.w"), 2);
}

#[test]
fn an_explicit_transaction_is_seen_when_it_commits() {
    let lone = Instance::start(&[]);
    let mut writer = lone.client();
    writer.begin().unwrap();
    writer.run("CREATE (:T)").unwrap();
    assert_eq!(writer.run("MATCH (n:T) RETURN count(n)").unwrap().rows[0][0], Value::Int(1));
    assert_eq!(lone.count(), 0);
    writer.commit().unwrap();
    assert_eq!(lone.count(), 1);

    writer.begin().unwrap();
    writer.run("CREATE (:T)").unwrap();
    writer.roll_back().unwrap();
    assert_eq!(lone.count(), 1);
}

#[test]
fn a_closed_connection_takes_its_transaction_along() {
    let lone = Instance::start(&[]);
    lone.run("CREATE (:T {x: 0})");
    let mut writer = lone.client();
    writer.begin().unwrap();
    writer.run("MATCH (n:T) SET n.x = 1").unwrap();
    let conflict = lone.client().run("MATCH (n:T) SET n.x = 2").unwrap_err();
    let failure = conflict.failure().unwrap();
    assert_eq!(failure.code, "Memgraph.TransientError.MemgraphError.MemgraphError");
    drop(writer);
    until("the object is free", || lone.client().run("MATCH (n:T) SET n.x = 2").is_ok());
    assert_eq!(lone.number("MATCH (n:T) RETURN n.x"), 2);
}

#[test]
fn replication_commands_do_not_run_in_transactions() {
    let lone = Instance::start(&[]);
    let mut client = lone.client();
    client.begin().unwrap();
    let error = client.run("SHOW REPLICATION ROLE").unwrap_err();
    let text = "Managing replication is not allowed in multicommand transactions.";
    assert_eq!(error.failure().unwrap().message, text);
}

#[test]
fn what_coordinators_manage_is_not_changed_by_statements() {
    let lone = Instance::start(&["--management-port", "10013"]);
    for (query, what) in [
        ("SET REPLICATION ROLE TO REPLICA WITH PORT 10001", "set role"),
        ("SET REPLICATION ROLE TO MAIN", "set role"),
        ("REGISTER REPLICA r1 SYNC TO \"127.0.0.1:10001\"", "register replica"),
        ("DROP REPLICA r1", "drop replica"),
    ] {
        let text = format!("Can't {what} manually on instance with coordinator server port.");
        assert_eq!(lone.refused(query), text);
    }
    assert_eq!(lone.role(), "main");
    assert!(lone.run("SHOW REPLICAS").rows.is_empty());
}

#[test]
fn a_moment_keeps_the_offset_in_which_it_was_given() {
    let lone = Instance::start(&[]);
    lone.run("CREATE (:M {at: datetime('2024-02-29T12:30:00+02:00')})");
    let found = lone.run("MATCH (m:M) RETURN m.at, toString(m.at)").rows;
    let Value::DateTime(at) = &found[0][0] else { panic!("{:?}", found[0][0]) };
    assert_eq!(at.offset_seconds, 7_200);
    assert_eq!(found[0][1], Value::from("2024-02-29T12:30:00.000000+02:00"));
}

#[test]
fn rows_come_in_pieces_when_they_are_asked_for_so() {
    let lone = Instance::start(&[]);
    let rows = lone.run("UNWIND range(1, 5000) AS i RETURN i, 'a text of some length' AS t").rows;
    assert_eq!(rows.len(), 5000);
    assert_eq!(rows[4999][0], Value::Int(5000));
}

#[test]
fn ticks_are_those_of_memgraph() {
    let replica = Instance::start(&[]);
    let lone = Instance::start(&[]);
    replica.demote();
    lone.register("r1", "SYNC", &replica);
    lone.run("CREATE (:T)");
    assert_eq!(lone.info("r1"), (2, 0, "ready".into()));
    lone.count();
    lone.run("CREATE (:T)");
    assert_eq!(lone.info("r1"), (5, 0, "ready".into()));
}

#[test]
fn a_user_must_say_the_password() {
    let lone = Instance::start(&["--user", "u", "--password", "p"]);
    let log_in = |name: &str, password: &str| {
        Client::connect(lone.address(), &AuthMap::basic(name, password), LIMIT)
    };
    let error = log_in("u", "q").unwrap_err();
    let failure = error.failure().unwrap();
    assert_eq!(failure.code, "Memgraph.ClientError.Security.Unauthenticated");
    assert_eq!(failure.message, "Authentication failure");
    assert!(log_in("", "").is_err());
    let shown = log_in("u", "p").unwrap().run("SHOW CONFIG").unwrap();
    assert!(!shown.rows.iter().flatten().any(|value| *value == Value::from("p")));
}

#[test]
fn without_users_any_name_and_password_will_do() {
    let lone = Instance::start(&[]);
    let mut client =
        Client::connect(lone.address(), &AuthMap::basic("any", "thing"), LIMIT).unwrap();
    assert_eq!(client.run("RETURN 1").unwrap().rows.len(), 1);
}

#[test]
fn what_an_instance_takes_is_measured() {
    for (version, plain) in [("3.10", 15), ("3.12", 12)] {
        let lone = Instance::start(&[&format!("--engine-version={version}")]);
        lone.run("CREATE (:T)-[:R]->(:T)");
        let told = |query: &str| {
            let rows = lone.run(query).rows;
            let pair = |row: &Vec<Value>| (row[0].as_str().unwrap().to_owned(), row[1].clone());
            rows.iter().map(pair).collect::<BTreeMap<_, _>>()
        };
        let info = told("SHOW STORAGE INFO");
        assert_eq!(info.len(), plain, "{info:?}");
        assert_eq!(info.contains_key("vertex_count"), version == "3.10", "{info:?}");
        for key in ["memory_res", "peak_memory_res", "memory_tracked"] {
            assert!(info[key].as_str().unwrap().ends_with("MiB"), "{key}: {info:?}");
        }
        assert_ne!(info["disk_usage"], Value::from("0B"));
        let database = told("SHOW STORAGE INFO ON CURRENT DATABASE");
        let counted = [&database["vertex_count"], &database["edge_count"]];
        assert_eq!(counted, [&Value::Int(2), &Value::Int(1)]);
    }
}

#[test]
fn the_parts_of_a_summary_that_clients_look_for_are_there() {
    let lone = Instance::start(&["--engine-version", "head", "--licensed"]);
    let demoted = lone.run("SET REPLICATION ROLE TO REPLICA WITH PORT 0");
    let Value::List(notices) = &demoted.summary["notifications"] else { panic!("no list") };
    let notice = notices[0].as_map().unwrap();
    assert_eq!(notice["code"], Value::from("SetReplica"));
    assert_eq!(notice["title"], Value::from("Replica role set to REPLICA."));
    assert_eq!(notice["severity"], Value::from("INFO"));
    assert!(notice.contains_key("description"));
    assert_eq!(lone.run("SHOW VERSION").columns, ["version"]);
}

#[test]
fn sigterm_ends_it_well_and_frees_the_directory() {
    let mut lone = Instance::start(&["--storage-snapshot-on-exit"]);
    lone.run("CREATE (:T)");
    let mut waiting = lone.client();
    waiting.begin().unwrap();
    assert!(lone.terminate());
    lone.restart(&[]);
    assert_eq!(lone.count(), 1);
}

#[test]
fn one_directory_has_one_process() {
    let lone = Instance::start(&[]);
    let mut second = Instance::start(&[]);
    let flag = format!("--data-directory={}", lone.data().display());
    let text = second.fails_to_start(&[&flag]);
    assert!(text.contains("another process uses this data directory"), "{text}");
}

#[test]
fn a_wrong_value_is_told_with_what_would_be_right() {
    let mut lone = Instance::start(&[]);
    let text = lone.fails_to_start(&["--bolt-port=70000"]);
    assert!(text.contains("--bolt-port=70000: expected a port from 0 to 65535"), "{text}");
}
