//! `memgraph-ha instance` and the console that the binary is under another name.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_memgraph-ha");

/// A process that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn statements_go_through_the_console_to_the_instance() {
    let directory = std::env::temp_dir().join(format!("memgraph-ha-cli-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let console = directory.join("mgconsole");
    drop(std::fs::remove_file(&console));
    std::os::unix::fs::symlink(BINARY, &console).unwrap();

    let mut instance = Command::new(BINARY)
        .args(["instance", "--bolt-address", "127.0.0.1", "--bolt-port=0", "--of-a-later-release"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(instance.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _instance = Ends(instance);
    let (_, port) = line.trim().rsplit_once(':').unwrap();

    let mut asked = Command::new(&console)
        .args(["--port", port, "--output-format", "csv", "--username=", "--password="])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = b"CREATE (:T {x: 'a;b'}); MATCH (n:T)\nRETURN n.x AS x;\nSHOW REPLICATION ROLE;\n";
    asked.stdin.take().unwrap().write_all(text).unwrap();
    let output = asked.wait_with_output().unwrap();
    assert!(output.status.success());
    let expected = "x\n\"a;b\"\nreplication role\n\"main\"\n";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);

    let failed =
        Command::new(&console).args(["--port", port]).stdin(Stdio::piped()).spawn().and_then(
            |mut child| {
                child.stdin.take().unwrap().write_all(b"RETURN (;")?;
                child.wait()
            },
        );
    assert!(!failed.unwrap().success(), "a statement that fails ends the console so");
    drop(std::fs::remove_dir_all(&directory));
}

#[test]
fn help_lists_the_flags_of_memgraph() {
    let output = Command::new(BINARY).args(["instance", "--help"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for flag in ["--bolt-port", "--storage-wal-file-flush-every-n-tx", "--simulate-power-loss"] {
        assert!(text.contains(flag), "{text}");
    }
}
