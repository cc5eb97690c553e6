//! The fault switches, set from outside.

use super::common::{Instance, until};
use bolt::message::AuthMap;
use instance::console::{Client, ClientError};
use std::time::Duration;

fn with_socket() -> (tempfile::TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let flag = format!("--admin-socket={}", directory.path().join("admin").display());
    (directory, flag)
}

fn short(instance: &Instance) -> Result<Client, ClientError> {
    let none = AuthMap(bolt::value::map([("scheme", "none")]));
    Client::connect(instance.address(), &none, Duration::from_millis(300))
}

#[test]
fn a_silent_port_accepts_and_says_nothing_until_it_is_lifted() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    assert!(lone.order(r#"{"port":"bolt","fault":{"silence":true}}"#).contains("true"));
    let error = short(&lone).unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    lone.order(r#"{"port":"bolt"}"#);
    assert_eq!(lone.count(), 0);
}

#[test]
fn a_refused_port_is_closed_and_opens_again() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    lone.order(r#"{"port":"bolt","fault":{"refuse":true}}"#);
    until("refused", || short(&lone).is_err());
    lone.order(r#"{"port":"bolt","fault":{}}"#);
    until("open", || short(&lone).is_ok());
}

#[test]
fn a_half_open_connection_goes_on_when_the_fault_is_over() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    let mut client = short(&lone).unwrap();
    lone.order(r#"{"port":"bolt","fault":{"half_open":true}}"#);
    assert!(client.run("RETURN 1").is_err());
    lone.order(r#"{"port":"bolt","fault":{}}"#);
    assert_eq!(lone.number("RETURN 1"), 1);
}

#[test]
fn a_connection_breaks_at_the_message_that_was_told() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    let mut client = lone.client();
    let fault = r#"{"port":"bolt","fault":{"fail_at":{"message":2,"when":"after"}}}"#;
    lone.order(fault);
    let error = client.run("CREATE (:T)").unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    lone.order(r#"{"port":"bolt","fault":{}}"#);
    assert_eq!(lone.count(), 1, "the write had its effect, the answer was lost");
}

#[test]
fn a_message_that_breaks_before_has_no_effect() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    let mut client = lone.client();
    lone.order(r#"{"port":"bolt","fault":{"fail_at":{"message":2,"when":"before"}}}"#);
    let error = client.run("CREATE (:T)").unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    lone.order(r#"{"port":"bolt","fault":{}}"#);
    assert_eq!(lone.count(), 0, "the statement was never carried out");
}

#[test]
fn a_delayed_message_arrives_for_whoever_waits() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    lone.order(r#"{"port":"bolt","fault":{"delay_ms":600}}"#);
    let error = short(&lone).unwrap_err();
    assert!(matches!(error, ClientError::Io(_)), "{error}");
    assert_eq!(lone.number("RETURN 1"), 1);
}

#[test]
fn an_order_that_makes_no_sense_is_told() {
    let (_directory, flag) = with_socket();
    let lone = Instance::start(&[&flag]);
    let answer = lone.order(r#"{"port":"bolt","fault":{"delay":5}}"#);
    assert!(answer.contains("unknown field `delay`"), "{answer}");
}

#[test]
fn the_second_phase_can_be_lost_and_is_a_success_all_the_same() {
    let (_directory, flag) = with_socket();
    let main = Instance::start(&[&flag]);
    let voter = Instance::start(&[]);
    voter.demote();
    main.register("r1", "STRICT_SYNC", &voter);
    main.run("CREATE (:T)");
    // Heartbeats pass the same port, so the decision is told from them by what it leaves behind.
    let mut lost = false;
    for _ in 0..50 {
        main.order(r#"{"port":"outgoing","fault":{"fail_at":{"message":2}}}"#);
        let written = main.client().run("CREATE (:T)").is_ok();
        main.order(r#"{"port":"outgoing","fault":{}}"#);
        lost = written && voter.count() < main.count();
        if lost {
            break;
        }
        until("writes go on", || main.client().run("CREATE (:T)").is_ok());
    }
    assert!(lost, "the decision was never the message that was lost");
    until("the next write brings it back", || {
        main.client().run("CREATE (:T)").is_ok() && voter.count() == main.count()
    });
}

#[test]
fn a_cut_main_aborts_at_once_and_recovers() {
    let (_directory, flag) = with_socket();
    let main = Instance::start(&[&flag]);
    let voter = Instance::start(&[]);
    voter.demote();
    main.register("r1", "STRICT_SYNC", &voter);
    main.order(r#"{"port":"outgoing","fault":{"refuse":true}}"#);
    assert!(main.refused("CREATE (:T)").contains("not reachable or not in sync"));
    main.order(r#"{"port":"outgoing","fault":{}}"#);
    until("writes go on", || main.client().run("CREATE (:T)").is_ok());
    assert_eq!(voter.count(), main.count());
}
