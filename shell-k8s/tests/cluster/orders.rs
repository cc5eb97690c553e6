//! What operators ask for.

use crate::common::{NAMESPACE, cluster, config_map, server};
use ha_core::{
    desired::{AcceptedLoss, SwitchoverRequest},
    ids::{InstanceId, RequestId, Term},
};
use shell_k8s::{
    api_server::{Refusal, Who, resource::CONFIG_MAPS},
    cluster::Orders,
};

#[tokio::test]
async fn a_command_that_fails_says_so() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    server.faults().refuse(Who::client("c"), 1, Refusal::InternalError);
    let error = cluster.set_paused(true).await.unwrap_err().to_string();
    assert!(error.starts_with("read ConfigMap db/graph-orders: the API server answers 500"));
    server.faults().lose_answers(Who::client("c"), 1);
    assert!(cluster.set_paused(true).await.is_err());
    assert!(cluster.orders().await.unwrap().paused, "it was carried out");
}

#[tokio::test]
async fn orders_that_are_not_understood_are_told_and_not_written_over() {
    let read = async |data: &[(&str, &str)]| {
        let server = server().await;
        server.store().create(&CONFIG_MAPS, NAMESPACE, config_map("graph-orders", data)).unwrap();
        let cluster = cluster(&server, "c");
        let before = server.store().snapshot().version;
        let orders = cluster.orders().await;
        if orders.is_err() {
            assert!(cluster.set_paused(true).await.is_err());
            assert_eq!(server.store().snapshot().version, before, "written over");
        }
        orders
    };
    let id = RequestId(0x1f);
    for (text, expected) in [
        ("{}", Orders::default()),
        (r#"{"paused":true}"#, Orders { paused: true, ..Orders::default() }),
        (
            r#"{"paused":false,"switchover":{"id":"1f","to":"mg-1"}}"#,
            Orders {
                switchover: Some(SwitchoverRequest { id, to: Some(InstanceId(1)) }),
                ..Orders::default()
            },
        ),
        (
            r#"{"accepts":{"id":"1f","main":"mg-2","term":3}}"#,
            Orders {
                accepts: Some(AcceptedLoss { id, main: InstanceId(2), of: Some(Term(3)) }),
                ..Orders::default()
            },
        ),
        (
            r#"{"switchover":{"id":"1f","to":null}}"#,
            Orders { switchover: Some(SwitchoverRequest { id, to: None }), ..Orders::default() },
        ),
    ] {
        assert_eq!(read(&[("orders", text)]).await, Ok(expected), "{text}");
    }
    assert_eq!(read(&[]).await, Ok(Orders::default()));
    // It was given, and perhaps done, when the cluster was larger.
    let of_before = r#"{"switchover":{"id":"1f","to":"mg-7"},"accepts":{"id":"1f","main":"mg-7"}}"#;
    let orders = read(&[("orders", of_before)]).await.unwrap();
    assert_eq!(orders.switchover.unwrap().to, Some(InstanceId(7)));
    assert_eq!(orders.accepts.unwrap().main, InstanceId(7));
    let mut told = Vec::new();
    for data in [
        [("order", "{}")],
        [("orders", "")],
        [("orders", "yes")],
        [("orders", r#"{"pause":true}"#)],
        [("orders", r#"{"paused":"yes"}"#)],
        [("orders", r#"{"switchover":{"to":"mg-1"}}"#)],
        [("orders", r#"{"switchover":{"id":"1f","too":"mg-1"}}"#)],
        [("orders", r#"{"switchover":{"id":"1f","to":1}}"#)],
        [("orders", r#"{"switchover":{"id":"x","to":null}}"#)],
        [("orders", r#"{"accepts":{"id":"1f"}}"#)],
    ] {
        let error = read(&data).await.unwrap_err();
        told.push(error.to_string());
    }
    insta::assert_snapshot!(told.join("\n"));
}
