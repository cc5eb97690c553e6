//! The names of everything that belongs to one cluster, derived from its release and StatefulSet as
//! users of the predecessor know them (PI 3).

use ha_core::ids::InstanceId;
use std::fmt;

/// The longest name of an object that is also a label of a host name.
const LONGEST: usize = 63;
/// The longest name of a StatefulSet: its pods carry a label of that name, a dash and a hash of ten
/// characters.
const LONGEST_SET: usize = 52;
/// The value of the label that instance pods carry, if nothing else is said (PI 1.1).
const APP: &str = "memgraph";

/// The label by which instance pods are found, together with their owner (PI 3).
pub const APP_LABEL: &str = "app.kubernetes.io/name";
/// The label by which everything of one release is found.
pub const RELEASE_LABEL: &str = "app.kubernetes.io/instance";
/// The label of whoever made an object, and ours.
pub(crate) const MADE_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "memgraph-ha");

/// Names that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNames {
    /// Not the name of a namespace, a release, a StatefulSet or an application.
    #[error(
        "{what} {found:?}: expected at most {longest} lower-case letters, digits and dashes that \
         begin and end with a letter or digit"
    )]
    Label {
        /// Which.
        what: &'static str,
        /// What was given.
        found: String,
        /// Its greatest length.
        longest: usize,
    },
    /// Two objects would have one name.
    #[error("release {release:?} is too long: {one:?} would be the name of two ConfigMaps")]
    Collide {
        /// The release.
        release: String,
        /// The name.
        one: String,
    },
    /// Not a number of instances.
    #[error("{0} instances: expected at least 1")]
    Instances(u8),
}

/// The names of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    namespace: String,
    release: String,
    set: String,
    app: String,
    instances: u8,
}

fn is_label(text: &str, longest: usize) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= longest
        && text.chars().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Names {
    /// The names of a cluster of `instances` pods of the StatefulSet `set`.
    ///
    /// # Errors
    /// A name that Kubernetes would refuse, or two objects under one name.
    pub fn new(namespace: &str, release: &str, set: &str, instances: u8) -> Result<Self, BadNames> {
        let checked = |what: &'static str, found: &str, longest: usize| {
            if is_label(found, longest) {
                return Ok(found.to_owned());
            }
            Err(BadNames::Label { what, found: found.to_owned(), longest })
        };
        if instances == 0 {
            return Err(BadNames::Instances(instances));
        }
        let names = Self {
            namespace: checked("namespace", namespace, LONGEST)?,
            release: checked("release", release, LONGEST)?,
            set: checked("StatefulSet", set, LONGEST_SET)?,
            app: APP.to_owned(),
            instances,
        };
        if names.record() == names.orders() {
            let (release, one) = (names.release.clone(), names.record());
            return Err(BadNames::Collide { release, one });
        }
        Ok(names)
    }

    /// The same, with another value of the label [`APP_LABEL`].
    ///
    /// # Errors
    /// It is no value of a label.
    pub fn with_app(self, app: &str) -> Result<Self, BadNames> {
        if is_label(app, LONGEST) {
            return Ok(Self { app: app.to_owned(), ..self });
        }
        Err(BadNames::Label { what: "application", found: app.to_owned(), longest: LONGEST })
    }

    /// The namespace of every object.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The Helm release.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// The StatefulSet, and the Service that governs it.
    #[must_use]
    pub fn set(&self) -> &str {
        &self.set
    }

    /// How many instances there should be.
    #[must_use]
    pub const fn count(&self) -> u8 {
        self.instances
    }

    /// Every instance that should exist.
    pub fn instances(&self) -> impl Iterator<Item = InstanceId> + use<> {
        (0..self.instances).map(InstanceId)
    }

    /// What every object that is written for the cluster carries.
    #[must_use]
    pub(crate) fn labels(&self) -> serde_json::Value {
        serde_json::json!({ RELEASE_LABEL: self.release, (MADE_BY.0): MADE_BY.1 })
    }

    /// The ConfigMap of the record.
    #[must_use]
    pub fn record(&self) -> String {
        self.of_release("state")
    }

    /// The ConfigMap of what operators ask for.
    #[must_use]
    pub fn orders(&self) -> String {
        self.of_release("orders")
    }

    /// The Lease of the controllers.
    #[must_use]
    pub fn lease(&self) -> String {
        self.of_release("controller")
    }

    fn of_release(&self, what: &str) -> String {
        let mut name = format!("{}-{what}", self.release);
        name.truncate(LONGEST);
        name.trim_end_matches('-').to_owned()
    }

    /// The value of the label [`APP_LABEL`] of instance pods.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The selector of instance pods.
    #[must_use]
    pub fn selector(&self) -> String {
        format!("{APP_LABEL}={}", self.app)
    }

    /// The pod of an instance.
    #[must_use]
    pub fn pod(&self, id: InstanceId) -> String {
        format!("{}-{}", self.set, id.0)
    }

    /// Whether there should be such an instance.
    #[must_use]
    pub const fn has(&self, id: InstanceId) -> bool {
        id.0 < self.instances
    }

    /// The instance of a pod, also one that should not exist any more; `None` for every name but
    /// those of [`Names::pod`].
    #[must_use]
    pub fn instance(&self, pod: &str) -> Option<InstanceId> {
        let digits = pod.strip_prefix(&self.set)?.strip_prefix('-')?;
        let id = InstanceId(digits.parse().ok()?);
        // A sign or a leading zero is the name of another pod.
        (self.pod(id) == pod).then_some(id)
    }

    /// The name under which an instance is registered (PI 3.1).
    #[must_use]
    pub fn replica(&self, id: InstanceId) -> String {
        self.pod(id).replace('-', "_")
    }

    /// The host name of an instance, under which it is registered (PI 3.1).
    #[must_use]
    pub fn host(&self, id: InstanceId) -> String {
        format!("{}.{}.{}.svc.cluster.local", self.pod(id), self.set, self.namespace)
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.release)
    }
}
