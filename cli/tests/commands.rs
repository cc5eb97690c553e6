//! How the controller looks at instances and commands them, with real processes and a way to them
//! that can be cut (design/decisions/0015): a command reaches the life that it names or nobody, is
//! never sent again, and an end that is not known is said to be so.

use ha_core::{
    action::Action,
    history::Outcome,
    ids::{BootId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId},
    observation::{RoleView, VolumeView},
    reading::Why,
};
use shell_k8s::{
    cluster::Names,
    memgraph::{Access, Addresses, Commander, Ended, Endpoints, Life, Prober},
};
use std::{
    io::{BufRead, BufReader},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ZERO: InstanceId = InstanceId(0);
const TERM: Term = Term(1);
/// Longer than anything takes here that is to end by itself.
const LONG: Duration = Duration::from_secs(60);
/// For what is to run out.
const SHORT: Duration = Duration::from_millis(300);

const LIFE: Life = Life {
    incarnation: Incarnation {
        pod: PodUid(0xa),
        start: StartId(0xb),
        boot: BootId(0xc),
        volume: VolumeId(0xd),
    },
    state: VolumeView::Used,
};

const fn at() -> InstanceRef {
    InstanceRef { id: ZERO, incarnation: LIFE.incarnation }
}

/// A process that ends with its test.
struct Instance {
    child: Child,
    at: SocketAddr,
    _volume: tempfile::TempDir,
}

impl Instance {
    fn start() -> Self {
        Self::with(&[])
    }

    fn with(flags: &[&str]) -> Self {
        let volume = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
            .args(["instance", "--bolt-address", "127.0.0.1", "--bolt-port=0"])
            .arg(format!("--data-directory={}", volume.path().display()))
            .arg(format!("--bolt-server-name-for-init={LIFE}"))
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let at = SocketAddr::new(HERE, port.unwrap_or_else(|| panic!("no port in {line:?}")));
        Self { child, at, _volume: volume }
    }

    fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What befalls a statement on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It arrives, and so does its answer.
    Arrives,
    /// It does not arrive, and the connection ends.
    Cut,
    /// It arrives, and the connection ends in place of an answer.
    AnswerCut,
    /// It arrives, and no answer does.
    AnswerLost,
}

/// A way to an instance on which one statement is watched.
struct Way {
    at: SocketAddr,
    /// A port at which the instance may listen as a replica.
    replication: u16,
    statement: &'static str,
    fate: Arc<Mutex<Fate>>,
    seen: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Way {
    async fn to(instance: SocketAddr, statement: &'static str, fate: Fate) -> Self {
        let listener = TcpListener::bind((HERE, 0)).await.expect("a port");
        let free = TcpListener::bind((HERE, 0)).await.expect("a port");
        let way = Self {
            replication: free.local_addr().expect("an address").port(),
            at: listener.local_addr().expect("an address"),
            statement,
            fate: Arc::new(Mutex::new(fate)),
            seen: Arc::default(),
            connections: Arc::default(),
        };
        drop(free);
        let (fate, seen) = (Arc::clone(&way.fate), Arc::clone(&way.seen));
        let connections = Arc::clone(&way.connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let Ok(server) = TcpStream::connect(instance).await else { continue };
                let fate = *fate.lock().expect("nobody panics under it");
                tokio::spawn(carry(client, server, statement, fate, Arc::clone(&seen)));
            }
        });
        way
    }

    fn seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    fn commander(&self, limit: Duration) -> (Commander, Addresses) {
        let commander = Commander::new(Access::basic("", ""), self.names(), LONG, limit);
        (commander, Addresses::from([(ZERO, HERE)]))
    }

    fn names(&self) -> Endpoints {
        let names = Names::new("db", "graph", "mg", 1).expect("names");
        Endpoints::ports(names, self.at.port(), self.replication)
    }

    async fn send(&self, action: &Action, limit: Duration, ready: bool) -> Outcome {
        self.ends(action, limit, ready).await.outcome
    }

    async fn ends(&self, action: &Action, limit: Duration, ready: bool) -> Ended {
        let (commander, addresses) = self.commander(limit);
        let sent = commander.send(action, &addresses, || ready);
        let ended = timeout(LONG, sent).await.expect("it ends");
        assert_eq!(ended.why.is_some(), ended.outcome != Outcome::Done, "{ended:?}");
        ended
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    statement: &'static str,
    fate: Fate,
    seen: Arc<AtomicUsize>,
) {
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    let mut is_over = false;
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let bytes = &up[..count];
                // Requests of a command are sent in one piece, and arrive so on this machine.
                if bytes.windows(statement.len()).any(|part| part == statement.as_bytes()) {
                    seen.fetch_add(1, Ordering::SeqCst);
                    is_over = fate != Fate::Arrives;
                    if fate == Fate::Cut {
                        return;
                    }
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                match (is_over, fate) {
                    // The answer says that the statement took effect.
                    (true, Fate::AnswerCut) => return,
                    (true, Fate::AnswerLost) => {}
                    (true | false, _) => {
                        if client.write_all(&down[..count]).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }
    }
}

/// What the instance is now, asked directly.
async fn is_main(instance: &Instance) -> bool {
    let names = Endpoints::pods(Names::new("db", "graph", "mg", 1).expect("names"));
    let mut prober = Prober::new(Access::basic("", ""), names, LONG);
    let look = prober.look(instance.at).await.expect("it answers");
    assert_eq!(look.view.incarnation, LIFE.incarnation);
    matches!(look.view.role, RoleView::Main { .. })
}

fn demote(on: InstanceRef) -> Action {
    Action::Demote { on, term: TERM }
}

const DEMOTE: &str = "SET REPLICATION ROLE TO REPLICA";

#[tokio::test]
async fn a_command_reaches_the_life_that_it_names_and_no_other() {
    let instance = Instance::start();
    let way = Way::to(instance.at, DEMOTE, Fate::Arrives).await;
    let mut other = at();
    other.incarnation.start = StartId(0xbb);
    let promote = Action::Promote { on: at(), term: TERM };
    for (action, ready, why) in [
        (demote(other), true, format!("there is {}, not {other}", at())),
        (demote(at()), false, "the right to it ended meanwhile".to_owned()),
        (promote.clone(), true, format!("{ZERO} is no replica")),
    ] {
        let ended = way.ends(&action, LONG, ready).await;
        assert_eq!(ended, Ended { outcome: Outcome::NotSent, why: Some(why) });
    }
    assert_eq!(way.seen(), 0);
    assert!(is_main(&instance).await);
    assert_eq!(way.send(&demote(at()), LONG, true).await, Outcome::Done);
    assert_eq!(way.seen(), 1);
    assert!(!is_main(&instance).await);
    assert_eq!(way.send(&promote, LONG, true).await, Outcome::Done);
    assert!(is_main(&instance).await);
}

/// Whether it took effect is not known to whoever sent it; both may be, and it is sent once.
#[tokio::test]
async fn a_cut_leaves_the_end_unknown_and_nothing_is_sent_again() {
    for (fate, limit, took_effect) in
        [(Fate::Cut, LONG, false), (Fate::AnswerCut, LONG, true), (Fate::AnswerLost, SHORT, true)]
    {
        let instance = Instance::start();
        let way = Way::to(instance.at, DEMOTE, fate).await;
        assert_eq!(way.send(&demote(at()), limit, true).await, Outcome::Unknown, "{fate:?}");
        // Time in which somebody would send it again who does so.
        tokio::time::sleep(SHORT).await;
        assert_eq!(way.seen(), 1, "{fate:?}");
        assert_eq!(way.connections.load(Ordering::SeqCst), 1, "{fate:?}");
        assert_eq!(is_main(&instance).await, !took_effect, "{fate:?} of {}", way.statement);
    }
}

#[tokio::test]
async fn a_commit_is_acknowledged_or_not_known() {
    let instance = Instance::start();
    let commit = Action::Commit { on: at(), term: TERM, proves: Vec::new(), drained: false };
    let way = Way::to(instance.at, "MemgraphHaMark", Fate::Arrives).await;
    assert_eq!(way.send(&commit, LONG, true).await, Outcome::Done);
    let way = Way::to(instance.at, "MemgraphHaMark", Fate::AnswerCut).await;
    assert_eq!(way.send(&commit, LONG, true).await, Outcome::Unknown);
    assert_eq!(way.seen(), 1);
}

#[tokio::test]
async fn the_end_of_a_process_is_noticed_and_then_its_address_refuses() {
    let mut instance = Instance::start();
    let names = Endpoints::pods(Names::new("db", "graph", "mg", 1).expect("names"));
    let mut prober = Prober::new(Access::basic("", ""), names, LONG);
    let look = prober.look(instance.at).await.expect("it answers");
    assert_eq!(look.view.engine.version.major, 3);
    assert_eq!(prober.look(instance.at).await.expect("it answers"), look);
    assert!(timeout(SHORT, prober.closed()).await.is_err(), "nothing ends while it runs");
    let (closed, ()) = tokio::join!(timeout(LONG, prober.closed()), async { instance.kill() });
    closed.expect("its end is noticed");
    assert_eq!(prober.look(instance.at).await, Err(Why::Refused));
}

#[tokio::test]
async fn whoever_says_nothing_is_silent() {
    let instance = Instance::start();
    let way = Way::to(instance.at, "SHOW REPLICATION ROLE", Fate::AnswerLost).await;
    let mut prober = Prober::new(Access::basic("", ""), way.names(), SHORT);
    assert_eq!(prober.look(way.at).await, Err(Why::Silent));
    // The checks before a command read the role, too.
    let commander = Commander::new(Access::basic("", ""), way.names(), SHORT, LONG);
    let addresses = Addresses::from([(ZERO, HERE)]);
    let ended = commander.send(&demote(at()), &addresses, || true).await;
    let why = Some("what it needs was not read within 300 ms".to_owned());
    assert_eq!(ended, Ended { outcome: Outcome::NotSent, why });
}

/// Secrets change while instances still go by the one with which they started: the one before serves
/// until each was restarted, and no older one.
#[tokio::test]
async fn the_password_of_before_is_tried_where_that_of_now_is_refused() {
    let instance = Instance::with(&["--user=mguser", "--password=first"]);
    let access = Access::basic("mguser", "first");
    let names = Names::new("db", "graph", "mg", 1).expect("names");
    let names = Endpoints::ports(names, instance.at.port(), 0);
    let mut prober = Prober::new(access.clone(), names.clone(), LONG);
    let look = prober.look(instance.at).await.expect("it answers");
    assert!(!look.is_by_former_password);
    let commander = Commander::new(access.clone(), names.clone(), LONG, LONG);
    let addresses = Addresses::from([(ZERO, HERE)]);
    let commit = Action::Commit { on: at(), term: TERM, proves: Vec::new(), drained: false };

    assert!(access.replace("second"));
    let mut later = Prober::new(access.clone(), names, LONG);
    for prober in [&mut prober, &mut later] {
        assert!(prober.look(instance.at).await.expect("it answers").is_by_former_password);
    }
    let ended = commander.send(&commit, &addresses, || true).await;
    assert_eq!(ended, Outcome::Done.into());

    assert!(access.replace("third"));
    let look = prober.look(instance.at).await.expect("on the connection that there is");
    assert!(look.is_by_former_password);
    let ended = commander.send(&commit, &addresses, || true).await;
    assert_eq!(ended.outcome, Outcome::NotSent);
    let why = ended.why.expect("why");
    assert!(why.contains("the login was refused"), "{why}");
    assert!(!["first", "second", "third"].iter().any(|secret| why.contains(secret)), "{why}");

    assert!(access.replace("first"));
    assert!(!prober.look(instance.at).await.expect("it answers").is_by_former_password);
    let ended = commander.send(&commit, &addresses, || true).await;
    assert_eq!(ended, Outcome::Done.into());
}
