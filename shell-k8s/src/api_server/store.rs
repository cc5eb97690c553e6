//! The objects, their one growing version, and the changes that led to it. The HTTP side and a
//! supervisor within the process use the same calls, so that both see one order of changes.

use super::{
    Limits,
    failure::{Failure, Reason},
    object::{self, Birth},
    resource::{Part, Resource},
    selector::Selector,
};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its kind.
    pub resource: &'static Resource,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The object of this kind, namespace and name.
    #[must_use]
    pub fn new(resource: &'static Resource, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }

    fn fails(&self, reason: Reason, what: impl std::fmt::Display) -> Failure {
        Failure::about(reason, self.resource, &self.name, what)
    }
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// There was no such object before.
    Added,
    /// It became another.
    Modified,
    /// It is gone.
    Deleted,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The version that it made.
    pub version: u64,
    /// Which object.
    pub key: Key,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The object after it, or the last state of one that is gone; in this version either way.
    pub object: Arc<Value>,
    /// The object before it.
    pub before: Option<Arc<Value>>,
}

/// All objects at one version.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The version.
    pub version: u64,
    objects: BTreeMap<Key, Arc<Value>>,
}

impl Snapshot {
    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    /// The selected objects of a kind, in the order of their names.
    pub fn list<'a>(
        &'a self,
        resource: &'static Resource,
        namespace: Option<&'a str>,
        selector: &'a Selector,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        self.objects.iter().filter(move |(key, object)| {
            key.resource == resource
                && namespace.is_none_or(|namespace| key.namespace == namespace)
                && selector.matches(object)
        })
    }
}

/// What a deletion asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletion {
    /// The grace period in seconds; that of the object if not given. 0 removes.
    pub grace_s: Option<u64>,
    /// Only if the object has this uid.
    pub uid: Option<String>,
    /// Only if the object has this version.
    pub version: Option<String>,
}

impl Deletion {
    /// At once.
    #[must_use]
    pub fn now() -> Self {
        Self { grace_s: Some(0), ..Self::default() }
    }
}

/// What a deletion did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// The object is marked, and stays until it is deleted with no grace.
    Marked(Arc<Value>),
    /// It is gone; its last state.
    Removed(Arc<Value>),
}

struct State {
    now: Snapshot,
    history: VecDeque<Change>,
    /// Changes up to this version are not kept any more.
    forgotten: u64,
}

struct Shared {
    state: Mutex<State>,
    version: watch::Sender<u64>,
    limits: Limits,
}

/// The objects of a server. Clones share them.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let now = self.snapshot();
        let objects = now.objects.len();
        f.debug_struct("Store").field("version", &now.version).field("objects", &objects).finish()
    }
}

impl Store {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Snapshot { version: 1, objects: BTreeMap::new() };
        let state = State { now, history: VecDeque::new(), forgotten: 0 };
        let version = watch::Sender::new(1);
        Self(Arc::new(Shared { state: Mutex::new(state), version, limits }))
    }

    /// No call that holds the lock can leave it half done, hence a panic elsewhere spoils nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All objects as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.state().now.clone()
    }

    /// All objects as they were.
    ///
    /// # Errors
    /// The version is in the future, or its changes are not kept any more.
    pub fn snapshot_at(&self, version: u64) -> Result<Snapshot, Failure> {
        let state = self.state();
        state.check_kept(version)?;
        let mut then = state.now.clone();
        for change in state.history.iter().rev().take_while(|change| change.version > version) {
            match &change.before {
                Some(before) => then.objects.insert(change.key.clone(), Arc::clone(before)),
                None => then.objects.remove(&change.key),
            };
        }
        then.version = version;
        Ok(then)
    }

    /// One object.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, key: &Key) -> Result<Arc<Value>, Failure> {
        let state = self.state();
        state.now.get(key).map(Arc::clone).ok_or_else(|| key.fails(Reason::NotFound, NOT_FOUND))
    }

    /// Creates an object; its name is in its metadata.
    ///
    /// # Errors
    /// It exists, is not valid, or is one too many.
    pub fn create(
        &self,
        resource: &'static Resource,
        namespace: &str,
        body: Value,
    ) -> Result<Arc<Value>, Failure> {
        let object = object::created(resource, namespace, body, birth()?)?;
        let key = Key::new(resource, namespace, object::meta(&object, "name"));
        let mut state = self.state();
        if state.now.objects.contains_key(&key) {
            return Err(key.fails(Reason::AlreadyExists, "exists already"));
        }
        if state.now.objects.len() >= self.0.limits.objects {
            let what = format!("is one more than the {} objects allowed", self.0.limits.objects);
            return Err(key.fails(Reason::Forbidden, what));
        }
        Ok(self.commit(&mut state, key, ChangeKind::Added, object))
    }

    /// Writes an object in place of the one that is there.
    ///
    /// # Errors
    /// It is not there, another version is, or the body is not valid.
    pub fn replace(&self, key: &Key, body: Value, part: Part) -> Result<Arc<Value>, Failure> {
        let is_there = self.state().now.objects.contains_key(key);
        if !is_there && key.resource.traits.put_creates && part == Part::Main {
            return self.create_by_put(key, body);
        }
        self.update(key, part, |old| {
            let (given, is) = (object::meta(&body, "uid"), object::meta(old, "uid"));
            if !given.is_empty() && given != is {
                let what = format!("was replaced by another: uid is {is:?}, not {given:?}");
                return Err(key.fails(Reason::Conflict, what));
            }
            Ok(body)
        })
    }

    fn create_by_put(&self, key: &Key, mut body: Value) -> Result<Arc<Value>, Failure> {
        let uid = object::meta(&body, "uid").to_owned();
        if !uid.is_empty() {
            let what = format!("was deleted by another: there is none with uid {uid:?}");
            return Err(key.fails(Reason::Conflict, what));
        }
        if let Some(meta) = body["metadata"].as_object_mut() {
            meta.remove("resourceVersion");
            meta.insert("name".to_owned(), key.name.clone().into());
        }
        self.create(key.resource, &key.namespace, body)
    }

    /// Merges `patch` into an object (RFC 7396); a version in it is a precondition, and so is a uid,
    /// which a patch cannot change.
    ///
    /// # Errors
    /// As for [`Store::replace`].
    pub fn patch(&self, key: &Key, patch: &Value, part: Part) -> Result<Arc<Value>, Failure> {
        self.update(key, part, |old| {
            let mut next = old.clone();
            json_patch::merge(&mut next, patch);
            Ok(next)
        })
    }

    /// Merges `patch` into an object as [`Store::patch`] does, but conditions one by one, by their
    /// type: those that the patch does not name stay.
    ///
    /// # Errors
    /// As for [`Store::replace`].
    pub fn patch_strategic(
        &self,
        key: &Key,
        patch: &Value,
        part: Part,
    ) -> Result<Arc<Value>, Failure> {
        self.update(key, part, |old| Ok(object::merged_by_type(old, patch)))
    }

    /// Writes what `change` makes of the object that is there.
    ///
    /// # Errors
    /// As for [`Store::replace`], or what `change` fails with.
    pub fn update(
        &self,
        key: &Key,
        part: Part,
        change: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Result<Arc<Value>, Failure> {
        let mut state = self.state();
        let old = state.now.get(key).map(Arc::clone);
        let old = old.ok_or_else(|| key.fails(Reason::NotFound, NOT_FOUND))?;
        let next = object::replaced(key.resource, &old, change(&old)?, part)?;
        if next == *old {
            // A write that changes nothing makes no version, as in a real server.
            return Ok(old);
        }
        Ok(self.commit(&mut state, key.clone(), ChangeKind::Modified, next))
    }

    /// Deletes an object, or marks it where it has a grace period.
    ///
    /// # Errors
    /// There is none, or it is not the one meant.
    pub fn delete(&self, key: &Key, deletion: &Deletion) -> Result<Deleted, Failure> {
        let mut state = self.state();
        let old = state.now.get(key).map(Arc::clone);
        let old = old.ok_or_else(|| key.fails(Reason::NotFound, NOT_FOUND))?;
        for (field, given) in [("uid", &deletion.uid), ("resourceVersion", &deletion.version)] {
            let is = object::meta(&old, field);
            if let Some(given) = given.as_deref().filter(|given| *given != is) {
                let what = format!("is not the one to delete: {field} is {is:?}, not {given:?}");
                return Err(key.fails(Reason::Conflict, what));
            }
        }
        let grace_s = object::grace_of(key.resource, &old, deletion.grace_s);
        if grace_s == 0 {
            let gone = Value::clone(&old);
            return Ok(Deleted::Removed(self.commit(
                &mut state,
                key.clone(),
                ChangeKind::Deleted,
                gone,
            )));
        }
        let until = i64::try_from(grace_s).ok().map(SignedDuration::from_secs);
        let until = until.and_then(|span| Timestamp::now().checked_add(span).ok());
        let until = until.ok_or_else(|| {
            key.fails(Reason::Invalid, format!("cannot have {grace_s} seconds of grace"))
        })?;
        Ok(Deleted::Marked(match object::marked(&old, grace_s, stamp(until)) {
            Some(next) => self.commit(&mut state, key.clone(), ChangeKind::Modified, next),
            None => old,
        }))
    }

    fn commit(&self, state: &mut State, key: Key, kind: ChangeKind, object: Value) -> Arc<Value> {
        let version = state.now.version + 1;
        state.now.version = version;
        let object = Arc::new(object::with_version(object, version));
        let before = match kind {
            ChangeKind::Added | ChangeKind::Modified => {
                state.now.objects.insert(key.clone(), Arc::clone(&object))
            }
            ChangeKind::Deleted => state.now.objects.remove(&key),
        };
        let change = Change { version, key, kind, object: Arc::clone(&object), before };
        state.history.push_back(change);
        while state.history.len() > self.0.limits.history {
            state.forgotten =
                state.history.pop_front().map_or(state.forgotten, |change| change.version);
        }
        self.0.version.send_replace(version);
        object
    }

    /// Forgets the changes up to now: whoever wants one of them is told to list again.
    pub fn forget_history(&self) {
        let mut state = self.state();
        state.history.clear();
        state.forgotten = state.now.version;
    }

    /// The changes after a version, or after now.
    #[must_use]
    pub fn changes_after(&self, version: Option<u64>) -> Changes {
        let receiver = self.0.version.subscribe();
        let position = version.unwrap_or_else(|| self.state().now.version);
        Changes { store: self.clone(), receiver, position }
    }
}

const NOT_FOUND: &str = "does not exist";

impl State {
    fn check_kept(&self, version: u64) -> Result<(), Failure> {
        let (oldest, newest) = (self.forgotten, self.now.version);
        if version > newest {
            let message = format!("version {version} is in the future, the newest is {newest}");
            return Err(Failure::new(Reason::Timeout, message));
        }
        if version < oldest {
            let message = format!("version {version} is too old, the oldest kept is {oldest}");
            return Err(Failure::new(Reason::Expired, message));
        }
        Ok(())
    }
}

/// Changes in their order, each once.
#[derive(Debug)]
pub struct Changes {
    store: Store,
    receiver: watch::Receiver<u64>,
    position: u64,
}

impl Changes {
    /// The version up to which changes were handed out.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The changes that were made already, perhaps none.
    ///
    /// # Errors
    /// Some of them are not kept any more, or the position is in the future.
    pub fn ready(&mut self) -> Result<Vec<Change>, Failure> {
        self.receiver.mark_unchanged();
        let state = self.store.state();
        state.check_kept(self.position)?;
        let start = state.history.partition_point(|change| change.version <= self.position);
        let changes = state.history.range(start..).cloned().collect();
        self.position = state.now.version;
        Ok(changes)
    }

    /// The next changes, at least one.
    ///
    /// # Errors
    /// As for [`Changes::ready`].
    pub async fn next(&mut self) -> Result<Vec<Change>, Failure> {
        loop {
            let changes = self.ready()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            // The store holds the sender, and this holds the store.
            let _ = self.receiver.changed().await;
        }
    }
}

fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Everything about a new object that chance and the clock decide.
fn birth() -> Result<Birth, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::new(Reason::InternalError, format!("no random bytes for a uid: {error}"))
    })?;
    // Version 4, variant 1.
    let random = u128::from_be_bytes(bytes);
    let uid = random & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{uid:032x}");
    let uid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    Ok(Birth { uid, time: stamp(Timestamp::now()), suffix: hex[27..].to_owned() })
}
