//! How many pods the StatefulSet asks for.

use crate::home::{Home, on_both};
use serde_json::{Value, json};
use shell_k8s::api_server::{Part, resource::STATEFUL_SETS};

on_both!(what_the_set_asks_for_is_read,);

fn set(name: &str, replicas: Value) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "serviceName": "mg",
            "selector": {"matchLabels": {"app": "mg"}},
            "template": {
                "metadata": {"labels": {"app": "mg"}},
                "spec": {"containers": [{"name": "memgraph", "image": "none"}]},
            },
        },
    })
}

async fn what_the_set_asks_for_is_read(home: &Home) {
    let cluster = home.cluster("c");
    home.create(&STATEFUL_SETS, set("other", json!(7))).await;
    assert_eq!(cluster.read_replicas().await, Ok(None), "there is none of that name");
    // What is not said is one, as Kubernetes has it.
    home.create(&STATEFUL_SETS, set("mg", Value::Null)).await;
    assert_eq!(cluster.read_replicas().await, Ok(Some(1)));
    for replicas in [3, 0] {
        let patch = json!({"spec": {"replicas": replicas}});
        home.patch(&STATEFUL_SETS, "mg", &patch, Part::Main).await;
        assert_eq!(cluster.read_replicas().await, Ok(Some(replicas)));
    }
}
