//! Watches: lines of JSON for as long as the client reads, at its pace. One that falls behind what
//! the history keeps is told so and ends.

use super::{
    connection::{Aborted, Body, Shared},
    failure::Failure,
    failure::Reason,
    fault::{Faults, Link},
    object,
    request::{Call, WatchCall},
    store::{Change, ChangeKind, Changes},
};
use http_body_util::{StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Response,
    body::{Bytes, Frame},
    header,
};
use serde_json::{Value, json};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, Interval, MissedTickBehavior},
};

/// A watch that runs.
struct Watching {
    call: WatchCall,
    changes: Changes,
    lines: VecDeque<Bytes>,
    bookmarks: Option<Interval>,
    until: Option<Instant>,
    /// Nothing comes after the lines.
    is_over: bool,
    client: String,
    faults: Faults,
    changed: watch::Receiver<u64>,
    cuts: u64,
    _place: OwnedSemaphorePermit,
}

/// Begins a watch.
pub(super) fn begin(
    shared: &Arc<Shared>,
    client: &str,
    call: &Call,
) -> Result<Response<Body>, Failure> {
    let call = call.watch()?;
    let Ok(place) = Arc::clone(&shared.watches).try_acquire_owned() else {
        let message = format!("{} watches run already", shared.limits.watches);
        return Err(Failure {
            retry_after_s: Some(1),
            ..Failure::new(Reason::TooManyRequests, message)
        });
    };
    let mut lines = VecDeque::new();
    let version = match call.version {
        Some(version) => {
            let newest = shared.store.snapshot().version;
            if version > newest {
                let message = format!("version {version} is in the future, the newest is {newest}");
                return Err(Failure::new(Reason::Timeout, message));
            }
            version
        }
        None => {
            let now = shared.store.snapshot();
            let found = now.list(call.resource, call.namespace.as_deref(), &call.selector);
            lines.extend(found.map(|(_, object)| line("ADDED", object)));
            now.version
        }
    };
    let bookmarks = call.has_bookmarks.then(|| {
        let every = shared.limits.bookmark_every;
        let mut interval = tokio::time::interval_at(Instant::now() + every, every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        interval
    });
    let seconds = call.timeout_s.map(|seconds| Duration::from_secs(seconds.into()));
    let watching = Watching {
        changes: shared.store.changes_after(Some(version)),
        call,
        lines,
        bookmarks,
        until: seconds.map(|span| Instant::now() + span),
        is_over: false,
        client: client.to_owned(),
        faults: shared.faults.clone(),
        changed: shared.faults.subscribe(),
        cuts: shared.faults.cuts_of(client),
        _place: place,
    };
    let stream = futures::stream::unfold(watching, |mut watching| async move {
        let line = watching.next().await?;
        Some((line.map(Frame::data), watching))
    });
    let mut response = Response::new(UnsyncBoxBody::new(StreamBody::new(stream)));
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn line(kind: &str, object: &Value) -> Bytes {
    let mut text = json!({"type": kind, "object": object}).to_string();
    text.push('\n');
    text.into()
}

impl Watching {
    /// The next line; `None` at the end, an error where the connection is to break.
    async fn next(&mut self) -> Option<Result<Bytes, Aborted>> {
        loop {
            self.changed.mark_unchanged();
            let link = self.faults.link_of(&self.client);
            if self.faults.cuts_of(&self.client) != self.cuts || link == Link::Down {
                // Once more polled, it is at its end.
                (self.cuts, self.is_over) = (self.faults.cuts_of(&self.client), true);
                self.lines.clear();
                return Some(Err(Aborted));
            }
            if link == Link::Silent {
                let _ = self.changed.changed().await;
                continue;
            }
            if let Some(line) = self.lines.pop_front() {
                return Some(Ok(line));
            }
            if self.is_over {
                return None;
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let until = self.until;
        let bookmarks = &mut self.bookmarks;
        let tick = async {
            match bookmarks {
                Some(interval) => interval.tick().await,
                None => std::future::pending().await,
            }
        };
        let end = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            changes = self.changes.next() => self.tell(changes),
            _ = self.changed.changed() => {}
            _ = tick => self.bookmark(),
            () = end => {
                if self.call.has_bookmarks {
                    self.bookmark();
                }
                self.is_over = true;
            }
        }
    }

    fn tell(&mut self, changes: Result<Vec<Change>, Failure>) {
        match changes {
            Ok(changes) => {
                self.lines.extend(changes.iter().filter_map(|change| self.call.told(change)));
            }
            Err(failure) => {
                self.lines.push_back(line("ERROR", &failure.status()));
                self.is_over = true;
            }
        }
    }

    fn bookmark(&mut self) {
        let version = self.changes.position().to_string();
        let object = json!({
            "kind": self.call.resource.kind,
            "apiVersion": self.call.resource.api_version(),
            "metadata": {"resourceVersion": version, "creationTimestamp": null},
        });
        self.lines.push_back(line("BOOKMARK", &object));
    }
}

impl WatchCall {
    /// What this watch tells of a change. An object that is no longer selected is gone to it.
    fn told(&self, change: &Change) -> Option<Bytes> {
        if change.key.resource != self.resource
            || self.namespace.as_ref().is_some_and(|namespace| *namespace != change.key.namespace)
        {
            return None;
        }
        let was = change.before.as_ref().filter(|before| self.selector.matches(before));
        let is = change.kind != ChangeKind::Deleted && self.selector.matches(&change.object);
        match (was, is) {
            (None, false) => None,
            (None, true) => Some(line("ADDED", &change.object)),
            (Some(_), true) => Some(line("MODIFIED", &change.object)),
            (Some(before), false) => {
                let gone = object::with_version(Value::clone(before), change.version);
                Some(line("DELETED", &gone))
            }
        }
    }
}
