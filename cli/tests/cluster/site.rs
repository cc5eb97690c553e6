//! A whole cluster of processes for tests: simulated instances under a kubelet, two controllers as
//! users start them, and objects in an API server, which is in memory or a real one.

use crate::{
    client::{Answer, raw},
    common::text,
    ports::free_port,
};
use ha_core::{
    ids::InstanceId,
    record::{Record, Stage},
};
use serde_json::Value;
use shell_k8s::{
    api_server::ApiServer,
    cluster::{Cluster, Config, Names},
    kubelet::{self, Kubelet, MayLeave, Program},
    memgraph::Endpoints,
    operator::Place,
};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::{Instant, sleep},
};

/// The variable that names the kubeconfig of an API server that may be written to.
const KUBECONFIG: &str = "MEMGRAPH_HA_TEST_KUBECONFIG";
/// Longer than anything takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const USER: &str = "mguser";
pub(crate) const PASSWORD: &str = "not-to-be-seen";

/// Where objects are.
pub(crate) enum Server {
    Memory(ApiServer),
    /// A real one, by its kubeconfig.
    Real(PathBuf),
}

impl Server {
    pub(crate) async fn in_memory() -> Self {
        Self::Memory(ApiServer::start(SocketAddr::new(HERE, 0)).await.expect("a free port"))
    }

    pub(crate) fn real() -> Self {
        let path = std::env::var_os(KUBECONFIG);
        let path = path.unwrap_or_else(|| panic!("{KUBECONFIG} names a server to write to"));
        Self::Real(path.into())
    }

    fn place(&self, client: &str) -> Place {
        let mut place = Place::default();
        match self {
            Self::Memory(server) => place.api_server = Some(server.uri_of(client).to_string()),
            Self::Real(path) => place.kubeconfig = Some(path.clone()),
        }
        place
    }

    pub(crate) async fn config(&self, client: &str) -> Config {
        self.place(client).config().await.expect("a way there")
    }
}

/// A process that ends with the test.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.0.id()).expect("a pid");
        let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("it runs");
    }

    /// How it ended, when it has.
    pub(crate) async fn ended(mut self) -> Option<i32> {
        let ended = spawn_blocking(move || self.0.wait().expect("it ends").code());
        tokio::time::timeout(PATIENCE, ended).await.expect("an end").expect("a wait")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// Ports that nobody has, so many in a row; each is given to one test of this process.
pub(crate) fn ports(count: u16) -> u16 {
    loop {
        let first = free_port();
        // Another test may take one in between.
        if (1..count).all(|more| free_port() == first + more) {
            return first;
        }
    }
}

/// A controller, and where it answers.
pub(crate) struct Controller {
    pub(crate) process: Option<Process>,
    pub(crate) at: SocketAddr,
    pub(crate) log: PathBuf,
}

pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) cluster: Cluster,
    pub(crate) kubelet: Kubelet,
    pub(crate) controllers: Vec<Controller>,
    pub(crate) endpoints: Endpoints,
    folder: tempfile::TempDir,
    namespace: &'static str,
    /// Given back when the processes are gone.
    _place: SemaphorePermit<'static>,
}

/// A cluster is some seven processes that keep to times. More clusters at a time than this would find
/// out how a machine is shared, which no test here asks.
static PLACES: Semaphore = Semaphore::const_new(2);

impl Site {
    /// Three instances and two controllers; `more` are flags of theirs.
    pub(crate) async fn start(server: Server, more: &[&str]) -> Self {
        let place = PLACES.acquire().await.expect("it is never closed");
        let folder = tempfile::tempdir().expect("a folder");
        // Every API server has this namespace; what is in it has names of this test's own.
        let namespace = "default";
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let started = STARTED.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{}-{started}", std::process::id());
        let set = format!("mg{unique}");
        let names = Names::new(namespace, &format!("graph{unique}"), &set, 3)
            .and_then(|names| names.with_app(&set))
            .expect("names");
        let (bolt, replication) = (ports(3), ports(3));
        let endpoints = Endpoints::ports(names.clone(), bolt, replication);
        let first = ports(2);
        let pages = [first, first + 1].map(|port| SocketAddr::new(HERE, port));
        let kubelet = kubelet(&server, folder.path(), &names, &endpoints, pages).await;
        let cluster =
            Cluster::connect(server.config("test").await, names.clone()).expect("a client");
        let mut site = Self {
            server,
            cluster,
            kubelet,
            controllers: Vec::new(),
            endpoints,
            folder,
            namespace,
            _place: place,
        };
        std::fs::write(site.path("password"), PASSWORD).expect("a file");
        for at in pages {
            site.controllers.push(Controller {
                process: None,
                at,
                log: site.path(&format!("log-{}", at.port())),
            });
        }
        for no in 0..site.controllers.len() {
            site.run(no, more);
        }
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the process of a controller.
    pub(crate) fn run(&mut self, no: usize, more: &[&str]) {
        let names = self.cluster.names().clone();
        let at = self.controllers[no].at;
        let all: Vec<_> = self.controllers.iter().map(|one| one.at.to_string()).collect();
        let bolt = self.endpoints.bolt(InstanceId(0), HERE).port();
        let replication = self.endpoints.replication_port(InstanceId(0));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&self.controllers[no].log)
            .expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"));
        command
            .arg("controller")
            .arg(format!("--namespace={}", names.namespace()))
            .arg(format!("--release={}", names.release()))
            .arg(format!("--statefulset={}", names.set()))
            .arg(format!("--app={}", names.app()))
            .arg(format!("--listen={at}"))
            .arg(format!("--controllers={}", all.join(",")))
            .arg(format!("--pod-uid=controller-{no}"))
            .arg(format!("--number={no}"))
            .arg(format!("--bolt-port={bolt}"))
            .arg(format!("--replication-port={replication}"))
            .arg(format!("--user={USER}"))
            .arg(format!("--password-file={}", self.path("password").display()))
            .arg(format!("--journal={}", self.path(&format!("journal-{no}")).display()))
            .arg("--log-format=json")
            .args(more)
            .stderr(Stdio::from(log));
        match &self.server {
            Server::Memory(server) => {
                command.arg(format!("--api-server={}", server.uri_of(&format!("controller-{no}"))));
            }
            // As a person starts one: by the variable that kubectl reads.
            Server::Real(path) => {
                command.env("KUBECONFIG", path);
            }
        }
        self.controllers[no].process = Some(Process(command.spawn().expect("the binary")));
    }

    /// A command of a person on this cluster, which asks the controllers directly.
    pub(crate) fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).args(self.flags());
        command
    }

    /// The flags that mean this cluster.
    pub(crate) fn flags(&self) -> Vec<String> {
        let names = self.cluster.names();
        let mut flags = vec![
            format!("--namespace={}", self.namespace),
            format!("--release={}", names.release()),
            format!("--statefulset={}", names.set()),
        ];
        flags.extend(self.controllers.iter().map(|one| format!("--controller={}", one.at)));
        match &self.server {
            Server::Memory(server) => flags.push(format!("--api-server={}", server.uri())),
            Server::Real(path) => flags.push(format!("--kubeconfig={}", path.display())),
        }
        flags
    }

    /// Runs it to its end.
    pub(crate) async fn person(&self, args: &[&str]) -> Output {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_memgraph-ha")), args);
        spawn_blocking(move || command.output().expect("the binary")).await.expect("it ends")
    }

    pub(crate) async fn get(&self, no: usize, path: &str) -> Answer {
        ask(self.controllers[no].at, "GET", path, "", "").await
    }

    /// Waits until a controller leads and is at rest; which.
    pub(crate) async fn settled(&self) -> usize {
        let until = Instant::now() + PATIENCE;
        let mut said = vec![Value::Null; self.controllers.len()];
        loop {
            for (no, one) in self.controllers.iter().enumerate() {
                if one.process.is_none() || tokio::net::TcpStream::connect(one.at).await.is_err() {
                    continue;
                }
                let status = self.get(no, "/v1/status").await.json();
                if status["leads"] == true && status["plan"]["settled"] == true {
                    return no;
                }
                said[no] = status;
            }
            assert!(Instant::now() < until, "never at rest: {said:#?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn record(&self) -> Record {
        let stored = self.cluster.read_record().await.expect("an answer");
        stored.record().expect("a record").clone()
    }

    pub(crate) async fn until(&self, what: &str, says: impl Fn(&Record) -> bool) -> Record {
        let until = Instant::now() + PATIENCE;
        loop {
            let record = self.record().await;
            if record.stage == Stage::Steady && says(&record) {
                return record;
            }
            assert!(Instant::now() < until, "never {what}: {record:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a controller's status says that.
    pub(crate) async fn until_told(&self, no: usize, what: &str, says: impl Fn(&Value) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let told = self.get(no, "/v1/status").await.json();
            if says(&told) {
                return;
            }
            assert!(Instant::now() < until, "controller {no}: never {what}: {told}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a person is told that; what.
    pub(crate) async fn until_status(&self, what: &str, says: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let output = self.person(&["status"]).await;
            let said = text(&output.stdout);
            if says(&said) {
                return said;
            }
            assert!(Instant::now() < until, "never {what}: {said}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn pod(&self, id: InstanceId) -> String {
        self.cluster.names().pod(id)
    }
}

async fn kubelet(
    server: &Server,
    folder: &Path,
    names: &Names,
    endpoints: &Endpoints,
    pages: [SocketAddr; 2],
) -> Kubelet {
    let may_leave: MayLeave = Arc::new(move |pod| {
        Box::pin(async move {
            loop {
                for page in pages {
                    if tokio::net::TcpStream::connect(page).await.is_err() {
                        continue;
                    }
                    let answer = ask(page, "GET", &format!("/v1/may-leave/{pod}"), "", "").await;
                    let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                    if answer["leave"] == "may-leave" {
                        return;
                    }
                }
                sleep(Duration::from_millis(100)).await;
            }
        })
    });
    let program = Program {
        path: env!("CARGO_BIN_EXE_memgraph-ha").into(),
        arguments: vec!["instance".to_owned()],
        flags: Vec::new(),
        address: HERE,
    };
    let settings = kubelet::Settings {
        program,
        folder: folder.to_owned(),
        names: names.clone(),
        endpoints: endpoints.clone(),
        restart_after: Duration::from_millis(300),
        grace: Duration::from_secs(30),
        recreate_after: Duration::from_millis(300),
        may_leave,
    };
    let client = server.config("kubelet").await.try_into().expect("a client");
    Kubelet::start(client, settings).await.expect("instances")
}

/// One request, to its end.
pub(crate) async fn ask(
    at: SocketAddr,
    method: &str,
    path: &str,
    header: &str,
    body: &str,
) -> Answer {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{header}content-length: {length}\r\n\r\n"
    );
    raw(at, format!("{head}{body}").as_bytes()).await
}
