//! The lease: compare-and-set, what it counts, and holders that are not ours.

use crate::{
    common::{
        done,
        lease::{ONE, OTHER, known, pods},
    },
    home::{Home, on_both},
};
use serde_json::{Value, json};
use shell_k8s::{api_server::resource::LEASES, cluster::Written};

const NAME: &str = "graph-controller";

async fn spec(home: &Home) -> Value {
    home.get(&LEASES, NAME).await.expect("a lease")["spec"].clone()
}

on_both!(
    a_lease_is_acquired_renewed_taken_over_and_released,
    of_two_that_campaign_one_is_refused,
    a_lease_that_is_gone_is_not_renewed,
    holders_that_are_no_controllers_of_ours,
    whom_a_lease_names,
);

async fn a_lease_is_acquired_renewed_taken_over_and_released(home: &Home) {
    let (one, other) = (home.cluster("one"), home.cluster("other"));
    assert_eq!(one.read_lease().await, Ok(None));
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    assert_eq!(one.read_lease().await, Ok(Some(known(first, Some(ONE)))));
    let born = spec(home).await;
    assert_eq!(born["holderIdentity"], "af");
    assert_eq!(born["leaseDurationSeconds"], 5);
    assert_eq!(born["leaseTransitions"], 0);
    assert!(born["acquireTime"].is_string() && born["renewTime"].is_string(), "{born}");

    let renewed = done(one.write_lease(Some(first), Some(ONE), &pods(), 5_001).await);
    let now = spec(home).await;
    assert_eq!(now["leaseTransitions"], 0, "a renewal is no transition");
    assert_eq!(now["acquireTime"], born["acquireTime"]);
    assert_eq!(now["leaseDurationSeconds"], 6, "rounded up");

    // The other one knows the lease from reading, or not at all.
    assert_eq!(other.write_lease(Some(first), Some(OTHER), &pods(), 1).await, Written::Overtaken);
    let taken = done(other.write_lease(Some(renewed), Some(OTHER), &pods(), 1).await);
    let now = spec(home).await;
    assert_eq!(now["leaseTransitions"], 1);
    assert_eq!(now["leaseDurationSeconds"], 1);
    let sample = known(taken, Some(OTHER));
    assert_eq!(one.read_lease().await, Ok(Some(sample)));
    assert_eq!(one.write_lease(Some(renewed), Some(ONE), &pods(), 5_000).await, Written::Overtaken);

    let released = done(other.write_lease(Some(taken), None, &pods(), 5_000).await);
    assert_eq!(spec(home).await["holderIdentity"], "");
    assert_eq!(spec(home).await["leaseTransitions"], 1, "a release is no transition");
    let sample = known(released, None);
    assert_eq!(one.read_lease().await, Ok(Some(sample)));
    done(other.write_lease(Some(released), Some(OTHER), &pods(), 5_000).await);
    assert_eq!(spec(home).await["leaseTransitions"], 2, "acquired anew, if by the same");
}

async fn of_two_that_campaign_one_is_refused(home: &Home) {
    let (one, other) = (home.cluster("one"), home.cluster("other"));
    let pods = pods();
    let both = tokio::join!(
        one.write_lease(None, Some(ONE), &pods, 5_000),
        other.write_lease(None, Some(OTHER), &pods, 5_000)
    );
    let (version, holder) = match both {
        (Written::Done(version), Written::Overtaken) => (version, "af"),
        (Written::Overtaken, Written::Done(version)) => {
            (version, "ffffffffffffffffffffffffffffffff")
        }
        neither => panic!("{neither:?}"),
    };
    assert_eq!(spec(home).await["holderIdentity"], holder);
    // Both know the lease by now, so that only the server can tell them apart.
    for cluster in [&one, &other] {
        assert_eq!(cluster.read_lease().await.unwrap().unwrap().sample.version, version);
    }
    let both = tokio::join!(
        one.write_lease(Some(version), Some(ONE), &pods, 5_000),
        other.write_lease(Some(version), Some(OTHER), &pods, 5_000)
    );
    let one_of_them = matches!(
        both,
        (Written::Done(_), Written::Overtaken) | (Written::Overtaken, Written::Done(_))
    );
    assert!(one_of_them, "{both:?}");
}

async fn a_lease_that_is_gone_is_not_renewed(home: &Home) {
    let one = home.cluster("one");
    let first = done(one.write_lease(None, Some(ONE), &pods(), 5_000).await);
    home.delete(&LEASES, NAME).await;
    assert_eq!(one.write_lease(Some(first), Some(ONE), &pods(), 5_000).await, Written::Overtaken);
    assert_eq!(one.read_lease().await, Ok(None));
}

async fn holders_that_are_no_controllers_of_ours(home: &Home) {
    let cluster = home.cluster("c");
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
        let body = json!({"metadata": {"name": NAME}, "spec": {"holderIdentity": identity}});
        home.create(&LEASES, body).await;
        let read = cluster.read_lease().await;
        match expected {
            Some(holder) => assert_eq!(read.unwrap().unwrap().sample.holder, holder, "{identity}"),
            None => {
                let error = read.unwrap_err().to_string();
                let named = format!("spec.holderIdentity is {identity}");
                assert!(error.contains(&named), "{error}");
                let object = format!("read Lease {}/{NAME}: ", home.namespace());
                assert!(error.starts_with(&object), "{error}");
            }
        }
        home.delete(&LEASES, NAME).await;
    }
}

async fn whom_a_lease_names(home: &Home) {
    let cluster = home.cluster("c");
    let annotated = |text: Value| {
        json!({"metadata": {"name": NAME, "annotations": {"memgraph-ha.io/members": text}},
            "spec": {"holderIdentity": "af"}})
    };
    let plain = json!({"metadata": {"name": NAME}, "spec": {"holderIdentity": "af"}});
    home.create(&LEASES, plain).await;
    let earlier = cluster.read_lease().await.unwrap().unwrap();
    assert!(earlier.sample.members.is_empty() && earlier.pods.is_empty(), "an earlier program's");
    home.delete(&LEASES, NAME).await;
    for text in ["", "[]", "{\"af\": 1}", "{\"no one\": \"pod\"}"] {
        home.create(&LEASES, annotated(json!(text))).await;
        let error = cluster.read_lease().await.unwrap_err().to_string();
        assert!(error.contains("annotation memgraph-ha.io/members is"), "{text}: {error}");
        home.delete(&LEASES, NAME).await;
    }
}
