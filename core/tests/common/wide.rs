//! Clusters of more than three instances, made of those of `bases`.

use crate::bases::{bolt, life, mg, pod, record};
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, RoleView},
    reading::Reading,
    record::{Member, Proof},
};

/// The same with so many instances: all beyond mg-2 are as that one is.
pub(crate) fn widened(mut obs: ClusterObservation, instances: u8) -> ClusterObservation {
    obs.desired.instances = instances;
    let like = obs.instances.get(&mg(2)).cloned().expect("an instance of every base");
    for id in (3..instances).map(InstanceId) {
        let mut view = like.clone();
        view.pod = Reading::fresh(Some(pod(id)));
        if let Reading::Known { value, .. } = &mut view.bolt {
            value.incarnation = life(id);
        }
        obs.instances.insert(id, view);
        for other in [mg(0), mg(1)] {
            let Some(RoleView::Main { rows, .. }) = bolt(&mut obs, other).map(|it| &mut it.role)
            else {
                continue;
            };
            if let Some(row) = rows.get(&mg(2)).cloned() {
                rows.insert(id, row);
            }
        }
        let Some(record) = record(&mut obs) else { continue };
        if let Some(Member { votes, proof: Some(proof) }) = record.members.get(&mg(2)).copied() {
            let proof = Some(Proof { replica: life(id), ..proof });
            record.members.insert(id, Member { votes, proof });
        }
    }
    obs
}
