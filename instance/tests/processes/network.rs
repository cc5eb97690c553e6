//! TLS on the Bolt port, and what comes to a port that speaks something else.

use super::common::{Instance, free_port};
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
    let auth = bolt::message::AuthMap(bolt::value::map([("scheme", "none")]));
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
