//! The lease: compare-and-set, what it counts, and holders that are not ours.

use crate::common::{NAMESPACE, cluster, server, within};
use ha_core::{
    ids::{ControllerId, ResourceVersion},
    leadership::LeaseSample,
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{ApiServer, Deletion, Key, Refusal, Who, resource::LEASES},
    cluster::Written,
    controller::{Lease, Members},
};

const ONE: ControllerId = ControllerId(0xaf);
const OTHER: ControllerId = ControllerId(u128::MAX);

/// Whom a lease names here.
fn pods() -> Members {
    Members::from([(ONE, "pod-of-one".to_owned()), (OTHER, String::new())])
}

fn known(version: ResourceVersion, holder: Option<ControllerId>) -> Lease {
    let sample = LeaseSample { version, holder, members: pods().into_keys().collect() };
    Lease { sample, pods: pods() }
}

fn done(written: Written) -> ResourceVersion {
    match written {
        Written::Done(version) => version,
        Written::Refused | Written::Unknown(_) => panic!("{written:?}"),
    }
}

fn key() -> Key {
    Key::new(&LEASES, NAMESPACE, "graph-controller")
}

fn spec(server: &ApiServer) -> Value {
    server.store().get(&key()).expect("a lease")["spec"].clone()
}

#[tokio::test]
async fn a_lease_is_acquired_renewed_taken_over_and_released() {
    let server = server().await;
    let (one, other) = (cluster(&server, "one"), cluster(&server, "other"));
    assert_eq!(one.read_lease().await, Ok(None));
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    assert_eq!(one.read_lease().await, Ok(Some(known(first, Some(ONE)))));
    let born = spec(&server);
    assert_eq!(born["holderIdentity"], "af");
    assert_eq!(born["leaseDurationSeconds"], 5);
    assert_eq!(born["leaseTransitions"], 0);
    assert!(born["acquireTime"].is_string() && born["renewTime"].is_string(), "{born}");

    let renewed = done(one.write_lease(Some(first), Some(ONE), &pods(), 5_001).await);
    let now = spec(&server);
    assert_eq!(now["leaseTransitions"], 0, "a renewal is no transition");
    assert_eq!(now["acquireTime"], born["acquireTime"]);
    assert_eq!(now["leaseDurationSeconds"], 6, "rounded up");

    // The other one knows the lease from reading, or not at all.
    assert_eq!(other.write_lease(Some(first), Some(OTHER), &pods(), 1).await, Written::Refused);
    let taken = done(other.write_lease(Some(renewed), Some(OTHER), &pods(), 1).await);
    let now = spec(&server);
    assert_eq!(now["leaseTransitions"], 1);
    assert_eq!(now["leaseDurationSeconds"], 1);
    let sample = known(taken, Some(OTHER));
    assert_eq!(one.read_lease().await, Ok(Some(sample)));
    assert_eq!(one.write_lease(Some(renewed), Some(ONE), &pods(), 5_000).await, Written::Refused);

    let released = done(other.write_lease(Some(taken), None, &pods(), 5_000).await);
    assert_eq!(spec(&server)["holderIdentity"], "");
    assert_eq!(spec(&server)["leaseTransitions"], 1, "a release is no transition");
    let sample = known(released, None);
    assert_eq!(one.read_lease().await, Ok(Some(sample)));
    done(other.write_lease(Some(released), Some(OTHER), &pods(), 5_000).await);
    assert_eq!(spec(&server)["leaseTransitions"], 2, "acquired anew, if by the same");
}

#[tokio::test]
async fn of_two_that_campaign_one_is_refused() {
    let server = server().await;
    let (one, other) = (cluster(&server, "one"), cluster(&server, "other"));
    let pods = pods();
    let both = tokio::join!(
        one.write_lease(None, Some(ONE), &pods, 5_000),
        other.write_lease(None, Some(OTHER), &pods, 5_000)
    );
    let (version, holder) = match both {
        (Written::Done(version), Written::Refused) => (version, "af"),
        (Written::Refused, Written::Done(version)) => (version, "ffffffffffffffffffffffffffffffff"),
        neither => panic!("{neither:?}"),
    };
    assert_eq!(spec(&server)["holderIdentity"], holder);
    // Both know the lease by now, so that only the server can tell them apart.
    for cluster in [&one, &other] {
        assert_eq!(cluster.read_lease().await.unwrap().unwrap().sample.version, version);
    }
    let both = tokio::join!(
        one.write_lease(Some(version), Some(ONE), &pods, 5_000),
        other.write_lease(Some(version), Some(OTHER), &pods, 5_000)
    );
    let one_of_them =
        matches!(both, (Written::Done(_), Written::Refused) | (Written::Refused, Written::Done(_)));
    assert!(one_of_them, "{both:?}");
}

#[tokio::test]
async fn a_lost_answer_is_unknown() {
    let server = server().await;
    let one = cluster(&server, "one");
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    server.faults().lose_answers(Who::client("one"), 1);
    let written =
        within("the write", one.write_lease(Some(first), Some(ONE), &pods(), 5_000)).await;
    assert!(matches!(written, Written::Unknown(_)), "{written:?}");
    let now = one.read_lease().await.unwrap().unwrap();
    assert!(now.sample.version > first, "it landed");
    // A version that is not known here is read first; without an answer nothing was sent.
    let fresh = cluster(&server, "one");
    server.faults().refuse(Who::client("one"), 1, Refusal::InternalError);
    let written = fresh.write_lease(Some(now.sample.version), Some(ONE), &pods(), 5_000).await;
    let Written::Unknown(why) = written else { panic!("{written:?}") };
    assert!(why.starts_with("not sent: "), "{why}");
    assert_eq!(one.read_lease().await.unwrap().unwrap().sample.version, now.sample.version);
}

#[tokio::test]
async fn a_lease_that_is_gone_is_not_renewed() {
    let server = server().await;
    let one = cluster(&server, "one");
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    server.store().delete(&key(), &Deletion::now()).unwrap();
    assert_eq!(one.write_lease(Some(first), Some(ONE), &pods(), 5_000).await, Written::Refused);
    assert_eq!(one.read_lease().await, Ok(None));
}

#[tokio::test]
async fn holders_that_are_no_controllers_of_ours() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    let (store, key) = (server.store(), key());
    for (identity, expected) in [
        (json!(null), Some(None)),
        (json!(""), Some(None)),
        (json!("af"), Some(Some(ONE))),
        (json!("memgraph-controller-7f9c"), None),
        (json!("AF"), None),
        (json!("0af"), None),
        (json!("+af"), None),
        (json!("a-f"), None),
    ] {
        let body = json!({"metadata": {"name": key.name}, "spec": {"holderIdentity": identity}});
        store.create(&LEASES, NAMESPACE, body).unwrap();
        let read = cluster.read_lease().await;
        match expected {
            Some(holder) => assert_eq!(read.unwrap().unwrap().sample.holder, holder, "{identity}"),
            None => {
                let error = read.unwrap_err().to_string();
                let named = format!("spec.holderIdentity is {identity}");
                assert!(error.contains(&named), "{error}");
                assert!(error.starts_with("read Lease db/graph-controller: "), "{error}");
            }
        }
        store.delete(&key, &Deletion::now()).unwrap();
    }
}

#[tokio::test]
async fn whom_a_lease_names() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    let (store, key) = (server.store(), key());
    let annotated = |text: Value| {
        json!({"metadata": {"name": key.name, "annotations": {"memgraph-ha.io/members": text}},
            "spec": {"holderIdentity": "af"}})
    };
    let plain = json!({"metadata": {"name": key.name}, "spec": {"holderIdentity": "af"}});
    store.create(&LEASES, NAMESPACE, plain).unwrap();
    let earlier = cluster.read_lease().await.unwrap().unwrap();
    assert!(earlier.sample.members.is_empty() && earlier.pods.is_empty(), "an earlier program's");
    store.delete(&key, &Deletion::now()).unwrap();
    for text in ["", "[]", "{\"af\": 1}", "{\"no one\": \"pod\"}"] {
        store.create(&LEASES, NAMESPACE, annotated(json!(text))).unwrap();
        let error = cluster.read_lease().await.unwrap_err().to_string();
        assert!(error.contains("annotation memgraph-ha.io/members is"), "{text}: {error}");
        store.delete(&key, &Deletion::now()).unwrap();
    }
}
