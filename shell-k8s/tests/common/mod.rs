//! What the tests of the API server and of the cluster share.

#![allow(dead_code, reason = "each test binary uses a part")]

use serde_json::{Value, json};
use shell_k8s::api_server::{ApiServer, Failure, Limits, Reason};
use std::{future::Future, net::SocketAddr, time::Duration};

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
