//! The pump alone, between sockets that are as full as a test needs them.

use super::{lane::Lane, pump::Pump, stream::Stream};
use crate::{
    clock::Clock,
    controllers::wire::{Reply, VERSION},
    gate::Gate,
    metrics::{Metrics, Port},
    session::{Policy, Session, Standing},
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
use std::{future::poll_fn, sync::Arc, task::Poll};
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

/// A session that has forwarded a read and waits for its answer.
fn asked() -> Session {
    let policy = Policy {
        hold_ms: 5_000,
        login_ms: 5_000,
        login_bytes: 1 << 16,
        rewrites: true,
        passthrough: false,
        routing: None,
    };
    let mut session = Session::new(Arc::new(policy), Standing::Open, 0);
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

/// The way to a main whose route is open.
fn open_lane(clock: &Clock) -> Lane {
    let gate = Arc::new(Gate::new(GatewayId(1), 60_000, clock.clone()));
    let incarnation =
        Incarnation { pod: PodUid(1), start: StartId(1), boot: BootId(1), volume: VolumeId(1) };
    let main = InstanceRef { id: InstanceId(0), incarnation };
    let (number, term) = (gate.ask().number, Term(1));
    let route = Route::Open { term, main };
    let reply = Reply {
        version: VERSION,
        answer: Answer { number, term, route, lasts_ms: 60_000 },
        main_address: Some(([127, 0, 0, 1], 7687).into()),
        replicas: Vec::new(),
        tag: String::new(),
    };
    gate.answered(&reply).expect("a grant");
    let mut lane = Lane::write(gate);
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
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    let (upstream, mut instance) = pair().await;
    let answer =
        responses(&[Response::success(), Response::Record(vec!["a".into()]), Response::success()]);
    instance.write_all(&answer).await.expect("it is read");
    let (clock, metrics) = (Clock::system(), Metrics::new().port(Port::Write));
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
