//! TLS of the listeners and towards instances, and files that change.

// What several tests share is no test by itself.
#![allow(clippy::unwrap_used)]

mod support;

use bolt::{Request, Version, handshake::Offer, message::Fetch};
use gateway::tls::{KeyPair, ListenerTls, Reload, UpstreamTls, keep_fresh};
use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use support::{
    client::{Client, is_done},
    net::{Instance, Lead, Running, one, read_to_end, until},
    requests::run,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A certificate of its own authority, written to files.
fn certificate(folder: &Path, name: &str) -> String {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.pem()
}

async fn tls_login(address: SocketAddr, folder: &Path, name: &str) -> Result<(), std::io::Error> {
    tls_login_as(address, folder, None, name).await
}

/// By a client that shows a certificate of its own, if it has one.
async fn tls_login_as(
    address: SocketAddr,
    folder: &Path,
    own: Option<&Path>,
    name: &str,
) -> Result<(), std::io::Error> {
    let own = own.map(pair);
    let tls = UpstreamTls::new(&folder.join("tls.crt"), own.as_ref(), Some(name)).unwrap();
    let stream = TcpStream::connect(address).await?;
    let stream = tls.connect(address, stream).await?;
    let mut client = Client::login(stream, Version::V5_2).await?;
    let got = client.ask(&[run("RETURN 50000"), Request::Pull(Fetch::ALL)]).await;
    if is_done(&got) { Ok(()) } else { Err(std::io::ErrorKind::Other.into()) }
}

#[tokio::test]
async fn a_listener_speaks_tls_and_lets_in_whom_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "gw.example");
    let path = |file: &str| folder.path().join(file).to_string_lossy().into_owned();
    let (certificate, key) = (path("tls.crt"), path("tls.key"));
    let set = [
        ("tls-enabled", "true"),
        ("tls-cert-path", certificate.as_str()),
        ("tls-key-path", key.as_str()),
    ];
    let (_instance, _lead, running) = one(&set).await;
    let address = running.at.write.unwrap();
    tls_login(address, folder.path(), "gw.example").await.unwrap();
    tls_login(address, folder.path(), "other.example").await.unwrap_err();
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(&Offer::of(&[Version::V5_2]).bytes()).await.unwrap();
    // TLS answers with an alert, and not with a version.
    assert_ne!(read_to_end(&mut plain).await.len(), 4);
}

#[tokio::test]
async fn a_listener_lets_in_whose_certificate_is_of_its_authority() {
    let gateways = tempfile::tempdir().unwrap();
    let (clients, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificate(gateways.path(), "gw.example");
    certificate(clients.path(), "client.example");
    certificate(others.path(), "client.example");
    let path = |folder: &Path, file: &str| folder.join(file).to_string_lossy().into_owned();
    let set = [
        ("tls-enabled", "true"),
        ("tls-cert-path", &path(gateways.path(), "tls.crt")),
        ("tls-key-path", &path(gateways.path(), "tls.key")),
        ("tls-client-ca-path", &path(clients.path(), "tls.crt")),
    ];
    let (instance, _lead, running) = one(&set).await;
    let address = running.at.write.unwrap();
    let login = async |own| tls_login_as(address, gateways.path(), own, "gw.example").await;
    login(Some(clients.path())).await.unwrap();
    assert_eq!(instance.database.lock().unwrap().logins, 1);
    login(Some(others.path())).await.unwrap_err();
    login(None).await.unwrap_err();
    assert_eq!(instance.database.lock().unwrap().logins, 1, "nobody else came through");
    let refused = "memgraph_gateway_rejected_total{listener=\"write\",reason=\"tls\"}";
    until(|| running.metric(refused) == 2).await;
}

fn pair(folder: &Path) -> KeyPair {
    KeyPair { certificate: folder.join("tls.crt"), key: folder.join("tls.key") }
}

#[test]
fn a_changed_certificate_is_read_and_a_broken_one_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    assert!(ListenerTls::new(pair(folder.path()), None).is_err());
    certificate(folder.path(), "a.example");
    let tls = ListenerTls::new(pair(folder.path()), None).unwrap();
    let first = tls.config();
    std::fs::write(folder.path().join("tls.key"), "nothing").unwrap();
    assert!(!tls.reload());
    assert!(Arc::ptr_eq(&first, &tls.config()), "the last one stays");
    certificate(folder.path(), "b.example");
    assert!(tls.reload());
    assert!(!Arc::ptr_eq(&first, &tls.config()));
}

/// An instance behind TLS, whose certificate may change.
async fn behind_tls(instance: &Instance, tls: ListenerTls) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, to) = (listener.local_addr().unwrap(), instance.address);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = TlsAcceptor::from(tls.config());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(socket).await else { return };
                let mut server = TcpStream::connect(to).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

#[tokio::test]
async fn instances_are_reached_by_tls_and_one_that_is_not_trusted_voids_no_grant() {
    let (theirs, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    certificate(theirs.path(), "mg.example");
    certificate(others.path(), "mg.example");
    let instance = Instance::start(0).await;
    let tls = ListenerTls::new(pair(theirs.path()), None).unwrap();
    let address = behind_tls(&instance, tls).await;
    let lead = Lead::new();
    lead.say(|said| (said.term, said.main) = (1, Some((instance.reference(), address))));
    let start = |folder: &Path| {
        let authorities = folder.join("tls.crt").to_string_lossy().into_owned();
        let set = [
            ("upstream-tls-ca-path", authorities.as_str()),
            ("upstream-tls-name", "mg.example"),
            ("hold-limit", "300ms"),
        ];
        Running::start(&lead, &set)
    };
    let trusts = start(theirs.path());
    let mut client = Client::connect(trusts.at.write.unwrap()).await.unwrap();
    assert!(is_done(&client.write(1).await));
    let doubts = start(others.path());
    Client::connect(doubts.at.write.unwrap()).await.map(|_| ()).unwrap_err();
    assert!(doubts.metric("memgraph_gateway_dial_failures_total{listener=\"write\"}") > 0);
    assert_eq!(doubts.metric("memgraph_gateway_grants_voided_total"), 0);
    assert_eq!(instance.committed(), [1]);
}

#[tokio::test]
async fn a_new_authority_of_instances_is_taken_without_a_restart() {
    let (theirs, trusted) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = certificate(theirs.path(), "mg.example");
    let authorities = trusted.path().join("ca.crt");
    std::fs::write(&authorities, first).unwrap();
    let instance = Instance::start(0).await;
    let served = ListenerTls::new(pair(theirs.path()), None).unwrap();
    let address = behind_tls(&instance, served.clone()).await;
    let tls = UpstreamTls::new(&authorities, None, Some("mg.example")).unwrap();
    let connect = async || {
        let stream = TcpStream::connect(address).await.unwrap();
        tls.connect(address, stream).await.map(|_| ())
    };
    connect().await.unwrap();
    let second = certificate(theirs.path(), "mg.example");
    assert!(served.reload());
    connect().await.unwrap_err();
    std::fs::write(&authorities, second).unwrap();
    assert!(tls.reload());
    connect().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "a.example");
    let listener = ListenerTls::new(pair(folder.path()), None).unwrap();
    let own = pair(folder.path());
    let upstream = UpstreamTls::new(&own.certificate, Some(&own), None).unwrap();
    let (served, used) = (listener.config(), upstream.config());
    let kept =
        (tokio::spawn(keep_fresh(listener.clone())), tokio::spawn(keep_fresh(upstream.clone())));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(Arc::ptr_eq(&served, &listener.config()) && Arc::ptr_eq(&used, &upstream.config()));
    certificate(folder.path(), "b.example");
    let later = SystemTime::now() + Duration::from_secs(5);
    File::options().append(true).open(&own.key).unwrap().set_modified(later).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!Arc::ptr_eq(&served, &listener.config()), "the listeners' certificate");
    assert!(!Arc::ptr_eq(&used, &upstream.config()), "the certificate shown to instances");
    kept.0.abort();
    kept.1.abort();
}
