//! TLS between the controller and instances, all of them real processes: a cluster comes to be over it,
//! an instance with a certificate that nobody trusts is named, and a new authority is taken without
//! another start.

use gateway::tls::{Reload, UpstreamTls};
use ha_core::{
    ids::InstanceId,
    reading::Why,
    record::{Record, Stage},
};
use shell_k8s::{
    api_server::ApiServer,
    cluster::{Cluster, Names},
    kubelet::{self, Kubelet, MayLeave, Program},
    memgraph::{Access, Endpoints, Prober},
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const NAME: &str = "instances.example";
/// Longer than anything takes.
const LIMIT: Duration = Duration::from_secs(60);
const PORTS: (u16, u16) = (26_687, 26_787);

/// A certificate of its own authority, and its key, in a folder.
fn certificate(folder: &Path) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).expect("a certificate");
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("tls.crt"), made.cert.pem()).expect("a file");
    std::fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).expect("a file");
    folder.join("tls.crt")
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

struct Site {
    server: ApiServer,
    _kubelet: Kubelet,
    cluster: Cluster,
    endpoints: Endpoints,
}

/// Three instances whose Bolt ports speak TLS with that certificate.
async fn site(folder: &Path, certificates: &Path) -> Site {
    let names = Names::new("db", "graph", "memgraph-ha", 3).expect("names");
    let endpoints = Endpoints::ports(names.clone(), PORTS.0, PORTS.1);
    let server = ApiServer::start(SocketAddr::new(HERE, 0)).await.expect("a free port");
    let file = |name: &str| certificates.join(name).display().to_string();
    let program = Program {
        path: env!("CARGO_BIN_EXE_memgraph-ha").into(),
        arguments: vec!["instance".to_owned()],
        flags: vec![
            format!("--bolt-cert-file={}", file("tls.crt")),
            format!("--bolt-key-file={}", file("tls.key")),
        ],
        address: HERE,
    };
    let may_leave: MayLeave = Arc::new(|_| Box::pin(async {}));
    let settings = kubelet::Settings {
        program,
        folder: folder.to_owned(),
        names: names.clone(),
        endpoints: endpoints.clone(),
        restart_after: Duration::from_millis(300),
        grace: Duration::from_secs(1),
        recreate_after: Duration::from_millis(300),
        may_leave,
    };
    let client = server.client_of("kubelet").expect("a client");
    let kubelet = Kubelet::start(client, settings).await.expect("instances");
    let cluster = Cluster::new(server.client_of("test").expect("a client"), names);
    Site { server, _kubelet: kubelet, cluster, endpoints }
}

fn controller(site: &Site, authorities: &Path) -> Ends {
    let child = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
        .args(["controller", "--namespace=db", "--release=graph", "--listen=127.0.0.1:0"])
        .arg(format!("--api-server={}", site.server.uri_of("controller")))
        .arg(format!("--bolt-port={}", PORTS.0))
        .arg(format!("--replication-port={}", PORTS.1))
        .arg(format!("--tls-ca-file={}", authorities.display()))
        .arg(format!("--tls-name={NAME}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary");
    Ends(child)
}

async fn until(site: &Site, says: impl Fn(&Record) -> bool) {
    let until = Instant::now() + LIMIT;
    loop {
        let stored = site.cluster.read_record().await.expect("an answer");
        if stored.record().is_some_and(&says) {
            return;
        }
        assert!(Instant::now() < until, "{stored:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_cluster_comes_to_be_and_moves_its_main_by_tls() {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path();
    let (theirs, others) = (folder.join("theirs"), folder.join("others"));
    let trusted = certificate(&theirs);
    let distrusted = certificate(&others);
    let volumes = folder.join("volumes");
    std::fs::create_dir_all(&volumes).expect("a folder");
    let site = site(&volumes, &theirs).await;
    let _controller = controller(&site, &trusted);
    let steady = |record: &Record| record.stage == Stage::Steady;
    until(&site, steady).await;

    // Each look by itself: with the right authority, with another, and plainly.
    let at = site.endpoints.bolt(InstanceId(0), HERE);
    let kept = folder.join("authorities.crt");
    std::fs::copy(&trusted, &kept).expect("a file");
    let tls = UpstreamTls::new(&kept, None, Some(NAME)).expect("TLS");
    let looks = async |access: Access| {
        let mut prober = Prober::new(access, site.endpoints.clone(), Duration::from_secs(5));
        prober.look(at).await.map(|_| ())
    };
    let over = |tls: &UpstreamTls| Access::basic("", "").over(Some(tls.clone()));
    assert_eq!(looks(over(&tls)).await, Ok(()));
    assert_ne!(looks(Access::basic("", "")).await, Ok(()), "it speaks TLS only");
    std::fs::copy(&distrusted, &kept).expect("a file");
    assert!(tls.reload());
    match looks(over(&tls)).await {
        Err(Why::Unrecognized(why)) => assert!(why.starts_with("TLS: "), "{why}"),
        other => panic!("a certificate of nobody's: {other:?}"),
    }
    std::fs::copy(&trusted, &kept).expect("a file");
    assert!(tls.reload());
    assert_eq!(looks(over(&tls)).await, Ok(()), "the authority was replaced");

    site.cluster.write_switchover(Some(InstanceId(1))).await.expect("an order");
    until(&site, |record| record.target == InstanceId(1) && steady(record)).await;
}
