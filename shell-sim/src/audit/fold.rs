//! How each event changes what a reader believes. This module is one table from event to change; it
//! deliberately does not judge, and an event without a row changes nothing.

use super::believed::{Believed, Failover, Gateway, Life, Loss, Mark, Pass, PodBelief};
use crate::incident::{EventWord as E, Item, PodName, Replicas, Role, Status};

type Change = fn(&mut Believed, &Item);

const CHANGES: &[(E, Change)] = &[
    (E::PodDeletionRequested, pod_leaving),
    (E::PodStuckTerminating, pod_leaving),
    (E::PodNotReady, pod_not_ready),
    (E::PodTerminated, pod_gone),
    (E::PodDeleted, pod_gone),
    (E::PodForceKilled, pod_gone),
    (E::PodCreated, pod_created),
    (E::PodIpMissing, pod_ip_missing),
    (E::PodRunning, pod_running),
    (E::PodReady, pod_ready),
    (E::RolloutProgressObserved, rollout),
    (E::RollingRestartRequested, rollout),
    (E::PrestopReplicaSkipped, status_told),
    (E::PrestopCompleted, prestop_completed),
    (E::InstanceStartedAsMain, started_as_main),
    (E::RoleObserved, role_observed),
    (E::ReplicaStatusObserved, status_told),
    (E::DualMainObserved, dual_main_observed),
    (E::DualMainResolved, dual_main_resolved),
    (E::ReplicationRpcReceived, rpc_received),
    (E::RegisterRejectedDiverged, rejected_diverged),
    (E::ReconcileStarted, reconcile_started),
    (E::ReconcileAborted, reconcile_aborted),
    (E::ConnectAttemptFailed, no_answer),
    (E::QueryFailed, no_answer),
    (E::FailoverTriggered, failover_triggered),
    (E::FailoverCheck, status_told),
    (E::FailoverBlocked, failover_blocked),
    (E::FailoverAttemptSucceeded, status_told),
    (E::FailoverCompleted, failover_completed),
    (E::Promote, promoted),
    (E::Demote, demoted),
    (E::RegisterReplica, registered),
    (E::DropReplica, dropped),
    (E::TargetMainUpdated, target_updated),
    (E::GatewayConnectionEstablished, gateway_set),
    (E::GatewayUpstreamStillSet, gateway_set),
    (E::GatewayStaleRouteUsed, gateway_set),
    (E::GatewayUpstreamCleared, gateway_cleared),
    (E::GatewayConnectionRejected, gateway_cleared),
    (E::ClientWriteRecorded, write_recorded),
    (E::TopologyObserved, topology_observed),
];

impl Believed {
    /// Takes in one item.
    pub fn learn(&mut self, item: &Item) {
        for (event, change) in CHANGES {
            if *event == item.event {
                change(self, item);
            }
        }
    }

    fn entry(&mut self, name: PodName) -> &mut PodBelief {
        self.pods.entry(name).or_default()
    }

    fn change(&mut self, item: &Item, change: impl FnOnce(&mut PodBelief)) {
        if let Some(name) = self.subject(item) {
            change(self.entry(name));
        }
    }

    /// Notes the loss of a main, if the item is about one or the controller says that it is.
    fn lose_main(&mut self, item: &Item, said_by_controller: bool) {
        let of_main = item.facts.role_of_pod == Some(Role::Main)
            || self
                .subject(item)
                .and_then(|name| self.pod(name))
                .is_some_and(|pod| pod.has_role(Role::Main));
        if self.loss.is_none() && (of_main || said_by_controller) {
            let since = Mark::of(item);
            self.loss = Some(Loss { since, without_successor: !self.has_fit_replica() });
        }
    }

    /// Whether some replica may be fit to follow the main: not all that have a status are unfit.
    fn has_fit_replica(&self) -> bool {
        let mut told = self.pods.values().filter_map(|pod| pod.status).peekable();
        told.peek().is_none() || told.any(|status| status == Status::Ready)
    }
}

fn pod_leaving(now: &mut Believed, item: &Item) {
    now.restarts = true;
    now.lose_main(item, false);
    now.change(item, |pod| pod.life = Life::Leaving);
}

fn pod_not_ready(now: &mut Believed, item: &Item) {
    now.lose_main(item, false);
    now.change(item, |pod| pod.ready = Some(false));
}

fn pod_gone(now: &mut Believed, item: &Item) {
    now.restarts = true;
    now.lose_main(item, false);
    now.change(item, |pod| {
        pod.life = Life::Gone;
        pod.ready = Some(false);
    });
}

/// A new life: what was read of the old one no longer holds. What the instance keeps on its
/// volume, and with it the main that it obeys, does.
fn new_life(pod: &mut PodBelief) {
    *pod = PodBelief {
        lives: pod.lives.saturating_add(1),
        was_main: pod.was_main,
        recreated_unseen: true,
        mode: pod.mode,
        follows: pod.follows,
        heard: std::mem::take(&mut pod.heard),
        refused: pod.refused,
        ..PodBelief::default()
    };
}

fn pod_created(now: &mut Believed, item: &Item) {
    now.restarts = true;
    let is_empty = matches!(item.data.text("storage"), Some("empty" | "fresh"));
    now.change(item, |pod| {
        new_life(pod);
        if is_empty {
            pod.follows = None;
            pod.heard.clear();
            pod.was_main = false;
        }
    });
}

fn pod_ip_missing(now: &mut Believed, item: &Item) {
    now.restarts = true;
    now.change(item, |pod| pod.address_missing = true);
}

fn pod_running(now: &mut Believed, item: &Item) {
    let role = item.facts.role;
    let order = item.order;
    now.change(item, |pod| {
        if pod.life == Life::Gone {
            new_life(pod);
        }
        pod.life = Life::Present;
        pod.address_missing = false;
        if let Some(role) = role {
            pod.role = Some((role, order));
        }
    });
}

fn pod_ready(now: &mut Believed, item: &Item) {
    pod_running(now, item);
    now.change(item, |pod| {
        pod.ready = Some(true);
        pod.unreachable = false;
    });
}

fn rollout(now: &mut Believed, _: &Item) {
    now.rollout = true;
    now.restarts = true;
}

fn set_status(pod: &mut PodBelief, status: Status) {
    pod.status = Some(status);
    if status == Status::Ready {
        pod.recreated_unseen = false;
        pod.refused = false;
    }
}

/// Takes in every status that an item tells, in whichever form.
fn status_told(now: &mut Believed, item: &Item) {
    let facts = &item.facts;
    if let Some(status) = facts.status {
        now.change(item, |pod| set_status(pod, status));
    }
    if let Some(mode) = facts.sync_mode {
        now.change(item, |pod| pod.mode = Some(mode));
    }
    match &facts.replicas {
        Replicas::Unstated => {}
        Replicas::All(status) => {
            for pod in now.pods.values_mut().filter(|pod| pod.has_role(Role::Replica)) {
                set_status(pod, *status);
            }
        }
        Replicas::Each(rows) => {
            for row in rows {
                if let Some(status) = row.status {
                    set_status(now.entry(row.pod), status);
                }
            }
        }
    }
}

fn prestop_completed(now: &mut Believed, item: &Item) {
    status_told(now, item);
    if let Some(name) = now.subject(item) {
        now.prestop_done.insert(name);
    }
}

fn started_as_main(now: &mut Believed, item: &Item) {
    let order = item.order;
    now.change(item, |pod| {
        if pod.life == Life::Gone {
            new_life(pod);
        }
        pod.life = Life::Present;
        pod.role = Some((Role::Main, order));
        pod.was_main = true;
    });
}

/// Whether an item is about an instance that could not be reached where it was looked for.
pub(super) fn goes_nowhere(now: &Believed, item: &Item) -> bool {
    let empty = |address: &str| address.is_empty() || address.starts_with(':');
    item.facts.bolt_address.as_deref().is_some_and(empty)
        || now.subject(item).is_some_and(|name| now.has_no_address(name))
}

fn role_observed(now: &mut Believed, item: &Item) {
    if goes_nowhere(now, item) {
        now.change(item, |pod| pod.role_from_nowhere = true);
        return;
    }
    let Some(role) = item.facts.role else { return };
    let order = item.order;
    now.change(item, |pod| {
        pod.role = Some((role, order));
        pod.role_from_nowhere = false;
        pod.role_known_to_controller = true;
        pod.unreachable = false;
        pod.was_main |= role == Role::Main;
    });
}

fn dual_main_observed(now: &mut Believed, item: &Item) {
    now.dual = true;
    for name in &item.facts.mains {
        let order = item.order;
        let pod = now.entry(*name);
        pod.role = Some((Role::Main, order));
        pod.was_main = true;
    }
}

fn dual_main_resolved(now: &mut Believed, _: &Item) {
    now.dual = false;
    let kept = now.promoted.and_then(|(name, _)| name);
    for (name, pod) in &mut now.pods {
        if pod.has_role(Role::Main) && kept != Some(*name) {
            pod.role = None;
        }
    }
}

fn rpc_received(now: &mut Believed, item: &Item) {
    for main in &item.facts.from {
        let life = now.main_life(*main);
        let order = item.order;
        let caller = now.entry(*main);
        caller.role = Some((Role::Main, order));
        caller.was_main = true;
        now.change(item, |pod| {
            pod.heard.insert(life);
            pod.follows = Some(life);
        });
    }
}

/// The instance answers as replica, and the REGISTER has taken it from its former main although
/// it is refused (MR 3.4).
fn rejected_diverged(now: &mut Believed, item: &Item) {
    let by = item.facts.registered_on.map(|main| now.main_life(main));
    let mode = item.facts.sync_mode;
    let order = item.order;
    now.change(item, |pod| {
        pod.refused = true;
        pod.role = Some((Role::Replica, order));
        pod.address_missing = false;
        pod.mode = mode.or(pod.mode);
        pod.heard.extend(by);
        pod.follows = by.or(pod.follows);
    });
}

fn reconcile_started(now: &mut Believed, item: &Item) {
    let target = item.facts.target_read;
    now.pass = Some(Pass { since: Mark::of(item), target });
    now.target = now.target.or(target);
}

fn reconcile_aborted(now: &mut Believed, _: &Item) {
    now.pass = None;
}

fn no_answer(now: &mut Believed, item: &Item) {
    now.change(item, |pod| {
        pod.unreachable = true;
        pod.role_known_to_controller = false;
    });
}

fn failover_triggered(now: &mut Believed, item: &Item) {
    now.failover.get_or_insert(Failover { since: Mark::of(item) });
    now.lose_main(item, true);
}

fn failover_blocked(now: &mut Believed, _: &Item) {
    if let Some(loss) = &mut now.loss {
        loss.without_successor = true;
    }
}

fn failover_completed(now: &mut Believed, _: &Item) {
    now.failover = None;
    now.loss = None;
}

fn promoted(now: &mut Believed, item: &Item) {
    now.loss = None;
    now.promoted = Some((now.subject(item), Mark::of(item)));
    let order = item.order;
    now.change(item, |pod| {
        pod.role = Some((Role::Main, order));
        pod.was_main = true;
        pod.role_known_to_controller = true;
        pod.registrations_known = true;
        pod.recreated_unseen = false;
        pod.status = None;
        pod.mode = None;
        pod.follows = None;
    });
}

fn demoted(now: &mut Believed, item: &Item) {
    if goes_nowhere(now, item) {
        return;
    }
    let order = item.order;
    now.change(item, |pod| {
        pod.role = Some((Role::Replica, order));
        pod.role_known_to_controller = true;
        pod.registrations_known = false;
    });
}

/// A registration that names its main but no replica is one of every other pod.
fn registered(now: &mut Believed, item: &Item) {
    let on = item.facts.registered_on.map(|main| now.main_life(main));
    let subjects: Vec<PodName> = match now.subject(item) {
        Some(name) => vec![name],
        None => match item.facts.registered_on {
            Some(main) => now.pods.keys().copied().filter(|name| *name != main).collect(),
            None => Vec::new(),
        },
    };
    for name in subjects {
        let pod = now.entry(name);
        pod.mode = item.facts.sync_mode.or(pod.mode);
        pod.status = None;
        pod.heard.extend(on);
        pod.follows = on.or(pod.follows);
    }
}

fn dropped(now: &mut Believed, item: &Item) {
    now.change(item, |pod| {
        pod.mode = None;
        pod.status = None;
        pod.follows = None;
    });
}

fn target_updated(now: &mut Believed, item: &Item) {
    now.target = item.facts.target.or(now.target);
    now.failover = None;
    now.loss = None;
    if let Some(key) = item.data.text("key_written") {
        now.key_written = Some(key.to_owned());
    }
}

fn gateway_set(now: &mut Believed, _: &Item) {
    now.gateway = Gateway::Set;
}

fn gateway_cleared(now: &mut Believed, _: &Item) {
    now.gateway = Gateway::Cleared;
}

/// The pods on which an item says that writes end (`last_record_on`) or begin.
pub(super) fn holders(item: &Item, key: &str) -> Vec<PodName> {
    let names = item.data.each(key).iter();
    names.filter_map(|value| value.as_text()?.parse().ok()).collect()
}

fn write_recorded(now: &mut Believed, item: &Item) {
    let shared =
        ["first_record_on", "last_record_on"].into_iter().any(|key| holders(item, key).len() > 1);
    if shared {
        now.write_shared_at = item.at.or(now.write_shared_at);
    }
}

fn topology_observed(now: &mut Believed, item: &Item) {
    if let Some(main) = item.facts.main {
        now.entry(main).role = Some((Role::Main, item.order));
    }
}
