//! The record: compare-and-set, and what stays of the object that it lies in.

use crate::{
    common::{config_map, done, record::record},
    home::{Home, on_both},
};
use ha_core::{
    ids::ResourceVersion,
    observation::{RecordContent, StoredRecord},
};
use serde_json::json;
use shell_k8s::{
    api_server::{Part, resource::CONFIG_MAPS},
    cluster::Written,
};

const NAME: &str = "graph-state";

async fn stored_term(home: &Home) -> Option<u64> {
    let object = home.get(&CONFIG_MAPS, NAME).await?;
    let text = object["data"]["record"].as_str()?;
    serde_json::from_str::<serde_json::Value>(text).ok()?["term"].as_u64()
}

on_both!(
    a_record_is_read_as_it_was_written,
    an_older_record_is_read_and_loses_what_decides_nothing,
    of_two_writers_of_one_version_one_is_refused,
    what_is_expected_must_be_there,
    a_write_keeps_what_is_not_ours,
    a_key_under_binary_data_is_not_a_key,
);

async fn a_record_is_read_as_it_was_written(home: &Home) {
    let cluster = home.cluster("c");
    let absent = StoredRecord { version: None, content: RecordContent::Absent };
    assert_eq!(cluster.read_record().await, Ok(absent));
    let version = done(cluster.write_record(None, &record(3)).await);
    let content = RecordContent::Record(Box::new(record(3)));
    let read = cluster.read_record().await.unwrap();
    assert_eq!(read, StoredRecord { version: Some(version), content });
    let object = home.get(&CONFIG_MAPS, NAME).await.unwrap();
    assert_eq!(object["data"]["targetMainIndex"], "1");
    assert_eq!(object["metadata"]["annotations"]["memgraph-ha/main"], "mg-1");
    assert_eq!(object["metadata"]["annotations"]["memgraph-ha/term"], "3");
    assert_eq!(object["metadata"]["annotations"]["memgraph-ha/stage"], "steady");
}

/// The controllers stood in it once.
async fn an_older_record_is_read_and_loses_what_decides_nothing(home: &Home) {
    let cluster = home.cluster("c");
    let mut older = serde_json::to_value(record(3)).expect("JSON");
    older["controllers"] = serde_json::json!(["00000000-0000-0000-0000-000000000005"]);
    let data = [("targetMainIndex", "1"), ("record", &older.to_string())];
    home.create(&CONFIG_MAPS, config_map(NAME, &data)).await;
    let read = cluster.read_record().await.unwrap();
    assert_eq!(read.content, RecordContent::Record(Box::new(record(3))));
    done(cluster.write_record(read.version, &record(4)).await);
    let object = home.get(&CONFIG_MAPS, NAME).await.unwrap();
    assert!(!object["data"]["record"].as_str().unwrap().contains("controllers"));
}

async fn of_two_writers_of_one_version_one_is_refused(home: &Home) {
    let (one, other) = (home.cluster("one"), home.cluster("other"));
    let (new, newer) = (record(1), record(2));
    let both = tokio::join!(one.write_record(None, &new), other.write_record(None, &newer));
    let first = match both {
        (Written::Done(version), Written::Overtaken) => (version, 1),
        (Written::Overtaken, Written::Done(version)) => (version, 2),
        neither => panic!("{neither:?}"),
    };
    assert_eq!(stored_term(home).await, Some(first.1));
    let (new, newer) = (record(3), record(4));
    let expected = Some(first.0);
    let both = tokio::join!(one.write_record(expected, &new), other.write_record(expected, &newer));
    let term = match both {
        (Written::Done(_), Written::Overtaken) => 3,
        (Written::Overtaken, Written::Done(_)) => 4,
        neither => panic!("{neither:?}"),
    };
    assert_eq!(stored_term(home).await, Some(term));
}

async fn what_is_expected_must_be_there(home: &Home) {
    let cluster = home.cluster("c");
    let nothing_there = cluster.write_record(Some(ResourceVersion(1)), &record(1)).await;
    assert_eq!(nothing_there, Written::Overtaken);
    done(cluster.write_record(None, &record(1)).await);
    assert_eq!(cluster.write_record(None, &record(2)).await, Written::Overtaken);
    assert_eq!(stored_term(home).await, Some(1));
}

async fn a_write_keeps_what_is_not_ours(home: &Home) {
    let cluster = home.cluster("c");
    let note = json!({
        "metadata": {"name": "graph-state", "annotations": {"team": "graphs"}, "labels": {"x": "y"}},
        "data": {"note": "call us first"},
    });
    home.create(&CONFIG_MAPS, note).await;
    let read = cluster.read_record().await.unwrap();
    assert_eq!(read.content, RecordContent::Absent);
    done(cluster.write_record(read.version, &record(1)).await);
    let object = home.get(&CONFIG_MAPS, NAME).await.unwrap();
    assert_eq!(object["data"]["note"], "call us first");
    assert_eq!(object["metadata"]["annotations"]["team"], "graphs");
    assert_eq!(object["metadata"]["labels"]["x"], "y");
    assert_eq!(stored_term(home).await, Some(1));
}

async fn a_key_under_binary_data_is_not_a_key(home: &Home) {
    let body = json!({"metadata": {"name": "graph-state"}, "binaryData": {"record": "e30="}});
    home.create(&CONFIG_MAPS, body).await;
    let cluster = home.cluster("c");
    let read = cluster.read_record().await.unwrap();
    let why = "key record is under binaryData, expected it under data".to_owned();
    assert_eq!(read.content, RecordContent::Unreadable { why });
    let right = json!({"binaryData": null, "data": {
        "record": serde_json::to_string(&record(1)).unwrap(), "targetMainIndex": "1",
    }});
    home.patch(&CONFIG_MAPS, NAME, &right, Part::Main).await;
    let read = cluster.read_record().await.unwrap();
    assert!(matches!(read.content, RecordContent::Record(_)), "{read:?}");
}
