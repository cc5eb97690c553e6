//! Instances, controllers, clients and a gateway on the loopback.

use super::{
    host::{Connection, Database},
    response_bytes,
    rig::start_of,
};
use bolt::{Response, Version};
use gateway::{
    Gateway, Settings,
    clock::Clock,
    controllers::{
        AskError, NoStoredTarget, StoredTarget,
        desk::Desk,
        wire::{Ask, Replica, Reply, VERSION},
    },
    gate::Gate,
    metrics::Metrics,
    run::{Addresses, PartEnded},
    session::server_name,
};
use ha_core::{
    grant::{Answer, Clocks},
    ids::{BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, Term, VolumeId},
    observation::Route,
};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// Longer than anything takes that works.
pub const LONG: Duration = Duration::from_secs(20);

/// How an instance misbehaves.
#[derive(Debug, Default)]
pub struct Knobs {
    /// It processes nothing more.
    pub stalls: AtomicBool,
    /// It sends half of its next answer, and nothing after.
    pub stops_within: AtomicBool,
    /// It takes what is no Bolt, as if it spoke it, and says nothing of its own accord.
    pub holds: AtomicBool,
    /// Connections that it so took.
    pub held: AtomicUsize,
    /// So many bytes it says on each of them.
    pub told: AtomicUsize,
    /// Bytes that it got.
    pub got: AtomicUsize,
    /// Bytes of records without end that were taken from it.
    pub flooded: AtomicUsize,
    /// Connections that it accepted.
    pub accepted: AtomicUsize,
}

/// An instance that listens.
pub struct Instance {
    pub index: usize,
    pub address: SocketAddr,
    pub database: Arc<Mutex<Database>>,
    pub knobs: Arc<Knobs>,
    task: JoinHandle<()>,
}

impl Instance {
    /// Listens; its server name tells this start.
    pub async fn start(index: usize) -> Self {
        let name = server_name(start_of(index));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let database = Arc::new(Mutex::new(Database::default()));
        let knobs = Arc::new(Knobs::default());
        let (shared, turned) = (Arc::clone(&database), Arc::clone(&knobs));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((socket, _)) = listener.accept().await else { return };
                turned.accepted.fetch_add(1, SeqCst);
                let connection = Connection::new(Some(name.clone()), Version::MEMGRAPH);
                let (shared, turned) = (Arc::clone(&shared), Arc::clone(&turned));
                connections.spawn(serve(socket, connection, shared, turned));
            }
        });
        Self { index, address, database, knobs, task }
    }

    pub fn committed(&self) -> Vec<u32> {
        self.database.lock().unwrap().committed.clone()
    }

    /// The process ends: its connections close, its port refuses.
    pub fn kill(&self) {
        self.task.abort();
    }

    pub fn reference(&self) -> InstanceRef {
        let start = start_of(self.index);
        InstanceRef {
            id: InstanceId(u8::try_from(self.index).unwrap()),
            incarnation: Incarnation {
                pod: PodUid(1),
                start,
                boot: BootId(1),
                volume: VolumeId(1),
            },
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut socket: TcpStream,
    mut connection: Connection,
    database: Arc<Mutex<Database>>,
    knobs: Arc<Knobs>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = socket.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        knobs.got.fetch_add(count, SeqCst);
        while knobs.stalls.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if knobs.holds.load(SeqCst) && buffer[0] == b'G' {
            knobs.held.fetch_add(1, SeqCst);
            return hold(socket, &knobs).await;
        }
        let says = |word: &[u8]| buffer[..count].windows(word.len()).any(|part| part == word);
        if says(b"FLOOD") {
            return flood(socket, &knobs).await;
        }
        if says(b"SWALLOW") {
            while let Ok(count) = socket.read(&mut buffer).await {
                if count == 0 {
                    return;
                }
                knobs.got.fetch_add(count, SeqCst);
            }
        }
        connection.take(&buffer[..count], &mut database.lock().unwrap());
        let mut out = std::mem::take(&mut connection.out);
        if knobs.stops_within.load(SeqCst) && !out.is_empty() {
            out.truncate(out.len() / 2);
            let _ = socket.write_all(&out).await;
            std::future::pending::<()>().await;
        }
        if socket.write_all(&out).await.is_err() || connection.closed {
            return;
        }
    }
}

/// Takes what comes, and says as many bytes as it is to.
async fn hold(mut socket: TcpStream, knobs: &Knobs) {
    let (mut buffer, mut said) = ([0; 1024], 0);
    loop {
        tokio::select! {
            read = socket.read(&mut buffer) => match read {
                Ok(count) if count > 0 => knobs.got.fetch_add(count, SeqCst),
                Ok(_) | Err(_) => return,
            },
            () = tokio::time::sleep(Duration::from_millis(2)) => {
                let told = knobs.told.load(SeqCst);
                if said < told && socket.write_all(&vec![b'+'; told - said]).await.is_err() {
                    return;
                }
                said = told;
                0
            }
        };
    }
}

/// Records without end, for as long as somebody takes them.
async fn flood(mut socket: TcpStream, knobs: &Knobs) {
    let record =
        response_bytes(&Response::Record(vec!["x".repeat(1_000).as_str().into()]), Version::V5_2);
    let many = record.repeat(60);
    let _ = socket.write_all(&response_bytes(&Response::success(), Version::V5_2)).await;
    while socket.write_all(&many).await.is_ok() {
        knobs.flooded.fetch_add(many.len(), SeqCst);
    }
}

/// What the controllers say.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub term: u32,
    pub main: Option<(InstanceRef, SocketAddr)>,
    pub draining: bool,
    pub replicas: Vec<Replica>,
    pub lasts_ms: u64,
    /// They do not answer.
    pub silent: bool,
    version: u64,
    /// The last question of each gateway.
    pub asked: BTreeMap<GatewayId, Ask>,
    pub questions: usize,
}

/// Controllers, and the hand that leads them.
#[derive(Clone)]
pub struct Lead {
    pub said: Arc<Mutex<Said>>,
    pub desk: Desk,
}

impl Lead {
    pub fn new() -> Self {
        let said = Arc::new(Mutex::new(Said { lasts_ms: 3_000, ..Said::default() }));
        let shared = Arc::clone(&said);
        let desk = Desk::new(move |ask| {
            let mut said = shared.lock().unwrap();
            said.questions += 1;
            said.asked.insert(ask.question.gateway, ask.clone());
            if said.silent { Err(AskError::Nobody) } else { Ok(said.reply(ask.question.number)) }
        });
        Self { said, desk }
    }

    /// Changes what is said.
    pub fn say(&self, change: impl FnOnce(&mut Said)) {
        let mut said = self.said.lock().unwrap();
        change(&mut said);
        said.version += 1;
        drop(said);
        self.desk.changed();
    }

    /// Writes go there from now on, in a new term.
    pub fn open(&self, main: &Instance) {
        let to = (main.reference(), main.address);
        self.say(|said| {
            said.term += 1;
            said.main = Some(to);
            said.draining = false;
        });
    }

    pub fn drain(&self) {
        self.say(|said| said.draining = true);
    }

    pub fn close(&self) {
        self.say(|said| {
            said.main = None;
            said.draining = false;
        });
    }

    /// Waits until what every gateway asks for last is so.
    pub async fn until(&self, is_so: impl Fn(&Ask) -> bool) {
        until(|| {
            let said = self.said.lock().unwrap();
            !said.asked.is_empty() && said.asked.values().all(&is_so)
        })
        .await;
    }

    /// Closes the route, and waits until no gateway holds it.
    pub async fn withdraw(&self) {
        let before = self.said.lock().unwrap().questions;
        self.close();
        until(|| {
            let said = self.said.lock().unwrap();
            said.questions > before + 1
                && said.asked.values().all(|ask| ask.question.holds.is_none())
        })
        .await;
    }
}

impl Said {
    fn reply(&self, number: u64) -> Reply {
        let term = Term(self.term);
        let route = match self.main {
            None => Route::Closed,
            Some((main, _)) if self.draining => Route::Draining { term, main },
            Some((main, _)) => Route::Open { term, main },
        };
        Reply {
            version: VERSION,
            answer: Answer { number, term, route, lasts_ms: self.lasts_ms },
            main_address: self.main.map(|(_, address)| address),
            replicas: self.replicas.clone(),
            tag: self.version.to_string(),
        }
    }
}

/// Waits until something is so.
pub async fn until(is_so: impl Fn() -> bool) {
    let waited = timeout(LONG, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited.await.expect("it never became so");
}

/// A gateway that runs.
pub struct Running {
    pub at: Addresses,
    pub gate: Arc<Gate>,
    pub metrics: Arc<Metrics>,
    stop: Option<oneshot::Sender<()>>,
    pub task: JoinHandle<Result<(), PartEnded>>,
}

pub fn settings(set: &[(&str, &str)]) -> Settings {
    let base = [
        ("bind-address", "127.0.0.1:0"),
        ("read-bind-address", "127.0.0.1:0"),
        ("admin-bind-address", "127.0.0.1:0"),
        ("controllers", "nobody:1"),
        ("max-connections", "500"),
    ];
    Settings::read(|setting| {
        let mut all = set.iter().chain(&base);
        all.find(|(name, _)| *name == setting.name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap_or_else(|problems| panic!("{problems}"))
}

impl Running {
    pub fn start(lead: &Lead, set: &[(&str, &str)]) -> Self {
        Self::start_with(lead, set, Clock::system(), NoStoredTarget)
    }

    pub fn start_with(
        lead: &Lead,
        set: &[(&str, &str)],
        clock: Clock,
        stored: impl StoredTarget,
    ) -> Self {
        Self::start_by(settings(set), lead.desk.clone(), clock, stored)
    }

    pub fn start_by(
        settings: Settings,
        controllers: impl gateway::controllers::Controllers,
        clock: Clock,
        stored: impl StoredTarget,
    ) -> Self {
        let gateway = Gateway::bind(settings, GatewayId(1), clock).unwrap();
        let (at, gate, metrics) = (gateway.addresses(), gateway.gate(), gateway.metrics());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(gateway.run(controllers, stored, async move {
            let _ = stopped.await;
        }));
        Self { at, gate, metrics, stop: Some(stop), task }
    }

    pub fn stop(&mut self) {
        self.stop.take();
    }

    /// The value of a metric, by the beginning of its line.
    pub fn metric(&self, line: &str) -> u64 {
        let text = self.metrics.text(&self.gate);
        let found = text.lines().find_map(|l| l.strip_prefix(line)?.trim().parse::<f64>().ok());
        found.map_or(0, |value| value as u64)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A clock, and how many milliseconds its monotonic side is ahead of the machine's.
pub fn clock_ahead() -> (Clock, Arc<AtomicU64>) {
    let ahead = Arc::new(AtomicU64::new(0));
    let (read, system) = (Arc::clone(&ahead), Clock::system());
    let clock = Clock::given(move || {
        let now = system.now();
        Clocks { monotonic: now.monotonic + read.load(SeqCst), ..now }
    });
    (clock, ahead)
}

/// A gateway before one instance.
pub async fn one(set: &[(&str, &str)]) -> (Instance, Lead, Running) {
    let instance = Instance::start(0).await;
    let lead = Lead::new();
    lead.open(&instance);
    let running = Running::start(&lead, set);
    (instance, lead, running)
}

/// What comes until the connection ends.
pub async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset is an end too.
    let _ = timeout(LONG, stream.read_to_end(&mut all)).await.expect("the connection ends");
    all
}
