//! What the tests of the API server and of the cluster share.

#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod lease;
pub(crate) mod pods;
pub(crate) mod record;

use futures::{Stream, TryStreamExt};
use ha_core::ids::ResourceVersion;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{ResourceExt, api::WatchEvent};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shell_k8s::{
    api_server::{ApiServer, Failure, Limits, Reason},
    cluster::{Cluster, Names, Written},
};
use std::{future::Future, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

pub(crate) const NAMESPACE: &str = "db";

/// A bound against hanging for ever; no test depends on how long anything takes.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let bound = Duration::from_secs(60);
    tokio::time::timeout(bound, future).await.unwrap_or_else(|_| panic!("{what} does not end"))
}

pub(crate) async fn server() -> ApiServer {
    server_with(Limits::default()).await
}

pub(crate) async fn server_with(limits: Limits) -> ApiServer {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    ApiServer::start_with(loopback, limits).await.expect("a free port")
}

/// Names of a cluster with three instances `mg-0` to `mg-2`.
pub(crate) fn names() -> Names {
    Names::new(NAMESPACE, "graph", "mg", 3).expect("names")
}

/// The cluster as a controller of this name sees it.
pub(crate) fn cluster(server: &ApiServer, controller: &str) -> Cluster {
    let config = kube::Config::new(server.uri_of(controller));
    Cluster::connect(config, names()).expect("a client")
}

pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of this kind")
}

pub(crate) fn config_map(name: &str, data: &[(&str, &str)]) -> Value {
    let data: serde_json::Map<_, _> =
        data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({"metadata": {"name": name}, "data": data})
}

/// The code and the reason of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(result: kube::Result<T>) -> (u16, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.reason.clone()),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, Failure>) -> Reason {
    result.expect_err("a refusal").reason
}

/// A cluster whose API server gives this one answer to whatever it is asked.
pub(crate) async fn canned(status: &str, body: &str) -> Cluster {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                let mut buffer = [0; 4_096];
                // Requests of these tests end with their head or with the object of their body.
                while !(seen.ends_with(b"}") || seen.ends_with(b"\r\n\r\n")) {
                    match socket.read(&mut buffer).await {
                        Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                        _ => return,
                    }
                }
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    let uri = format!("http://{address}").parse().expect("a uri");
    Cluster::connect(kube::Config::new(uri), names()).expect("a client")
}

pub(crate) fn done(written: Written) -> ResourceVersion {
    match written {
        Written::Done(version) => version,
        Written::Overtaken | Written::Refused(_) | Written::Unknown(_) => panic!("{written:?}"),
    }
}

/// The next events as words.
pub(crate) async fn words<S>(events: &mut S, count: usize) -> Vec<String>
where
    S: Stream<Item = kube::Result<WatchEvent<ConfigMap>>> + Unpin,
{
    let mut words = Vec::new();
    while words.len() < count {
        let event =
            within("a watch", events.try_next()).await.expect("a line").expect("another event");
        words.push(match event {
            WatchEvent::Added(map) => format!("added {}", map.name_any()),
            WatchEvent::Modified(map) => format!("modified {}", map.name_any()),
            WatchEvent::Deleted(map) => format!("deleted {}", map.name_any()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            WatchEvent::Error(status) => format!("error {} {}", status.code, status.reason),
        });
    }
    words
}
