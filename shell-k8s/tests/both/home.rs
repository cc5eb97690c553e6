//! Where a test runs: with the API server in memory, or with a real one that the environment names.
//! Each test has a namespace of its own there.

use crate::common::{NAMESPACE, server, typed};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{ApiServer, Part, resource::Resource},
    cluster::{Cluster, Names},
};

/// The variable that names the kubeconfig of an API server that may be written to.
const KUBECONFIG: &str = "MEMGRAPH_HA_TEST_KUBECONFIG";

/// Two tests of each body: `in_memory` always, `real` where that is asked for.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(&crate::home::Home::in_memory().await).await;
                }
            )+
        }
        mod real {
            $(
                #[tokio::test]
                #[ignore = "needs a real API server: e2e/apiserver runs it"]
                async fn $name() {
                    super::$name(&crate::home::Home::real().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both;

enum Server {
    Memory(ApiServer),
    Real(Box<Config>),
}

/// A namespace of an API server.
pub(crate) struct Home {
    server: Server,
    namespace: String,
}

impl Home {
    pub(crate) async fn in_memory() -> Self {
        Self { server: Server::Memory(server().await), namespace: NAMESPACE.to_owned() }
    }

    pub(crate) async fn real() -> Self {
        let path = std::env::var(KUBECONFIG).unwrap_or_else(|_| {
            panic!("{KUBECONFIG} names the kubeconfig of a server to write to")
        });
        let file = Kubeconfig::read_from(&path).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(file, &options).await.expect("a way there");
        let home = Self { server: Server::Real(Box::new(config)), namespace: String::new() };
        Self { namespace: home.new_namespace().await, ..home }
    }

    async fn new_namespace(&self) -> String {
        let namespaces: Api<Namespace> = Api::all(self.client());
        let body = typed(json!({"metadata": {"generateName": "memgraph-ha-test-"}}));
        let made = namespaces.create(&PostParams::default(), &body).await.expect("a namespace");
        made.metadata.name.expect("a name")
    }

    /// Another namespace of the same server.
    pub(crate) async fn elsewhere(&self) -> String {
        match &self.server {
            Server::Memory(_) => "elsewhere".to_owned(),
            Server::Real(_) => self.new_namespace().await,
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    fn config(&self, client: &str) -> Config {
        match &self.server {
            Server::Memory(server) => Config::new(server.uri_of(client)),
            Server::Real(config) => (**config).clone(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::try_from(self.config("test")).expect("a client")
    }

    /// A cluster with three instances `mg-0` to `mg-2`, as a controller of this name sees it.
    pub(crate) fn cluster(&self, controller: &str) -> Cluster {
        let names = Names::new(&self.namespace, "graph", "mg", 3).expect("names");
        Cluster::connect(self.config(controller), names).expect("a client")
    }

    fn api(&self, resource: &Resource, namespace: &str) -> Api<DynamicObject> {
        let kind = ApiResource {
            group: resource.group.to_owned(),
            version: resource.version.to_owned(),
            api_version: resource.api_version(),
            kind: resource.kind.to_owned(),
            plural: resource.plural.to_owned(),
        };
        Api::namespaced_with(self.client(), namespace, &kind)
    }

    pub(crate) async fn get(&self, resource: &Resource, name: &str) -> Option<Value> {
        let found = self.api(resource, &self.namespace).get_opt(name).await.expect("an answer");
        found.map(|object| serde_json::to_value(object).expect("JSON"))
    }

    pub(crate) async fn list(&self, resource: &Resource) -> Vec<Value> {
        let listed = self.api(resource, &self.namespace).list(&ListParams::default()).await;
        let items = listed.expect("a list").items.into_iter();
        items.map(|object| serde_json::to_value(object).expect("JSON")).collect()
    }

    pub(crate) async fn create(&self, resource: &Resource, body: Value) -> Value {
        self.create_in(resource, &self.namespace, body).await
    }

    pub(crate) async fn create_in(
        &self,
        resource: &Resource,
        namespace: &str,
        body: Value,
    ) -> Value {
        let made = self
            .api(resource, namespace)
            .create(&PostParams::default(), &typed(body.clone()))
            .await;
        let made = made.unwrap_or_else(|error| panic!("{body}: {error}"));
        serde_json::to_value(made).expect("JSON")
    }

    pub(crate) async fn patch(&self, resource: &Resource, name: &str, patch: &Value, part: Part) {
        let (api, params) = (self.api(resource, &self.namespace), PatchParams::default());
        let patched = match part {
            Part::Main => api.patch(name, &params, &Patch::Merge(patch)).await,
            Part::Status => api.patch_status(name, &params, &Patch::Merge(patch)).await,
        };
        patched.unwrap_or_else(|error| panic!("{name} {patch}: {error}"));
    }

    /// Deletes it as kubectl does: what has a grace period is marked.
    pub(crate) async fn mark(&self, resource: &Resource, name: &str) {
        let api = self.api(resource, &self.namespace);
        api.delete(name, &DeleteParams::default()).await.expect("it is there");
    }

    /// Removes it, as a node does once a pod has ended.
    pub(crate) async fn delete(&self, resource: &Resource, name: &str) {
        let api = self.api(resource, &self.namespace);
        api.delete(name, &DeleteParams::default().grace_period(0)).await.expect("it is there");
    }
}
