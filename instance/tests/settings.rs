//! Command lines: both forms, unknown flags, wrong values.

use instance::{Settings, SettingsError};
use std::time::Duration;

fn parse(arguments: &[&str]) -> Result<(Settings, Vec<String>), SettingsError> {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    Settings::parse(&arguments, |_| None)
}

fn settings(arguments: &[&str]) -> Settings {
    parse(arguments).expect("flags that are right").0
}

#[test]
fn no_flags_are_the_default() {
    assert_eq!(settings(&[]), Settings::default());
}

#[test]
fn a_value_follows_a_sign_or_a_blank() {
    let joined = settings(&["--bolt-port=7000", "--data-directory=d", "--log-level=TRACE"]);
    let spaced =
        settings(&["--bolt_port", "7000", "--data-directory", "d", "--log-level", "trace"]);
    assert_eq!(joined.bolt, spaced.bolt);
    assert_eq!(joined.data_directory, spaced.data_directory);
    assert_eq!((joined.log_level.as_str(), spaced.log_level.as_str()), ("trace", "trace"));
}

#[test]
fn a_bare_switch_is_true_and_takes_no_other_word() {
    let harness = settings(&[
        "--storage-wal-enabled",
        "--storage-snapshot-interval-sec",
        "0",
        "--storage-properties-on-edges",
        "--storage-snapshot-on-exit=false",
        "--licensed",
        "true",
        "--nodata-recovery-on-startup",
    ]);
    assert!(harness.machine.wal_enabled && harness.machine.licensed);
    assert!(!harness.machine.recover_data && !harness.snapshot_on_exit);
    assert_eq!(harness.snapshot_every, None);
}

#[test]
fn heartbeats_are_off_at_zero() {
    let off = settings(&["--replication-replica-check-frequency-sec=0"]);
    assert!(!off.machine.heartbeats);
    let slow = settings(&["--replication-replica-check-frequency-sec=7"]);
    assert!(slow.machine.heartbeats);
    assert_eq!(slow.heartbeat_every, Duration::from_secs(7));
}

#[test]
fn unknown_flags_are_told_by_name_and_their_values_passed_over() {
    let (settings, unknown) =
        parse(&["--new-flag", "5", "--other=x", "--bolt-port", "1", "--last"]).expect("no error");
    assert_eq!(unknown, ["--new-flag", "--other", "--last"]);
    assert_eq!(settings.bolt.port(), 1);
}

#[test]
fn what_is_wrong_is_told_with_what_would_be_right() {
    for (arguments, text) in [
        (&["bolt"][..], "\"bolt\" is no flag; write --name=value or --name value"),
        (&["--bolt-port"], "--bolt-port needs a value; write --bolt-port=value"),
        (&["--bolt-port=x"], "--bolt-port=x: expected a port from 0 to 65535"),
        (&["--licensed=maybe"], "--licensed=maybe: expected true or false"),
        (&["--engine-version=2.0"], "--engine-version=2.0: expected 3.8, 3.10, 3.12 or head"),
        (
            &["--storage-mode=IN_MEMORY_ANALYTICAL"],
            "--storage-mode=IN_MEMORY_ANALYTICAL: expected IN_MEMORY_TRANSACTIONAL, which is the \
             only mode here",
        ),
        (&["--bolt-address=here"], "--bolt-address=here: expected an IP address"),
        (&["--user=u"], "--user is set and --password is not; set both or none"),
        (
            &["--bolt-key-file=k"],
            "--bolt-key-file is set and --bolt-cert-file is not; set both or none",
        ),
        (&["--simulate-power-loss"], "--simulate-power-loss needs --data-directory"),
        (&["--max-connections=0"], "--max-connections=0 would let nobody in; set at least 1"),
    ] {
        assert_eq!(parse(arguments).expect_err(text).to_string(), text);
    }
}

#[test]
fn the_environment_names_the_user_and_flags_go_before_it() {
    let environment = |name: &str| match name {
        "MEMGRAPH_USER" => Some("from-environment".to_owned()),
        "MEMGRAPH_PASSWORD" => Some("secret".to_owned()),
        _ => None,
    };
    let read = |arguments: &[String]| Settings::parse(arguments, environment).expect("right").0;
    let user = read(&[]).user.expect("a user");
    assert_eq!((user.name.as_str(), user.password.as_str()), ("from-environment", "secret"));
    let settings = read(&["--user=u".into(), "--password=p&ssw0rd".into()]);
    assert!(!format!("{settings:?}").contains("p&ssw0rd"), "a password is never printed");
    assert_eq!(settings.given.get("user").map(String::as_str), Some("u"));
    let user = settings.user.expect("a user");
    assert_eq!((user.name.as_str(), user.password.as_str()), ("u", "p&ssw0rd"));
}
