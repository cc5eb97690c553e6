//! The choice of a version, against what drivers really send (BG 1.2).

use bolt::{
    Version,
    handshake::{HandshakeReader, MAGIC, Offer, Opening, REFUSAL, Slot, answer, read_answer},
};

fn offer(slots: [[u8; 4]; 4]) -> Offer {
    Offer { slots: slots.map(Slot::read) }
}

const NONE: [u8; 4] = [0; 4];
const MANIFEST: [u8; 4] = [0, 0, 1, 0xFF];

#[test]
fn drivers_meet_memgraph() {
    let cases = [
        ("neo4j 6", [MANIFEST, [0, 8, 8, 5], [0, 2, 4, 4], [0, 0, 0, 3]], Some(Version::V5_2)),
        (
            "neo4rs 0.9",
            [[0, 0, 4, 4], [0, 0, 3, 4], [0, 0, 1, 4], [0, 0, 0, 4]],
            Some(Version::V4_4),
        ),
        ("neo4rs 0.8", [[0, 0, 1, 4], [0, 0, 0, 4], NONE, NONE], Some(Version::V4_1)),
        ("mgclient", [[0, 0, 4, 4], [0, 0, 3, 4], [0, 0, 1, 4], [0, 0, 0, 1]], Some(Version::V4_4)),
        ("version 1 alone", [[0, 0, 0, 1], NONE, NONE, NONE], None),
        ("newer ones alone", [[0, 2, 8, 5], [0, 0, 0, 6], NONE, NONE], None),
        ("a range ends above", [[0, 1, 4, 5], [0, 0, 1, 5], [0, 0, 2, 4], NONE], None),
        ("a range goes below zero", [[0, 200, 2, 4], NONE, NONE, NONE], Some(Version::V4_1)),
        (
            "the client's order decides",
            [[0, 0, 0, 4], [0, 0, 2, 5], NONE, NONE],
            Some(Version::V4_0),
        ),
        ("a range that begins at zero", [[0, 1, 0, 4], NONE, NONE, NONE], None),
        ("nothing behind an empty slot", [NONE, [0, 0, 2, 5], NONE, NONE], None),
        ("a manifest is passed over", [MANIFEST, [0, 0, 4, 4], NONE, NONE], Some(Version::V4_4)),
    ];
    for (name, slots, expected) in cases {
        assert_eq!(offer(slots).choose(Version::MEMGRAPH), expected, "{name}");
    }
    let one = offer([[0, 0, 0, 1], NONE, NONE, NONE]);
    assert_eq!(one.choose(Version::MEMGRAPH_AND_1), Some(Version::V1_0));
}

#[test]
fn twenty_bytes_come_in_any_split() {
    let offer = Offer::of(&[Version::V5_2, Version::V4_4]);
    let mut bytes = offer.bytes().to_vec();
    bytes.push(0x99);
    for cut in 0..=20 {
        let mut reader = HandshakeReader::new();
        let (mut front, mut back) = (&bytes[..cut], &bytes[cut..]);
        if cut < 20 {
            assert_eq!(reader.read(&mut front), Ok(None));
            assert_eq!(reader.bytes(), &bytes[..cut]);
            assert_eq!(reader.read(&mut back), Ok(Some(offer)));
            assert_eq!(back, [0x99], "what follows is left");
        } else {
            assert_eq!(reader.read(&mut front), Ok(Some(offer)));
        }
    }
}

#[test]
fn another_protocol_is_seen_at_its_first_byte() {
    for (at, byte) in MAGIC.iter().enumerate() {
        let mut bytes = MAGIC;
        bytes[at] = byte ^ 1;
        let error = HandshakeReader::new().read(&mut &bytes[..]).expect_err("no magic");
        assert_eq!(error.offset, at);
    }
    let error = HandshakeReader::new().read(&mut &b"GET / HTTP"[..]).expect_err("HTTP");
    assert_eq!(
        error.to_string(),
        "byte 0 of the handshake is 0x47, and 0x60 in Bolt's magic 60 60 b0 17"
    );
    let openings = [0x60, 0x16, b'G', b'P'].map(Opening::of);
    assert_eq!(openings, [Opening::Bolt, Opening::Tls, Opening::WebSocket, Opening::Unknown(b'P')]);
}

#[test]
fn a_client_reads_the_answer() {
    let offer = Offer::of(&[Version::V4_4, Version::V4_1]);
    assert_eq!(read_answer(answer(Version::V4_1), &offer), Some(Version::V4_1));
    assert_eq!(read_answer(answer(Version::V5_2), &offer), None, "it was not offered");
    assert_eq!(read_answer(REFUSAL, &offer), None);
    assert_eq!(read_answer(*b"HTTP", &offer), None);
}
