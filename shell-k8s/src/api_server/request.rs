//! One request: what it asks for, and what the store answers. No sockets here.

use super::{
    failure::{Failure, Reason},
    resource::{Part, Resource, Target},
    selector::Selector,
    store::{Deleted, Deletion, Key, Snapshot, Store},
};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most objects of one page of a list.
const PAGE: usize = 10_000;

/// How a PATCH is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatchKind {
    Merge,
    Strategic,
    Json,
}

#[derive(Debug)]
enum Verb {
    Get,
    List,
    Create(Value),
    Replace(Value),
    Patch(PatchKind, Value),
    Delete(Deletion),
}

/// A request that is understood.
#[derive(Debug)]
pub(super) struct Call {
    verb: Verb,
    target: Target,
    query: BTreeMap<String, String>,
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Reason::BadRequest, message)
}

impl Call {
    /// Reads a request.
    pub(super) fn read(
        method: Method,
        path: &str,
        query: &str,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Self, Failure> {
        let target = Target::read(path)?;
        let query: BTreeMap<String, String> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if query.get("dryRun").is_some_and(|value| !value.is_empty()) {
            return Err(bad("dryRun: this server carries out what it is asked for, or refuses"));
        }
        let content = content_type.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let parsed =
            || serde_json::from_slice::<Value>(body).map_err(|error| bad(format!("body: {error}")));
        let object = || match content {
            None | Some("application/json") => parsed(),
            Some(other) => Err(Failure::new(
                Reason::UnsupportedMediaType,
                format!("content type {other:?}: expected application/json"),
            )),
        };
        let verb = match (method.clone(), &target) {
            (Method::GET, Target::Object { .. }) => Verb::Get,
            (Method::GET, Target::Collection { .. }) => Verb::List,
            (Method::POST, Target::Collection { namespace: Some(_), .. }) => {
                Verb::Create(object()?)
            }
            (Method::PUT, Target::Object { .. }) => Verb::Replace(object()?),
            (Method::PATCH, Target::Object { .. }) => {
                Verb::Patch(patch_kind(content.unwrap_or_default())?, parsed()?)
            }
            (Method::DELETE, Target::Object { part: Part::Main, .. }) => {
                let options = if body.is_empty() { json!({}) } else { object()? };
                Verb::Delete(deletion(&options, &query)?)
            }
            _ => {
                let message = format!("{method} is not served for {path}");
                return Err(Failure::new(Reason::MethodNotAllowed, message));
            }
        };
        Ok(Self { verb, target, query })
    }

    fn text(&self, key: &str) -> &str {
        self.query.get(key).map_or("", String::as_str)
    }

    fn is(&self, key: &str) -> bool {
        matches!(self.text(key), "true" | "1")
    }

    pub(super) fn is_watch(&self) -> bool {
        matches!(self.verb, Verb::List) && self.is("watch")
    }

    fn selector(&self) -> Result<Selector, Failure> {
        Selector::read(self.text("labelSelector"), self.text("fieldSelector"))
    }

    /// The version that is asked for; `None` for the newest, as "" and "0" say.
    fn version(&self) -> Result<Option<u64>, Failure> {
        match self.text("resourceVersion") {
            "" | "0" => Ok(None),
            text => {
                let wrong = || bad(format!("resourceVersion {text:?}: expected a number"));
                text.parse().map(Some).map_err(|_| wrong())
            }
        }
    }

    /// A watch, where the request is one.
    pub(super) fn watch(&self) -> Result<WatchCall, Failure> {
        let Target::Collection { resource, namespace } = &self.target else {
            return Err(bad("a single object is watched with fieldSelector=metadata.name=…"));
        };
        if self.is("sendInitialEvents") {
            let message = "sendInitialEvents: lists are not streamed by this server";
            return Err(Failure::new(Reason::Invalid, message));
        }
        let timeout_s = match self.text("timeoutSeconds") {
            "" => None,
            text => {
                let wrong = |_| bad(format!("timeoutSeconds {text:?}: expected a number"));
                Some(text.parse::<u32>().map_err(wrong)?)
            }
        };
        Ok(WatchCall {
            resource,
            namespace: namespace.clone(),
            selector: self.selector()?,
            version: self.version()?,
            has_bookmarks: self.is("allowWatchBookmarks"),
            timeout_s: timeout_s.filter(|seconds| *seconds > 0),
        })
    }
}

/// What a watch is about.
#[derive(Debug)]
pub(super) struct WatchCall {
    pub(super) resource: &'static Resource,
    pub(super) namespace: Option<String>,
    pub(super) selector: Selector,
    pub(super) version: Option<u64>,
    pub(super) has_bookmarks: bool,
    pub(super) timeout_s: Option<u32>,
}

fn patch_kind(content_type: &str) -> Result<PatchKind, Failure> {
    match content_type {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/strategic-merge-patch+json" => Ok(PatchKind::Strategic),
        "application/json-patch+json" => Ok(PatchKind::Json),
        other => {
            let message = format!("content type {other:?}: expected a merge or a JSON patch");
            Err(Failure::new(Reason::UnsupportedMediaType, message))
        }
    }
}

fn deletion(options: &Value, query: &BTreeMap<String, String>) -> Result<Deletion, Failure> {
    let grace = &options["gracePeriodSeconds"];
    let grace_s = match (grace, query.get("gracePeriodSeconds")) {
        (Value::Null, None) => None,
        (Value::Null, Some(text)) => {
            let wrong = |_| bad(format!("gracePeriodSeconds {text:?}: expected seconds"));
            Some(text.parse().map_err(wrong)?)
        }
        (given, _) => {
            let wrong = || bad(format!("gracePeriodSeconds {given}: expected seconds"));
            Some(given.as_u64().ok_or_else(wrong)?)
        }
    };
    if options["dryRun"].as_array().is_some_and(|list| !list.is_empty()) {
        return Err(bad("dryRun: this server carries out what it is asked for, or refuses"));
    }
    let text = |key: &str| options["preconditions"][key].as_str().map(str::to_owned);
    Ok(Deletion { grace_s, uid: text("uid"), version: text("resourceVersion") })
}

/// Carries a call out that is no watch; `reads` stands in for the objects of now. The code of HTTP
/// and the body.
pub(super) fn carry_out(
    store: &Store,
    reads: Option<&Snapshot>,
    call: Call,
) -> Result<(u16, Value), Failure> {
    let (resource, namespace, name, part) = match &call.target {
        Target::Collection { resource, namespace } => (*resource, namespace.clone(), None, None),
        Target::Object { resource, namespace, name, part } => {
            (*resource, Some(namespace.clone()), Some(name), Some(*part))
        }
    };
    let key = |name: &str| Key::new(resource, namespace.as_deref().unwrap_or_default(), name);
    let key = key(name.map_or("", String::as_str));
    let part = part.unwrap_or(Part::Main);
    match call.verb {
        Verb::Get => {
            let object = match reads {
                Some(then) => {
                    let missing =
                        || Failure::about(Reason::NotFound, resource, &key.name, "does not exist");
                    then.get(&key).cloned().ok_or_else(missing)?
                }
                None => store.get(&key)?,
            };
            check_reached(store, &call)?;
            Ok((200, Value::clone(&object)))
        }
        Verb::List => list(store, reads, &call, resource, namespace.as_deref()),
        Verb::Create(body) => {
            let object = store.create(resource, &key.namespace, body)?;
            Ok((201, Value::clone(&object)))
        }
        Verb::Replace(body) => Ok((200, Value::clone(&*store.replace(&key, body, part)?))),
        Verb::Patch(PatchKind::Merge, patch) => {
            Ok((200, Value::clone(&*store.patch(&key, &patch, part)?)))
        }
        Verb::Patch(PatchKind::Strategic, patch) => {
            Ok((200, Value::clone(&*store.patch_strategic(&key, &patch, part)?)))
        }
        Verb::Patch(PatchKind::Json, patch) => {
            let patch: json_patch::Patch =
                serde_json::from_value(patch).map_err(|error| bad(format!("patch: {error}")))?;
            let next = store.update(&key, part, |old| {
                let mut next = old.clone();
                json_patch::patch(&mut next, &patch).map_err(|error| {
                    let what = format!("is not changed: {error}");
                    Failure::about(Reason::Invalid, resource, &key.name, what)
                })?;
                Ok(next)
            })?;
            Ok((200, Value::clone(&next)))
        }
        Verb::Delete(deletion) => Ok((200, deleted(&key, store.delete(&key, &deletion)?))),
    }
}

/// A read that asks for a version which is still to come is not answered.
fn check_reached(store: &Store, call: &Call) -> Result<(), Failure> {
    call.version()?.map_or(Ok(()), |version| {
        let newest = store.snapshot().version;
        if version <= newest {
            return Ok(());
        }
        let message = format!("version {version} is in the future, the newest is {newest}");
        Err(Failure::new(Reason::Timeout, message))
    })
}

fn deleted(key: &Key, deleted: Deleted) -> Value {
    match deleted {
        // As a real server answers: a kind with a grace period with the object, the others with a
        // word of success.
        Deleted::Marked(object) => Value::clone(&object),
        Deleted::Removed(object) if key.resource.traits.graceful => Value::clone(&object),
        Deleted::Removed(object) => json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {
                "name": key.name,
                "group": key.resource.group,
                "kind": key.resource.plural,
                "uid": object["metadata"]["uid"],
            },
        }),
    }
}

fn list(
    store: &Store,
    reads: Option<&Snapshot>,
    call: &Call,
    resource: &'static Resource,
    namespace: Option<&str>,
) -> Result<(u16, Value), Failure> {
    check_reached(store, call)?;
    let selector = call.selector()?;
    let limit = match call.text("limit") {
        "" | "0" => PAGE,
        text => {
            let wrong = |_| bad(format!("limit {text:?}: expected a number"));
            text.parse::<usize>().map_err(wrong)?.min(PAGE)
        }
    };
    let token = call.text("continue");
    let (version, after) = if token.is_empty() {
        let is_exact = call.text("resourceVersionMatch") == "Exact";
        (call.version()?.filter(|_| is_exact), None)
    } else {
        let (version, after) = read_token(token)?;
        (Some(version), Some(after))
    };
    let then = match (version, reads) {
        (Some(version), _) => store.snapshot_at(version)?,
        (None, Some(reads)) => reads.clone(),
        (None, None) => store.snapshot(),
    };
    let listed = then.list(resource, namespace, &selector);
    let mut rest = listed.skip_while(|(key, _)| {
        after.as_ref().is_some_and(|(namespace, name)| {
            (key.namespace.as_str(), key.name.as_str()) <= (namespace.as_str(), name.as_str())
        })
    });
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let left = rest.count();
    let mut meta = Map::new();
    meta.insert("resourceVersion".to_owned(), json!(then.version.to_string()));
    if let Some((last, _)) = page.last().filter(|_| left > 0) {
        let token = format!("{}:{}/{}", then.version, last.namespace, last.name);
        meta.insert("continue".to_owned(), json!(token));
        meta.insert("remainingItemCount".to_owned(), json!(left));
    }
    let items: Vec<Value> = page.iter().map(|(_, object)| untyped(object)).collect();
    let object = json!({
        "kind": format!("{}List", resource.kind),
        "apiVersion": resource.api_version(),
        "metadata": meta,
        "items": items,
    });
    Ok((200, object))
}

/// Objects in lists do not repeat their kind.
fn untyped(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(object) = object.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    object
}

/// Where a list goes on: version, and namespace and name of the last object told.
fn read_token(token: &str) -> Result<(u64, (String, String)), Failure> {
    let read = || {
        let (version, last) = token.split_once(':')?;
        let (namespace, name) = last.split_once('/')?;
        Some((version.parse().ok()?, (namespace.to_owned(), name.to_owned())))
    };
    read().ok_or_else(|| bad(format!("continue {token:?} is not one of this server's")))
}
