//! What operators ask for.

use crate::common::{NAMESPACE, cluster, config_map, server};
use ha_core::{
    desired::{AcceptedLoss, Desired, ResetRequest, SwitchoverRequest},
    ids::{InstanceId, RequestId, Term, VolumeId},
    record::Aside,
};
use shell_k8s::{
    api_server::{Deletion, Key, Refusal, Who, resource::CONFIG_MAPS},
    cluster::Orders,
};

#[tokio::test]
async fn commands_are_read_as_they_were_given() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    assert_eq!(cluster.orders().await, Ok(Orders::default()));
    cluster.set_paused(true).await.unwrap();
    assert_eq!(cluster.orders().await, Ok(Orders { paused: true, ..Orders::default() }));
    let id = cluster.write_switchover(Some(InstanceId(2))).await.unwrap();
    let switchover = Some(SwitchoverRequest { id, to: Some(InstanceId(2)) });
    let orders = cluster.orders().await.unwrap();
    assert_eq!(orders, Orders { paused: true, switchover, ..Orders::default() });
    let mut desired = Desired::default();
    orders.apply(&mut desired);
    assert!(desired.paused && desired.switchover == switchover);
    let next = cluster.write_switchover(None).await.unwrap();
    assert_ne!(next, id);
    cluster.set_paused(false).await.unwrap();
    let switchover = Some(SwitchoverRequest { id: next, to: None });
    assert_eq!(cluster.orders().await, Ok(Orders { switchover, ..Orders::default() }));
    let error = cluster.write_switchover(Some(InstanceId(3))).await.unwrap_err().to_string();
    assert!(error.ends_with("there is no instance mg-3, expected mg-0 to mg-2"), "{error}");
}

/// A word stands beside the other orders, and the next one takes its place.
#[tokio::test]
async fn a_loss_is_accepted_in_words_of_its_own() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    cluster.write_switchover(None).await.unwrap();
    let asked = cluster.orders().await.unwrap();
    let first = cluster.write_accepted(InstanceId(1), None).await.unwrap();
    let id = cluster.write_accepted(InstanceId(2), Some(Term(3))).await.unwrap();
    assert_ne!(first, id);
    let accepts = Some(AcceptedLoss { id, main: InstanceId(2), of: Some(Term(3)) });
    let orders = cluster.orders().await.unwrap();
    assert_eq!(orders, Orders { accepts, ..asked });
    let mut desired = Desired::default();
    orders.apply(&mut desired);
    assert_eq!(desired.accepts, accepts);
    let error = cluster.write_accepted(InstanceId(3), None).await.unwrap_err().to_string();
    assert!(error.ends_with("there is no instance mg-3, expected mg-0 to mg-2"), "{error}");
}

/// The volume is part of the word: it is what its speaker saw.
#[tokio::test]
async fn data_is_set_aside_and_put_back_in_words_that_name_it() {
    let server = server().await;
    let cluster = cluster(&server, "c");
    cluster.set_paused(true).await.unwrap();
    let (of, volume) = (InstanceId(7), VolumeId(0x2a));
    for restores in [None, Some(Aside::Latest), Some(Aside::Of(VolumeId(0x2b)))] {
        let id = cluster.write_reset(of, volume, restores).await.unwrap();
        let reset = Some(ResetRequest { id, of, volume, restores });
        let orders = cluster.orders().await.unwrap();
        assert_eq!(orders, Orders { paused: true, reset, ..Orders::default() });
        let mut desired = Desired::default();
        orders.apply(&mut desired);
        assert_eq!(desired.reset, reset);
    }
}

#[tokio::test]
async fn two_commands_at_once_both_stand() {
    let server = server().await;
    let (one, other) = (cluster(&server, "one"), cluster(&server, "other"));
    for _ in 0..10 {
        let (paused, asked) = tokio::join!(one.set_paused(true), other.write_switchover(None));
        paused.unwrap();
        let id = asked.unwrap();
        let switchover = Some(SwitchoverRequest { id, to: None });
        assert_eq!(
            one.orders().await,
            Ok(Orders { paused: true, switchover, ..Orders::default() })
        );
        let key = Key::new(&CONFIG_MAPS, NAMESPACE, "graph-orders");
        server.store().delete(&key, &Deletion::now()).unwrap();
    }
}

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
    let mut told = Vec::new();
    for data in [
        [("order", "{}")],
        [("orders", "")],
        [("orders", "yes")],
        [("orders", r#"{"pause":true}"#)],
        [("orders", r#"{"paused":"yes"}"#)],
        [("orders", r#"{"switchover":{"to":"mg-1"}}"#)],
        [("orders", r#"{"switchover":{"id":"1f","too":"mg-1"}}"#)],
        [("orders", r#"{"switchover":{"id":"1f","to":"mg-7"}}"#)],
        [("orders", r#"{"switchover":{"id":"1f","to":1}}"#)],
        [("orders", r#"{"switchover":{"id":"x","to":null}}"#)],
        [("orders", r#"{"accepts":{"id":"1f","main":"mg-7"}}"#)],
        [("orders", r#"{"accepts":{"id":"1f"}}"#)],
    ] {
        let error = read(&data).await.unwrap_err();
        told.push(error.to_string());
    }
    insta::assert_snapshot!(told.join("\n"));
}
