//! The stored record as a gateway watches it: the second path by which a route ends, past controllers
//! that do not answer. Its term is all that counts.

use super::{
    record::content,
    watching::{Pause, WATCH_S},
};
use futures::{Stream, StreamExt};
use gateway::controllers::StoredTarget;
use ha_core::{ids::Term, observation::RecordContent};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Client, Config,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use std::{fmt, pin::Pin};

type Events = Pin<Box<dyn Stream<Item = watcher::Result<Event<ConfigMap>>> + Send>>;

/// The terms of one record, as they are stored.
pub struct StoredTerms {
    object: String,
    events: Events,
    last: Option<Term>,
    is_lost: bool,
}

impl fmt::Debug for StoredTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredTerms").field("object", &self.object).finish_non_exhaustive()
    }
}

impl StoredTerms {
    /// Watches at the API server of a configuration.
    ///
    /// # Errors
    /// The client cannot be built.
    pub fn connect(config: Config, namespace: &str, name: &str) -> kube::Result<Self> {
        Ok(Self::watch(Client::try_from(config)?, namespace, name))
    }

    /// Watches the ConfigMap `name` in `namespace`; begins with what it says now. A watch that breaks
    /// is begun again, for ever.
    #[must_use]
    pub fn watch(client: Client, namespace: &str, name: &str) -> Self {
        let maps: Api<ConfigMap> = Api::namespaced(client, namespace);
        let one = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let one = one.timeout(WATCH_S);
        let events = watcher(maps, one).backoff(Pause::default());
        let object = format!("ConfigMap {namespace}/{name}");
        Self { object, events: Box::pin(events), last: None, is_lost: false }
    }

    /// The term that an event names, if it is another one.
    fn term(&mut self, map: &ConfigMap) -> Option<Term> {
        let term = match content(map) {
            RecordContent::Record(record) => record.term,
            // What cannot be read names no term; the controllers say what is wrong with it.
            RecordContent::Absent
            | RecordContent::Earlier { .. }
            | RecordContent::Newer { .. }
            | RecordContent::Unreadable { .. } => return None,
        };
        (self.last.replace(term) != Some(term)).then_some(term)
    }
}

impl StoredTarget for StoredTerms {
    async fn changed(&mut self) -> Option<Term> {
        while let Some(event) = self.events.next().await {
            let told = match event {
                Ok(Event::Apply(map) | Event::InitApply(map)) => self.term(&map),
                Ok(Event::Init | Event::InitDone | Event::Delete(_)) => None,
                Err(error) => {
                    if !self.is_lost {
                        let object = &self.object;
                        tracing::warn!(%object, %error, "the watch broke, trying again");
                    }
                    self.is_lost = true;
                    continue;
                }
            };
            self.is_lost = false;
            if told.is_some() {
                return told;
            }
        }
        None
    }
}
