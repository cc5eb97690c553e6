//! TLS on the Bolt port, and what comes to a port that speaks something else.

use super::common::{Instance, free_port};
use bolt::chunk::{Decoder, Frame};
use bolt::handshake::Offer;
use bolt::message::{AuthMap, Extra, Fetch, HelloMap, Run};
use bolt::{Limits, Request, Response, Version};
use std::io::{Read, Write};
use std::net::TcpStream;
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

#[test]
fn a_message_out_of_place_is_told_and_ends_the_connection() {
    let lone = Instance::start(&[]);
    let mut stream = TcpStream::connect(lone.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&Offer::of(&[Version::V5_2]).bytes()).unwrap();
    let mut chosen = [0; 4];
    stream.read_exact(&mut chosen).unwrap();
    assert_eq!(chosen, [0, 0, 2, 5]);
    let run = |query: &str| {
        let (query, parameters) = (query.to_owned(), bolt::Map::new());
        Request::Run(Run { query, parameters, extra: Extra::none() })
    };
    let hello = bolt::value::map([("user_agent", "a test")]);
    let auth = bolt::value::map([("scheme", "none")]);
    let mut out = Vec::new();
    for request in [
        Request::Hello(HelloMap(hello)),
        Request::Logon(AuthMap(auth)),
        run("CREATE (:T)"),
        run("RETURN 2"),
        Request::Pull(Fetch::ALL),
    ] {
        request.send(Version::V5_2, &mut out).unwrap();
    }
    stream.write_all(&out).unwrap();
    let mut bytes = Vec::new();
    // The rest of what was sent may still lie there when it closes, which breaks the connection.
    drop(stream.read_to_end(&mut bytes));
    let (mut input, mut answers) = (bytes.as_slice(), Vec::new());
    let mut decoder = Decoder::new(Limits::USUAL.bytes);
    while let Some(Frame::Message(body)) = decoder.next(&mut input).unwrap() {
        answers.push(Response::decode(&body, Version::V5_2, Limits::USUAL).unwrap());
    }
    let Some(Response::Failure(failure)) = answers.last() else { panic!("{answers:?}") };
    assert_eq!(failure.code, "Memgraph.ExecutionException");
    assert_eq!(answers.len(), 4, "two logins, a statement, and why it ends: {answers:?}");
    assert_eq!(lone.count(), 0, "the first statement was never asked for its records");
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
