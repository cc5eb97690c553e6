//! Every path of a controller over real sockets: what it says, what it refuses, and its limits.

mod http_support;

use ha_core::{
    action::Action,
    history::Outcome,
    observation::{Container, RoleView},
    reading::Reading,
};
use http_support::{Events, Lease, Served, StandIn, metric, metric_becomes, question, raw};
use shell_k8s::http::{ASK_BYTES, CONNECTIONS, LISTENERS};
use tokio::{io::AsyncWriteExt, net::TcpStream};

fn settled() -> StandIn {
    StandIn::from("settled.json", Lease::Free)
}

#[tokio::test]
async fn a_leader_grants() {
    let served = Served::running(&settled()).await;
    served.settled().await;
    let answer = served.ask("POST", "/v1/grant", &question(1, None, 0)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let reply = gateway::controllers::wire::Reply::read(answer.body.as_bytes()).expect("a reply");
    assert_eq!(reply.main_address.map(|it| it.to_string()), Some("10.0.0.1:7687".to_owned()));
    assert!(reply.answer.lasts_ms > 0);
    metric_becomes(&served, "memgraph_ha_gateways_outstanding", 1.0).await;
}

/// The question waits for as long as nothing is new, and ends when something is.
#[tokio::test]
async fn a_question_waits_for_a_change() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    let first = served.ask("POST", "/v1/grant", &question(1, None, 0)).await.json();
    let tag = first["tag"].as_str().unwrap().to_owned();
    let at = served.at;
    let waits = tokio::spawn(async move {
        let body = question(2, Some(&tag), 30_000);
        let request = format!("POST /v1/grant HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
        raw(at, format!("{request}{body}").as_bytes()).await
    });
    metric_becomes(&served, "memgraph_ha_questions_waiting", 1.0).await;
    assert!(!waits.is_finished());
    world.refuse(0);
    let answer = waits.await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["answer"]["route"], "closed");
    metric_becomes(&served, "memgraph_ha_questions_waiting", 0.0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_drops_its_question() {
    let served = Served::running(&settled()).await;
    served.settled().await;
    let first = served.ask("POST", "/v1/grant", &question(1, None, 0)).await.json();
    let body = question(2, first["tag"].as_str(), 30_000);
    let mut socket = TcpStream::connect(served.at).await.unwrap();
    let head = format!("POST /v1/grant HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    metric_becomes(&served, "memgraph_ha_questions_waiting", 1.0).await;
    drop(socket);
    metric_becomes(&served, "memgraph_ha_questions_waiting", 0.0).await;
}

#[tokio::test]
async fn whoever_does_not_lead_grants_nothing_and_names_the_leader() {
    let served = Served::running(&StandIn::from("settled.json", Lease::Others)).await;
    served
        .until("another leader seen", |now| {
            now["observation"]["leadership"]["lease"]["other"] == "b0b"
        })
        .await;
    let answer = served.ask("POST", "/v1/grant", &question(1, None, 0)).await;
    assert_eq!(answer.status, 503);
    let said = answer.json();
    assert_eq!(said["error"], "it does not lead");
    assert_eq!((&said["controller"], &said["leader"]), (&"a".into(), &"b0b".into()));
    let leave = served.get("/v1/may-leave/memgraph-ha-0").await;
    assert_eq!(leave.status, 503);
    assert_eq!(leave.json()["leader"], "b0b");
    let leadership = served.json("/api/v1/leadership").await;
    assert_eq!(leadership["current_leader"], "b0b");
    assert_eq!(leadership["i_am_leader"], false);
    assert_eq!(leadership["leader_match"], true);
    // What a follower sees it may tell; what only a leader knows it may not.
    let status = served.json("/api/v1/status").await;
    assert_eq!(status["cluster_state"]["current_main"], "memgraph-ha-0");
    let metrics = served.get("/metrics").await.body;
    assert_eq!(metric(&metrics, "memgraph_controller_is_leader"), Some(0.0));
    assert_eq!(metric(&metrics, "memgraph_cluster_state"), None);
    assert_eq!(metric(&metrics, "memgraph_ha_holds{rule=\"T10\",name=\"lease\"}"), Some(1.0));
}

/// A network may let gateways and controllers alone come to theirs.
#[tokio::test]
async fn members_may_have_a_listener_of_their_own() {
    let served = Served::apart(&settled()).await;
    served.settled().await;
    let send = async |at, method: &str, path: &str, body: &str| {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {length}");
        raw(at, format!("{head}\r\n\r\n{body}").as_bytes()).await
    };
    let asked = question(1, None, 0);
    for (method, path, body, expected) in [
        ("POST", "/v1/grant", asked.as_str(), 200),
        ("POST", "/v1/lease-is-free", "", 204),
        ("GET", "/v1/moves", "", 200),
    ] {
        let answer = send(served.members, method, path, body).await;
        assert_eq!(answer.status, expected, "{path}: {}", answer.body);
        let elsewhere = send(served.at, method, path, body).await;
        assert_eq!(elsewhere.status, 404, "{path}: {}", elsewhere.body);
        assert!(elsewhere.body.contains("members-listen"), "{}", elsewhere.body);
    }
    for path in ["/v1/status", "/livez", "/metrics", "/", "/v1/may-leave/memgraph-ha-2"] {
        assert_eq!(send(served.at, "GET", path, "").await.status, 200, "{path}");
        let elsewhere = send(served.members, "GET", path, "").await;
        assert_eq!(elsewhere.status, 404, "{path}: {}", elsewhere.body);
    }
    assert_eq!(send(served.members, "POST", "/v1/promise", "").await.status, 400);
    assert_eq!(send(served.at, "POST", "/v1/promise", "").await.status, 404);
}

#[tokio::test]
async fn a_question_that_is_none_is_refused_by_name() {
    let served = Served::idle(&settled()).await;
    let other = question(1, None, 0).replace("\"version\":1", "\"version\":2");
    let gateway = question(1, None, 0).replace("gw-7", "mg-7");
    for (body, part) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("[]", "not understood"),
        ("{\"version\":1}", "missing field `question`"),
        (&other, "of version 2, this is 1"),
        (&gateway, "\"mg-7\" is not a gateway such as gw-0"),
    ] {
        let answer = served.ask("POST", "/v1/grant", body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        let said = answer.json();
        let error = said["error"].as_str().unwrap();
        assert!(error.contains(part), "{body}: {error}");
    }
    let long = " ".repeat(ASK_BYTES + 1);
    assert_eq!(served.ask("POST", "/v1/grant", &long).await.status, 413);
    assert_eq!(served.ask("GET", "/v1/grant", "").await.status, 405);
}

#[tokio::test]
async fn the_status_is_whole_and_in_words() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    let status = served.json("/v1/status").await;
    assert_eq!(status["leads"], true);
    assert_eq!((&status["me"], &status["leader"]), (&"a".into(), &"a".into()));
    assert_eq!(status["pods"]["mg-2"], "memgraph-ha-2");
    assert_eq!(status["waits"], serde_json::json!([]));
    assert_eq!(status["observation"]["instances"]["mg-1"]["contact"], "answering");
    assert!(status["plan"]["settled"].as_bool().unwrap());
    world.refuse(2);
    served.until("a replica missed", |now| now["plan"]["settled"] == false).await;
    let status = served.json("/v1/status").await;
    let wait = &status["waits"][0];
    assert_eq!(wait["subject"], "mg-2", "{status:#}");
    assert!(!wait["words"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_predecessors_fields_are_true() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    let status = served.json("/api/v1/status").await;
    let cluster = &status["cluster_state"];
    assert_eq!(cluster["current_main"], "memgraph-ha-0");
    assert_eq!(cluster["current_sync_replica"], "memgraph-ha-1");
    assert_eq!(cluster["total_pods"], 3);
    assert_eq!(cluster["healthy_pods"], 3);
    let first = &cluster["replica_registrations"][0];
    assert_eq!(first["name"], "memgraph_ha_1");
    assert_eq!(first["address"], "memgraph-ha-1.memgraph-ha.memgraph.svc.cluster.local:10000");
    assert_eq!(first["sync_mode"], "strict_sync");
    assert_eq!(first["is_healthy"], true);
    let passes = &cluster["reconciliation_metrics"];
    let count = |name: &str| passes[name].as_u64().unwrap();
    assert!(count("total_reconciliations") > 0);
    assert_eq!(
        count("total_reconciliations"),
        count("successful_reconciliations") + count("failed_reconciliations")
    );
    let time: jiff::Timestamp =
        passes["last_reconciliation_time"].as_str().unwrap().parse().expect("a time");
    let age = jiff::Timestamp::now().duration_since(time).abs();
    assert!(age < jiff::SignedDuration::from_mins(1), "{age}");
    let pod = &status["pods"][0];
    assert_eq!(pod["name"], "memgraph-ha-0");
    assert_eq!((&pod["state"], &pod["memgraph_role"]), (&"running".into(), &"main".into()));
    assert_eq!(pod["replicas_registered"], serde_json::json!(["memgraph_ha_1", "memgraph_ha_2"]));
    assert!(pod["inconsistency"].is_null());
    assert_eq!(status["memgraph_ha"]["leads"], true);
    let leadership = served.json("/api/v1/leadership").await;
    assert_eq!(leadership["lease_name"], "controller");
    assert_eq!(leadership["namespace"], "memgraph");
    assert_eq!(leadership["i_am_leader"], true);
}

/// The recorded main that does not answer is not the current one, and another main is told of.
#[tokio::test]
async fn a_main_is_one_that_answers_as_one() {
    let world = StandIn::from("settled.json", Lease::Others);
    let served = Served::running(&world).await;
    served.until("a pass", |now| now["passes"].as_u64() > Some(1)).await;
    world.change_answer(2, |view| {
        view.role = RoleView::Main { rows: [].into(), strangers: [].into() };
    });
    world.refuse(0);
    served
        .until("the main lost", |now| {
            let instances = &now["observation"]["instances"];
            !instances["mg-0"]["contact"]["closed"].is_null()
                && !instances["mg-2"]["bolt"]["known"]["value"]["role"]["main"].is_null()
        })
        .await;
    let status = served.json("/api/v1/status").await;
    assert_eq!(status["cluster_state"]["current_main"], "");
    assert_eq!(status["cluster_state"]["sync_replica_healthy"], false);
    assert!(status["cluster_state"]["replica_registrations"].is_null());
    let pod = &status["pods"][2];
    assert_eq!(pod["inconsistency"]["memgraph_role"], "main");
    let why = pod["inconsistency"]["description"].as_str().unwrap();
    assert!(why.contains("memgraph-ha-0 is the recorded one"), "{why}");
}

#[tokio::test]
async fn every_rule_is_explained() {
    let served = Served::running(&settled()).await;
    assert_eq!(Served::idle(&settled()).await.get("/v1/explain").await.status, 503);
    served.settled().await;
    let text = served.get("/v1/explain").await;
    assert_eq!(text.status, 200);
    assert!(text.body.ends_with("settled: nothing to do\n"), "{}", text.body);
    for rule in ha_core::rules::RULES {
        assert!(text.body.contains(&format!("  {} {}", rule.id, rule.name)), "{}", rule.id);
    }
    let parts = served.json("/v1/explain?format=json").await;
    let again: ha_core::observation::ClusterObservation =
        serde_json::from_value(parts["observation"].clone()).expect("an observation");
    let plan = serde_json::to_value(ha_core::plan(&again)).unwrap();
    assert_eq!(plan, parts["plan"]);
    assert_eq!(
        parts["explanation"]["rules"].as_array().unwrap().len(),
        ha_core::rules::RULES.len()
    );
    for wrong in ["?format=yaml", "?forma=json", "?format=json&format=text"] {
        let answer = served.get(&format!("/v1/explain{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert!(answer.body.contains("?format=json"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_pod_learns_whether_it_may_leave() {
    let world = settled();
    let served = Served::running(&world).await;
    assert_eq!(Served::idle(&world).await.get("/v1/may-leave/memgraph-ha-0").await.status, 503);
    served.settled().await;
    let main = served.json("/v1/may-leave/memgraph-ha-0").await;
    assert_eq!((&main["pod"], &main["leave"]), (&"memgraph-ha-0".into(), &"main-moves".into()));
    assert!(main["why"].as_str().unwrap().contains("not marked for deletion"), "{main}");
    let voter = served.json("/v1/may-leave/memgraph-ha-1").await;
    assert_eq!(voter["leave"], "unknown");
    assert!(voter["why"].as_str().unwrap().contains("not marked for deletion"), "{voter}");
    let third = served.json("/v1/may-leave/memgraph-ha-2").await;
    assert_eq!(third["leave"], "may-leave");
    for other in ["memgraph-ha-3", "memgraph-ha-00", "memgraph_ha_0", "memgraph-ha", "x-0", "%00"] {
        let answer = served.get(&format!("/v1/may-leave/{other}")).await;
        assert_eq!(answer.status, 404, "{other}: {}", answer.body);
        assert!(answer.body.contains("one of memgraph-ha-0, memgraph-ha-1"), "{}", answer.body);
    }
}

#[tokio::test]
async fn ready_is_whoever_has_looked_once() {
    let served = Served::idle(&settled()).await;
    let answer = served.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "the first pass has not ended yet\n"));
    assert_eq!(served.get("/livez").await.status, 200);
    let served = Served::running(&StandIn::from("settled.json", Lease::Others)).await;
    served.until("a pass", |now| now["passes"].as_u64() > Some(0)).await;
    assert_eq!(served.get("/readyz").await.body, "OK\n");
}

#[tokio::test]
async fn a_failover_is_counted_in_its_parts() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.refuse(0);
    served
        .until("a failover", |now| {
            now["moves"].as_array().unwrap().last().is_some_and(|it| !it["open_ms"].is_null())
        })
        .await;
    for phase in ["withdraw", "attach", "commit", "open"] {
        let labels = format!("cause=\"failover\",phase=\"{phase}\",result=\"done\"");
        let name = format!("memgraph_ha_move_phase_seconds_count{{{labels}}}");
        metric_becomes(&served, &name, 1.0).await;
    }
    let text = served.get("/metrics").await.body;
    let value = |name: &str| metric(&text, name);
    assert_eq!(value("memgraph_ha_moves_total{cause=\"failover\"}"), Some(1.0), "{text}");
    assert_eq!(value("memgraph_cluster_main_changes_total"), Some(1.0));
    assert_eq!(value("memgraph_ha_move_duration_seconds_count{cause=\"failover\"}"), Some(1.0));
    assert_eq!(value("memgraph_ha_main_ordinal"), Some(1.0));
    assert_eq!(value("memgraph_ha_term"), Some(2.0));
    assert_eq!(value("memgraph_ha_stage{stage=\"steady\"}"), Some(1.0));
    assert_eq!(value("memgraph_ha_stage{stage=\"intent\"}"), Some(0.0));
    assert_eq!(value("memgraph_ha_route{state=\"open\"}"), Some(1.0));
    let promoted = "memgraph_ha_steps_total{action=\"promote\",outcome=\"done\"}";
    assert_eq!(value(promoted), Some(1.0));
    assert_eq!(value("memgraph_ha_step_duration_seconds_count{action=\"promote\"}"), Some(1.0));
    assert_eq!(value("memgraph_controller_is_leader"), Some(1.0));
    assert_eq!(value("memgraph_cluster_pods_total"), Some(3.0));
    assert_eq!(value("memgraph_cluster_pods_healthy"), Some(2.0));
    assert_eq!(value("memgraph_ha_steps_unseen_total"), Some(0.0));
    assert!(text.ends_with("# EOF\n"));
}

/// What a pass did not do is a failed pass, in metrics and in the predecessor's fields.
#[tokio::test]
async fn a_pass_that_stops_has_failed() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    world.fail(|action| matches!(action, Action::Promote { .. }), Outcome::Refused);
    world.refuse(0);
    served
        .until("a refused promotion", |now| {
            now["steps"].as_array().unwrap().iter().any(|it| it["outcome"] == "refused")
        })
        .await;
    let passes =
        served.json("/api/v1/status").await["cluster_state"]["reconciliation_metrics"].clone();
    assert!(passes["failed_reconciliations"].as_u64() > Some(0), "{passes}");
    let error = passes["last_reconciliation_error"].as_str().unwrap_or_default();
    assert!(error.starts_with("promote mg-1") && error.ends_with("refused"), "{passes}");
    let text = served.get("/metrics").await.body;
    let value = |name: &str| metric(&text, name).unwrap_or_default();
    let refused = value("memgraph_ha_steps_total{action=\"promote\",outcome=\"refused\"}");
    assert!(refused > 0.0);
    assert_eq!(refused, value("memgraph_controller_reconciliations_failed_total"));
    assert_eq!(refused, value("memgraph_controller_errors_total{type=\"reconciliation\"}"));
    assert_eq!(value("memgraph_cluster_state"), 0.0);
    let text = served.get("/v1/explain").await.body;
    let promotes = "  P10 promote-target       act   promote mg-1 term=2 (nobody forwards, mg-1 is";
    assert!(text.contains(promotes), "{text}");
    assert!(text.contains("  A30 register             -     (not reached)\n"), "{text}");
}

#[tokio::test]
async fn events_bring_each_change() {
    let world = settled();
    let served = Served::running(&world).await;
    served.settled().await;
    let mut events = Events::listen(served.at).await;
    let first = events.next().await.expect("the status as it is");
    assert_eq!(first["plan"]["settled"], true);
    world.change(|seen| {
        let pod = &mut seen.instances.get_mut(&ha_core::ids::InstanceId(2)).unwrap().pod;
        if let Reading::Known { value: Some(pod), .. } = pod {
            pod.container = Container::Terminated;
        }
    });
    loop {
        let event = events.next().await.expect("events go on");
        let pod = &event["observation"]["instances"]["mg-2"]["pod"]["known"]["value"];
        if pod["container"] == "terminated" {
            break;
        }
    }
}

/// A browser connects again when the stream breaks: what it gets first is the present.
#[tokio::test]
async fn listeners_come_back_to_the_present() {
    let world = settled();
    let mut served = Served::running(&world).await;
    served.settled().await;
    let at = served.at;
    let mut events = Events::listen(at).await;
    assert!(events.next().await.is_some());
    assert!(events.head().is_empty() || events.head().contains('\n'));
    served.stop();
    while events.next().await.is_some() {}
    (&mut served.serving).await.expect("it ends by itself");
    drop(served);
    let served = Served::at(&world, &at.to_string(), true).await;
    served.settled().await;
    let mut events = Events::listen(at).await;
    assert_eq!(events.next().await.expect("a status")["plan"]["settled"], true);
}

#[tokio::test]
async fn listeners_are_bounded_and_give_their_place_back() {
    let served = Served::running(&settled()).await;
    served.settled().await;
    let mut all = Vec::new();
    for _ in 0..LISTENERS {
        let mut one = Events::listen(served.at).await;
        assert!(one.next().await.is_some());
        all.push(one);
    }
    let answer = served.get("/events").await;
    assert_eq!(answer.status, 503, "{}", answer.head);
    assert!(answer.body.contains("listen already"));
    // Grants do not notice.
    assert_eq!(served.ask("POST", "/v1/grant", &question(1, None, 0)).await.status, 200);
    all.pop();
    let mut again = Events::listen(served.at).await;
    while again.next().await.is_none() {
        again = Events::listen(served.at).await;
    }
}

/// Connections that say nothing cost others nothing, up to their number; more are closed at once.
#[tokio::test]
async fn silent_connections_are_bounded() {
    let served = Served::running(&settled()).await;
    served.settled().await;
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS - 8 {
        silent.push(TcpStream::connect(served.at).await.unwrap());
    }
    assert_eq!(served.ask("POST", "/v1/grant", &question(1, None, 0)).await.status, 200);
    for _ in 0..16 {
        silent.push(TcpStream::connect(served.at).await.unwrap());
    }
    let mut byte = [0];
    let mut last = silent.pop().unwrap();
    let read = tokio::io::AsyncReadExt::read(&mut last, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn other_paths_and_methods_are_told_what_there_is() {
    let served = Served::idle(&settled()).await;
    let answer = served.get("/api/v1/nothing").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("/v1/explain"), "{}", answer.body);
    for path in ["/", "/events", "/v1/status", "/livez", "/metrics", "/api/v1/status"] {
        let answer = served.ask("POST", path, "").await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.head.to_lowercase().contains("allow: get"), "{}", answer.head);
    }
    assert_eq!(raw(served.at, b"NONSENSE\r\n\r\n").await.status, 400);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    assert_eq!(raw(served.at, long.as_bytes()).await.status / 100, 4);
}

/// The page is whole in itself, and is told to fetch from nowhere else.
#[tokio::test]
async fn the_page_needs_nothing_from_outside() {
    let served = Served::idle(&settled()).await;
    let answer = served.get("/").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("text/html; charset=utf-8"));
    assert!(answer.head.contains("default-src 'none'"));
    for outside in ["https://", "src=", "@import", "url(", "innerHTML", "insertAdjacentHTML"] {
        assert!(!answer.body.contains(outside), "{outside}");
    }
    let links = answer.body.matches("http://").count();
    assert_eq!(links, answer.body.matches("http://www.w3.org/2000/svg").count());
}
