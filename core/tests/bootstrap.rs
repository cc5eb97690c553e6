//! Bootstrap and its refusals: without a record, anything that is not provably empty is left to a
//! person, and nothing is done.

#[path = "common/bases.rs"]
mod bases;

use bases::base;
use ha_core::{
    action::Action,
    ids::InstanceId,
    observation::{
        BoltView, ClusterObservation, Contact, Content, RoleView, Row, RowState, SyncMode,
        VolumeView,
    },
    plan,
    reading::{Age, Reading, Why},
    record::{Cause, Stage},
};
use std::collections::BTreeMap;

fn answer(obs: &mut ClusterObservation, id: u8) -> &mut BoltView {
    let view = obs.instances.get_mut(&InstanceId(id)).expect("an instance of the base");
    match &mut view.bolt {
        Reading::Known { value, .. } => value,
        Reading::Unknown { .. } => panic!("mg-{id} answers in this base"),
    }
}

/// The plan does nothing, and this is the one thing that it says.
fn refused(obs: &ClusterObservation, sentence: &str) {
    let plan = plan(obs);
    assert_eq!(plan.actions(), vec![]);
    let said: Vec<_> = plan.holds.iter().map(ToString::to_string).collect();
    assert_eq!(said, vec![sentence]);
}

#[test]
fn an_empty_cluster_gets_an_intent_and_nothing_else() {
    match plan(&base("bootstrap")).actions().as_slice() {
        [Action::WriteRecord { expected: None, record, .. }] => {
            assert_eq!((record.stage, record.cause), (Stage::Intent, Cause::Bootstrap));
            assert_eq!(record.target, InstanceId(0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_without_a_record_is_refused() {
    let mut obs = base("bootstrap");
    answer(&mut obs, 2).content = Content::Data;
    refused(
        &obs,
        "hold  B40 refuse               mg-2: holds data; there is no record, so a person must name the main",
    );
}

#[test]
fn what_was_not_counted_is_no_proof_of_emptiness() {
    let mut obs = base("bootstrap");
    answer(&mut obs, 1).content = Content::Uncounted;
    refused(
        &obs,
        "hold  B40 refuse               mg-1: its data could not be counted; there is no record, \
         so a person must name the main",
    );
}

#[test]
fn a_used_volume_is_refused_though_it_looks_empty() {
    let mut obs = base("bootstrap");
    obs.instances.get_mut(&InstanceId(0)).unwrap().volume = Reading::fresh(VolumeView::Used);
    refused(
        &obs,
        "hold  B40 refuse               mg-0: its volume is not proven new; there is no record, \
         so a person must name the main",
    );
}

#[test]
fn an_instance_that_does_not_answer_may_hold_anything() {
    let mut obs = base("bootstrap");
    obs.instances.get_mut(&InstanceId(1)).unwrap().contact =
        Contact::Unreached { why: Why::Silent, since: Age::Expired };
    refused(&obs, "hold  B10 wait-for-all         mg-1: no answer");
}

#[test]
fn a_pod_without_an_address_is_not_asked_and_not_empty() {
    let mut obs = base("bootstrap");
    let view = obs.instances.get_mut(&InstanceId(2)).unwrap();
    if let Reading::Known { value: Some(pod), .. } = &mut view.pod {
        pod.address = None;
    }
    refused(&obs, "hold  B10 wait-for-all         mg-2: no address");
}

#[test]
fn a_cluster_without_a_record_is_adopted_not_founded() {
    let mut obs = base("bootstrap");
    let row = Row {
        mode: SyncMode::StrictSync,
        state: RowState::Ready,
        behind: 0,
        since: Age::Fresh,
        still: Age::Fresh,
    };
    answer(&mut obs, 1).role = RoleView::Replica;
    answer(&mut obs, 2).role = RoleView::Replica;
    answer(&mut obs, 0).role =
        RoleView::Main { rows: BTreeMap::from([(InstanceId(1), row)]), strangers: [].into() };
    refused(&obs, "hold  B30 adopt                recipe adoption missing");
}
