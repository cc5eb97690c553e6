//! What operators ask for.

use crate::home::{Home, on_both};
use ha_core::{
    desired::{AcceptedLoss, Desired, ResetRequest, SwitchoverRequest},
    ids::{InstanceId, Term, VolumeId},
    record::Aside,
};
use shell_k8s::{api_server::resource::CONFIG_MAPS, cluster::Orders};

on_both!(
    commands_are_read_as_they_were_given,
    a_loss_is_accepted_in_words_of_its_own,
    data_is_set_aside_and_put_back_in_words_that_name_it,
    two_commands_at_once_both_stand,
);

async fn commands_are_read_as_they_were_given(home: &Home) {
    let cluster = home.cluster("c");
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
async fn a_loss_is_accepted_in_words_of_its_own(home: &Home) {
    let cluster = home.cluster("c");
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
async fn data_is_set_aside_and_put_back_in_words_that_name_it(home: &Home) {
    let cluster = home.cluster("c");
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

async fn two_commands_at_once_both_stand(home: &Home) {
    let (one, other) = (home.cluster("one"), home.cluster("other"));
    for _ in 0..10 {
        let (paused, asked) = tokio::join!(one.set_paused(true), other.write_switchover(None));
        paused.unwrap();
        let id = asked.unwrap();
        let switchover = Some(SwitchoverRequest { id, to: None });
        assert_eq!(
            one.orders().await,
            Ok(Orders { paused: true, switchover, ..Orders::default() })
        );
        home.delete(&CONFIG_MAPS, "graph-orders").await;
    }
}
