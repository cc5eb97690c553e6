//! The record: what is unknown, and what is unreadable.

use crate::common::{
    NAMESPACE, canned, cluster, config_map, done, names, record::record, server, within,
};
use ha_core::{
    ids::InstanceId,
    observation::{RecordContent, StoredRecord},
};
use kube::Config;
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{ApiServer, Key, Link, Refusal, Who, resource::CONFIG_MAPS},
    cluster::{Cluster, Written},
};
use std::time::Duration;

fn key() -> Key {
    Key::new(&CONFIG_MAPS, NAMESPACE, "graph-state")
}

/// The term that is stored.
fn stored_term(server: &ApiServer) -> Option<u64> {
    let object = server.store().get(&key()).ok()?;
    let text = object["data"]["record"].as_str()?;
    serde_json::from_str::<Value>(text).ok()?["term"].as_u64()
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_write_landed() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    server.faults().lose_answers(Who::client("c"), 1);
    let written = within("the write", cluster.write_record(None, &record(1))).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    assert_eq!(stored_term(&server), Some(1));
    let version = cluster.read_record().await.unwrap().version;
    server.faults().lose_answers(Who::client("c"), 1);
    let written = within("the write", cluster.write_record(version, &record(2))).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    assert_eq!(stored_term(&server), Some(2));
    assert_eq!(cluster.write_record(version, &record(3)).await, Written::Overtaken);
}

#[tokio::test]
async fn a_write_goes_out_once_and_only_refusals_are_refusals() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    let mut changes = server.store().changes_after(None);
    for (how, is_refusal) in [
        (Refusal::TooManyRequests { retry_after_s: 0 }, true),
        (Refusal::ServiceUnavailable, false),
        (Refusal::InternalError, false),
    ] {
        server.faults().refuse(Who::client("c"), 1, how);
        let written = within("the write", cluster.write_record(None, &record(1))).await;
        assert_eq!(matches!(written, Written::Refused(_)), is_refusal, "{how:?}: {written:?}");
        assert_eq!(matches!(written, Written::Unknown(_)), !is_refusal, "{how:?}: {written:?}");
        assert!(changes.ready().unwrap().is_empty(), "{how:?}: sent again");
    }
    // What this guards against: kube's own client carries the write out after all.
    let config = Config::new(server.uri_of("c"));
    assert!(config.default_retry);
    let careless = Cluster::new(kube::Client::try_from(config).unwrap(), names());
    server.faults().refuse(Who::client("c"), 1, Refusal::ServiceUnavailable);
    done(within("the write", careless.write_record(None, &record(1))).await);
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown() {
    let server = server().await;
    let soon = Duration::from_millis(50);
    let cluster = cluster(&server, "c").with_deadline(soon);
    for link in [Link::Silent, Link::Down] {
        server.faults().link(Who::client("c"), link);
        let written = within("the write", cluster.write_record(None, &record(1))).await;
        assert!(matches!(written, Written::Unknown(_)), "{link:?}: {written:?}");
        let read = within("the read", cluster.read_record()).await;
        assert!(read.is_err(), "{link:?}: {read:?}");
    }
}

#[tokio::test]
async fn a_write_that_lands_late_lands_on_its_own_version_only() {
    let server = server().await;
    let (slow, quick) = (cluster(&server, "slow"), cluster(&server, "quick"));
    let slow = slow.with_deadline(Duration::from_millis(20));
    let version = done(quick.write_record(None, &record(1)).await);
    server.faults().delay_writes(Who::client("slow"), 1, Duration::from_secs(2));
    let written = slow.write_record(Some(version), &record(2)).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    let mut changes = server.store().changes_after(None);
    within("the late write", changes.next()).await.unwrap();
    assert_eq!(stored_term(&server), Some(2));
    assert_eq!(quick.write_record(Some(version), &record(3)).await, Written::Overtaken);

    let version = quick.read_record().await.unwrap().version;
    server.faults().delay_writes(Who::client("slow"), 2, Duration::from_secs(1));
    let written = slow.write_record(version, &record(4)).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    done(quick.write_record(version, &record(5)).await);
    // As late as the other one and sent after it, hence a sign that it is over.
    let mut changes = server.store().changes_after(None);
    assert!(slow.set_paused(true).await.is_err());
    within("the sign", changes.next()).await.unwrap();
    assert_eq!(stored_term(&server), Some(5), "the late write missed");
}

#[tokio::test]
async fn answers_of_others_than_the_api_server() {
    let status = |code: u16, reason: &str| {
        json!({"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason}).to_string()
    };
    let object = |version: &str| {
        json!({
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {"name": "graph-state", "resourceVersion": version},
        })
        .to_string()
    };
    for (line, body, expected) in [
        ("502 Bad Gateway", "<html>".to_owned(), "unknown"),
        ("504 Gateway Timeout", status(504, "Timeout"), "unknown"),
        ("408 Request Timeout", "".to_owned(), "unknown"),
        ("200 OK", "".to_owned(), "unknown"),
        ("200 OK", object("not-a-number"), "unknown"),
        ("200 OK", object("12"), "done 12"),
        ("403 Forbidden", status(403, "Forbidden"), "refused"),
        ("401 Unauthorized", "".to_owned(), "refused"),
        ("409 Conflict", status(409, "Conflict"), "overtaken"),
        ("404 Not Found", status(404, "NotFound"), "overtaken"),
    ] {
        let cluster = canned(line, &body).await;
        let written = within("the write", cluster.write_record(None, &record(1))).await;
        let found = match written {
            Written::Done(version) => format!("done {}", version.0),
            Written::Overtaken => "overtaken".to_owned(),
            Written::Refused(why) => {
                let code = line.split(' ').next().unwrap_or_default();
                assert!(why.contains(code), "{why}");
                "refused".to_owned()
            }
            Written::Unknown(_) => "unknown".to_owned(),
        };
        assert_eq!(found, expected, "{line} {body}");
    }
    let read = canned("200 OK", &object("x1")).await.read_record().await.unwrap();
    let why = "metadata.resourceVersion is \"x1\", expected a whole number".to_owned();
    assert_eq!(read, StoredRecord { version: None, content: RecordContent::Unreadable { why } });
    let refused = canned("403 Forbidden", &status(403, "Forbidden")).await.read_record().await;
    let error = refused.unwrap_err();
    assert_eq!(error.code(), Some(403));
    assert!(!error.is_gone() && !error.is_conflict() && error.is_refusal(), "{error}");
    let text = error.to_string();
    assert!(
        text.starts_with("read ConfigMap db/graph-state: the API server answers 403"),
        "{text}"
    );
}

/// What is read from an object with these keys.
async fn read_of(data: &[(&str, &str)]) -> RecordContent {
    let server = server().await;
    server
        .store()
        .create(&CONFIG_MAPS, NAMESPACE, config_map("graph-state", data))
        .expect("an object");
    let read = cluster(&server, "c").read_record().await.expect("an answer");
    assert!(read.version.is_some(), "there is an object");
    read.content
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::to_value(record(1)).expect("a record");
    change(&mut value);
    value.to_string()
}

#[tokio::test]
async fn contents_that_are_not_a_record_are_told_apart() {
    let right = changed(|_| {});
    let newer = changed(|value| value["schema"] = json!(2));
    let far_newer = json!({"schema": u64::MAX, "shape": "unknown"}).to_string();
    assert_eq!(read_of(&[]).await, RecordContent::Absent);
    assert_eq!(read_of(&[("note", "x")]).await, RecordContent::Absent);
    let content = read_of(&[("note", "x"), ("targetMainIndex", "1"), ("record", &right)]).await;
    assert!(matches!(content, RecordContent::Record(_)), "{content:?}");
    let content = read_of(&[("record", &newer), ("targetMainIndx", "1")]).await;
    assert_eq!(content, RecordContent::Newer { schema: 2 });
    let content = read_of(&[("record", &far_newer)]).await;
    assert_eq!(content, RecordContent::Newer { schema: u32::MAX });

    let no_schema = changed(|value| drop(value.as_object_mut().unwrap().remove("schema")));
    let zero = changed(|value| value["schema"] = json!(0));
    let text_schema = changed(|value| value["schema"] = json!("1"));
    let no_term = changed(|value| drop(value.as_object_mut().unwrap().remove("term")));
    let bad_target = changed(|value| value["target"] = json!("mg-x"));
    let extra = changed(|value| value["urgent"] = json!(true));
    let deep = changed(|value| value["members"]["mg-0"]["weight"] = json!(2));
    let earlier = read_of(&[("targetMainIndex", "1")]).await;
    assert_eq!(earlier, RecordContent::Earlier { main: InstanceId(1) });
    let index = ("targetMainIndex", "1");
    let mut told = Vec::new();
    for data in [
        vec![("targetMainIndex", "one")],
        vec![("targetMainIndex", "999")],
        vec![("record", right.as_str())],
        vec![("targetMainIndex", "0"), ("record", &right)],
        vec![("targetMainIndex", "01"), ("record", &right)],
        vec![("targetMainIndex", ""), ("record", &right)],
        vec![("masterIndex", "1")],
        vec![("MasterIndex", "1"), index, ("record", &right)],
        vec![("TargetMainIndex", "1"), ("record", &right)],
        vec![("targetMainIdex", "1"), index, ("record", &right)],
        vec![("target-main-index", "1"), index, ("record", &right)],
        vec![("mainIndex", "1"), index, ("record", &right)],
        vec![("Record", &right), index],
        vec![("records", &right), index, ("record", &right)],
        vec![("record", "{"), index],
        vec![("record", "[]"), index],
        vec![("record", &no_schema), index],
        vec![("record", &zero), index],
        vec![("record", &text_schema), index],
        vec![("record", &no_term), index],
        vec![("record", &bad_target), index],
        vec![("record", &extra), index],
        vec![("record", &deep), index],
    ] {
        let keys: Vec<_> = data.iter().map(|(key, _)| *key).collect();
        match read_of(&data).await {
            RecordContent::Unreadable { why } => told.push(format!("{}: {why}", keys.join(" "))),
            content @ (RecordContent::Absent
            | RecordContent::Earlier { .. }
            | RecordContent::Record(_)
            | RecordContent::Newer { .. }) => panic!("{data:?}: {content:?}"),
        }
    }
    insta::assert_snapshot!(told.join("\n"));
}
