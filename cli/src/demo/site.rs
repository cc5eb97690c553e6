//! A whole cluster on this machine: an API server in memory, a kubelet, and a process for each
//! instance, controller and gateway. Everything ends with it.

use super::{
    part::Part,
    ports::{HERE, Ports},
    story::Teller,
};
use crate::web;
use ha_core::{
    ids::InstanceId,
    observation::{ClusterObservation, Route},
    plan::Plan,
    record::{Record, Stage},
    rules::RuleId,
    situation::Situation,
};
use serde_json::{Value, json};
use shell_k8s::{
    api_server::ApiServer,
    cluster::{Cluster, Names},
    kubelet::{self, Kubelet, Program},
    memgraph::{Access, Connection, Endpoints},
};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::{Instant, sleep, timeout},
};

/// How soon a process that ended starts again.
pub(super) const RESTART: Duration = Duration::from_millis(300);
/// How many controllers there are.
pub(super) const CONTROLLERS: u8 = 2;
/// How soon something that is waited for is looked for again.
const LOOK: Duration = Duration::from_millis(20);

/// The ports that people are told of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Writes.
    pub(super) write: u16,
    /// Reads.
    pub(super) read: u16,
    /// The first controller's page.
    pub(super) page: u16,
    /// The first instance.
    pub(super) bolt: u16,
}

/// The cluster.
pub(super) struct Site {
    /// Ends with this.
    _api: ApiServer,
    kubelet: Kubelet,
    cluster: Cluster,
    endpoints: Endpoints,
    names: Names,
    folder: PathBuf,
    controllers: Vec<Part>,
    gateway: Part,
    /// Where each controller answers.
    pub(super) pages: Vec<SocketAddr>,
    /// Where clients write.
    pub(super) write: SocketAddr,
    /// Where clients read.
    pub(super) read: SocketAddr,
    /// Where the gateway's metrics are.
    pub(super) metrics: SocketAddr,
    /// The flags that make a command for people mean this cluster.
    pub(super) orders: String,
    /// What people should know.
    pub(super) notes: Vec<String>,
}

impl Site {
    /// Starts everything.
    pub(super) async fn start(
        folder: &Path,
        wanted: Wanted,
        (instances, restart_after): (u8, Duration),
        journal: bool,
    ) -> Result<Self, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let mut ports = Ports::default();
        let write = ports.one("writes", wanted.write)?;
        let read = ports.one("reads", wanted.read)?;
        let page = ports.row("pages of the controllers", wanted.page, CONTROLLERS.into())?;
        let bolt = ports.row("instances", wanted.bolt, instances.into())?;
        let replication = ports.row("replication", wanted.bolt + 1_000, instances.into())?;
        let admin = ports.one("the gateway's metrics", wanted.page + 10)?;
        let names = Names::new("demo", "demo", "memgraph-ha", instances).map_err(|e| text(&e))?;
        let endpoints = Endpoints::ports(names.clone(), bolt, replication);
        let api = ApiServer::start(SocketAddr::new(HERE, 0)).await.map_err(|error| text(&error))?;
        let pages: Vec<_> =
            (0..u16::from(CONTROLLERS)).map(|no| SocketAddr::new(HERE, page + no)).collect();
        let cluster =
            Cluster::new(api.client_of("demo").map_err(|error| text(&error))?, names.clone());
        let kubelet =
            start_kubelet(folder, &api, &names, endpoints.clone(), (&pages, restart_after)).await?;
        let mut site = Self {
            controllers: (0..CONTROLLERS)
                .map(|no| {
                    controller(no, &api, &pages, instances, (bolt, replication), folder, journal)
                })
                .collect(),
            gateway: gateway((write, read, admin), &pages, &api, &names),
            orders: orders(&api, &pages),
            _api: api,
            kubelet,
            cluster,
            endpoints,
            names,
            folder: folder.to_owned(),
            pages,
            write,
            read,
            metrics: admin,
            notes: ports.notes,
        };
        for part in site.controllers.iter_mut().chain([&mut site.gateway]) {
            part.start(folder)?;
        }
        Ok(site)
    }

    /// The instances.
    pub(super) fn kubelet(&self) -> &Kubelet {
        &self.kubelet
    }

    /// Where logs and volumes are.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The instances.
    pub(super) fn instances(&self) -> impl Iterator<Item = InstanceId> {
        self.names.instances()
    }

    /// What a main calls an instance that it ships to.
    pub(super) fn replica(&self, id: InstanceId) -> String {
        self.names.replica(id)
    }

    /// Orders, as an operator gives them.
    pub(super) const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The record, if there is one.
    pub(super) async fn record(&self) -> Option<Record> {
        self.cluster.read_record().await.ok()?.record().cloned()
    }

    /// What the leading controller shows, and which it is.
    pub(super) async fn leader(&self) -> Option<(usize, Value)> {
        for (index, page) in self.pages.iter().enumerate() {
            if let Ok(status) = web::get(*page, "/v1/status").await
                && status["leads"] == true
            {
                return Some((index, status));
            }
        }
        None
    }

    /// Waits until the leader has nothing left to do and every replica is proven; what it says
    /// otherwise. Under load a replica without a vote is always a little behind: that counts as rest.
    pub(super) async fn settled(&self, limit: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        let mut last = "no controller leads".to_owned();
        while begun.elapsed() < limit {
            if let Some((_, status)) = self.leader().await {
                match obstacles(&status) {
                    None => return Ok(begun.elapsed()),
                    Some(obstacles) => last = obstacles,
                }
            }
            sleep(LOOK).await;
        }
        Err(last)
    }

    /// The main, if the leader sees a voter that could take over from it and writes are routed.
    ///
    /// # Errors
    /// What is missing.
    pub(super) async fn candidate(&self) -> Result<InstanceId, String> {
        let (_, status) = self.leader().await.ok_or("no controller leads")?;
        let seen = serde_json::from_value::<ClusterObservation>(status["observation"].clone());
        let seen = seen.map_err(|error| error.to_string())?;
        let situation = Situation::of(&seen);
        let record = situation.record.filter(|record| record.stage == Stage::Steady);
        let record = record.ok_or("the record is not steady")?;
        if situation.proven_main().is_none() || !matches!(seen.route.handed_out, Route::Open { .. })
        {
            return Err("writes are not routed".to_owned());
        }
        match situation.fit_voter() {
            Ok(_) => Ok(record.target),
            Err((_, unfit)) => Err(format!("the voter {unfit}")),
        }
    }

    /// Waits until the record is steady with another main than this one.
    pub(super) async fn moved(&self, from: InstanceId, limit: Duration) -> Option<InstanceId> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let steady = self.record().await.filter(|record| record.stage == Stage::Steady);
            if let Some(record) = steady.filter(|record| record.target != from) {
                return Some(record.target);
            }
            sleep(LOOK).await;
        }
        None
    }

    /// A connection to one instance, past the gateway.
    pub(super) async fn instance(&self, id: InstanceId) -> Result<Connection, String> {
        let address = self.endpoints.bolt(id, HERE);
        let access = Access::basic("", "");
        Connection::open(address, &access).await.map_err(|error| format!("{id}: {error}"))
    }

    /// Cuts an instance off from everybody, or lets everything through again: its connections stay
    /// open either way, and its process runs on.
    ///
    /// # Errors
    /// Its fault switches cannot be reached.
    pub(super) async fn cut_off(&self, id: InstanceId, cut_off: bool) -> Result<(), String> {
        self.hang(id, &["bolt", "replication", "outgoing"], cut_off).await
    }

    /// Holds back what an instance sends to its replicas, or lets it go.
    ///
    /// # Errors
    /// Its fault switches cannot be reached.
    pub(super) async fn hold_back(&self, id: InstanceId, held: bool) -> Result<(), String> {
        self.hang(id, &["outgoing"], held).await
    }

    async fn hang(&self, id: InstanceId, ports: &[&str], half_open: bool) -> Result<(), String> {
        let turn = async {
            let mut socket = UnixStream::connect(self.kubelet.admin_socket(id)).await?;
            for port in ports {
                let order = json!({"port": port, "fault": {"half_open": half_open}});
                socket.write_all(format!("{order}\n").as_bytes()).await?;
                // Each is answered by the faults that there are then.
                while socket.read_u8().await? != b'\n' {}
            }
            io::Result::Ok(())
        };
        match timeout(Duration::from_secs(2), turn).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the fault switches of {id}: {error}")),
            Err(_) => Err(format!("the fault switches of {id} do not answer")),
        }
    }

    /// The data of an instance that lies set aside.
    ///
    /// # Errors
    /// Its volume cannot be read.
    pub(super) fn set_aside(&self, id: InstanceId) -> io::Result<Vec<PathBuf>> {
        let aside = self.folder.join(self.names.pod(id)).join(shell_k8s::entrypoint::ASIDE);
        match std::fs::read_dir(aside) {
            Ok(found) => found.map(|folder| folder.map(|it| it.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Ends a controller as `kill -9` does.
    pub(super) async fn kill_controller(&mut self, index: usize) {
        if let Some(part) = self.controllers.get_mut(index) {
            part.kill().await;
        }
    }

    /// Starts a controller that was killed.
    pub(super) fn start_controller(&mut self, index: usize) -> Result<(), String> {
        self.controllers.get_mut(index).map_or(Ok(()), |part| part.start(&self.folder))
    }

    /// Starts again whatever of ours ended by itself, or by somebody else's hand.
    pub(super) fn revive(&mut self, teller: &Teller) -> Result<(), String> {
        for part in self.controllers.iter_mut().chain([&mut self.gateway]) {
            if let Some(how) = part.ended() {
                teller.say(format_args!("{} ended ({how}); it starts again", part.name()));
                part.start(&self.folder)?;
            }
        }
        Ok(())
    }

    /// Ends everything in order: clients first notice the gateway.
    pub(super) async fn stop(mut self) {
        for part in [&mut self.gateway].into_iter().chain(&mut self.controllers) {
            part.terminate().await;
        }
    }
}

/// What is left to do, by what a leader shows.
fn obstacles(status: &Value) -> Option<String> {
    let Ok(seen) = serde_json::from_value::<ClusterObservation>(status["observation"].clone())
    else {
        return Some("no observation yet".to_owned());
    };
    let Ok(plan) = serde_json::from_value::<Plan>(status["plan"].clone()) else {
        return Some("no plan yet".to_owned());
    };
    let situation = Situation::of(&seen);
    let is_steady = situation.record.is_some_and(|record| record.stage == Stage::Steady);
    let is_open = matches!(seen.route.handed_out, Route::Open { .. });
    let target = situation.record.map(|record| record.target);
    let mut others = seen.instances.keys().filter(|id| Some(**id) != target);
    let is_proven = others.all(|id| situation.proof(*id).is_some());
    let is_quiet = plan.steps.is_empty()
        && plan.vetoes.is_empty()
        && plan.holds.iter().all(|hold| matches!(hold.rule, RuleId::X10 | RuleId::X20));
    (!is_steady || !is_open || !is_proven || !is_quiet).then(|| plan.to_string())
}

/// Flags for `memgraph-ha status`, `switchover` and the like.
fn orders(api: &ApiServer, pages: &[SocketAddr]) -> String {
    let mut flags = format!("--api-server={} --namespace=demo", api.uri_of("operator"));
    for page in pages {
        flags.push_str(&format!(" --controller={page}"));
    }
    flags
}

async fn start_kubelet(
    folder: &Path,
    api: &ApiServer,
    names: &Names,
    endpoints: Endpoints,
    (pages, restart_after): (&[SocketAddr], Duration),
) -> Result<Kubelet, String> {
    let program = Program {
        path: std::env::current_exe().map_err(|error| error.to_string())?,
        arguments: vec!["instance".to_owned()],
        flags: vec!["--engine-version=3.10".to_owned()],
        address: HERE,
    };
    let pages: Vec<_> = pages.to_vec();
    let may_leave: kubelet::MayLeave = Arc::new(move |pod| {
        let pages = pages.clone();
        Box::pin(async move {
            loop {
                for page in &pages {
                    let asked = web::get(*page, &format!("/v1/may-leave/{pod}")).await;
                    if asked.is_ok_and(|answer| answer["leave"] == "may-leave") {
                        return;
                    }
                }
                sleep(LOOK).await;
            }
        })
    });
    let settings = kubelet::Settings {
        program,
        folder: folder.to_owned(),
        names: names.clone(),
        endpoints,
        restart_after,
        grace: Duration::from_secs(30),
        recreate_after: Duration::from_millis(300),
        may_leave,
    };
    let client = api.client_of("kubelet").map_err(|error| error.to_string())?;
    Kubelet::start(client, settings).await.map_err(|error| error.to_string())
}

fn controller(
    no: u8,
    api: &ApiServer,
    pages: &[SocketAddr],
    instances: u8,
    (bolt, replication): (u16, u16),
    folder: &Path,
    journal: bool,
) -> Part {
    let all: Vec<_> = pages.iter().map(ToString::to_string).collect();
    let name = format!("controller-{no}");
    let mut arguments = vec![
        "controller".to_owned(),
        format!("--api-server={}", api.uri_of(&name)),
        "--namespace=demo".to_owned(),
        "--release=demo".to_owned(),
        "--statefulset=memgraph-ha".to_owned(),
        format!("--instances={instances}"),
        format!("--listen={}", pages[usize::from(no)]),
        format!("--controllers={}", all.join(",")),
        format!("--pod-uid={name}"),
        format!("--bolt-port={bolt}"),
        format!("--replication-port={replication}"),
        format!("--number={no}"),
    ];
    if journal {
        let path = folder.join(format!("{name}.journal"));
        arguments.push(format!("--journal={}", path.display()));
    }
    Part::new(name, arguments)
}

fn gateway(
    (write, read, admin): (SocketAddr, SocketAddr, SocketAddr),
    pages: &[SocketAddr],
    api: &ApiServer,
    names: &Names,
) -> Part {
    let pages: Vec<_> = pages.iter().map(ToString::to_string).collect();
    let arguments = vec![
        "gateway".to_owned(),
        format!("--bind-address={write}"),
        format!("--read-bind-address={read}"),
        // For drivers that ask where to go.
        format!("--advertised-address={write}"),
        format!("--advertised-read-address={read}"),
        format!("--admin-bind-address={admin}"),
        format!("--controllers={}", pages.join(",")),
        format!("--record-configmap={}/{}", names.namespace(), names.record()),
        format!("--api-server={}", api.uri_of("gateway")),
    ];
    Part::new("gateway".to_owned(), arguments)
}
