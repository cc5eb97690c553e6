//! Chunks: any split of the bytes gives the same messages and events, and the scanner agrees with the
//! decoder.

mod common;

use bolt::chunk::{Decoder, Event, Frame, Head, Scanner, encode};
use common::{pieces, runs::hold};
use proptest::{collection::vec, prelude::*, sample::Index};

/// A part of a stream, with its message in chunks of these sizes.
#[derive(Debug, Clone)]
enum Part {
    Noop,
    Message(Vec<Vec<u8>>),
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let bytes = vec(prop_oneof![Just(0_u8), any::<u8>()], 1..9);
    let record = vec(any::<u8>(), 0..9).prop_map(|fields| [&[0xB1, 0x71][..], &fields].concat());
    let record = record.prop_map(|record| Part::Message(vec![record]));
    let message = vec(bytes, 1..5).prop_map(Part::Message);
    vec(prop_oneof![Just(Part::Noop), message, record], 0..8)
}

fn stream(parts: &[Part]) -> Vec<u8> {
    let mut stream = Vec::new();
    for part in parts {
        if let Part::Message(chunks) = part {
            for chunk in chunks {
                let length = u16::try_from(chunk.len()).expect("short");
                stream.extend(length.to_be_bytes());
                stream.extend(chunk);
            }
        }
        stream.extend([0, 0]);
    }
    stream
}

fn frames(parts: &[Part]) -> Vec<Frame> {
    let frame = |part: &Part| match part {
        Part::Noop => Frame::Noop,
        Part::Message(chunks) => Frame::Message(chunks.concat()),
    };
    parts.iter().map(frame).collect()
}

/// The frames that a scanner's events describe, and the bytes that they stand for.
fn scanned(pieces: &[&[u8]]) -> (Vec<Frame>, Vec<u8>) {
    let mut scanner = Scanner::new();
    let (mut frames, mut wire) = (Vec::new(), Vec::new());
    let mut message = Vec::new();
    for piece in pieces {
        for event in scanner.scan(piece) {
            wire.extend(event.wire());
            match event {
                Event::Start(head) => {
                    message = vec![head.marker()];
                    message.extend(head.signature());
                }
                Event::Body(bytes) => message.extend(bytes),
                Event::Length(_) => {}
                Event::End(_) => frames.push(Frame::Message(std::mem::take(&mut message))),
                Event::Noop => frames.push(Frame::Noop),
            }
        }
    }
    wire.extend(scanner.withheld());
    (frames, wire)
}

/// The same, with whole records taken together.
fn scanned_by_records(pieces: &[&[u8]]) -> (Vec<Frame>, Vec<u8>, usize) {
    let mut scanner = Scanner::new();
    let (mut wire, mut taken) = (Vec::new(), 0);
    for piece in pieces {
        let mut events = scanner.scan(piece);
        loop {
            let records = events.records();
            taken += records.len();
            wire.extend(records);
            let Some(event) = events.next() else { break };
            wire.extend(event.wire());
        }
    }
    wire.extend(scanner.withheld());
    (decoded(&[&wire]), wire, taken)
}

fn decoded(pieces: &[&[u8]]) -> Vec<Frame> {
    let mut decoder = Decoder::new(1 << 20);
    let mut frames = Vec::new();
    for piece in pieces {
        let mut rest = *piece;
        while let Some(frame) = decoder.next(&mut rest).expect("short messages") {
            frames.push(frame);
        }
        assert!(rest.is_empty());
    }
    frames
}

#[test]
fn any_split_gives_the_same() {
    hold(3_000, &(parts(), vec(any::<Index>(), 0..12)), |(parts, cuts)| {
        let stream = stream(parts);
        let pieces = pieces(&stream, cuts);
        prop_assert_eq!(decoded(&pieces), frames(parts));
        let (seen, wire) = scanned(&pieces);
        prop_assert_eq!(seen, frames(parts));
        prop_assert_eq!(&wire, &stream);
        let (seen, wire, _) = scanned_by_records(&pieces);
        prop_assert_eq!(seen, frames(parts));
        prop_assert_eq!(wire, stream);
        Ok(())
    });
}

/// Whatever comes, also what is no whole message, is forwarded byte by byte.
#[test]
fn every_byte_is_forwarded() {
    let bytes = vec(prop_oneof![3 => 0..4_u8, 1 => any::<u8>()], 0..60);
    hold(3_000, &(bytes, vec(any::<Index>(), 0..9)), |(bytes, cuts)| {
        let (frames, wire) = scanned(&pieces(bytes, cuts));
        prop_assert_eq!(&wire, bytes);
        prop_assert_eq!(frames, decoded(&[bytes]));
        prop_assert_eq!(&scanned_by_records(&pieces(bytes, cuts)).1, bytes);
        Ok(())
    });
}

/// Only what is a RECORD from its first byte to its last is taken together.
#[test]
fn records_are_taken_together() {
    let record = [0, 3, 0xB1, 0x71, 0x90, 0, 0];
    let two = [record, record].concat();
    let success = [0, 3, 0xB1, 0x70, 0xA0, 0, 0];
    let cases: [(Vec<u8>, usize); 8] = [
        (two.clone(), 14),
        ([&two[..], &success].concat(), 14),
        ([&success[..], &two].concat(), 14),
        ([&two[..], &record[..6]].concat(), 14),
        ([&[0, 0][..], &record].concat(), 7),
        (record[..2].to_vec(), 0),
        // In two chunks, and with a length that ends within its front.
        (vec![0, 2, 0xB1, 0x71, 0, 1, 0x90, 0, 0], 0),
        (vec![0, 1, 0xB1, 0x71, 0, 0], 0),
    ];
    for (stream, expected) in cases {
        let (_, wire, taken) = scanned_by_records(&[&stream]);
        assert_eq!((taken, &wire), (expected, &stream), "{stream:x?}");
    }
    let mut scanner = Scanner::new();
    assert_eq!(scanner.scan(&[0]).next(), None);
    assert_eq!(scanner.scan(&record).records(), [], "a length is open");
}

#[test]
fn single_bytes_give_the_same() {
    let parts = [
        Part::Message(vec![vec![0xB1], vec![0x10], vec![1, 2, 3]]),
        Part::Noop,
        Part::Message(vec![vec![0xB0]]),
        Part::Message(vec![vec![0xB0, 0x0F]]),
    ];
    let stream = stream(&parts);
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(decoded(&single), frames(&parts));
    assert_eq!(scanned(&single), (frames(&parts), stream.clone()));
}

/// Before its signature is known nothing of a message is let through, and then all of it at once.
#[test]
fn the_front_is_withheld() {
    let mut scanner = Scanner::new();
    let front = [0, 1, 0xB1, 0, 1, 0x10];
    for (at, byte) in front[..5].iter().enumerate() {
        assert_eq!(scanner.scan(&[*byte]).next(), None);
        assert_eq!(scanner.withheld(), &front[..=at]);
        assert!(!scanner.is_between_messages());
    }
    let Some(Event::Start(head)) = scanner.scan(&front[5..]).next() else { panic!("no start") };
    assert_eq!((head.wire(), head.marker(), head.signature()), (&front[..], 0xB1, Some(0x10)));
    assert_eq!(head.wire().len(), Head::MOST);
    assert_eq!(scanner.withheld(), []);
}

/// A gateway stops before a message that it must not forward, and scans it later.
#[test]
fn scanning_can_stop_between_events() {
    let mut stream = Vec::new();
    encode(&[0xB0, 0x0F], &mut stream);
    encode(&[0xB1, 0x11, 0xA0], &mut stream);
    let mut scanner = Scanner::new();
    let mut events = scanner.scan(&stream);
    assert!(matches!(events.next(), Some(Event::Start(_))));
    assert!(matches!(events.next(), Some(Event::End(&[0, 0]))));
    let rest = events.rest();
    assert_eq!(rest, &stream[6..]);
    assert!(scanner.is_between_messages());
    let Some(Event::Start(head)) = scanner.scan(rest).next() else { panic!("no start") };
    assert_eq!(head.signature(), Some(0x11));
}

#[test]
fn long_messages_are_split() {
    for length in [0, 1, 65_534, 65_535, 65_536, 131_070, 200_000] {
        let message = vec![7; length];
        let mut stream = Vec::new();
        encode(&message, &mut stream);
        let expected = if length == 0 { Frame::Noop } else { Frame::Message(message) };
        assert_eq!(decoded(&[&stream]), [expected]);
    }
}

/// The chunk that is too much is refused by its length, before its bytes.
#[test]
fn too_long_a_message_is_refused() {
    let mut decoder = Decoder::new(10);
    let mut stream = Vec::new();
    encode(&[1; 10], &mut stream);
    stream.extend([0, 4, 9, 9, 9, 9, 0, 7]);
    let mut rest = &stream[..];
    assert_eq!(decoder.next(&mut rest), Ok(Some(Frame::Message(vec![1; 10]))));
    let error = decoder.next(&mut rest).expect_err("11 bytes");
    assert_eq!(
        error.to_string(),
        "the message that begins at byte 14 of the stream has at least 11 bytes, at most 10 are accepted"
    );
    assert_eq!(decoder.next(&mut &[0, 0][..]), Err(error), "the stream stays unreadable");
}
