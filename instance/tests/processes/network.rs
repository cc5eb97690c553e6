//! TLS on the Bolt port, and what comes to a port that speaks something else.

use super::common::{Instance, free_port};
use bolt::chunk::{Decoder, Frame};
use bolt::handshake::Offer;
use bolt::message::{AuthMap, Extra, Fetch, HelloMap, Run};
use bolt::{Limits, Request, Response, Value, Version};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

#[test]
fn whoever_does_not_speak_bolt_is_sent_away() {
    let lone = Instance::start(&[]);
    let mut stream = TcpStream::connect(lone.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    assert!(ended.is_err() || answer.is_empty(), "{answer:?}");
    assert_eq!(lone.number("RETURN 1"), 1);
}

/// All that is answered to requests that are sent at once, until the connection is closed, or the
/// client has closed its half.
fn answers(lone: &Instance, version: Version, requests: &[Request]) -> Vec<Response> {
    let mut stream = TcpStream::connect(lone.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&Offer::of(&[version]).bytes()).unwrap();
    let mut chosen = [0; 4];
    stream.read_exact(&mut chosen).unwrap();
    assert_eq!(chosen, [0, 0, version.minor, version.major]);
    let mut out = Vec::new();
    for request in requests {
        request.send(version, &mut out).unwrap();
    }
    stream.write_all(&out).unwrap();
    // It may have closed already.
    drop(stream.shutdown(Shutdown::Write));
    let mut bytes = Vec::new();
    // What it has not read when it closes breaks the connection.
    drop(stream.read_to_end(&mut bytes));
    let (mut input, mut answers) = (bytes.as_slice(), Vec::new());
    let mut decoder = Decoder::new(Limits::USUAL.bytes);
    while let Some(Frame::Message(body)) = decoder.next(&mut input).unwrap() {
        answers.push(Response::decode(&body, version, Limits::USUAL).unwrap());
    }
    answers
}

fn run(query: &str) -> Request {
    let (query, parameters) = (query.to_owned(), bolt::Map::new());
    Request::Run(Run { query, parameters, extra: Extra::none() })
}

fn hello() -> Request {
    Request::Hello(HelloMap(bolt::value::map([("user_agent", "a test"), ("scheme", "none")])))
}

const PULL: Request = Request::Pull(Fetch::ALL);

#[test]
fn a_message_out_of_place_is_told_and_ends_the_connection() {
    let lone = Instance::start(&[]);
    let auth = Request::Logon(AuthMap(bolt::value::map([("scheme", "none")])));
    let requests = [hello(), auth, run("CREATE (:T)"), run("RETURN 2"), PULL];
    let answers = answers(&lone, Version::V5_2, &requests);
    let Some(Response::Failure(failure)) = answers.last() else { panic!("{answers:?}") };
    assert_eq!(failure.code, "Memgraph.ExecutionException");
    assert_eq!(answers.len(), 4, "two logins, a statement, and why it ends: {answers:?}");
    assert_eq!(lone.count(), 0, "the first statement was never asked for its records");
}

#[test]
fn a_client_of_the_oldest_version_is_served() {
    let lone = Instance::start(&[]);
    let texts = ["BEGIN", "CREATE (n:T) RETURN n", "COMMIT"];
    let mut requests = vec![hello()];
    requests.extend(texts.iter().flat_map(|text| [run(text), PULL]));
    requests.extend([run("RETURN"), PULL, Request::AckFailure, run("MATCH (n) RETURN n"), PULL]);
    let answers = answers(&lone, Version::V1_0, &requests);
    let (mut failures, mut ignored, mut nodes) = (0, 0, 0);
    for answer in &answers {
        match answer {
            Response::Success(_) => {}
            Response::Failure(_) => failures += 1,
            Response::Ignored => ignored += 1,
            Response::Record(row) => nodes += i32::from(matches!(row[0], Value::Node(_))),
        }
    }
    assert_eq!((failures, ignored, nodes), (1, 1, 2), "{answers:?}");
    assert_eq!(answers.len(), requests.len() + 2, "each is answered: {answers:?}");
    assert_eq!(lone.count(), 1);
}

#[test]
fn each_version_of_memgraph_is_spoken_and_no_other() {
    let lone = Instance::start(&[]);
    for version in Version::MEMGRAPH_AND_1 {
        assert!(!answers(&lone, *version, &[hello()]).is_empty(), "{version}");
    }
    for other in [(3, 0), (4, 2), (5, 0), (5, 1), (5, 3), (5, 4), (6, 0)] {
        let mut stream = TcpStream::connect(lone.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(&Offer::of(&[Version::new(other.0, other.1)]).bytes()).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert_ne!(answer.get(..2), Some(&[0, 0][..]), "{other:?} was chosen");
    }
}

#[test]
fn garbage_on_the_replication_port_harms_nobody() {
    let replica = Instance::start(&[]);
    replica.demote();
    for bytes in [&b"MHAREPL\x01\xff\xff\xff\xff"[..], b"MHAREPL\x01\x00\x00\x00\x02\xff\xff", b"x"]
    {
        let mut stream = TcpStream::connect(("127.0.0.1", replica.replication_port)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = [0; 8];
        drop(stream.read(&mut answer));
    }
    assert_eq!(replica.role(), "replica");
}

#[test]
fn with_a_certificate_only_tls_is_spoken() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let lone = Instance::start(&[
        "--bolt-cert-file",
        certificate.to_str().unwrap(),
        "--bolt-key-file",
        key.to_str().unwrap(),
    ]);
    assert!(lone.try_client().is_err(), "without TLS there is no session");
    let auth = AuthMap(bolt::value::map([("scheme", "none")]));
    let mut client = instance::console::Client::connect_tls(
        "localhost",
        lone.address(),
        &auth,
        Duration::from_secs(30),
    )
    .unwrap();
    assert_eq!(client.run("RETURN 1").unwrap().rows.len(), 1);
}

#[test]
fn half_of_an_identity_is_refused() {
    let mut lone = Instance::start(&[]);
    let text = lone.fails_to_start(&["--bolt-cert-file=/nowhere"]);
    assert!(text.contains("--bolt-cert-file is set and --bolt-key-file is not"), "{text}");
    let port = format!("--bolt-port={}", free_port());
    let text =
        lone.fails_to_start(&["--bolt-cert-file=/nowhere", "--bolt-key-file=/nowhere", &port]);
    assert!(text.contains("/nowhere"), "{text}");
}
