//! A person's way to controllers: through the API server's proxy of their pods.

#[path = "common/mod.rs"]
mod common;

use common::{NAMESPACE, server, within};
use serde_json::json;
use shell_k8s::{
    api_server::{
        Store,
        resource::{CONFIG_MAPS, PODS, STATEFUL_SETS},
    },
    operator::{Answer, Operator, OperatorError, Place},
};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// In front of an API server: answers for the pods of controllers as its proxy would, `c-0` with what
/// it was asked for, others with 503.
async fn front(api: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, api));
        }
    });
    at
}

async fn serve(mut client: TcpStream, api: SocketAddr) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8(head).expect("text");
    let path = text.split(' ').nth(1).expect("a path").to_owned();
    if let Some((pod, asked)) = path.split_once("/proxy") {
        let (code, body) = if pod.ends_with("/pods/c-0:8080") {
            ("200 OK", asked.to_owned())
        } else {
            ("503 Service Unavailable", "no endpoint".to_owned())
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {code}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        let _gone = client.write_all(answer.as_bytes()).await;
        return;
    }
    let mut server = TcpStream::connect(api).await.expect("the API server");
    let text = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    server.write_all(text.as_bytes()).await.expect("it listens");
    let _gone = tokio::io::copy(&mut server, &mut client).await;
}

fn cluster(store: &Store) {
    let set = json!({"metadata": {"name": "memgraph-ha"}, "spec": {"replicas": 3}});
    store.create(&STATEFUL_SETS, NAMESPACE, set).expect("a set");
    let labels = json!({
        "app.kubernetes.io/instance": "graph", "app.kubernetes.io/managed-by": "memgraph-ha",
    });
    let map = json!({"metadata": {"name": "graph-state", "labels": labels}, "data": {}});
    store.create(&CONFIG_MAPS, NAMESPACE, map).expect("a record");
    // As the chart labels them: the leader's pod carries one label more.
    let ours = ("memgraph-ha-controller", "graph");
    for (name, (app, release), leads) in [
        ("c-0", ours, true),
        ("c-1", ours, false),
        ("other", ("memgraph-ha-controller", "other"), true),
        ("x", ("memgraph-ha-gateway", "graph"), false),
    ] {
        let mut labels = json!({
            "app.kubernetes.io/name": app, "app.kubernetes.io/instance": release,
        });
        if leads {
            labels["app"] = json!("memgraph-controller");
        }
        let pod = json!({"metadata": {"name": name, "labels": labels}, "spec": {}});
        store.create(&PODS, NAMESPACE, pod).expect("a pod");
    }
}

fn place(at: SocketAddr) -> Place {
    Place {
        api_server: Some(format!("http://{at}")),
        namespace: Some(NAMESPACE.to_owned()),
        set: "memgraph-ha".to_owned(),
        ..Place::default()
    }
}

#[tokio::test]
async fn controllers_are_asked_through_the_api_server() {
    let server = server().await;
    cluster(&server.store());
    let place = place(front(server.address()).await);
    let operator = within("to find it", Operator::find(&place)).await.expect("a cluster");
    assert_eq!(operator.cluster().names().record(), "graph-state");
    assert_eq!(operator.cluster().names().count(), 3);
    assert_eq!(operator.nobody(), None);
    let answers = within("to ask", operator.ask("/v1/journal?lines=3")).await;
    let from: Vec<_> = answers.iter().map(|answer| answer.from.as_str()).collect();
    assert_eq!(from, ["c-0", "c-1"], "all controllers of the release, and no others");
    let [Answer { body: heard, .. }, Answer { body: silent, .. }] = answers.as_slice() else {
        panic!("two answers: {answers:?}");
    };
    assert_eq!(heard.as_ref().expect("an answer"), "/v1/journal?lines=3");
    let why = silent.as_ref().expect_err("no answer").to_string();
    assert!(why.starts_with("c-1: GET /v1/journal?lines=3: "), "{why}");
}

#[tokio::test]
async fn a_cluster_without_controllers_is_found_all_the_same() {
    let server = server().await;
    cluster(&server.store());
    let place = Place { selector: "app=nobody".to_owned(), ..place(server.address()) };
    let operator = Operator::find(&place).await.expect("a cluster");
    assert_eq!(operator.nobody().as_deref(), Some("there is no pod of a controller"));
    assert!(operator.ask("/v1/status").await.is_empty());
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_read_is_named() {
    let place = Place { kubeconfig: Some("/nowhere/config".into()), ..Place::default() };
    match Operator::find(&place).await {
        Err(error @ OperatorError::NoServer(_)) => {
            assert!(error.to_string().contains("/nowhere/config"), "{error}");
        }
        other => panic!("found {other:?}"),
    }
}
