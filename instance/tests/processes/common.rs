//! A process with an instance in it, and what tests ask it.

pub(crate) use super::ports::free_port;
use bolt::Value;
use bolt::message::AuthMap;
use instance::console::{Client, ClientError, Outcome};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where a child finds its flags.
pub(crate) const FLAGS: &str = "INSTANCE_FLAGS";

/// Another start command, with spaces between its words: that of the binary, or of a vendor's. The
/// same tests then run on it.
const COMMAND: &str = "INSTANCE_COMMAND";

/// Flags that no vendor's binary knows; what needs one of them fails there.
const OWN: [&str; 8] = [
    "--admin-socket",
    "--engine-version",
    "--licensed",
    "--max-connections",
    "--of-a-later-release",
    "--replication-address",
    "--simulate-power-loss",
    "--user",
];

/// What a vendor's binary is started with besides: what this one does by itself, and nothing that
/// leaves the machine.
const VENDORS: [&str; 4] = [
    "--storage-wal-enabled=true",
    "--storage-snapshot-interval-sec=300",
    "--storage-snapshot-on-exit=false",
    "--telemetry-enabled=false",
];

/// How long anything that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running child. Its output stays open: the test harness in it writes there.
#[derive(Debug)]
struct Process {
    child: Child,
    address: SocketAddr,
    _output: BufReader<std::process::ChildStdout>,
}

/// An instance: its data directory and, when it runs, its process.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) replication_port: u16,
    flags: Vec<String>,
    running: Option<Process>,
}

impl Instance {
    /// Starts an instance with a fresh data directory.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut instance = Self {
            directory: tempfile::tempdir().unwrap(),
            replication_port: free_port(),
            flags: flags.iter().map(ToString::to_string).collect(),
            running: None,
        };
        instance.restart(&[]);
        instance
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts the process again, with more flags, and waits until Bolt is open.
    pub(crate) fn restart(&mut self, more: &[&str]) {
        self.kill();
        let port = free_port();
        let mut child = self.spawn(port, more, Stdio::null());
        let mut output = BufReader::new(child.stdout.take().unwrap());
        if foreign().is_some() {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            until("Bolt is open", || {
                assert!(child.try_wait().unwrap().is_none(), "the process ended before that");
                std::net::TcpStream::connect(address).is_ok()
            });
            self.running = Some(Process { child, address, _output: output });
            return;
        }
        let address = loop {
            let mut line = String::new();
            if output.read_line(&mut line).unwrap() == 0 {
                panic!("the process ended before Bolt was open: {:?}", child.wait());
            }
            if let Some((_, address)) = line.split_once("Bolt is open at ") {
                break address.trim().parse().unwrap();
            }
        };
        self.running = Some(Process { child, address, _output: output });
    }

    /// Starts the process and gives how it ended, for one that must not come up.
    pub(crate) fn fails_to_start(&mut self, more: &[&str]) -> String {
        self.kill();
        let mut child = self.spawn(free_port(), more, Stdio::piped());
        let limit = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > limit {
                child.kill().unwrap();
                panic!("the process was to fail, and it runs");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success(), "the process was to fail");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Starts the process; a port is taken by other start commands only, as this binary says which
    /// one it found.
    fn spawn(&self, port: u16, more: &[&str], errors: Stdio) -> Child {
        let port = if foreign().is_some() { port } else { 0 };
        let mut flags = vec![
            "--bolt-address=127.0.0.1".to_owned(),
            format!("--bolt-port={port}"),
            "--replication-address=127.0.0.1".to_owned(),
            format!("--data-directory={}", self.data().display()),
        ];
        flags.extend(self.flags.iter().cloned());
        flags.extend(more.iter().map(ToString::to_string));
        let mut command = match foreign() {
            Some((mut command, is_vendors)) => {
                let name = |flag: &String| flag.split('=').next().unwrap_or_default().to_owned();
                if is_vendors {
                    flags.retain(|flag| !OWN.contains(&name(flag).as_str()));
                    let log = self.directory.path().join("log");
                    command.args(VENDORS).arg(format!("--log-file={}", log.display()));
                }
                command.args(flags);
                command
            }
            None => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args(["--exact", "the_process", "--ignored", "--nocapture"]);
                command.env(FLAGS, serde_json::to_string(&flags).unwrap());
                command
            }
        };
        command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap()
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.as_ref().unwrap().child.id()
    }

    /// Where Bolt listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.as_ref().unwrap().address
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(Process { mut child, .. }) = self.running.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops the process where it is: its connections stay, and it says nothing. Its threads stop
    /// one after the other, and until the last of them one may still answer.
    pub(crate) fn freeze(&self) {
        let pid = self.pid();
        signal(pid, "STOP");
        until("each thread stands", || {
            let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
            threads.map(|thread| thread.unwrap().path().join("stat")).all(|path| {
                let stat = std::fs::read_to_string(path).unwrap_or_default();
                // The state follows the name, which stands in brackets.
                stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" T"))
            })
        });
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        signal(self.pid(), "CONT");
    }

    /// Ends the process by SIGTERM and waits; whether it ended well.
    pub(crate) fn terminate(&mut self) -> bool {
        let Process { mut child, .. } = self.running.take().unwrap();
        signal(child.id(), "TERM");
        child.wait().unwrap().success()
    }

    /// A connection.
    pub(crate) fn client(&self) -> Client {
        self.try_client().unwrap()
    }

    pub(crate) fn try_client(&self) -> Result<Client, ClientError> {
        let none = AuthMap(bolt::value::map([("scheme", "none")]));
        Client::connect(self.address(), &none, PATIENCE)
    }

    /// Runs a statement on a connection of its own.
    pub(crate) fn run(&self, query: &str) -> Outcome {
        self.client().run(query).unwrap_or_else(|error| panic!("{query}: {error:?}"))
    }

    /// The text of a failure.
    pub(crate) fn refused(&self, query: &str) -> String {
        let error = self.client().run(query).expect_err(query);
        error.failure().unwrap_or_else(|| panic!("{query}: {error}")).message.clone()
    }

    /// The number in the only row.
    pub(crate) fn number(&self, query: &str) -> i64 {
        self.run(query).rows[0][0].as_int().unwrap()
    }

    /// How many nodes there are.
    pub(crate) fn count(&self) -> i64 {
        self.number("MATCH (n) RETURN count(n)")
    }

    /// Makes it a replica.
    pub(crate) fn demote(&self) {
        let query = format!("SET REPLICATION ROLE TO REPLICA WITH PORT {}", self.replication_port);
        // The role is changed by a try-lock, which whatever runs behind may hold (MR 1.2).
        let busy = || self.client().run(&query).is_err();
        let tries = (0..40).take_while(|_| {
            let again = busy();
            std::thread::sleep(Duration::from_millis(if again { 50 } else { 0 }));
            again
        });
        assert!(tries.count() < 40, "{query}: refused for two seconds");
    }

    /// Makes it a main.
    pub(crate) fn promote(&self) {
        self.run("SET REPLICATION ROLE TO MAIN");
    }

    pub(crate) fn register_text(name: &str, mode: &str, replica: &Self) -> String {
        let port = replica.replication_port;
        format!("REGISTER REPLICA {name} {mode} TO \"127.0.0.1:{port}\"")
    }

    /// Registers a replica.
    pub(crate) fn register(&self, name: &str, mode: &str, replica: &Self) {
        self.run(&Self::register_text(name, mode, replica));
    }

    /// The only column of SHOW REPLICATION ROLE.
    pub(crate) fn role(&self) -> String {
        self.run("SHOW REPLICATION ROLE").rows[0][0].as_str().unwrap().to_owned()
    }

    /// `ts`, `behind` and status of a replica.
    pub(crate) fn info(&self, name: &str) -> (i64, i64, String) {
        let rows = self.run("SHOW REPLICAS").rows;
        let row = rows.iter().find(|row| row[0].as_str() == Some(name)).expect("a row");
        let data = row[4].as_map().unwrap();
        let info = data.get("memgraph").and_then(Value::as_map).expect("not a phantom");
        let number = |key: &str| info[key].as_int().unwrap();
        (number("ts"), number("behind"), info["status"].as_str().unwrap().to_owned())
    }

    /// Waits for a replica's status.
    pub(crate) fn wait_for(&self, name: &str, status: &str) {
        until(&format!("{name} {status}"), || self.info(name).2 == status);
    }

    /// The order that the test's process gives over the admin socket.
    pub(crate) fn order(&self, line: &str) -> String {
        use std::io::Write;
        let path = self.socket();
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    }

    fn socket(&self) -> PathBuf {
        let flag = self.flags.iter().find_map(|flag| flag.strip_prefix("--admin-socket="));
        Path::new(flag.expect("an admin socket")).to_owned()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The other start command, if one is named, and whether it is a vendor's.
fn foreign() -> Option<(Command, bool)> {
    let text = std::env::var(COMMAND).ok()?;
    let mut words = text.split_whitespace();
    let mut command = Command::new(words.next()?);
    let arguments: Vec<&str> = words.collect();
    command.args(&arguments);
    Some((command, arguments != ["instance"]))
}

/// Whether the start command is a vendor's.
pub(crate) fn is_vendors() -> bool {
    foreign().is_some_and(|(_, is_vendors)| is_vendors)
}

/// A main with replicas in these modes, named `r1`, `r2` and so on; all ready.
pub(crate) fn cluster(modes: &[&str], flags: &[&str]) -> Vec<Instance> {
    let instances: Vec<Instance> = (0..=modes.len()).map(|_| Instance::start(flags)).collect();
    for (at, mode) in modes.iter().enumerate() {
        let replica = &instances[at + 1];
        replica.demote();
        instances[0].register(&format!("r{}", at + 1), mode, replica);
        instances[0].wait_for(&format!("r{}", at + 1), "ready");
    }
    instances
}

/// A main and an instance that was its main, with one transaction that the main lacks.
pub(crate) fn branched(flags: &[&str]) -> (Instance, Instance) {
    let mut cluster = cluster(&["ASYNC"], flags);
    cluster[0].run("CREATE (:T)");
    until("it follows", || cluster[1].count() == 1);
    cluster[1].kill();
    cluster[0].run("CREATE (:Tail)");
    cluster[0].kill();
    cluster[1].restart(&[]);
    cluster[1].promote();
    cluster[1].run("CREATE (:T)");
    cluster[0].restart(&[]);
    cluster[0].demote();
    let former = cluster.swap_remove(0);
    (cluster.swap_remove(0), former)
}

/// Sends a signal.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(status.unwrap().success());
}

/// Waits for what must come.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < limit, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
