//! Which kinds of objects the server keeps, and what a path asks for. A kind is one row of a table;
//! nothing else in the server names kinds, but for the few things that only pods have.

use super::failure::{Failure, Reason};

/// A kind of object, as the API server serves it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The group; empty for the core.
    pub group: &'static str,
    /// The name in paths.
    pub plural: &'static str,
    /// The version, the only one served.
    pub version: &'static str,
    /// The name in objects.
    pub kind: &'static str,
    /// What the kind does that others do not.
    pub traits: Traits,
}

/// What kinds differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traits {
    /// It has a `status` that is written through its own path only.
    pub status: bool,
    /// `metadata.generation` counts the versions of its `spec`.
    pub generation: bool,
    /// A PUT creates what is not there.
    pub put_creates: bool,
    /// A PUT must name the version that it replaces.
    pub put_names_version: bool,
    /// A deletion with a grace period only marks it.
    pub graceful: bool,
}

const PLAIN: Traits = Traits {
    status: false,
    generation: false,
    put_creates: false,
    put_names_version: false,
    graceful: false,
};

const fn core(plural: &'static str, kind: &'static str, traits: Traits) -> Resource {
    Resource { group: "", plural, version: "v1", kind, traits }
}

const fn grouped(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    traits: Traits,
) -> Resource {
    Resource { group, plural, version: "v1", kind, traits }
}

/// Pods.
pub static PODS: Resource =
    core("pods", "Pod", Traits { status: true, generation: true, graceful: true, ..PLAIN });
/// ConfigMaps.
pub static CONFIG_MAPS: Resource = core("configmaps", "ConfigMap", PLAIN);
/// Secrets.
pub static SECRETS: Resource = core("secrets", "Secret", PLAIN);
/// Services.
pub static SERVICES: Resource =
    core("services", "Service", Traits { status: true, put_creates: true, ..PLAIN });
/// Events of the core group.
pub static EVENTS: Resource = core("events", "Event", Traits { put_creates: true, ..PLAIN });
/// Events of their own group. A real server shows both kinds of one store; here they are apart.
pub static GROUPED_EVENTS: Resource =
    grouped("events.k8s.io", "events", "Event", Traits { put_creates: true, ..PLAIN });
/// StatefulSets.
pub static STATEFUL_SETS: Resource = grouped(
    "apps",
    "statefulsets",
    "StatefulSet",
    Traits { status: true, generation: true, ..PLAIN },
);
/// Leases.
pub static LEASES: Resource = grouped(
    "coordination.k8s.io",
    "leases",
    "Lease",
    Traits { put_creates: true, put_names_version: true, ..PLAIN },
);

/// Everything that is served.
pub static RESOURCES: [&Resource; 8] =
    [&PODS, &CONFIG_MAPS, &SECRETS, &SERVICES, &EVENTS, &GROUPED_EVENTS, &STATEFUL_SETS, &LEASES];

impl Resource {
    /// What objects of the kind say in `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The kind as errors name it, with its group.
    #[must_use]
    pub fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// Which part of an object a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All but `status`, where a kind has one.
    Main,
    /// The subresource `status`.
    Status,
}

/// What a path points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Objects of a kind: in one namespace, or in all.
    Collection {
        /// The kind.
        resource: &'static Resource,
        /// The namespace; `None` for all of them.
        namespace: Option<String>,
    },
    /// One object.
    Object {
        /// The kind.
        resource: &'static Resource,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// Which part of it.
        part: Part,
    },
}

impl Target {
    /// Reads the path of a request.
    ///
    /// # Errors
    /// It points at nothing that is served.
    pub fn read(path: &str) -> Result<Self, Failure> {
        let nowhere = || {
            Failure::new(Reason::NotFound, format!("the server does not serve the path {path:?}"))
        };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return Err(nowhere()),
        };
        let find = |plural: &str| {
            let found = RESOURCES.into_iter().find(|resource| {
                (resource.group, resource.version, resource.plural) == (group, version, plural)
            });
            found.ok_or_else(nowhere)
        };
        let owned = |text: &str| text.to_owned();
        match rest {
            [plural] => Ok(Self::Collection { resource: find(plural)?, namespace: None }),
            ["namespaces", namespace, plural] => {
                Ok(Self::Collection { resource: find(plural)?, namespace: Some(owned(namespace)) })
            }
            ["namespaces", namespace, plural, name] => Ok(Self::Object {
                resource: find(plural)?,
                namespace: owned(namespace),
                name: owned(name),
                part: Part::Main,
            }),
            ["namespaces", namespace, plural, name, "status"] => {
                let resource = find(plural)?;
                if !resource.traits.status {
                    return Err(nowhere());
                }
                let (namespace, name) = (owned(namespace), owned(name));
                Ok(Self::Object { resource, namespace, name, part: Part::Status })
            }
            _ => Err(nowhere()),
        }
    }
}
