//! Bootstrap and its refusals: without a record, anything that is not provably empty is left to a
//! person, and nothing is done.

#[path = "common/bases.rs"]
mod bases;

use bases::base;
use ha_core::{
    action::Action,
    desired::AcceptedLoss,
    ids::{InstanceId, RequestId, ResourceVersion, Term},
    observation::{
        BoltView, ClusterObservation, Contact, Content, RecordContent, RoleView, Row, RowState,
        StoredRecord, SyncMode, VolumeView,
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
        "hold  B40 refuse               mg-2: holds data; there is no record, so a person must name the main (failover --accept-loss)",
    );
}

#[test]
fn what_was_not_counted_is_no_proof_of_emptiness() {
    let mut obs = base("bootstrap");
    answer(&mut obs, 1).content = Content::Uncounted;
    refused(
        &obs,
        "hold  B40 refuse               mg-1: its data could not be counted; there is no record, \
         so a person must name the main (failover --accept-loss)",
    );
}

#[test]
fn a_used_volume_is_refused_though_it_looks_empty() {
    let mut obs = base("bootstrap");
    obs.instances.get_mut(&InstanceId(0)).unwrap().volume = Reading::fresh(VolumeView::Used);
    refused(
        &obs,
        "hold  B40 refuse               mg-0: its volume is not proven new; there is no record, \
         so a person must name the main (failover --accept-loss)",
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
    refused(&obs, "hold  B10 wait-for-all         mg-2: no answer");
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
    adopted(&obs, 0);
    // Whoever shows more than the main has is a reason to ask a person.
    let ahead = |state, behind| {
        let mut obs = obs.clone();
        if let RoleView::Main { rows, .. } = &mut answer(&mut obs, 0).role {
            let row = rows.get_mut(&InstanceId(1)).unwrap();
            (row.state, row.behind) = (state, behind);
        }
        obs
    };
    for unclear in [ahead(RowState::Ready, 3), ahead(RowState::Diverged, 0)] {
        assert_eq!(plan(&unclear).actions(), vec![]);
    }
    adopted(&ahead(RowState::Invalid, -7), 0);
    let mut two = obs.clone();
    answer(&mut two, 2).role = RoleView::Main { rows: BTreeMap::new(), strangers: [].into() };
    assert_eq!(plan(&two).actions(), vec![]);
    let mut hidden = obs.clone();
    hidden.instances.get_mut(&InstanceId(2)).unwrap().contact =
        Contact::Unreached { why: Why::Silent, since: Age::Expired };
    assert_eq!(plan(&hidden).actions(), vec![]);
    // An earlier controller's word must agree.
    for (named, agrees) in [(0, true), (1, false)] {
        let mut obs = obs.clone();
        earlier(&mut obs, named);
        if agrees {
            adopted(&obs, 0);
        } else {
            assert_eq!(plan(&obs).actions(), vec![]);
        }
    }
}

fn earlier(obs: &mut ClusterObservation, named: u8) {
    let content = RecordContent::Earlier { main: InstanceId(named) };
    obs.record = Reading::fresh(StoredRecord { version: Some(ResourceVersion(3)), content });
}

/// The first record names this one, which is main already.
fn adopted(obs: &ClusterObservation, main: u8) {
    let plan = plan(obs);
    assert!(plan.vetoes.is_empty(), "{plan}");
    match plan.actions().as_slice() {
        [Action::WriteRecord { expected, record, .. }] => {
            assert_eq!(*expected, obs.record.known().and_then(|stored| stored.version));
            assert_eq!((record.stage, record.cause), (Stage::Intent, Cause::Adoption));
            assert_eq!(record.target, InstanceId(main));
        }
        other => panic!("{other:?}"),
    }
}

/// Where an earlier controller left its word there was a cluster: nothing is founded over it.
#[test]
fn nothing_is_founded_over_an_earlier_controllers_word() {
    let mut obs = base("bootstrap");
    earlier(&mut obs, 1);
    let plan = plan(&obs);
    assert_eq!(plan.actions(), vec![]);
    let said = plan.holds[0].to_string();
    assert!(said.contains("mg-1: was named main by an earlier controller"), "{said}");
}

/// What nobody can tell a person may say, of a cluster without a record only, and by name.
#[test]
fn a_person_may_name_the_first_main() {
    let mut obs = base("bootstrap");
    answer(&mut obs, 2).content = Content::Data;
    obs.instances.get_mut(&InstanceId(0)).unwrap().contact =
        Contact::Unreached { why: Why::Silent, since: Age::Expired };
    assert_eq!(plan(&obs).actions(), vec![]);
    let word = AcceptedLoss { id: RequestId(9), main: InstanceId(2), of: None };
    obs.desired.accepts = Some(AcceptedLoss { of: Some(Term(1)), ..word });
    assert_eq!(plan(&obs).actions(), vec![], "it was said of a record");
    obs.desired.accepts = Some(AcceptedLoss { main: InstanceId(0), ..word });
    assert_eq!(plan(&obs).actions(), vec![], "it does not answer");
    obs.desired.accepts = Some(word);
    let plan = plan(&obs);
    assert!(plan.vetoes.is_empty(), "{plan}");
    match plan.actions().as_slice() {
        [Action::WriteRecord { record, .. }] => {
            assert_eq!(record.cause, Cause::Accepted { request: RequestId(9) });
            assert_eq!((record.target, record.accepted), (InstanceId(2), Some(RequestId(9))));
            assert_eq!(record.former, [InstanceId(0), InstanceId(1)].into());
        }
        other => panic!("{other:?}"),
    }
}
