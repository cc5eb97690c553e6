//! The predecessor's preStop hook: who is let in, and when it is answered.

mod http_support;

use ha_core::reading::Reading;
use http_support::{Answer, Lease, Served, StandIn, raw};

/// `mguser:mgpasswd`
const RIGHT: &str = "Basic bWd1c2VyOm1ncGFzc3dk";
/// `mguser:guess`
const WRONG: &str = "Basic bWd1c2VyOmd1ZXNz";

async fn ask(served: &Served, pod: &str, authorization: Option<&str>) -> Answer {
    let shown = authorization.map_or(String::new(), |it| format!("authorization: {it}\r\n"));
    let request = format!(
        "POST /prestop-hook/{pod} HTTP/1.1\r\nhost: here\r\n{shown}content-length: 0\r\n\r\n"
    );
    raw(served.at, request.as_bytes()).await
}

async fn settled() -> Served {
    let served = Served::running(&StandIn::from("settled.json", Lease::Free)).await;
    served.settled().await;
    served
}

#[tokio::test]
async fn nobody_is_let_in_without_the_password() {
    let served = settled().await;
    for shown in [None, Some(WRONG), Some("Basic %%%"), Some("Bearer x"), Some("Basic")] {
        let answer = ask(&served, "memgraph-ha-2", shown).await;
        assert_eq!(answer.status, 401, "{shown:?}: {}", answer.body);
        assert!(answer.head.contains("www-authenticate: Basic"), "{}", answer.head);
    }
    assert_eq!(served.get("/prestop-hook/memgraph-ha-2").await.status, 405);
}

#[tokio::test]
async fn a_replica_may_leave_at_once() {
    let served = settled().await;
    let answer = ask(&served, "memgraph-ha-2", Some(RIGHT)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(ask(&served, "memgraph-ha-7", Some(RIGHT)).await.status, 404);
}

/// Whoever waits in vain hears how everybody is.
#[tokio::test]
async fn a_main_that_does_not_move_is_told_after_the_time_of_a_call() {
    let served = settled().await;
    let answer = ask(&served, "memgraph-ha-0", Some(RIGHT)).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
    for part in ["memgraph-ha-0: main", "memgraph-ha-1: replica, STRICT_SYNC ready behind 0"] {
        assert!(answer.body.contains(part), "{}", answer.body);
    }
}

/// The hook may be faster than the watch that tells of the mark, by which the vote moves first.
#[tokio::test]
async fn a_voter_whose_mark_is_not_seen_waits() {
    let served = settled().await;
    let answer = ask(&served, "memgraph-ha-1", Some(RIGHT)).await;
    assert_eq!(answer.status, 500, "{}", answer.body);
}

/// The deletion mark moves the main, and the call that waits is answered by that.
#[tokio::test]
async fn a_main_leaves_when_it_has_moved() {
    let world = StandIn::from("settled.json", Lease::Free);
    let served = Served::running(&world).await;
    served.settled().await;
    world.change(|seen| {
        let view = seen.instances.get_mut(&ha_core::ids::InstanceId(0)).expect("an instance");
        if let Reading::Known { value: Some(pod), .. } = &mut view.pod {
            pod.deleting = true;
        }
    });
    for _ in 0..100 {
        let answer = ask(&served, "memgraph-ha-0", Some(RIGHT)).await;
        if answer.status == 200 {
            return;
        }
        assert_eq!(answer.status, 500, "{}", answer.body);
    }
    panic!("it never may leave");
}

#[tokio::test]
async fn whoever_does_not_lead_sends_the_hook_on() {
    let served = Served::running(&StandIn::from("settled.json", Lease::Others)).await;
    served.until("a pass", |now| now["passes"].as_u64() > Some(0)).await;
    assert_eq!(ask(&served, "memgraph-ha-2", Some(RIGHT)).await.status, 503);
}
