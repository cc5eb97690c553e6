//! `memgraph-ha gateway`: settings are judged at once.

mod common;

use common::{folder, memgraph_ha, text};

#[test]
fn all_wrong_settings_are_told_at_once() {
    let output = memgraph_ha(&["gateway", "--hold-limit", "soon", "--max-connections", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for part in [
        "hold-limit=\"soon\": a time from 0ms to 30s is expected",
        "max-connections=\"0\": a number from 1 to 100000 is expected",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_level_that_is_none_is_told_and_not_replaced() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_memgraph-ha"));
    command.args(["gateway", "--hold-limit", "soon"]).env("LOG_LEVEL", "loud");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    for part in ["hold-limit=\"soon\"", "LOG_LEVEL=\"loud\": off, error, warn, info, debug"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn help_names_every_setting_with_its_variable() {
    let output = memgraph_ha(&["gateway", "--help"]);
    assert!(output.status.success());
    let said = text(&output.stdout);
    for setting in gateway::settings::SETTINGS {
        assert!(said.contains(&format!("--{}", setting.name)), "{}", setting.name);
        assert!(said.contains(&setting.variable()), "{}", setting.name);
    }
}

#[test]
fn a_missing_certificate_is_named() {
    let path = folder("gateway-tls").join("tls.crt").to_string_lossy().into_owned();
    let tls = ["--tls-enabled", "true", "--tls-cert-path", &path, "--tls-key-path", &path];
    let anywhere = ["--bind-address", "127.0.0.1:0", "--read-bind-address", "off"];
    let output = memgraph_ha(
        &[&["gateway", "--controllers", "localhost:1"], &tls[..], &anywhere[..]].concat(),
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains(&path));
}
