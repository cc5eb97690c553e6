//! What a controller answers another one over a real socket, and what asks it.

mod http_support;

use gateway::controllers::http::Address;
use ha_core::{ids::ControllerId, leadership::Word};
use http_support::{Lease, ME, OTHER, Served, StandIn};
use serde_json::json;
use shell_k8s::{
    controller::Heard,
    peers::{FREE_PATH, MOVES_PATH, PATH, Peers},
};
use std::net::SocketAddr;

fn question(by: ControllerId) -> String {
    json!({"version": 1, "by": by}).to_string()
}

/// A follower that has seen the other one's lease.
async fn follower() -> Served {
    let served = Served::running(&StandIn::from("settled.json", Lease::Others)).await;
    served
        .until("another leader seen", |now| {
            now["observation"]["leadership"]["lease"]["other"] == "b0b"
        })
        .await;
    served
}

#[tokio::test]
async fn the_holder_of_the_lease_is_promised_and_nobody_else() {
    let served = follower().await;
    let told = served.ask("POST", PATH, &question(OTHER)).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let expected = json!({"version": 1, "controller": "a", "pod": "my-pod", "word": "promises"});
    assert_eq!(told.json(), expected);
    let told = served.ask("POST", PATH, &question(ControllerId(5))).await.json();
    assert_eq!(told["word"], "nothing");
}

#[tokio::test]
async fn a_question_that_is_none_is_refused() {
    let served = follower().await;
    for (body, part) in [
        ("", "not understood"),
        ("{\"version\":1}", "missing field `by`"),
        ("{\"version\":1,\"by\":\"nobody\"}", "hexadecimal"),
        ("{\"version\":7,\"by\":\"a\"}", "of version 7, this is 1"),
    ] {
        let answer = served.ask("POST", PATH, body).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains(part), "{}", answer.body);
    }
    assert_eq!(served.ask("POST", PATH, &" ".repeat(1 << 20)).await.status, 413);
    for path in [PATH, FREE_PATH] {
        assert_eq!(served.ask("GET", path, "").await.status, 405);
    }
}

#[tokio::test]
async fn one_controller_asks_another() {
    let served = follower().await;
    let names = vec![Address::read(&served.at.to_string()).expect("an address")];
    let peers = Peers::new(names);
    assert_eq!(peers.addresses().await.into_iter().collect::<Vec<_>>(), [served.at]);
    let heard = peers.ask(served.at, OTHER).await.expect("an answer");
    assert_eq!(heard, Heard { from: ME, pod: "my-pod".to_owned(), word: Word::Promises });
    let nobody: SocketAddr = ([127, 0, 0, 1], 1).into();
    let error = peers.ask(nobody, OTHER).await.expect_err("nobody is there").to_string();
    assert!(error.starts_with("controller at 127.0.0.1:1: "), "{error}");
    let told = peers.moves(served.at).await.expect("an answer");
    assert_eq!((told.controller, told.moves), (ME, Vec::new()));
    assert_eq!(served.ask("POST", MOVES_PATH, "").await.status, 405);
    let error = peers.moves(nobody).await.expect_err("nobody is there").to_string();
    assert!(error.starts_with("controller at 127.0.0.1:1: "), "{error}");
    let error = peers.tell_free(nobody).await.expect_err("nobody is there").to_string();
    assert!(error.starts_with("controller at 127.0.0.1:1: "), "{error}");
}

/// Nobody's word is taken: the lease itself is read, long before the controller's own turn.
#[tokio::test]
async fn who_hears_that_the_lease_is_free_reads_it() {
    let world = StandIn::from("settled.json", Lease::Others);
    let served = Served::slow(&world).await;
    world.lease_read(1).await;
    Peers::new(Vec::new()).tell_free(served.at).await.expect("it is heard");
    world.lease_read(2).await;
}
