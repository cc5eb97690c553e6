//! PackStream: what is written is read again, the bytes are those of the specification, and what is
//! wrong or too much is refused where it is.

mod common;

use bolt::{
    Limits, Value, Version,
    packstream::{decode, encode},
    value::{DateTime, Node, TimeForm, map},
};
use common::{
    runs::hold,
    values::{value, with_element_ids, without_element_ids},
};
use proptest::prelude::*;

fn bytes(value: &Value, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, version, &mut out).expect("short values");
    out
}

#[test]
fn what_is_written_is_read_again() {
    hold(1_000, &value(), |value| {
        for (version, expected) in [
            (Version::V5_2, with_element_ids(value.clone())),
            (Version::V4_4, without_element_ids(value.clone())),
        ] {
            let written = bytes(value, version);
            let read = decode(&written, Limits::USUAL).expect("what was written");
            // By its bytes, since a float may be NaN.
            prop_assert_eq!(format!("{read:?}"), format!("{expected:?}"));
            prop_assert_eq!(bytes(&read, version), written);
        }
        Ok(())
    });
}

/// Every front of a value is refused at its end, and nothing behind one is passed over.
#[test]
fn a_front_is_no_value() {
    hold(300, &value(), |value| {
        let mut written = bytes(value, Version::V5_2);
        for end in 0..written.len().min(200) {
            let error = decode(&written[..end], Limits::USUAL).expect_err("a front");
            prop_assert!(error.offset <= end, "{}", error);
        }
        written.push(0xC0);
        let error = decode(&written, Limits::USUAL).expect_err("one byte more");
        prop_assert_eq!(error.offset, written.len() - 1);
        Ok(())
    });
}

#[test]
fn the_bytes_are_those_of_the_specification() {
    let node = Node {
        id: 1,
        labels: vec!["A".to_owned()],
        properties: map([("k", 1_i64)]),
        element_id: None,
    };
    let at = DateTime { seconds: 0, nanoseconds: 1, offset_seconds: 60, form: TimeForm::Utc };
    let local = at.in_form(TimeForm::Local).expect("small numbers");
    let cases: Vec<(Value, Vec<u8>)> = vec![
        (Value::Null, vec![0xC0]),
        (true.into(), vec![0xC3]),
        (Value::Int(-16), vec![0xF0]),
        (Value::Int(-17), vec![0xC8, 0xEF]),
        (Value::Int(127), vec![0x7F]),
        (Value::Int(128), vec![0xC9, 0, 0x80]),
        (Value::Int(-32_769), vec![0xCA, 0xFF, 0xFF, 0x7F, 0xFF]),
        (Value::Int(i64::MIN), vec![0xCB, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        (Value::Float(1.1), vec![0xC1, 0x3F, 0xF1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9A]),
        ("a".into(), vec![0x81, b'a']),
        (Value::Bytes(vec![1]), vec![0xCC, 1, 1]),
        (Value::List(vec![Value::Int(1)]), vec![0x91, 1]),
        (map([("a", 1_i64)]).into(), vec![0xA1, 0x81, b'a', 1]),
        (
            Value::Node(Box::new(node)),
            vec![0xB4, 0x4E, 1, 0x91, 0x81, b'A', 0xA1, 0x81, b'k', 1, 0x81, b'1'],
        ),
        (Value::DateTime(Box::new(at)), vec![0xB3, 0x49, 0, 1, 60]),
        (Value::DateTime(Box::new(local)), vec![0xB3, 0x46, 60, 1, 60]),
    ];
    for (value, expected) in cases {
        assert_eq!(bytes(&value, Version::V5_2), expected, "{value:?}");
    }
    for (length, head) in [
        (15, vec![0x8F]),
        (16, vec![0xD0, 16]),
        (255, vec![0xD0, 0xFF]),
        (256, vec![0xD1, 1, 0]),
        (65_536, vec![0xD2, 0, 1, 0, 0]),
    ] {
        let text = Value::String("x".repeat(length));
        let written = bytes(&text, Version::V5_2);
        assert_eq!(written[..head.len()], head);
        assert_eq!(decode(&written, Limits::USUAL), Ok(text));
    }
}

#[test]
fn what_is_wrong_is_named_where_it_is() {
    let cases: &[(&[u8], &str)] = &[
        (&[], "at byte 0 of the message: expected a value, found the end of the message"),
        (&[0xC4], "at byte 0 of the message: expected a value, found 0xc4"),
        (&[0x91, 0xC7], "at byte 1 of the message: expected a value, found 0xc7"),
        (
            &[0xD0, 5, b'a'],
            "at byte 2 of the message: expected a string, found the end of the message",
        ),
        (
            &[0x81, 0xFF],
            "at byte 0 of the message: expected a string, found bytes that are not UTF-8",
        ),
        (&[0xA1, 1, 1], "at byte 1 of the message: expected the key of a map, found 0x01"),
        (
            &[0xA2, 0x81, b'a', 1, 0x81, b'a', 1],
            "at byte 4 of the message: expected another key, found a key that the map has already",
        ),
        (
            &[0xD6, 0x7F, 0xFF, 0xFF, 0xFF, 1],
            "at byte 0 of the message: expected a list no longer than the message, found 2147483647",
        ),
        (
            &[0xDA, 0xFF, 0xFF, 0xFF, 0xFF],
            "at byte 0 of the message: expected a map no longer than the message, found 8589934590",
        ),
        (
            &[0xB1, 0x4E, 1],
            "at byte 1 of the message: expected as many fields as this structure has, found 1",
        ),
        (
            &[0xB1, 0x01, 1],
            "at byte 1 of the message: expected the signature of a structure that is a value, found 0x01",
        ),
        (&[0xB1, 0x44, 0xC0], "at byte 2 of the message: expected days, found 0xc0"),
    ];
    for (bytes, expected) in cases {
        let error = decode(bytes, Limits::USUAL).expect_err("wrong bytes");
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn too_much_is_refused() {
    let limits = Limits { bytes: 100, values: 6, depth: 2 };
    let list = |depth: usize| [vec![0x91; depth], vec![0x90]].concat();
    assert!(decode(&list(1), limits).is_ok());
    let error = decode(&list(2), limits).expect_err("three levels");
    assert_eq!(error.expected, "no more values within each other than the limit");
    assert_eq!(error.offset, 2);
    let siblings = [0x92, 0x91, 1, 0x91, 1];
    assert!(decode(&siblings, limits).is_ok(), "levels are left again");
    let error = decode(&[0x95, 1, 1, 1, 1, 0x90], limits).map(|_| ());
    assert_eq!(error, Ok(()), "a list and its five elements are six values");
    for many in [vec![0x96, 1, 1, 1, 1, 1, 1], vec![0x92, 0x91, 1, 0x93, 1, 1, 1]] {
        let error = decode(&many, limits).expect_err("seven values");
        assert_eq!(error.expected, "no more values in one message than the limit");
    }
    let error = decode(&[0x80; 101], limits).expect_err("101 bytes");
    assert_eq!(error.expected, "a message of no more bytes than the limit");
}

/// A stack that is deep enough for the usual limit is not deep enough for any input.
#[test]
fn depth_does_not_follow_the_input() {
    let deep = vec![0x91; 1 << 20];
    let error = decode(&deep, Limits::USUAL).expect_err("a million levels");
    assert_eq!(error.offset, Limits::USUAL.depth);
}

/// Lists of millions are the usual case of a large message: one value is four words.
#[test]
fn values_are_small() {
    assert_eq!(size_of::<Value>(), 32);
}
