//! The other processes of the bench: an instance that answers at once, a gateway before it, and
//! HAProxy.

use crate::tls::Files;
use bolt::{
    Response, Signature, Value, Version,
    chunk::{Event, Scanner},
    handshake::{HANDSHAKE_BYTES, answer},
    value::map,
};
use gateway::{
    Gateway, Settings,
    clock::Clock,
    controllers::{
        NoStoredTarget,
        desk::Desk,
        wire::{Reply, VERSION},
    },
    session::server_name,
};
use ha_core::{
    grant::Answer,
    ids::{
        BootId, GatewayId, Incarnation, InstanceId, InstanceRef, PodUid, StartId, Term, VolumeId,
    },
    observation::Route,
};
use std::{
    io::{BufRead, BufReader, Result, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Which role a process plays; none is the bench itself.
pub(crate) const ROLE: &str = "AGAINST_HAPROXY_ROLE";
const BEHIND: &str = "AGAINST_HAPROXY_BEHIND";
/// The folder of a certificate, if it speaks TLS with its clients.
const TLS: &str = "AGAINST_HAPROXY_TLS";
const START: StartId = StartId(7);
/// As many threads as the other proxy has.
const THREADS: usize = 1;

/// The clock that all processes of this machine share, in microseconds.
pub(crate) fn micros() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000).unwrap()
}

/// A process that listens.
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    child: Child,
    said: Option<BufReader<ChildStdout>>,
}

impl Proxy {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Tells it something.
    pub(crate) fn tell(&mut self, what: &str) {
        let stdin = self.child.stdin.as_mut().expect("a role of ours");
        writeln!(stdin, "{what}").expect("it listens");
    }

    /// The next number that it says.
    pub(crate) fn number(&mut self) -> u64 {
        let mut line = String::new();
        self.said.as_mut().expect("a role of ours").read_line(&mut line).expect("it speaks");
        line.trim().parse().expect("a number")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawned(name: &'static str, behind: Option<SocketAddr>, tls: Option<&Files>) -> Proxy {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, name).stdin(Stdio::piped()).stdout(Stdio::piped());
    if let Some(behind) = behind {
        command.env(BEHIND, behind.to_string());
    }
    if let Some(tls) = tls {
        command.env(TLS, &tls.0);
    }
    let mut child = command.spawn().expect("this program again");
    let mut line = String::new();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    let address = line.trim().parse().expect("where it listens");
    Proxy { name, address, child, said: Some(said) }
}

pub(crate) fn instance(tls: Option<&Files>) -> Proxy {
    spawned("instance", None, tls)
}

pub(crate) fn gateway(behind: SocketAddr, tls: Option<&Files>) -> Proxy {
    spawned("gateway", Some(behind), tls)
}

/// HAProxy, if there is one; `sessions` is the most that it gets.
pub(crate) fn haproxy(behind: SocketAddr, sessions: usize, tls: Option<&Files>) -> Option<Proxy> {
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let ssl = tls.map_or(String::new(), |tls| format!(" ssl crt {}", tls.both().display()));
    let config = format!(
        "global\n nbthread {THREADS}\n maxconn {sessions}\ndefaults\n mode tcp\n timeout connect 5s\n \
         timeout client 1h\n timeout server 1h\nlisten bench\n bind {address}{ssl}\n server a {behind}\n"
    );
    let file = format!("against-haproxy-{}-{}.cfg", std::process::id(), address.port());
    let path = std::env::temp_dir().join(file);
    std::fs::write(&path, config).unwrap();
    let started = Command::new("haproxy").arg("-db").arg("-f").arg(&path).spawn();
    let child = started.ok()?;
    let proxy = Proxy { name: "haproxy", address, child, said: None };
    for _ in 0..200 {
        if std::net::TcpStream::connect(address).is_ok() {
            let _ = std::fs::remove_file(&path);
            return Some(proxy);
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    None
}

/// The certificate of the role that this process plays.
fn certificate() -> Option<Files> {
    std::env::var_os(TLS).map(|folder| Files(folder.into()))
}

/// Plays the role that this process was started for.
pub(crate) fn play() {
    let role = std::env::var(ROLE).unwrap();
    if role == "instance" {
        return play_instance();
    }
    let behind: SocketAddr = std::env::var(BEHIND).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(play_gateway(behind));
}

async fn play_gateway(behind: SocketAddr) {
    let incarnation =
        Incarnation { pod: PodUid(1), start: START, boot: BootId(1), volume: VolumeId(1) };
    let main = InstanceRef { id: InstanceId(0), incarnation };
    let is_closed = Arc::new(AtomicBool::new(false));
    let closed = Arc::clone(&is_closed);
    let is_told = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&is_told);
    let desk = Desk::new(move |ask| {
        let term = Term(1);
        if ask.question.holds.is_none() && !told.swap(true, SeqCst) {
            // It acknowledges that no session forwards any more.
            println!("{}", micros());
        }
        let number = ask.question.number;
        let is_closed = closed.load(SeqCst);
        let route = if is_closed { Route::Closed } else { Route::Open { term, main } };
        Ok(Reply {
            version: VERSION,
            answer: Answer { number, term, route, lasts_ms: if is_closed { 0 } else { 3_000 } },
            main_address: (!is_closed).then_some(behind),
            replicas: Vec::new(),
            tag: is_closed.to_string(),
        })
    });
    let hand = desk.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let closes = line.unwrap() == "close";
            println!("{}", micros());
            is_closed.store(closes, SeqCst);
            is_told.store(!closes, SeqCst);
            hand.changed();
        }
    });
    let tls = certificate();
    let of = |path: fn(&Files) -> PathBuf| {
        tls.as_ref().map(|files| path(files).to_string_lossy().into_owned())
    };
    let settings = Settings::read(|setting| match setting.name {
        "tls-enabled" => Some(tls.is_some().to_string()),
        "tls-cert-path" => of(Files::certificate),
        "tls-key-path" => of(Files::key),
        "bind-address" | "admin-bind-address" => Some("127.0.0.1:0".to_owned()),
        "read-bind-address" => Some("off".to_owned()),
        "controllers" => Some("nobody:1".to_owned()),
        "max-connections" => Some("20000".to_owned()),
        _ => None,
    })
    .unwrap();
    let gateway = Gateway::bind(settings, GatewayId(0), Clock::system()).unwrap();
    println!("{}", gateway.addresses().write.unwrap());
    gateway.run(desk, NoStoredTarget, std::future::pending()).await.expect("all of it");
}

/// The answers of an instance, made once.
struct Canned {
    welcome: Vec<u8>,
    run: Vec<u8>,
    row: Vec<u8>,
    end: Vec<u8>,
}

fn wire(response: &Response) -> Vec<u8> {
    let mut out = Vec::new();
    response.send(Version::V5_2, &mut out).unwrap();
    out
}

fn play_instance() {
    let text = Value::from("x".repeat(64).as_str());
    let name = server_name(START);
    let canned = Arc::new(Canned {
        welcome: wire(&Response::Success(map([("server", name.as_str())]))),
        run: wire(&Response::Success(map([("fields", Value::List(vec!["n".into()]))]))),
        row: wire(&Response::Record(vec![text])),
        end: wire(&Response::Success(map([("has_more", Value::Bool(false))]))),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let open = Arc::new(AtomicUsize::new(0));
        let is_watched = Arc::new(AtomicBool::new(false));
        let watch = Arc::clone(&is_watched);
        std::thread::spawn(move || {
            for _watch in std::io::stdin().lines() {
                watch.store(true, SeqCst);
            }
        });
        let acceptor = certificate().map(|files| files.acceptor());
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let (canned, open) = (Arc::clone(&canned), Arc::clone(&open));
            let (is_watched, acceptor) = (Arc::clone(&is_watched), acceptor.clone());
            tokio::spawn(async move {
                open.fetch_add(1, SeqCst);
                let _ = match acceptor {
                    None => serve(socket, &canned).await,
                    Some(acceptor) => match acceptor.accept(socket).await {
                        Ok(stream) => serve(stream, &canned).await,
                        Err(error) => Err(error),
                    },
                };
                if open.fetch_sub(1, SeqCst) == 1 && is_watched.swap(false, SeqCst) {
                    // The last one has ended.
                    println!("{}", micros());
                }
            });
        }
    });
}

async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, canned: &Canned) -> Result<()> {
    socket.read_exact(&mut [0; HANDSHAKE_BYTES]).await?;
    socket.write_all(&answer(Version::V5_2)).await?;
    let (mut scanner, mut buffer) = (Scanner::new(), vec![0; 16 << 10]);
    let (mut text, mut rows) = (Vec::new(), 1_usize);
    let mut out = Vec::new();
    loop {
        let count = socket.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut current = None;
        for event in scanner.scan(&buffer[..count]) {
            match event {
                Event::Start(head) => {
                    current = head.signature().and_then(Signature::of);
                    text.clear();
                    match current {
                        Some(Signature::Run) => out.extend_from_slice(&canned.run),
                        Some(Signature::Pull) => {
                            for _ in 0..rows {
                                out.extend_from_slice(&canned.row);
                            }
                            out.extend_from_slice(&canned.end);
                        }
                        Some(_) => out.extend_from_slice(&canned.welcome),
                        None => {}
                    }
                }
                Event::Body(body) if current == Some(Signature::Run) => {
                    text.extend_from_slice(body);
                    rows = asked(&text).unwrap_or(rows);
                }
                Event::Body(_) | Event::Length(_) | Event::End(_) | Event::Noop => {}
            }
        }
        socket.write_all(&out).await?;
        out.clear();
    }
}

/// The rows that a body of a RUN such as `ROWS 20` asks for.
fn asked(body: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(body);
    let (_, number) = text.split_once("ROWS ")?;
    let mut digits = String::new();
    number.chars().take_while(char::is_ascii_digit).for_each(|digit| digits.push(digit));
    digits.parse().ok()
}
