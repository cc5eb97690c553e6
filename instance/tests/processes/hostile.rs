//! What comes to the replication port of a replica and is no request of a main, or one that no main
//! would send: requests as they really travel, made worse at random. The process lives, answers on
//! Bolt, and keeps within its memory. `INSTANCE_REQUESTS` says how many are sent; `corpus/replication/`
//! keeps those that broke something once.

use super::common::Instance;
use instance::graph::{Change, Delta, NodeId};
use shell_sim::memgraph::{Entry, Epoch, MainUuid, Rpc, StorageUuid};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    thread,
    time::Duration,
};

/// What both sides say first.
const HELLO: &[u8] = b"MHAREPL\x01";

/// The bit of a frame's length which says that more of the same message follow.
const MORE: u32 = 1 << 31;

/// Most memory of the process, in pages of 4 KiB: 400 MiB.
const MOST_PAGES: u64 = 100 * 1024;

/// Connections on which they come at the same time.
const SENDERS: u64 = 16;

/// Choices that are the same each time.
struct Dice(u64);

impl Dice {
    /// A number below `most`, 0 if that is 0.
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

fn entry(tick: u64, node: u64) -> Entry<Delta> {
    let payload = Delta::from(vec![Change::CreateNode { id: NodeId(node) }]);
    Entry { epoch: Epoch(7), tick, payload }
}

/// Requests as a main sends them, in the order in which it would.
fn requests() -> Vec<Rpc<Delta>> {
    let (main_uuid, storage_uuid) = (MainUuid(11), StorageUuid(13));
    vec![
        Rpc::FrequentHeartbeat,
        Rpc::SwapMainUuid { main_uuid },
        Rpc::SystemRecovery { main_uuid, storage_uuid },
        Rpc::Heartbeat { main_uuid, storage_uuid },
        Rpc::Recover { main_uuid, storage_uuid, after: None, entries: vec![entry(2, 1)] },
        Rpc::PrepareCommit {
            main_uuid,
            storage_uuid,
            prev_ldt: 2,
            entry: entry(4, 2),
            two_phase: true,
        },
        Rpc::FinalizeCommit { main_uuid, storage_uuid, tick: 4, commit: true },
        Rpc::Recover {
            main_uuid,
            storage_uuid,
            after: Some(4),
            entries: vec![entry(6, 3), entry(8, 4)],
        },
        Rpc::PrepareCommit {
            main_uuid,
            storage_uuid,
            prev_ldt: 8,
            entry: entry(10, 5),
            two_phase: false,
        },
    ]
}

fn frame(message: &[u8], more: bool) -> Vec<u8> {
    let length = message.len() as u32 | if more { MORE } else { 0 };
    [&length.to_be_bytes(), message].concat()
}

/// A message made worse: bytes changed, taken away, added, repeated; or its frame.
fn worse(message: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..=dice.below(3) {
        let at = dice.below(bytes.len());
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.byte()),
            2 => bytes.splice(at..at, [0xFF; 9]).for_each(drop),
            3 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.byte();
                }
            }
        }
    }
    match dice.below(6) {
        0 => [&(dice.byte() as u32 * 70_000).to_be_bytes(), bytes.as_slice()].concat(),
        1 => [frame(&bytes, true), frame(message, false)].concat(),
        _ => frame(&bytes, false),
    }
}

/// Sends bytes on a connection of their own, and takes what comes back until it falls silent.
fn send(replica: &Instance, bytes: &[u8]) {
    let address = ("127.0.0.1", replica.replication_port);
    let Ok(mut stream) = TcpStream::connect(address) else { return };
    stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
    // It may be closed at any byte: that is its answer.
    drop(stream.write_all(HELLO).and_then(|()| stream.write_all(bytes)));
    let mut answers = [0; 4096];
    while stream.read(&mut answers).is_ok_and(|read| read > 0) {}
}

/// The memory of the process, in pages.
fn pages(replica: &Instance) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/statm", replica.pid())).unwrap();
    text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap()
}

/// Sends so many broken requests, each between good ones.
fn harass(replica: &Instance, good: &[Vec<u8>], mut dice: Dice, count: u64) {
    let whole: Vec<u8> = good.iter().flat_map(|message| frame(message, false)).collect();
    for number in 0..count {
        let at = dice.below(good.len());
        let mut bytes = Vec::new();
        for message in good.iter().take(at) {
            bytes.extend(frame(message, false));
        }
        bytes.extend(worse(&good[at], &mut dice));
        bytes.extend(&whole);
        send(replica, &bytes);
        if number % 50 == 0 {
            assert_eq!(replica.role(), "replica", "after {number}");
            let now = pages(replica);
            assert!(now < MOST_PAGES, "{now} pages after {number}: {bytes:02x?}");
        }
    }
}

#[test]
fn requests_that_no_main_would_send_harm_nobody() {
    let wanted = std::env::var("INSTANCE_REQUESTS").ok().and_then(|text| text.parse().ok());
    let each = wanted.unwrap_or(320_u64).div_ceil(SENDERS);
    let mut replica = Instance::start(&[]);
    replica.demote();
    let good: Vec<Vec<u8>> =
        requests().iter().map(|request| postcard::to_stdvec(request).unwrap()).collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/replication");
    for file in fs::read_dir(corpus).unwrap() {
        send(&replica, &fs::read(file.unwrap().path()).unwrap());
    }
    thread::scope(|scope| {
        for sender in 1..=SENDERS {
            let dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(sender));
            let (replica, good) = (&replica, &good);
            scope.spawn(move || harass(replica, good, dice, each));
        }
    });
    assert_eq!(replica.role(), "replica");
    println!("{} requests, {} pages at the end", each * SENDERS, pages(&replica));
    // Nothing that it took keeps it from starting again.
    replica.restart(&[]);
    assert_eq!(replica.role(), "replica");
}
