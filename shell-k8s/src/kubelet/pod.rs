//! One ordinal: its pod is made, its process kept running, its status told, and when it is marked for
//! deletion it goes and comes again, as a StatefulSet's pods do.

use super::{Shared, process::Process};
use crate::cluster::CONTAINER;
use ha_core::ids::{InstanceId, PodUid};
use k8s_openapi::{
    api::core::v1::{Container, Pod, PodSpec},
    apimachinery::pkg::apis::meta::v1::{OwnerReference, Time},
};
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout_at},
};

/// The node that runs the pods: this machine.
const NODE: &str = "here";
/// How often its mark for deletion is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is looked whether Bolt is open.
const READY: Duration = Duration::from_millis(20);
/// How long something that failed is left alone.
const AFTER_ERROR: Duration = Duration::from_millis(500);

/// Keeps the pod of an ordinal, for ever.
pub(super) async fn keep(shared: Arc<Shared>, id: InstanceId) {
    loop {
        match make(&shared, id).await {
            Ok((name, uid)) => {
                run(&shared, id, &name, uid).await;
                remove(&shared, id, &name).await;
                sleep(shared.settings.recreate_after).await;
            }
            Err(error) => {
                tracing::warn!(instance = %id, error, "the pod cannot be made");
                sleep(AFTER_ERROR).await;
            }
        }
    }
}

pub(super) fn container() -> Container {
    Container {
        name: CONTAINER.to_owned(),
        image: Some("memgraph".to_owned()),
        ..Container::default()
    }
}

async fn make(shared: &Shared, id: InstanceId) -> Result<(String, PodUid), String> {
    let settings = &shared.settings;
    let name = settings.names.pod(id);
    let owner = OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "StatefulSet".to_owned(),
        name: settings.names.set().to_owned(),
        uid: shared.set_uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let spec = PodSpec {
        containers: vec![container()],
        // A real API server removes a pod that no node has at once, in place of marking it.
        node_name: Some(NODE.to_owned()),
        termination_grace_period_seconds: i64::try_from(settings.grace.as_secs()).ok(),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta {
        name: Some(name.clone()),
        labels: Some(super::labels(settings)),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    let pod = Pod { metadata, spec: Some(spec), status: None };
    let made =
        shared.pods().create(&PostParams::default(), &pod).await.map_err(|e| e.to_string())?;
    let uid = made.metadata.uid.unwrap_or_default();
    let uid = uid.parse().map_err(|error| format!("{error}"))?;
    Ok((name, uid))
}

/// Processes, one after the other, until the pod is to go.
async fn run(shared: &Shared, id: InstanceId, name: &str, uid: PodUid) {
    let mut restarts = 0;
    loop {
        let mut process = match Process::start(shared, id, uid).await {
            Ok(process) => process,
            Err(error) => {
                tracing::warn!(instance = %id, error, "no process");
                tokio::select! {
                    () = sleep(AFTER_ERROR) => continue,
                    () = marked(shared, name) => return,
                }
            }
        };
        shared.running().entry(id).or_default().pid = process.pid();
        tell(shared, name, restarts, State::Running { ready: false }).await;
        let is_to_go = tokio::select! {
            _ = process.ended() => false,
            () = marked(shared, name) => true,
            () = get_ready(shared, id, name, restarts) => false,
        };
        if is_to_go {
            let hook = (shared.settings.may_leave)(name.to_owned());
            // One time for both: the hook uses it up first.
            let until = Instant::now() + shared.settings.grace;
            let asked = tokio::select! {
                asked = timeout_at(until, hook) => asked.is_ok(),
                _ = process.ended() => true,
            };
            if !asked {
                tracing::warn!(pod = name, "its grace ends before it may leave");
            }
            process.stop(until).await;
        }
        shared.running().entry(id).or_default().pid = None;
        tell(shared, name, restarts, State::Terminated).await;
        if is_to_go {
            return;
        }
        restarts += 1;
        if down(shared, id, name).await {
            return;
        }
    }
}

/// The time between two processes. True if the pod is to go meanwhile.
async fn down(shared: &Shared, id: InstanceId, name: &str) -> bool {
    sleep(shared.settings.restart_after).await;
    loop {
        let held = shared.running().get(&id).is_some_and(|running| running.held_down);
        if !held {
            return false;
        }
        if is_marked(shared, name).await {
            return true;
        }
        sleep(LOOK).await;
    }
}

/// Tells once that Bolt is open; never ends.
async fn get_ready(shared: &Shared, id: InstanceId, name: &str, restarts: u32) {
    let at = shared.settings.endpoints.bolt(id, shared.settings.program.address);
    while TcpStream::connect(at).await.is_err() {
        sleep(READY).await;
    }
    tell(shared, name, restarts, State::Running { ready: true }).await;
    std::future::pending().await
}

/// Waits until the pod is marked for deletion.
async fn marked(shared: &Shared, name: &str) {
    while !is_marked(shared, name).await {
        sleep(LOOK).await;
    }
}

async fn is_marked(shared: &Shared, name: &str) -> bool {
    match shared.pods().get_opt(name).await {
        Ok(Some(pod)) => pod.metadata.deletion_timestamp.is_some(),
        // Somebody took the object away by force.
        Ok(None) => true,
        Err(_) => false,
    }
}

async fn remove(shared: &Shared, id: InstanceId, name: &str) {
    let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    loop {
        match shared.pods().delete(name, &now).await {
            Ok(_) => return,
            Err(kube::Error::Api(status)) if status.code == 404 => return,
            Err(error) => {
                tracing::warn!(instance = %id, %error, "the pod cannot be removed");
                sleep(AFTER_ERROR).await;
            }
        }
    }
}

enum State {
    Running { ready: bool },
    Terminated,
}

async fn tell(shared: &Shared, name: &str, restarts: u32, state: State) {
    let now = Time(k8s_openapi::jiff::Timestamp::now());
    let (ready, state) = match state {
        State::Running { ready } => (ready, json!({ "running": { "startedAt": now } })),
        State::Terminated => {
            (false, json!({ "terminated": { "exitCode": 137, "finishedAt": now } }))
        }
    };
    let condition = json!({ "type": "Ready", "status": if ready { "True" } else { "False" } });
    let status = json!({ "status": {
        "phase": "Running",
        "startTime": now,
        "podIP": shared.settings.program.address,
        "conditions": [condition],
        "containerStatuses": [{
            "name": CONTAINER,
            "ready": ready,
            "restartCount": restarts,
            "state": state,
            "image": "memgraph",
            "imageID": "",
        }],
    } });
    let (pods, how, status) = (shared.pods(), PatchParams::default(), Patch::Strategic(&status));
    if let Err(error) = pods.patch_status(name, &how, &status).await {
        tracing::debug!(pod = name, %error, "the status of the pod is not told");
    }
}
