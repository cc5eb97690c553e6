use super::*;
use crate::flags::Flags;
use ::gateway::settings::Kind;
use ha_core::desired::{Authority, Durability};
use std::io::Write;

fn args(set: &[(&'static str, &str)], file: Option<&str>) -> (Args, tempfile::NamedTempFile) {
    let mut kept = tempfile::NamedTempFile::new().expect("a file");
    kept.write_all(file.unwrap_or_default().as_bytes()).expect("it is written");
    let given = set.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    let config = file.map(|_| kept.path().to_string_lossy().into_owned());
    let mut flags = Flags::default();
    flags.given = given;
    (Args { config, flags }, kept)
}

fn problems(set: &[(&'static str, &str)], file: Option<&str>) -> Vec<String> {
    let (args, _kept) = args(set, file);
    let problems = Settings::read(&args).err().map_or(Vec::new(), |problems| problems.all);
    problems.into_iter().map(|problem| problem.name.to_owned()).collect()
}

#[test]
fn what_is_usual_fits() {
    let (args, _kept) = args(&[], None);
    let settings = Settings::read(&args).expect("good settings");
    assert_eq!(settings.desired, Desired::default());
    assert_eq!(settings.timing, Timing::default());
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
}

#[test]
fn flags_come_before_the_file_and_the_file_before_what_is_usual() {
    let file = "instances: 5\nauthority: pair\nsets-aside: false\nhttp-port: 9090\n";
    let (args, _kept) = args(&[("authority", "any")], Some(file));
    let settings = Settings::read(&args).expect("good settings");
    assert_eq!(settings.desired.instances, 5);
    assert_eq!(settings.desired.authority, Authority::Any);
    assert!(!settings.desired.sets_aside);
    assert_eq!(settings.listen.port(), 9_090);
    assert_eq!(settings.names.count(), 5);
}

/// A word that the table offers and the core does not know would stop every start.
#[test]
fn the_words_of_the_table_are_those_of_the_core() {
    let read = |name: &'static str, word: &str| {
        let (args, _kept) = args(&[(name, word)], None);
        Settings::read(&args).expect("good settings").desired
    };
    for setting in SETTINGS {
        let Kind::Word(words) = setting.kind else { continue };
        for word in words {
            match setting.name {
                "durability" => {
                    let expected: Durability = word.parse().expect("a durability");
                    assert_eq!(read("durability", word).durability, expected);
                }
                "authority" => {
                    let expected: Authority = word.parse().expect("an authority");
                    assert_eq!(read("authority", word).authority, expected);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let set = [
        ("instances", "0"),
        ("durability", "perhaps"),
        ("namespace", "Über"),
        ("grant-ms", "9000"),
        ("bolt-port", "7687"),
        ("log-level", "loud=very=much"),
        ("leader-label", "app"),
        ("gateways", "app=gateway,tier"),
    ];
    let found = problems(&set, Some("releas: x\nnumber: 300\n"));
    let expected = [
        "config",
        "instances",
        "durability",
        "number",
        "namespace",
        "lease-ms",
        "log-level",
        "replication-port",
        "leader-label",
        "pod-name",
        "gateways",
    ];
    assert_eq!(found, expected);
    assert_eq!(problems(&[], Some("- a\n- b\n")), ["config"]);
}

#[test]
fn what_of_tls_does_not_fit_is_said() {
    let name = ("tls-name", "instances");
    assert_eq!(problems(&[name], None), ["tls-ca-file"]);
    let (ca, key) = (("tls-ca-file", "/ca"), ("tls-key-file", "/key"));
    assert_eq!(problems(&[ca, key], None), ["tls-key-file"]);
    let (args, _kept) = args(&[ca, name], None);
    let tls = Settings::read(&args).expect("good settings").tls.expect("TLS");
    assert_eq!((tls.own, tls.name.as_deref()), (None, Some("instances")));
    assert_eq!(problems(&[ca, ("tls-name", "a b")], None), ["tls-name"]);
}

#[test]
fn members_ask_where_people_do_not() {
    let members = |address| ("members-listen", address);
    for address in ["0.0.0.0:8080", "127.0.0.1:8080"] {
        assert_eq!(problems(&[members(address)], None), ["members-listen"], "{address}");
    }
    let port = ("http-port", "9090");
    assert_eq!(problems(&[port, members("127.0.0.1:9090")], None), ["members-listen"]);
    let apart = [("listen", "127.0.0.1:8080"), members("127.0.0.2:8080")];
    let any = [("listen", "127.0.0.1:0"), members("127.0.0.1:0")];
    for set in [&apart[..], &any, &[port, members("0.0.0.0:8080")]] {
        assert_eq!(problems(set, None), [""; 0], "{set:?}");
    }
}

#[test]
fn a_password_is_never_shown() {
    let (args, _kept) = args(&[("password", "geheim"), ("password-file", "/x")], None);
    assert!(!format!("{args:?}").contains("geheim"), "{args:?}");
    let problems = Settings::read(&args).expect_err("two passwords").to_string();
    assert!(problems.contains("either password or password-file"), "{problems}");
    assert!(!problems.contains("geheim"), "{problems}");
    let (args, _kept) = self::args(&[("password", "geheim")], None);
    let settings = Settings::read(&args).expect("good settings");
    assert_eq!(settings.password.0, "geheim");
    assert!(!format!("{settings:?}").contains("geheim"), "{settings:?}");
}
