//! Events for people: what befell the cluster, at the StatefulSet or at a pod, as `kubectl describe`
//! and `kubectl get events` show it. Nothing is ever read back from them.

use super::{ApiError, Cluster, error::cut, pods::uuid_text};
use ha_core::ids::{InstanceId, PodUid};
use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

/// The longest text of an event, in bytes, as the API server allows it.
const NOTE: usize = 1_024;
/// Who reports.
const REPORTER: &str = "memgraph-ha";

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The cluster as a whole: its StatefulSet.
    Set,
    /// One instance, in this pod.
    Pod(InstanceId, PodUid),
}

/// Whether an event wants to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// In the order of things.
    Normal,
    /// Somebody may have to do something.
    Warning,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What it is about.
    pub about: About,
    /// Whether it wants to be looked at.
    pub weight: Weight,
    /// What happened, one word of ours.
    pub reason: &'static str,
    /// The rule and what tells this event from others of the same reason; those that agree in it are
    /// counted as one.
    pub action: String,
    /// The sentence.
    pub text: String,
}

impl Cluster {
    /// A recorder whose events are told apart by the controller's name. Clones of it count together.
    #[must_use]
    pub fn recorder(&self, controller: String) -> Recorder {
        let reporter = Reporter { controller: REPORTER.to_owned(), instance: Some(controller) };
        Recorder::new(self.client.clone(), reporter)
    }

    /// Tells an event.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn publish(&self, recorder: &Recorder, note: &Note) -> Result<(), ApiError> {
        let regarding = self.regarding(note.about).await?;
        let event = Event {
            type_: match note.weight {
                Weight::Normal => EventType::Normal,
                Weight::Warning => EventType::Warning,
            },
            reason: note.reason.to_owned(),
            note: Some(cut(&note.text, NOTE)),
            action: note.action.clone(),
            secondary: None,
        };
        let object = format!("Event of {}", regarding.name.as_deref().unwrap_or_default());
        self.call("publish", &object, recorder.publish(&event, &regarding)).await
    }

    async fn regarding(&self, about: About) -> Result<ObjectReference, ApiError> {
        let (api_version, kind, name, uid) = match about {
            About::Set => {
                // `kubectl describe` finds events by the uid, hence it is read.
                let set = self.read(&self.sets(), self.names.set()).await?;
                let uid = set.and_then(|set| set.metadata.uid);
                ("apps/v1", "StatefulSet", self.names.set().to_owned(), uid)
            }
            About::Pod(id, uid) => ("v1", kind_of_pod(), self.names.pod(id), Some(uuid_text(uid))),
        };
        Ok(ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            name: Some(name),
            namespace: Some(self.names.namespace().to_owned()),
            uid,
            ..ObjectReference::default()
        })
    }
}

fn kind_of_pod() -> &'static str {
    <Pod as k8s_openapi::Resource>::KIND
}
