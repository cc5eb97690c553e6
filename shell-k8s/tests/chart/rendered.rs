//! What `helm template` made of each file of values; `charts/check` keeps it.

use serde_json::Value;
use std::{fs, path::Path};

/// The text of a file of the project.
pub(crate) fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of YAML or JSON.
pub(crate) fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whatever is listed, as texts.
pub(crate) fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What one file of values makes.
#[derive(Debug, Clone)]
pub(crate) struct Rendered {
    /// The name of that file.
    pub(crate) name: String,
    /// All objects.
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    pub(crate) fn read(name: &str) -> Self {
        let text = text(&format!("charts/tests/snapshots/{name}.yaml"));
        let parts = text.trim_start_matches("---\n").split("\n---\n");
        let read = |part| serde_saphyr::from_str(part).expect("YAML");
        Self { name: name.to_owned(), objects: parts.map(read).collect() }
    }

    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/tests/snapshots");
        let files =
            fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
        let name = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let mut names: Vec<_> = files.filter_map(name).collect();
        names.sort();
        assert!(names.len() >= 5, "{names:?}");
        names.iter().map(|name| Self::read(name)).collect()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The pods that an object of this kind makes, or that it is.
    pub(crate) fn pod(&self, part: Part) -> Option<&Value> {
        let (kind, container) = match part {
            Part::Instance => ("StatefulSet", "memgraph"),
            Part::Controller => ("Deployment", "controller"),
            Part::Gateway => ("Deployment", "gateway"),
            Part::Test => ("Pod", "write"),
        };
        self.of_kind(kind)
            .filter_map(pod)
            .find(|pod| pod["spec"]["containers"][0]["name"] == container)
    }

    /// The arguments of that pod's container.
    pub(crate) fn arguments(&self, part: Part) -> Vec<&str> {
        let pod = self.pod(part).expect("a pod");
        texts(&pod["spec"]["containers"][0]["args"])
    }
}

/// The pods that an object makes, or the pod that it is.
pub(crate) fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str() {
        Some("Pod") => Some(object),
        _ => object["spec"].get("template"),
    }
}

/// The parts of a release that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Instance,
    Controller,
    Gateway,
    /// What `helm test` starts.
    Test,
}
