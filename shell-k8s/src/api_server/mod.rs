//! An API server in memory: what clusters within one process and tests need of Kubernetes, over HTTP
//! on loopback, with objects in a [`Store`] that a supervisor writes to as directly as a kubelet
//! would. It keeps a table of kinds ([`resource`]) and behaves towards clients as a real server does:
//! one growing resource version, compare-and-set, preconditions, graceful deletion, watches with a
//! bounded history, `Status` objects for everything that is refused. [`Faults`] break it on demand.
//!
//! **What is absent, by design.** No controllers: nothing creates pods of a StatefulSet, collects
//! what owners leave, or expires events; a supervisor does what is needed. No schemas: a body is
//! checked as far as its metadata and the texts of ConfigMaps and Secrets go, and pods alone get
//! defaults (phase, grace period). A strategic merge patch is carried out as a merge patch, hence
//! replaces lists, all but conditions, which are merged by their type. Refused with a sentence: server-side apply, dry runs, streaming lists, deletion
//! of collections, finalizers. A pod counts as scheduled from the start.

mod connection;
pub mod failure;
pub mod fault;
mod object;
mod request;
pub mod resource;
pub mod selector;
pub mod store;
mod watching;

pub use failure::{Failure, Reason};
pub use fault::{Faults, Link, Refusal, Who};
pub use resource::{Part, Resource};
pub use selector::Selector;
pub use store::{Change, ChangeKind, Changes, Deleted, Deletion, Key, Snapshot, Store};

use connection::Shared;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// What a server keeps at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Objects of all kinds.
    pub objects: usize,
    /// Changes that a watch may begin before.
    pub history: usize,
    /// Watches at a time.
    pub watches: usize,
    /// Connections at a time.
    pub connections: usize,
    /// How often a watch that wants them gets a bookmark.
    pub bookmark_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 3 << 20,
            objects: 10_000,
            history: 2_048,
            watches: 256,
            connections: 512,
            bookmark_every: Duration::from_secs(10),
        }
    }
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct ApiServer {
    address: SocketAddr,
    store: Store,
    faults: Faults,
    task: JoinHandle<()>,
}

impl ApiServer {
    /// Listens at an address; port 0 takes a free one. Within a tokio runtime.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start(address: SocketAddr) -> io::Result<Self> {
        Self::start_with(address, Limits::default()).await
    }

    /// As [`ApiServer::start`], with other limits.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn start_with(address: SocketAddr, limits: Limits) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let store = Store::new(limits);
        let faults = Faults::new(store.clone());
        let shared = Arc::new(Shared::new(store.clone(), faults.clone(), limits));
        let task = tokio::spawn(connection::accept(shared, listener, address));
        Ok(Self { address, store, faults, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients without a name find it.
    #[must_use]
    pub fn uri(&self) -> hyper::Uri {
        self.at("/")
    }

    /// Where the client of this name finds it; [`Faults`] tell clients apart by it. Only letters,
    /// digits, dashes and dots of the name count.
    #[must_use]
    pub fn uri_of(&self, client: &str) -> hyper::Uri {
        let is_kept = |c: &char| c.is_ascii_alphanumeric() || "-.".contains(*c);
        let client: String = client.chars().filter(is_kept).collect();
        self.at(&format!("{}{client}/", connection::PREFIX))
    }

    fn at(&self, path: &str) -> hyper::Uri {
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let authority = format!("{host}:{}", self.address.port());
        let uri =
            hyper::Uri::builder().scheme("http").authority(authority).path_and_query(path).build();
        uri.unwrap_or_default()
    }

    /// A client that carries each call out once: kube's own would send a write again after 429, 503
    /// or 504.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn client(&self) -> kube::Result<kube::Client> {
        plain_client(self.uri())
    }

    /// As [`ApiServer::client`], under a name of its own.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn client_of(&self, client: &str) -> kube::Result<kube::Client> {
        plain_client(self.uri_of(client))
    }

    /// The objects.
    #[must_use]
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    /// The faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn plain_client(uri: hyper::Uri) -> kube::Result<kube::Client> {
    let mut config = kube::Config::new(uri);
    config.default_retry = false;
    kube::Client::try_from(config)
}
