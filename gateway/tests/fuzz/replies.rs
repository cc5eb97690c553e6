//! Replies of controllers that are none: JSON and HTTP with changes at random, answers without end.

use super::{
    alone,
    change::{change, changed},
    support::{net::LONG, runs::hold},
};
use gateway::controllers::{
    AskError, Controllers,
    http::{Address, HttpControllers},
    wire::{Ask, BadReply, REPLY_BYTES, Replica, Reply, VERSION},
};
use ha_core::{
    grant::{Answer, Question},
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    observation::Route,
};
use proptest::{collection::vec, prelude::*, sample::Index, test_runner::TestCaseResult};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};

fn instance(id: u8) -> InstanceRef {
    let start = StartId(u128::from(id) << 90);
    let incarnation = Incarnation { pod: PodUid(1), start, boot: BootId(2), volume: VolumeId(3) };
    InstanceRef { id: InstanceId(id), incarnation }
}

fn reply(route: Route) -> Reply {
    let address = |id: u8| ([127, 0, 0, id], 7687).into();
    let replica = |id| Replica { instance: instance(id), address: address(id), votes: id == 2 };
    Reply {
        version: VERSION,
        answer: Answer { number: 7, term: Term(3), route, lasts_ms: 3_000 },
        main_address: (route != Route::Closed).then(|| address(1)),
        replicas: vec![replica(2), replica(3)],
        tag: "a tag".to_owned(),
    }
}

/// JSON that is right.
fn replies() -> Vec<Vec<u8>> {
    let (term, main) = (Term(3), instance(1));
    let routes = [Route::Closed, Route::Open { term, main }, Route::Draining { term, main }];
    routes.map(|route| serde_json::to_vec(&reply(route)).unwrap()).to_vec()
}

/// What is taken for a reply can be one.
fn judge(reply: &Reply) -> TestCaseResult {
    prop_assert_eq!(reply.check(), Ok(()));
    for address in reply.main_address.iter().chain(reply.replicas.iter().map(|r| &r.address)) {
        prop_assert!(address.port() > 0 && !address.ip().is_unspecified());
    }
    prop_assert!(reply.main().is_none() || reply.main_address.is_some());
    Ok(())
}

#[test]
fn changed_replies_are_refused_or_make_sense() {
    let alone = alone();
    let seeds = replies();
    for seed in &seeds {
        Reply::read(seed).expect("the seeds are good ones");
    }
    hold(8_000, &(any::<Index>(), vec(change(), 0..5)), |(seed, changes)| {
        let mut json = seeds[seed.index(seeds.len())].clone();
        for change in changes {
            changed(&mut json, change, &seeds);
        }
        Reply::read(&json).map_or(Ok(()), |reply| judge(&reply))
    });
    drop(alone);
}

fn ask() -> Ask {
    let question = Question {
        gateway: GatewayId(1),
        number: 7,
        holds: None,
        open_transactions: false,
        last_byte_ms: None,
    };
    Ask { version: VERSION, question, accepted: None, seen: None, wait_ms: 0, pod: None }
}

/// Answers of HTTP with good replies in them, in every form that a body can have.
fn answers() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for json in replies() {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
        let whole = format!("{head}content-length: {}\r\n\r\n", json.len());
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n", json.len());
        all.push([whole.as_bytes(), &json].concat());
        all.push([chunked.as_bytes(), &json, b"\r\n0\r\n\r\n"].concat());
        all.push([format!("{head}connection: close\r\n\r\n").as_bytes(), &json].concat());
        all.push([b"HTTP/1.1 503 Service Unavailable\r\n\r\n".as_slice(), &json].concat());
    }
    all
}

/// Answers each question with these bytes, and closes.
async fn liar(says: Arc<Mutex<Vec<u8>>>) -> HttpControllers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::read(&listener.local_addr().unwrap().to_string()).unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let bytes = says.lock().unwrap().clone();
            let _ = socket.write_all(&bytes).await;
            let _ = socket.shutdown().await;
            // Closing with unread bytes would take the answer back.
            let _ = socket.read_to_end(&mut Vec::new()).await;
        }
    });
    HttpControllers::new(vec![address])
}

#[test]
fn whatever_answers_as_a_controller_the_question_ends() {
    let alone = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let says = Arc::new(Mutex::new(Vec::new()));
    let controllers = runtime.block_on(liar(Arc::clone(&says)));
    let ask_once = |bytes: Vec<u8>| {
        *says.lock().unwrap() = bytes;
        runtime.block_on(async { timeout(LONG, controllers.ask(ask())).await })
    };
    let seeds = answers();
    let good = ask_once(seeds[0].clone()).expect("in time").expect("a good one");
    judge(&good).unwrap();
    // Sockets cost more than bytes: one case in sixteen.
    let cases = (any::<Index>(), vec(change(), 1..5), 0..16_u8);
    hold(8_000, &cases, |(seed, changes, turn)| {
        if *turn > 0 {
            return Ok(());
        }
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        for change in changes {
            changed(&mut bytes, change, &seeds);
        }
        let got = ask_once(bytes);
        prop_assert!(got.is_ok(), "the question does not end");
        got.unwrap().map_or(Ok(()), |reply| judge(&reply))
    });
    // Bodies, heads and chunks that are longer than anything that is read.
    let head = b"HTTP/1.1 200 OK\r\n".as_slice();
    for body in [
        [head, b"\r\n", &vec![b' '; 8 * REPLY_BYTES]].concat(),
        [head, b"transfer-encoding: chunked\r\n\r\n", &b"1\r\n \r\n".repeat(2 * REPLY_BYTES)]
            .concat(),
        [head, b"content-length: 99999999999\r\n\r\n", &vec![b' '; 8 * REPLY_BYTES]].concat(),
    ] {
        let got = ask_once(body).expect("the question ends");
        assert!(matches!(got, Err(AskError::Bad { why: BadReply::TooLong, .. })), "{got:?}");
    }
    for head in [
        [head, b"x: ", &vec![b'a'; 8 * REPLY_BYTES]].concat(),
        [head, &b"x: a\r\n".repeat(REPLY_BYTES)].concat(),
    ] {
        let got = ask_once(head).expect("the question ends");
        assert!(matches!(got, Err(AskError::Failed { .. })), "{got:?}");
    }
    drop(alone);
}
