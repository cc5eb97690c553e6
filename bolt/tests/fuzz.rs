//! Bytes that real conversations consist of, changed at random: nothing panics, and what is allocated
//! stays within what the limits allow. `corpus/` holds the conversations, and whatever broke
//! something once; `UPDATE=1 cargo test -p bolt --test fuzz` writes the conversations again.

mod common;
#[path = "fuzz/conversations.rs"]
mod conversations;

use bolt::{
    Limits, Request, Response, Version,
    chunk::{Decoder, Frame, Scanner},
    handshake::HandshakeReader,
    packstream,
    server::{Session, Settings},
    tracker::Tracker,
};
use common::{
    VERSIONS,
    change::{change, changed},
    host::{Choice, Host},
    pieces,
    runs::hold,
};
use conversations::conversations;
use peak_alloc::PeakAlloc;
use proptest::{collection::vec, prelude::*, sample::Index};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// One test at a time: what is allocated is counted for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LIMITS: Limits = Limits { bytes: 1 << 14, values: 1 << 9, depth: 16 };

/// A map of one entry takes three values and a whole node of the tree.
const BYTES_OF_A_VALUE: usize = 256;

/// What one input may cost: two messages of the most bytes, their values, and small change.
const BOUND: usize = 4 * LIMITS.bytes + LIMITS.values * BYTES_OF_A_VALUE + (32 << 10);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Every file of the corpus, in the order of names.
fn seeds() -> Vec<Vec<u8>> {
    let entries = fs::read_dir(corpus()).expect("the corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a file")).collect()
}

/// Everything that reads bytes of a client.
fn as_client(bytes: &[u8], cuts: &[Index]) {
    let mut rest = bytes;
    let offer = HandshakeReader::new().read(&mut rest);
    let version = offer.ok().flatten().and_then(|offer| offer.choose(Version::MEMGRAPH_AND_1));
    let settings = Settings {
        limits: LIMITS,
        before_login: LIMITS,
        ..Settings::memgraph(version.unwrap_or(Version::V4_4))
    };
    let mut host = Host::new(Session::new(settings));
    let mut is_open = true;
    messages(rest, cuts, |body| {
        for version in VERSIONS {
            if let Ok(request) = Request::decode(body, version, LIMITS) {
                let _ = request.encode(version, &mut Vec::new());
                let _ = format!("{request:?}");
            }
        }
        if is_open {
            let choice = Choice { fails: body.len().is_multiple_of(7), ..Choice::default() };
            let reply = host.answer(body, choice).expect("the order of calls");
            is_open = reply.close.is_none();
        }
    });
}

/// Everything that reads bytes of a server.
fn as_server(bytes: &[u8], cuts: &[Index]) {
    messages(bytes.get(4..).unwrap_or_default(), cuts, |body| {
        for version in [Version::V4_4, Version::V5_2] {
            if let Ok(response) = Response::decode(body, version, LIMITS) {
                let _ = response.encode(version, &mut Vec::new());
            }
        }
    });
}

fn messages(bytes: &[u8], cuts: &[Index], mut read: impl FnMut(&[u8])) {
    let mut decoder = Decoder::new(LIMITS.bytes);
    for piece in pieces(bytes, cuts) {
        let mut rest = piece;
        while let Ok(Some(frame)) = decoder.next(&mut rest) {
            if let Frame::Message(body) = frame {
                let _ = packstream::decode(&body, LIMITS);
                read(&body);
            }
        }
    }
}

/// A gateway that sees both directions in turns.
fn as_gateway(client: &[u8], server: &[u8], cuts: &[Index]) {
    let mut tracker = Tracker::new(64);
    let (mut from_client, mut from_server) = (Scanner::new(), Scanner::new());
    let client = pieces(client.get(20..).unwrap_or_default(), cuts);
    let server = pieces(server.get(4..).unwrap_or_default(), cuts);
    for (client, server) in client.iter().zip(&server) {
        for event in from_client.scan(client) {
            tracker.client(&event);
        }
        for event in from_server.scan(server) {
            tracker.server(&event);
            assert!(!(tracker.is_boundary() && tracker.is_commit_pending()));
        }
    }
}

fn everything(one: &[u8], other: &[u8], cuts: &[Index]) -> usize {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    as_client(one, cuts);
    as_server(one, cuts);
    as_gateway(one, other, cuts);
    as_gateway(other, one, cuts);
    ALLOCATED.peak_usage().saturating_sub(before)
}

#[test]
fn changed_conversations_break_nothing() {
    let alone = alone();
    let seeds = seeds();
    let two = (any::<Index>(), any::<Index>(), vec(change(), 0..6), vec(any::<Index>(), 0..6));
    hold(8_000, &two, |(one, other, changes, cuts)| {
        let mut one = seeds[one.index(seeds.len())].clone();
        let other = &seeds[other.index(seeds.len())];
        for change in changes {
            changed(&mut one, change, &seeds);
        }
        let peak = everything(&one, other, cuts);
        prop_assert!(peak <= BOUND, "{} bytes were allocated, at most {} may be", peak, BOUND);
        Ok(())
    });
    drop(alone);
}

/// Inputs made to cost much: lengths that nothing backs, and the values that are dearest.
#[test]
fn the_dearest_inputs_stay_within_bounds() {
    let _alone = alone();
    let fill = |unit: &[u8], head: &[u8]| [head, &unit.repeat(LIMITS.bytes / unit.len())].concat();
    let units: [&[u8]; 9] = [
        &[0xC0],
        &[0x90],
        &[0xA0],
        &[0xA1, 0x80, 0xC0],
        &[0x91, 0x91],
        &[0xB4, 0x4E, 0, 0x90, 0xA0, 0x80],
        &[0xD6, 0x00, 0x00, 0x3F, 0xFF],
        &[0xDA, 0x00, 0x00, 0x1F, 0xFF],
        // Lists within each other, each of which could be as long as it says.
        &[0xD5, 0x01, 0x80],
    ];
    for unit in units {
        for head in
            [&[][..], &[0xD6, 0, 0, 0x3F, 0xF0], &[0xD5, 0, 0xA0], &[0xD6, 0xFF, 0xFF, 0xFF, 0xFF]]
        {
            let mut body = fill(unit, head);
            body.truncate(LIMITS.bytes);
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            let _ = packstream::decode(&body, LIMITS);
            let peak = ALLOCATED.peak_usage().saturating_sub(before);
            assert!(
                peak <= LIMITS.values * BYTES_OF_A_VALUE,
                "{peak} bytes for {unit:x?} {head:x?}"
            );
        }
    }
    // A chunk that is announced costs nothing before it comes.
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let mut decoder = Decoder::new(1 << 20);
    assert_eq!(decoder.next(&mut &[0xFF, 0xFF, 1, 2, 3][..]), Ok(None));
    assert!(ALLOCATED.peak_usage().saturating_sub(before) < 64);
}

#[test]
fn the_corpus_is_what_is_said() {
    let _alone = alone();
    let write = std::env::var_os("UPDATE").is_some();
    for one in conversations() {
        for (side, bytes) in [("client", &one.client), ("server", &one.server)] {
            let path = corpus().join(format!("{}.{side}.bin", one.name));
            if write {
                fs::write(&path, bytes).expect("a file of the corpus");
            }
            let found = fs::read(&path).unwrap_or_default();
            assert!(found == *bytes, "{path:?} is not what the conversation says; see UPDATE=1");
        }
    }
}

/// The seeds are good ones: unchanged, every message of theirs is understood.
#[test]
fn the_corpus_is_understood() {
    let _alone = alone();
    for one in conversations() {
        let offer = HandshakeReader::new().read(&mut &one.client[..]).expect("Bolt");
        let version = offer.and_then(|offer| offer.choose(Version::MEMGRAPH_AND_1));
        let version = version.expect("a version of Memgraph");
        let mut count = 0;
        messages(&one.client[20..], &[], |body| {
            count += 1;
            assert!(Request::decode(body, version, LIMITS).is_ok(), "{}", one.name);
        });
        messages(&one.server[4..], &[], |body| {
            count += 1;
            assert!(Response::decode(body, version, LIMITS).is_ok(), "{}", one.name);
        });
        assert!(count > 4, "{}", one.name);
    }
}
