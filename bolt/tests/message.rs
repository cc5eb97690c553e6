//! Messages: what is written is read again in every version that has it, and secrets are not printed.

#![allow(clippy::wildcard_enum_match_arm, reason = "most messages are the same in all versions")]

mod common;

use bolt::{
    Limits, Map, Request, Response, Signature, Value, Version,
    message::{
        Amount, AuthMap, Extra, Failure, Fetch, HelloMap, MessageError, Mode, Route, RouteTarget,
        Run,
    },
    value::map,
};
use common::{
    VERSIONS,
    runs::hold,
    values::{int, plain_map, value, with_element_ids},
};
use proptest::{collection::vec, option, prelude::*};

fn hello() -> HelloMap {
    let mut hello = map([("user_agent", "test/1")]);
    hello.extend(AuthMap::basic("ann", "s3cret").0);
    HelloMap(hello)
}

fn request() -> impl Strategy<Value = Request> {
    let fetch = (option::of(0..u64::MAX / 2), option::of(0..9_i64)).prop_map(|(n, qid)| {
        let amount = n.map_or(Amount::All, Amount::AtMost);
        Fetch { amount, qid }
    });
    let extra = || plain_map().prop_map(Extra);
    let target = prop_oneof![
        option::of("[a-z]{1,8}").prop_map(RouteTarget::Database),
        extra().prop_map(RouteTarget::Extra),
    ];
    prop_oneof![
        Just(Request::Hello(hello())),
        Just(Request::Logon(AuthMap::basic("ann", "s3cret"))),
        prop_oneof![
            Just(Request::Logoff),
            Just(Request::Goodbye),
            Just(Request::Reset),
            Just(Request::AckFailure),
            Just(Request::Commit),
            Just(Request::Rollback),
        ],
        (".{0,40}", plain_map(), extra()).prop_map(|(query, parameters, extra)| {
            Request::Run(Run { query, parameters, extra })
        }),
        fetch.clone().prop_map(Request::Pull),
        fetch.prop_map(Request::Discard),
        extra().prop_map(Request::Begin),
        (plain_map(), target).prop_map(|(routing, target)| {
            Request::Route(Route { routing, bookmarks: Vec::new(), target })
        }),
        int().prop_map(Request::Telemetry),
    ]
}

/// What a version leaves out of a request, and what it cannot say.
fn as_read(request: &Request, version: Version) -> Option<Request> {
    let first = version == Version::V1_0;
    match request {
        Request::Run(run) if first => {
            Some(Request::Run(Run { extra: Extra::none(), ..run.clone() }))
        }
        Request::Pull(_) if first => Some(Request::Pull(Fetch::ALL)),
        Request::Discard(_) if first => Some(Request::Discard(Fetch::ALL)),
        Request::Route(route) => {
            let is_name = matches!(route.target, RouteTarget::Database(_));
            (is_name == (version == Version::V4_3)).then(|| request.clone())
        }
        other => Some(other.clone()),
    }
}

#[test]
fn requests_are_read_again() {
    hold(2_000, &request(), |request| {
        for version in VERSIONS {
            let Some(expected) = as_read(request, version) else { continue };
            let mut body = Vec::new();
            match request.encode(version, &mut body) {
                Ok(()) => {
                    let read = Request::decode(&body, version, Limits::USUAL);
                    let read = read.expect("what was written");
                    prop_assert_eq!(format!("{read:?}"), format!("{expected:?}"));
                    prop_assert_eq!(body[1], request.signature().byte());
                }
                Err(error) => {
                    let signature = request.signature();
                    prop_assert_eq!(error, MessageError::Version { signature, version });
                }
            }
        }
        Ok(())
    });
}

#[test]
fn answers_are_read_again() {
    let response = prop_oneof![
        plain_map().prop_map(Response::Success),
        vec(value(), 0..4).prop_map(Response::Record),
        Just(Response::Ignored),
        (".*", ".*", plain_map()).prop_map(|(code, message, details)| {
            Response::Failure(Failure { code, message, details })
        }),
    ];
    hold(500, &response, |response| {
        let mut body = Vec::new();
        response.encode(Version::V5_2, &mut body).expect("short values");
        let read = Response::decode(&body, Version::V5_2, Limits::USUAL).expect("written");
        let expected = match response {
            Response::Record(values) => {
                Response::Record(values.iter().cloned().map(with_element_ids).collect())
            }
            other => other.clone(),
        };
        prop_assert_eq!(format!("{read:?}"), format!("{expected:?}"));
        Ok(())
    });
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let run = Request::Run(Run { query: "R".to_owned(), ..Run::default() });
    let some = Fetch { amount: Amount::AtMost(1000), qid: Some(2) };
    let first = Request::Hello(HelloMap(map([("user_agent", "u"), ("scheme", "none")])));
    let cases: [(Request, Version, &[u8]); 9] = [
        (Request::Reset, Version::V5_2, &[0xB0, 0x0F]),
        (run.clone(), Version::V5_2, &[0xB3, 0x10, 0x81, b'R', 0xA0, 0xA0]),
        (run, Version::V1_0, &[0xB2, 0x10, 0x81, b'R', 0xA0]),
        (Request::Pull(Fetch::ALL), Version::V4_4, &[0xB1, 0x3F, 0xA1, 0x81, b'n', 0xFF]),
        (Request::Pull(Fetch::ALL), Version::V1_0, &[0xB0, 0x3F]),
        (
            Request::Discard(some),
            Version::V4_4,
            &[0xB1, 0x2F, 0xA2, 0x81, b'n', 0xC9, 3, 0xE8, 0x83, b'q', b'i', b'd', 2],
        ),
        (Request::Begin(Extra::none()), Version::V4_4, &[0xB1, 0x11, 0xA0]),
        (Request::Goodbye, Version::V4_4, &[0xB0, 0x02]),
        (first, Version::V1_0, b"\xB2\x01\x81u\xA1\x86scheme\x84none"),
    ];
    for (request, version, expected) in cases {
        let mut body = Vec::new();
        request.encode(version, &mut body).expect("of this version");
        assert_eq!(body, expected, "{request:?} of {version}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let cases: [(&[u8], Version, &str); 9] = [
        (&[0xB0, 0x99], Version::V5_2, "signature 0x99 is that of no request of Bolt"),
        (&[0xB1, 0x70, 0xA0], Version::V5_2, "signature 0x70 is that of no request of Bolt"),
        (&[0xB1, 0x6A, 0xA0], Version::V4_4, "LOGON is not part of Bolt 4.4"),
        (&[0xB1, 0x11, 0xA0], Version::V1_0, "BEGIN is not part of Bolt 1.0"),
        (&[0xB1, 0x10, 0x80], Version::V4_4, "RUN of Bolt 4.4 has 3 fields, found 1"),
        (
            &[0xB1, 0x11, 0x90],
            Version::V4_4,
            "at byte 2 of the message: expected options as a map, found 0x90",
        ),
        (
            &[0xB1, 0x3F, 0xA1, 0x81, b'n', 0x81, b'1'],
            Version::V4_4,
            "PULL: entry \"n\": expected an integer, found a string",
        ),
        (
            &[0xB1, 0x3F, 0xA1, 0x81, b'n', 0xFE],
            Version::V4_4,
            "PULL: entry \"n\": expected -1 or at least 0, found an integer",
        ),
        (
            &[0xB0, 0x0F, 0x01],
            Version::V4_4,
            "at byte 2 of the message: expected the end of the message, found 0x01",
        ),
    ];
    for (body, version, expected) in cases {
        let error = Request::decode(body, version, Limits::USUAL).expect_err("wrong");
        assert_eq!(error.to_string(), expected);
    }
    let body = [0xB1, 0x7F, 0xA1, 0x84, b'c', b'o', b'd', b'e', 0x80];
    let error = Response::decode(&body, Version::V5_2, Limits::USUAL).expect_err("no message");
    assert_eq!(error.to_string(), "FAILURE: entry \"message\": expected a string, found nothing");
}

#[test]
fn signatures_have_one_byte_each() {
    for byte in 0..=u8::MAX {
        if let Some(signature) = Signature::of(byte) {
            assert_eq!(signature.byte(), byte);
        }
    }
    let known = (0..=u8::MAX).filter_map(Signature::of).count();
    assert_eq!(known, Signature::ALL.len());
}

#[test]
fn secrets_are_not_printed() {
    let token = map([("scheme", "bearer"), ("credentials", "s3cret"), ("realm", "s3cret")]);
    let requests = [
        Request::Hello(hello()),
        Request::Logon(AuthMap::basic("ann", "s3cret")),
        Request::Logon(AuthMap(token)),
    ];
    for request in requests {
        for text in [format!("{request:?}"), format!("{request:#?}")] {
            assert!(!text.contains("s3cret"), "{text}");
            assert!(text.contains("credentials") && text.contains("scheme"), "{text}");
        }
    }
    // An error that quotes bytes of a login quotes one byte at most.
    let mut body = Vec::new();
    let logon = Request::Logon(AuthMap::basic("ann", "s3cret"));
    logon.encode(Version::V5_2, &mut body).expect("of 5.2");
    body.truncate(body.len() - 1);
    for version in [Version::V4_4, Version::V5_2] {
        let error = Request::decode(&body, version, Limits::USUAL).expect_err("a front");
        assert!(!format!("{error} {error:?}").contains("s3cre"), "{error}");
    }
}

#[test]
fn options_are_judged_when_asked_for() {
    let extra = Extra::none().with_mode(Mode::Read).with_database("db").with_tx_timeout_ms(5);
    assert_eq!(extra.mode(), Ok(Mode::Read));
    assert_eq!(extra.database(), Ok(Some("db")));
    assert_eq!(extra.tx_timeout_ms(), Ok(Some(5)));
    assert_eq!(extra.tx_metadata(), Ok(None));
    assert_eq!(extra.bookmarks(), Ok(&[][..]));
    assert_eq!(extra.impersonated_user(), Ok(None));
    assert_eq!(Extra::none().mode(), Ok(Mode::Write));
    let metadata: Map = map([("k", 1_i64)]);
    let wrong = Extra(map([
        ("mode", Value::from("x")),
        ("db", Value::Int(1)),
        ("tx_timeout", Value::Int(-1)),
        ("tx_metadata", metadata.clone().into()),
        ("bookmarks", Value::Null),
    ]));
    assert_eq!(wrong.tx_metadata(), Ok(Some(&metadata)));
    assert_eq!(wrong.bookmarks(), Ok(&[][..]));
    let errors = [
        wrong.mode().expect_err("x").to_string(),
        wrong.database().expect_err("1").to_string(),
        wrong.tx_timeout_ms().expect_err("-1").to_string(),
    ];
    assert_eq!(
        errors,
        [
            "entry \"mode\": expected \"r\" or \"w\", found a string",
            "entry \"db\": expected a string, found an integer",
            "entry \"tx_timeout\": expected milliseconds, at least 0, found an integer",
        ]
    );
}
