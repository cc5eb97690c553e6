//! No copy of a message that may be a login stays in memory that was given back: this program looks
//! through its own.

#[path = "common/memory.rs"]
mod memory;

use bolt::chunk::{Decoder, Frame};
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of the message, which ones in which place: worked out wherever they are needed, so that what is
/// looked for stands nowhere.
const LENGTH: usize = 24_000;
const PERIOD: usize = 32;

fn byte(at: usize) -> u8 {
    let at = at % PERIOD;
    u8::try_from((at * at * 7 + at * 13 + 101) % 251).expect("a byte")
}

/// How often a whole period stands in what this process may write to.
fn found() -> usize {
    let mut bytes = File::open("/proc/self/mem").expect("its own");
    let (mut count, mut window) = (0, Zeroizing::new(vec![0; 1 << 16]));
    for part in memory::writable("self") {
        let mut at = part.start;
        while at < part.end {
            let want = usize::try_from((part.end - at).min(window.len() as u64)).expect("a size");
            bytes.seek(SeekFrom::Start(at)).expect("an address");
            // What cannot be read is not kept there.
            if bytes.read_exact(&mut window[..want]).is_ok() {
                let is_it = |part: &[u8]| part.iter().enumerate().all(|(at, it)| *it == byte(at));
                count += window[..want].windows(PERIOD).filter(|part| is_it(part)).count();
            }
            window.as_mut_slice().zeroize();
            at += want as u64;
        }
    }
    count
}

/// The message in one chunk, and its end.
fn wire(at: usize) -> u8 {
    match at {
        0 | 1 => u16::try_from(LENGTH).expect("a length").to_be_bytes()[at],
        at if at < LENGTH + 2 => byte(at - 2),
        _ => 0,
    }
}

#[test]
fn a_message_that_came_in_pieces_leaves_nothing_behind() {
    assert_eq!(found(), 0, "before there is one");
    for piece in [1, 100, 1_000, 10_000] {
        let mut decoder = Decoder::new(1 << 16);
        let mut whole = None;
        for from in (0..LENGTH + 4).step_by(piece) {
            let mut bytes = Zeroizing::new(Vec::with_capacity(piece));
            bytes.extend((from..(from + piece).min(LENGTH + 4)).map(wire));
            let frame = decoder.next(&mut bytes.as_slice()).expect("a message");
            whole = frame.or(whole);
        }
        let Some(Frame::Message(body)) = whole else { panic!("{whole:?} of pieces of {piece}") };
        let body = Zeroizing::new(body);
        assert!(found() >= LENGTH / PERIOD - 1, "what is there is found");
        drop(body);
        assert_eq!(found(), 0, "of pieces of {piece}");

        // Nor does one that is never whole.
        for from in (0..LENGTH).step_by(piece) {
            let mut bytes = Zeroizing::new(Vec::with_capacity(piece));
            bytes.extend((from..(from + piece).min(LENGTH)).map(wire));
            assert_eq!(decoder.next(&mut bytes.as_slice()), Ok(None));
        }
        drop(decoder);
        assert_eq!(found(), 0, "of pieces of {piece} without an end");
    }
}
