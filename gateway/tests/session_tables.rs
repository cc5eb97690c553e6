//! Single situations of the session machine, one a test.

mod support;

use bolt::{
    Request, Response, Value, Version, chunk,
    message::{Extra, Fetch, Route, RouteTarget},
    server::FaultClass,
    value::map,
};
use gateway::session::{
    Ending, Listener, Policy, Proof, REWRITES, Routing, Session, Standing, rewrite,
};
use std::sync::Arc;
use support::{
    requests::{Batch, Told, auto, explicit, failure_codes, one, run},
    rig::{HOLD_MS, Rig, logged_in, policy},
};

/// Goes on until the client was told of its first statement.
fn until_told(rig: &mut Rig) {
    rig.until(|rig| !rig.told.is_empty());
}

/// Goes on until its client has something open.
fn until_busy(rig: &mut Rig) {
    rig.until(|rig| rig.session.is_busy());
}

#[test]
fn an_idle_client_notices_nothing() {
    let mut rig = logged_in(vec![auto(1)]);
    rig.run();
    rig.cut();
    rig.route(1);
    rig.run();
    assert_eq!(rig.database(1).logins, 0, "it moves when it is needed, not before");
    rig.says(&support::request_bytes(&Request::Goodbye, Version::V5_2));
    rig.run();
    assert_eq!(rig.ending, Some(Ending::Goodbye));
}

#[test]
fn a_statement_during_the_change_waits_and_is_carried_out() {
    let mut rig = logged_in(vec![auto(1), auto(2)]);
    until_told(&mut rig);
    rig.cut();
    rig.run();
    assert!(!rig.is_done() && rig.session.is_held());
    rig.route(1);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked), (2, Told::Acked)]);
    assert_eq!((rig.tally.held, rig.tally.rehomed, rig.tally.failed_retryable), (1, 1, 0));
    assert_eq!(rig.database(1).committed, [2]);
}

#[test]
fn a_statement_that_waits_too_long_fails_so_that_drivers_retry_it() {
    let mut rig = logged_in(vec![auto(1), auto(2)]);
    until_told(&mut rig);
    rig.cut();
    rig.run();
    assert_eq!(rig.session.deadline(), Some(HOLD_MS));
    rig.pass_time(HOLD_MS - 1);
    assert_eq!(rig.told.len(), 1);
    rig.pass_time(HOLD_MS);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked), (2, Told::Retry)]);
    assert!(rig.is_done() && rig.ending.is_none(), "the connection lives, RESET was answered");
    rig.route(1);
    assert_eq!(rig.database(1).logins, 0);
}

#[test]
fn draining_lets_transactions_end_and_none_begin() {
    let mut batches = explicit(&[1]);
    batches.push(auto(2));
    let mut rig = logged_in(batches);
    until_busy(&mut rig);
    rig.stand(Standing::Draining);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
    assert!(rig.session.is_held() && !rig.session.is_busy(), "the drain can end");
    rig.cut();
    rig.route(1);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked), (2, Told::Acked)]);
    assert_eq!(rig.database(0).committed, [1]);
    assert_eq!(rig.database(1).committed, [2]);
}

#[test]
fn a_grant_that_is_renewed_in_time_goes_on_where_it_was() {
    let mut rig = logged_in(explicit(&[1]));
    until_busy(&mut rig);
    rig.stand(Standing::Frozen);
    rig.run();
    assert!(rig.told.is_empty());
    rig.pass_time(HOLD_MS - 1);
    rig.stand(Standing::Open);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
    assert_eq!(rig.database(0).committed, [1]);
}

#[test]
fn an_answer_that_comes_while_the_grant_is_out_waits() {
    let mut rig = logged_in(vec![auto(1)]);
    for _ in 0..10_000 {
        rig.client_step(64);
        rig.serve_step(64);
        // Its answer is not handed to the gateway any more.
        if !rig.database(0).committed.is_empty() {
            break;
        }
        rig.server_step(64);
    }
    assert_eq!(rig.database(0).committed, [1]);
    rig.stand(Standing::Frozen);
    rig.run();
    assert!(rig.told.is_empty(), "no word of a commit without a grant");
    rig.stand(Standing::Open);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Acked)]);
}

#[test]
fn a_grant_that_stays_away_ends_what_was_open() {
    let mut rig = logged_in(explicit(&[1]));
    until_busy(&mut rig);
    rig.stand(Standing::Frozen);
    rig.run();
    rig.pass_time(HOLD_MS);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Retry)]);
    assert_eq!(failure_codes(&rig.answers), [FaultClass::MainChanged.code()]);
}

#[test]
fn a_refused_write_is_told_so_that_it_is_tried_again_elsewhere() {
    let mut rig = logged_in(vec![auto(1), auto(2)]);
    rig.demote(0);
    for _ in 0..20 {
        rig.client_step(usize::MAX);
        rig.serve_step(usize::MAX);
        rig.server_step(usize::MAX);
    }
    assert_eq!(rig.told.first(), Some(&(1, Told::Retry)));
    assert!(rig.tally.forbidden >= 1);
    assert!(rig.database(0).committed.is_empty());
}

/// A statement that commits in batches is refused before its first one.
#[test]
fn a_batched_statement_that_is_refused_at_once_is_tried_again_elsewhere() {
    let statement = run("CREATE 1 CALL { WITH n } IN TRANSACTIONS OF 1 ROWS");
    let batched = Batch { requests: vec![statement, Request::Pull(Fetch::ALL)], commits: vec![1] };
    let mut rig = logged_in(vec![batched]);
    rig.demote(0);
    rig.run();
    assert_eq!(rig.told.first(), Some(&(1, Told::Retry)));
    assert!(rig.tally.forbidden >= 1);
}

#[test]
fn the_read_port_leaves_a_refused_write_alone() {
    let read = Policy { rewrites: false, ..policy() };
    let mut rig = Rig::new(Version::V5_2, read, vec![auto(1)]);
    rig.demote(0);
    rig.run();
    assert_eq!(rig.told, [(1, Told::Failed)]);
    assert_eq!(rig.tally.forbidden, 0);
}

#[test]
fn only_texts_of_what_was_undone_are_rewritten() {
    for row in REWRITES {
        assert_eq!(
            rewrite(&format!("{} and more. {} And more.", row.begins, row.says)),
            Some(*row)
        );
    }
    for aborted in [
        "Replication Exception: At least one STRICT_SYNC replica has not confirmed committing last \
         transaction. Transaction will be aborted on all instances. Check the status of the replicas \
         using 'SHOW REPLICAS' query.",
        "Replication Exception: Failed to replicate to STRICT_SYNC replica 'a': RPC timeout while \
         replicating. Replica will be recovered automatically. Transaction was aborted on all \
         instances. Check the status of the replicas using 'SHOW REPLICAS' query.",
    ] {
        assert!(rewrite(aborted).is_some_and(|row| !row.shows_no_main), "{aborted}");
    }
    for other in [
        "Replication Exception: At least one SYNC replica has not confirmed committing last \
         transaction.",
        "Replication Exception: Failed to replicate to SYNC replica 'a': RPC timeout",
        "Replication Exception: Failed to replicate to SYNC replica 'a': RPC timeout while \
         replicating. Replica will be recovered automatically. Transaction is still committed on the \
         main instance and other alive replicas.",
        "write queries are forbidden on the replica instance",
        " Write queries are forbidden on the replica instance",
        "",
    ] {
        assert_eq!(rewrite(other), None, "{other}");
    }
}

#[test]
fn a_session_with_a_state_of_its_own_is_closed() {
    let used =
        Batch { requests: vec![run("USE DATABASE a"), Request::Pull(Fetch::ALL)], commits: vec![] };
    let mut rig = logged_in(vec![used]);
    rig.run();
    assert!(rig.ending.is_none());
    rig.cut();
    assert_eq!(rig.ending, Some(Ending::Sticky));
}

#[test]
fn a_login_under_way_moves_without_a_word() {
    for at in 0..400 {
        let mut rig = logged_in(vec![auto(1)]);
        for _ in 0..at {
            let _ = rig.client_step(1) || rig.serve_step(1) || rig.server_step(1);
        }
        if !rig.told.is_empty() || rig.session.is_busy() {
            continue;
        }
        rig.cut();
        rig.route(1);
        rig.run();
        assert_eq!(rig.told, [(1, Told::Acked)], "cut at step {at}");
        assert_eq!(rig.summaries, rig.asked);
    }
}

#[test]
fn another_process_at_the_address_gets_no_request() {
    let mut rig = logged_in(vec![auto(1)]);
    let mut session = Session::new(Arc::new(policy()), Standing::Open, 0);
    std::mem::swap(&mut rig.session, &mut session);
    // The first bytes, by hand: the gateway expects a start that does not answer.
    let offer = bolt::handshake::Offer::of(&[Version::V5_2]).bytes();
    rig.session.client(&offer, 0);
    assert!(rig.session.wants_dial());
    rig.session.connected(Some(ha_core::ids::StartId(9)), 0);
    rig.session.to_server.clear();
    rig.session.server(&bolt::handshake::answer(Version::V5_2), 0);
    let hello = support::request_bytes(
        &Request::Hello(bolt::message::HelloMap(map([("user_agent", "a")]))),
        Version::V5_2,
    );
    let logon = support::request_bytes(
        &Request::Logon(bolt::message::AuthMap::basic("a", "b")),
        Version::V5_2,
    );
    rig.session.client(&[hello.clone(), logon].concat(), 0);
    assert_eq!(rig.session.to_server, hello, "LOGON waits for the answer to HELLO");
    rig.session.to_server.clear();
    rig.session.to_client.clear();
    let welcome = Response::Success(map([("server", "Neo4j/5 start=8")]));
    rig.session.server(&support::response_bytes(&welcome, Version::V5_2), 0);
    assert!(rig.session.to_server.is_empty() && rig.session.to_client.is_empty());
    let orders = rig.session.take_orders();
    assert!(orders.drop_upstream && orders.void);
    assert_eq!(rig.session.ending(), None, "it tries again");
    assert!(rig.session.wants_dial());
}

/// The roles that ROUTE is answered with, and the addresses of each, by a gateway that knows these
/// addresses, told to a client that says it used `used:7687`.
fn routes(
    write: Option<&str>,
    read: Option<&str>,
    listener: Listener,
    is_cut: bool,
) -> Vec<String> {
    let of = |address: Option<&str>| address.map(ToOwned::to_owned);
    let (write, read) = (of(write), of(read));
    let routing = Some(Routing { write, read, listener: Listener::Write, ttl_s: 10 });
    let policy = Policy { routing, ..policy() }.of_listener(listener);
    let target = RouteTarget::Extra(Extra::none());
    let context = map([("address", "used:7687")]);
    let route = Request::Route(Route { routing: context, bookmarks: Vec::new(), target });
    let mut rig = Rig::new(Version::V5_2, policy, vec![]);
    rig.run();
    if is_cut {
        rig.cut();
    }
    let mut answer = Vec::new();
    for byte in support::request_bytes(&route, Version::V5_2) {
        let took = rig.session.client(&[byte], 0);
        assert!(took.forward.is_empty() && rig.session.to_server.is_empty(), "it is not asked");
        answer.append(&mut rig.session.to_client);
    }
    let mut decoder = chunk::Decoder::new(1 << 16);
    let Ok(Some(chunk::Frame::Message(body))) = decoder.next(&mut &answer[..]) else { panic!() };
    let answer = Response::decode(&body, Version::V5_2, bolt::Limits::USUAL).expect("an answer");
    let Response::Success(entries) = answer else { panic!("{answer:?}") };
    let table = entries["rt"].as_map().expect("a map");
    assert_eq!(table["db"], "memgraph".into());
    let servers = table["servers"].as_list().expect("a list").iter().map(|server| {
        let server = server.as_map().expect("a map");
        let addresses = server["addresses"].as_list().expect("a list").iter().map(Value::as_str);
        let addresses: Vec<_> = addresses.flatten().collect();
        format!("{} {}", server["role"].as_str().expect("a text"), addresses.join(" "))
    });
    servers.collect()
}

#[test]
fn the_gateway_answers_route_with_its_own_addresses() {
    let (writes, reads) = (Listener::Write, Listener::Read);
    for is_cut in [false, true] {
        for (write, read, listener, expected) in [
            (None, Some("r:1"), writes, ["WRITE used:7687", "READ r:1", "ROUTE used:7687"]),
            (None, None, writes, ["WRITE used:7687", "READ used:7687", "ROUTE used:7687"]),
            (Some("w:1"), Some("r:1"), writes, ["WRITE w:1", "READ r:1", "ROUTE w:1"]),
            (Some("w:1"), Some("r:1"), reads, ["WRITE w:1", "READ r:1", "ROUTE w:1"]),
            (Some("w:1"), None, reads, ["WRITE w:1", "READ w:1", "ROUTE w:1"]),
            // Nobody can write by the listener of reads, and nobody is told so.
            (None, None, reads, ["WRITE ", "READ used:7687", "ROUTE used:7687"]),
            (None, Some("r:1"), reads, ["WRITE ", "READ r:1", "ROUTE r:1"]),
        ] {
            assert_eq!(routes(write, read, listener, is_cut), expected);
        }
    }
}

#[test]
fn a_giant_login_and_foreign_bytes_end_the_connection() {
    let begin = |bytes: &[u8]| {
        let mut session =
            Session::new(Arc::new(Policy { passthrough: false, ..policy() }), Standing::Open, 0);
        session.client(bytes, 0);
        session
    };
    assert_eq!(begin(b"\x00").ending(), Some(Ending::NotBolt));
    assert_eq!(begin(b"\x60\x60\xB0\x18").ending(), Some(Ending::NotBolt));
    assert_eq!(begin(b"GET / HTTP/1.1\r\n").ending(), Some(Ending::NotPassed));
    assert_eq!(begin(b"\x16\x03\x01").ending(), Some(Ending::NotPassed));
    let mut session = begin(&bolt::handshake::Offer::of(&[Version::V4_4]).bytes());
    session.connected(None, 0);
    session.server(&bolt::handshake::answer(Version::V4_4), 0);
    let mut giant = vec![0xFF, 0xFF, 0xB1, 0x01];
    giant.resize(0x1_0001, 0);
    session.client(&giant, 0);
    session.client(&[0xFF, 0xFF], 0);
    assert_eq!(session.ending(), Some(Ending::LoginBytes));
}

#[test]
fn a_silent_client_and_a_silent_instance_run_out_of_time() {
    let mut session = Session::new(Arc::new(policy()), Standing::Open, 0);
    assert_eq!(session.deadline(), Some(5_000));
    session.client(&[0x60], 100);
    session.timer(false, 5_000);
    assert_eq!(session.ending(), Some(Ending::LoginTime));
}

#[test]
fn reset_and_rollback_of_what_is_gone_succeed() {
    let mut batches = explicit(&[1]);
    batches.truncate(2);
    batches.push(one(Request::Rollback));
    batches.push(auto(2));
    let mut rig = logged_in(batches);
    rig.until(|rig| rig.summaries >= 5);
    rig.cut();
    rig.run();
    assert_eq!(rig.answers.last(), Some(&Response::success()));
    rig.route(1);
    rig.run();
    assert_eq!(rig.told, [(2, Told::Acked)]);
    assert_eq!(rig.tally.failed_retryable, 0);
}

#[test]
fn an_instance_that_dies_is_as_a_change() {
    let mut rig = logged_in(vec![]);
    rig.run();
    rig.session.server_ended(false, 0);
    assert!(rig.session.take_orders().void);
    assert_eq!(rig.session.ending(), None);
    // After a refused login it is the client's own doing.
    let mut rig = logged_in(vec![]);
    rig.run();
    rig.says(&support::request_bytes(&Request::Goodbye, Version::V5_2));
    rig.client_step(100);
    rig.session.server_ended(false, 0);
    assert!(!rig.session.take_orders().void);
    assert_eq!(rig.session.ending(), Some(Ending::ServerClosed));
}

#[test]
fn what_it_does_not_speak_passes_unread_until_the_route_ends() {
    let mut session = Session::new(Arc::new(policy()), Standing::Open, 0);
    assert_eq!(session.client(b"\x16\x03\x01", 0).consumed, 0);
    assert!(session.wants_dial());
    session.connected(Some(support::rig::start_of(0)), 0);
    assert!(session.wants_proof());
    assert_eq!(session.client(b"\x16\x03\x01", 0).consumed, 0, "not before it is proven");
    session.proven(Proof::Meant, 0);
    assert_eq!(session.client(b"\x16\x03\x01", 0).forward, 0..3);
    assert_eq!(session.server(b"\x16\x03", 0).forward, 0..2);
    session.standing(Standing::Frozen, 0);
    assert_eq!(session.server(b"\x16\x03", 0).consumed, 0);
    session.cut(false, 0);
    assert_eq!(session.ending(), Some(Ending::Cut));
}
