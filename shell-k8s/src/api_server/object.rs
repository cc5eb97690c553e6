//! What becomes of a body that is written: metadata that only the server sets, the parts that a
//! request may change, and what makes a body invalid. Pure; the store decides which old state it is
//! held against.

use super::{
    failure::{Failure, Reason},
    resource::{PODS, Part, Resource, SERVICES},
};
use serde_json::{Map, Value, json};

/// The longest name of an object.
const NAME_BYTES: usize = 253;
/// The longest label of a name.
const LABEL_BYTES: usize = 63;
/// The grace period of a pod that names none, in seconds.
const POD_GRACE_S: u64 = 30;

/// What the server gives to a new object.
pub(super) struct Birth {
    pub(super) uid: String,
    pub(super) time: String,
    /// What a name that is to be generated ends with.
    pub(super) suffix: String,
}

/// A text in the metadata; empty if it is not there.
pub(super) fn meta<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

/// An object in another version.
pub(super) fn with_version(mut object: Value, version: u64) -> Value {
    if let Some(meta) = object["metadata"].as_object_mut() {
        meta.insert("resourceVersion".to_owned(), json!(version.to_string()));
    }
    object
}

fn is_part(text: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty() && text.chars().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_label(text: &str) -> bool {
    text.len() <= LABEL_BYTES && is_part(text)
}

/// Whether a name is allowed for a kind. Parts of an object's name may be longer than a host's.
fn is_name(resource: &Resource, name: &str) -> bool {
    if resource == &SERVICES {
        return is_label(name) && !name.starts_with(|c: char| c.is_ascii_digit());
    }
    name.len() <= NAME_BYTES && name.split('.').all(is_part)
}

/// Checks a namespace.
pub(super) fn check_namespace(namespace: &str) -> Result<(), Failure> {
    if is_label(namespace) {
        return Ok(());
    }
    let message = format!("namespace {namespace:?}: expected a label of a host name");
    Err(Failure::new(Reason::Invalid, message))
}

/// A body as an object with metadata of the right shape.
fn shaped(resource: &'static Resource, body: Value) -> Result<Map<String, Value>, Failure> {
    let bad = |what: String| Failure::new(Reason::BadRequest, what);
    let Value::Object(mut object) = body else {
        return Err(bad(format!("expected a {} object", resource.kind)));
    };
    for (key, expected) in [("apiVersion", resource.api_version()), ("kind", resource.kind.into())]
    {
        let found = object.entry(key).or_insert_with(|| json!(expected));
        if found.as_str() != Some(&expected) {
            return Err(bad(format!("{key} is {found}, the path expects {expected:?}")));
        }
    }
    let meta = object.entry("metadata").or_insert_with(|| json!({}));
    let Some(meta) = meta.as_object_mut() else {
        return Err(bad("metadata must be an object".to_owned()));
    };
    meta.remove("managedFields");
    meta.remove("selfLink");
    for key in ["labels", "annotations"] {
        check_texts(meta.get(key), &format!("metadata.{key}"))?;
    }
    for key in ["name", "namespace", "uid", "resourceVersion", "generateName"] {
        if meta.get(key).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(bad(format!("metadata.{key} must be a text")));
        }
    }
    if meta.get("finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        let message = "metadata.finalizers: this server runs none, it must be empty";
        return Err(Failure::new(Reason::Invalid, message));
    }
    for key in ["data", "binaryData", "stringData"] {
        if matches!(resource.kind, "ConfigMap" | "Secret") {
            check_texts(object.get(key), key)?;
        }
    }
    Ok(object)
}

fn check_texts(map: Option<&Value>, what: &str) -> Result<(), Failure> {
    let is_right = match map {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.values().all(Value::is_string),
        Some(_) => false,
    };
    if is_right {
        return Ok(());
    }
    Err(Failure::new(Reason::BadRequest, format!("{what} must map texts to texts")))
}

/// The metadata of a body must agree with its path.
fn check_path(object: &Map<String, Value>, key: &str, expected: &str) -> Result<(), Failure> {
    let found = object["metadata"][key].as_str().unwrap_or_default();
    if found.is_empty() || found == expected {
        return Ok(());
    }
    let message = format!("metadata.{key} is {found:?}, the path says {expected:?}");
    Err(Failure::new(Reason::BadRequest, message))
}

/// A new object, all but its version.
pub(super) fn created(
    resource: &'static Resource,
    namespace: &str,
    body: Value,
    birth: Birth,
) -> Result<Value, Failure> {
    check_namespace(namespace)?;
    let mut object = shaped(resource, body)?;
    check_path(&object, "namespace", namespace)?;
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    let (mut name, generate) = (text("name"), text("generateName"));
    if !text("resourceVersion").is_empty() {
        let message = "metadata.resourceVersion must be empty in an object that is created";
        return Err(Failure::new(Reason::BadRequest, message));
    }
    if name.is_empty() && !generate.is_empty() {
        name = format!("{generate}{}", birth.suffix);
    }
    if !is_name(resource, &name) {
        let what = "is not valid: metadata.name must be lower-case letters, digits, dashes and \
                    dots, and begin and end with a letter or digit";
        return Err(Failure::about(Reason::Invalid, resource, &name, what));
    }
    if resource.traits.status {
        object.remove("status");
    }
    if resource == &PODS {
        born_pod(&mut object);
    }
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.insert("name".to_owned(), json!(name));
        meta.insert("namespace".to_owned(), json!(namespace));
        meta.insert("uid".to_owned(), json!(birth.uid));
        meta.insert("creationTimestamp".to_owned(), json!(birth.time));
        for key in ["generation", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            meta.remove(key);
        }
        if resource.traits.generation {
            meta.insert("generation".to_owned(), json!(1));
        }
    }
    Ok(Value::Object(object))
}

fn born_pod(object: &mut Map<String, Value>) {
    object.insert("status".to_owned(), json!({"phase": "Pending"}));
    let spec = object.entry("spec").or_insert_with(|| json!({}));
    if let Some(spec) = spec.as_object_mut() {
        let grace = spec.entry("terminationGracePeriodSeconds");
        grace.or_insert_with(|| json!(POD_GRACE_S));
    }
}

/// `old` after `body` was written over `part` of it, still in the version of `old`.
pub(super) fn replaced(
    resource: &'static Resource,
    old: &Value,
    body: Value,
    part: Part,
) -> Result<Value, Failure> {
    let mut body = shaped(resource, body)?;
    for key in ["name", "namespace"] {
        check_path(&body, key, meta(old, key))?;
    }
    check_versions(resource, old, &body)?;
    let mut next = match part {
        Part::Main => {
            if resource.traits.status {
                keep(&mut body, old, "status");
            }
            body
        }
        Part::Status => {
            let mut next = old.as_object().cloned().unwrap_or_default();
            let status = body.remove("status").unwrap_or(Value::Null);
            next.insert("status".to_owned(), status);
            for key in ["labels", "annotations"] {
                let value = body["metadata"].get(key).cloned();
                if let (Some(value), Some(meta)) = (value, metadata(&mut next)) {
                    meta.insert(key.to_owned(), value);
                }
            }
            next
        }
    };
    let is_new_spec = next.get("spec") != old.get("spec");
    if let (Some(next), Some(old)) = (metadata(&mut next), old["metadata"].as_object()) {
        for key in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "creationTimestamp",
            "generation",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            match old.get(key) {
                Some(value) => next.insert(key.to_owned(), value.clone()),
                None => next.remove(key),
            };
        }
        if resource.traits.generation && is_new_spec {
            raise_generation(next);
        }
    }
    Ok(Value::Object(next))
}

/// `old` with a patch merged in, its conditions by their type.
pub(super) fn merged_by_type(old: &Value, patch: &Value) -> Value {
    let mut next = old.clone();
    json_patch::merge(&mut next, patch);
    let list = |object: &Value| object["status"]["conditions"].as_array().cloned();
    let Some(patched) = list(patch) else { return next };
    let mut conditions = list(old).unwrap_or_default();
    for condition in patched {
        match conditions.iter_mut().find(|known| known["type"] == condition["type"]) {
            Some(known) => json_patch::merge(known, &condition),
            None => conditions.push(condition),
        }
    }
    next["status"]["conditions"] = Value::Array(conditions);
    next
}

fn metadata(object: &mut Map<String, Value>) -> Option<&mut Map<String, Value>> {
    object.get_mut("metadata").and_then(Value::as_object_mut)
}

fn keep(next: &mut Map<String, Value>, old: &Value, key: &str) {
    match old.get(key) {
        Some(value) => next.insert(key.to_owned(), value.clone()),
        None => next.remove(key),
    };
}

fn raise_generation(meta: &mut Map<String, Value>) {
    let generation = meta.get("generation").and_then(Value::as_u64).unwrap_or(0);
    meta.insert("generation".to_owned(), json!(generation + 1));
}

/// A write names the version that it replaces, or none, and changes no uid.
fn check_versions(
    resource: &'static Resource,
    old: &Value,
    body: &Map<String, Value>,
) -> Result<(), Failure> {
    let name = meta(old, "name");
    let text = |key: &str| body["metadata"][key].as_str().unwrap_or_default();
    let version = text("resourceVersion");
    if version.is_empty() && resource.traits.put_names_version {
        let what = "is not valid: metadata.resourceVersion must be given in an update";
        return Err(Failure::about(Reason::Invalid, resource, name, what));
    }
    if !version.is_empty() && version.parse::<u64>().is_err() {
        let what = format!("is not valid: metadata.resourceVersion {version:?} is no number");
        return Err(Failure::about(Reason::Invalid, resource, name, what));
    }
    let is = meta(old, "resourceVersion");
    if !version.is_empty() && version != is {
        let what = format!("was changed by another: resourceVersion is {is:?}, not {version:?}");
        return Err(Failure::about(Reason::Conflict, resource, name, what));
    }
    let (uid, is) = (text("uid"), meta(old, "uid"));
    if !uid.is_empty() && uid != is {
        let what = format!("is not valid: metadata.uid {uid:?} is not {is:?}, which never changes");
        return Err(Failure::about(Reason::Invalid, resource, name, what));
    }
    Ok(())
}

/// `old` marked for deletion at `time`, which gives it `grace_s`; `None` if it is marked already for
/// as early a time.
pub(super) fn marked(old: &Value, grace_s: u64, time: String) -> Option<Value> {
    let meta = old["metadata"].as_object()?;
    let given = meta.get("deletionGracePeriodSeconds").and_then(Value::as_u64);
    if meta.contains_key("deletionTimestamp") && given.is_some_and(|given| given <= grace_s) {
        return None;
    }
    let mut next = old.clone();
    let meta = next["metadata"].as_object_mut()?;
    if !meta.contains_key("deletionTimestamp") && meta.contains_key("generation") {
        raise_generation(meta);
    }
    meta.insert("deletionTimestamp".to_owned(), json!(time));
    meta.insert("deletionGracePeriodSeconds".to_owned(), json!(grace_s));
    Some(next)
}

/// The grace period of an object for a deletion that asks for `asked`, in seconds.
pub(super) fn grace_of(resource: &Resource, object: &Value, asked: Option<u64>) -> u64 {
    if !resource.traits.graceful {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"].as_u64();
    asked.or(own).unwrap_or(POD_GRACE_S)
}
