//! The pump alone, between sockets that are as full as a test needs them, and what becomes of an
//! upstream that is given up.

use super::{Dialer, Found, Relay, Shared, Task, Watch, lane::Lane, pump::Pump, stream::Stream};
use crate::{
    clock::Clock,
    controllers::wire::{Replica, Reply, VERSION},
    gate::Gate,
    metrics::Metrics,
    replicas::Replicas,
    session::{Listener, Policy, Session, Standing},
};
use bolt::{
    Request, Response, Version,
    handshake::{Offer, answer},
    message::{Fetch, HelloMap, Run},
    value::map,
};
use ha_core::{
    grant::Answer,
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    observation::Route,
};
use std::{
    future::{pending, poll_fn},
    net::SocketAddr,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};

const SPOKEN: Version = Version::V4_4;

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("connected"), far.expect("accepted").0)
}

fn requests(all: &[Request]) -> Vec<u8> {
    let mut out = Vec::new();
    for request in all {
        request.send(SPOKEN, &mut out).expect("short");
    }
    out
}

fn responses(all: &[Response]) -> Vec<u8> {
    let mut out = Vec::new();
    for response in all {
        response.send(SPOKEN, &mut out).expect("short");
    }
    out
}

fn policy() -> Arc<Policy> {
    Arc::new(Policy {
        hold_ms: 5_000,
        login_ms: 5_000,
        login_bytes: 1 << 16,
        rewrites: true,
        passthrough: true,
        routing: None,
    })
}

/// A session that has forwarded a read and waits for its answer.
fn asked() -> Session {
    let mut session = Session::new(policy(), Standing::Open, 0);
    session.client(&Offer::of(&[SPOKEN]).bytes(), 0);
    session.connected(None, 0);
    session.server(&answer(SPOKEN), 0);
    session.client(&requests(&[Request::Hello(HelloMap(map([("user_agent", "a")])))]), 0);
    session.server(&responses(&[Response::success()]), 0);
    let query = "RETURN 1".to_owned();
    let read = [Request::Run(Run { query, ..Run::default() }), Request::Pull(Fetch::ALL)];
    session.client(&requests(&read), 0);
    session.to_client.clear();
    session.to_server.clear();
    let _ = (session.take_orders(), session.take_tally());
    assert!(session.is_busy());
    session
}

fn instance(id: u8) -> InstanceRef {
    let incarnation =
        Incarnation { pod: PodUid(1), start: StartId(1), boot: BootId(1), volume: VolumeId(1) };
    InstanceRef { id: InstanceId(id), incarnation }
}

/// A route that is open, to a main and to the replicas with these numbers.
fn open_gate(clock: &Clock, replicas: &[u8]) -> Arc<Gate> {
    let gate = Arc::new(Gate::new(GatewayId(1), 60_000, clock.clone()));
    let address = |id: u8| SocketAddr::from(([127, 0, 0, 1], 7_687 + u16::from(id)));
    let replica =
        |id: &u8| Replica { instance: instance(*id), address: address(*id), votes: false };
    let (number, term) = (gate.ask().number, Term(1));
    let route = Route::Open { term, main: instance(0) };
    let reply = Reply {
        version: VERSION,
        answer: Answer { number, term, route, lasts_ms: 60_000 },
        main_address: Some(address(0)),
        replicas: replicas.iter().map(replica).collect(),
        tag: String::new(),
    };
    gate.answered(&reply).expect("a grant");
    gate
}

/// The way to a main whose route is open.
fn open_lane(clock: &Clock) -> Lane {
    let mut lane = Lane::write(open_gate(clock, &[]));
    lane.take_target().expect("an open route");
    lane
}

#[tokio::test]
async fn a_session_is_busy_until_its_answer_has_left() {
    let (client, mut reader) = pair().await;
    // The client reads nothing, and nothing more fits between here and there.
    let mut stuffed = 0;
    for _ in 0..200 {
        while let Ok(count) = client.try_write(&[0; 64 << 10]) {
            stuffed += count;
        }
        // What is on its way through the loopback makes room when it arrives.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (upstream, mut instance) = pair().await;
    let answer =
        responses(&[Response::success(), Response::Record(vec!["a".into()]), Response::success()]);
    instance.write_all(&answer).await.expect("it is read");
    let (clock, metrics) = (Clock::system(), Metrics::new().port(Listener::Write));
    let mut lane = open_lane(&clock);
    let mut pump = Pump::new(asked(), Stream::Plain(client), 64 << 10, clock.monotonic());
    pump.server = Some(Stream::Plain(upstream));
    poll_fn(|cx| {
        let _ = pump.poll(cx, &mut lane, &clock, &metrics);
        if pump.session.is_busy() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    assert!(pump.is_busy(), "the instance has answered, and the client has not got it");
    let mut got = vec![0; stuffed + answer.len()];
    let read = tokio::spawn(async move {
        tokio::io::AsyncReadExt::read_exact(&mut reader, &mut got).await.map(|_| got)
    });
    poll_fn(|cx| {
        let _ = pump.poll(cx, &mut lane, &clock, &metrics);
        if pump.is_busy() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let got = read.await.expect("it ends").expect("all of it");
    assert_eq!(got[stuffed..], answer);
}

/// A reader's relay, by whom bytes pass unread.
async fn unread(gate: Arc<Gate>, replicas: Arc<Replicas>) -> Relay {
    let clock = gate.clock().clone();
    let mut session = Session::new(policy(), Standing::Open, 0);
    session.client(b"GET / HTTP/1.1", 0);
    let (client, _) = pair().await;
    let limit = Duration::from_secs(1);
    let watch = Watch { keepalive: limit, user_timeout: limit };
    let shared = Shared {
        policy: policy(),
        metrics: Metrics::new().port(Listener::Read),
        dialer: Dialer { limit, watch, tls: None },
        gate,
        replicas: Arc::clone(&replicas),
        listener: Listener::Read,
        buffer: 1 << 10,
        idle_ms: 0,
        stall_ms: 1_000,
        looks_at_start: true,
        clock,
    };
    Relay {
        shared: Arc::new(shared),
        pump: Pump::new(session, Stream::Plain(client), 1 << 10, 0),
        lane: Lane::read(replicas),
        target: None,
        task: Task::None,
        redial: None,
        blocked: false,
        suspect: None,
    }
}

#[tokio::test]
async fn a_replica_that_is_given_up_while_it_is_looked_at_has_one_reader_less() {
    let gate = open_gate(&Clock::system(), &[1, 2]);
    let replicas = Arc::new(Replicas::new(Arc::clone(&gate)));
    let mut relay = unread(gate, Arc::clone(&replicas)).await;
    let target = relay.lane.take_target().expect("an open route");
    assert_eq!(target.instance.id, InstanceId(1));
    relay.target = Some(target);
    relay.pump.session.connected(Some(target.instance.incarnation.start), 0);
    assert!(relay.pump.session.wants_proof());
    relay.task = Task::Prove(target, Box::pin(pending::<Found>()));
    relay.pump.session.cut(false, 0);
    relay.attend();
    assert!(!relay.task.is_some() && relay.target.is_none());
    // The first of those with as few readers.
    let next = replicas.choose().expect("an open route");
    assert_eq!(next.instance.id, InstanceId(1));
}
