//! `memgraph-ha instance` and the console that the binary is under another name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

const BINARY: &str = env!("CARGO_BIN_EXE_memgraph-ha");

/// A process that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A running instance, its Bolt port, and a folder with the console in it.
struct Site {
    _instance: Ends,
    port: String,
    folder: tempfile::TempDir,
}

impl Site {
    /// Starts an instance with more flags.
    fn start(folder: tempfile::TempDir, more: &[&str]) -> Self {
        std::os::unix::fs::symlink(BINARY, folder.path().join("mgconsole")).unwrap();
        let mut instance = Command::new(BINARY)
            .args(["instance", "--bolt-address", "127.0.0.1", "--bolt-port=0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(instance.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit_once(':').unwrap().1.to_owned();
        Self { _instance: Ends(instance), port, folder }
    }

    /// What the console makes of a text.
    fn console(&self, flags: &[&str], text: &str) -> Output {
        let mut console = Command::new(self.folder.path().join("mgconsole"))
            .args(["--port", &self.port])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that cannot log in closes its input before it has read anything.
        drop(console.stdin.take().unwrap().write_all(text.as_bytes()));
        console.wait_with_output().unwrap()
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[test]
fn statements_go_through_the_console_to_the_instance() {
    let site = Site::start(tempfile::tempdir().unwrap(), &["--of-a-later-release"]);
    let statements = "CREATE (:T {x: 'a;\nb'}); MATCH (n:T) // all of them;\nRETURN n.x AS x;\n\
                      SHOW REPLICATION ROLE;\n// the end\n";
    let flags = ["--output-format", "csv", "--username=", "--password="];
    let output = site.console(&flags, statements);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected = "x\n\"a;\nb\"\nreplication role\n\"main\"\n";
    assert_eq!(text(&output.stdout), expected);

    let failed = site.console(&[], "RETURN (;");
    assert!(!failed.status.success(), "a statement that fails ends the console so");
    assert!(text(&failed.stderr).contains("expected"), "{}", text(&failed.stderr));
    let open = site.console(&[], "RETURN 1;\nRETURN 'open;\n");
    assert!(!open.status.success(), "what is left open is not passed over");
    assert!(text(&open.stdout).contains("1 row in set"), "{}", text(&open.stdout));
}

#[test]
fn the_console_logs_in_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let tls = ["--bolt-cert-file", certificate, "--bolt-key-file", key];
    let site = Site::start(folder, &[&tls[..], &["--user=ann", "--password=secret"]].concat());

    let flags = ["--host", "localhost", "--use-ssl", "--username", "ann", "--password", "secret"];
    let output = site.console(&flags, "SHOW REPLICATION ROLE;");
    let expected = "\
+------------------+
| replication role |
+------------------+
| \"main\"           |
+------------------+
1 row in set
";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
    assert!(output.status.success());

    let wrong = ["--host", "localhost", "--use-ssl", "--username", "ann", "--password", "guess"];
    let refused = site.console(&wrong, "RETURN 1;");
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(text(&refused.stderr).contains("Authentication failure"), "{}", text(&refused.stderr));
    let clear = site.console(&["--username=ann", "--password=secret"], "RETURN 1;");
    assert!(!clear.status.success(), "without TLS there is no session");
}

#[test]
fn help_lists_the_flags_of_memgraph() {
    let output = Command::new(BINARY).args(["instance", "--help"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for flag in ["--bolt-port", "--storage-wal-file-flush-every-n-tx", "--simulate-power-loss"] {
        assert!(text.contains(flag), "{text}");
    }
}
