//! Data is set aside and put back, on a whole cluster of processes.

mod common;

use common::{folder, memgraph_ha, text};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A cluster that ends with the test.
struct Demo {
    process: Child,
    /// The flags that make a command mean it.
    flags: Vec<String>,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_memgraph-ha"))
            .args(["demo", "--serve", "--port", "27687", "--read-port", "27787"])
            .args(["--page-port", "28080", "--instance-port", "28687"])
            .args(["--folder".as_ref(), folder.as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary");
        let mut demo = Self { process, flags: Vec::new() };
        let output = demo.process.stdout.take().expect("an output");
        let (sender, lines) = std::sync::mpsc::channel();
        // It is read to its end: whoever writes into nothing ends.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _nobody_waits = sender.send(line);
            }
        });
        let until = Instant::now() + PATIENCE;
        let next = || lines.recv_timeout(until.saturating_duration_since(Instant::now()));
        while let Ok(line) = next() {
            if let Some((_, given)) = line.split_once("memgraph-ha switchover ") {
                demo.flags = given.split_whitespace().map(str::to_owned).collect();
            }
            if line.ends_with("ready") {
                return demo;
            }
        }
        panic!("it ended, or took too long, before it was ready");
    }

    fn run(&self, args: &[&str]) -> Output {
        let flags = self.flags.iter().map(String::as_str);
        memgraph_ha(&args.iter().copied().chain(flags).collect::<Vec<_>>())
    }

    #[track_caller]
    fn ends(&self, args: &[&str], code: i32, words: &str) {
        let output = self.run(args);
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // In order, so that its own processes end with it.
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ended = self.process.wait();
    }
}

/// The names of what lies set aside on the volume of an instance, wherever in the folder that is.
fn aside(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        if path.is_dir() && name(&path).as_deref() == Some("set-aside") {
            let kept = fs::read_dir(&path).expect("a folder");
            found.extend(kept.filter_map(|kept| name(&kept.expect("an entry").path())));
        } else if path.is_dir() {
            found.extend(aside(&path));
        }
    }
    found
}

#[test]
fn a_person_sets_data_aside_and_puts_it_back() {
    let folder = folder("data");
    let demo = Demo::start(&folder);
    demo.ends(&["reset-replica", "mg-0", "--yes"], 1, "it is the main");
    demo.ends(&["reset-replica", "mg-2"], 1, "Nothing is done without --yes");
    assert_eq!(aside(&folder), Vec::<String>::new());
    demo.ends(&["reset-replica", "mg-2", "--yes", "--wait"], 0, "began anew, and is proven");
    let first = aside(&folder);
    assert_eq!(first.len(), 1, "{first:?}");
    let back = ["restore-set-aside", "mg-2", "--yes", "--wait", "--copy", &first[0]];
    demo.ends(&back, 0, "answers with what was put back");
    let second = aside(&folder);
    assert!(second.len() == 1 && second != first, "swapped: {first:?}, {second:?}");
    demo.ends(&["restore-set-aside", "mg-2", "--copy", "the last"], 2, "hexadecimal");
    // What came back has nothing of its own, so it follows; then the voter's turn.
    let until = Instant::now() + PATIENCE;
    while demo.run(&["status"]).status.code() != Some(0) {
        assert!(Instant::now() < until, "never settled: {}", text(&demo.run(&["status"]).stdout));
        std::thread::sleep(Duration::from_millis(200));
    }
    demo.ends(&["reset-replica", "mg-1", "--yes", "--wait"], 0, "vote moves to another");
    assert_eq!(aside(&folder).len(), 2);
}
