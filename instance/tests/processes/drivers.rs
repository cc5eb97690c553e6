//! Drivers that users have: the official ones of Python and JavaScript, and pymgclient. Each does
//! what is in its script of `tests/drivers`, in the clear and over TLS; one that is not installed is
//! left out, and the test says which and why.
//!
//! `DRIVERS_PYTHON` names Python interpreters, several with `:` between them, since two versions of a
//! driver are in two environments; the default is `python3`. `DRIVERS_NODE` names Node.js, and
//! `NODE_PATH` the folder in which `neo4j-driver` is installed.

use super::common::Instance;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

/// How a script says that its driver is not there.
const ABSENT: i32 = 77;

/// An instance in the clear, and one behind TLS; the folder keeps the certificate.
fn instances() -> (Instance, Instance, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    let tls = [flag("bolt-cert-file", &certificate), flag("bolt-key-file", &key)];
    let secured = Instance::start(&[&tls[0], &tls[1]]);
    (Instance::start(&[]), secured, directory)
}

/// Runs a script against fresh instances with an interpreter, if it and the driver are there.
fn drive(interpreter: &str, script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers").join(script);
    let (clear, secured, _directory) = instances();
    for (instance, how) in [(&clear, "plain"), (&secured, "tls")] {
        let address = instance.address();
        let output = Command::new(interpreter)
            .arg(&path)
            .args([address.ip().to_string(), address.port().to_string(), how.to_owned()])
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return println!("left out: {interpreter} is not here, for {script}");
            }
            Err(error) => panic!("{interpreter}: {error}"),
        };
        let (said, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.code() == Some(ABSENT) {
            return println!("left out: {script} with {interpreter}: {}", said.trim());
        }
        assert!(output.status.success(), "{script} with {interpreter}, {how}:\n{said}{errors}");
        println!("{}", said.trim());
    }
}

fn interpreters(variable: &str, default: &str) -> Vec<String> {
    let named = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    named.split(':').map(ToOwned::to_owned).collect()
}

#[test]
fn the_official_python_driver_is_served() {
    for python in interpreters("DRIVERS_PYTHON", "python3") {
        drive(&python, "with_neo4j.py");
    }
}

#[test]
fn pymgclient_is_served() {
    for python in interpreters("DRIVERS_PYTHON", "python3") {
        drive(&python, "with_mgclient.py");
    }
}

#[test]
fn the_official_javascript_driver_is_served() {
    for node in interpreters("DRIVERS_NODE", "node") {
        drive(&node, "with_neo4j.js");
    }
}
