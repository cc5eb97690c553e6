//! What the engine itself costs: a system of about five million states of 48 bytes with twelve
//! transitions each, whose own expansion costs next to nothing. `cargo bench -p model-check`
//! explores it with one thread and with two, with and without liveness.

use model_check::explore::{Edge, Facts, Limits, Rest, System, explore};
use std::time::Instant;

/// Twelve wheels; each step turns one. Together they have 4^8 · 3^4 = 5 308 416 states.
struct Wheels;

const SIZES: [u32; 12] = [4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3];

/// Half of the wheels turn by themselves, until they are at their end.
const BY_ITSELF: usize = 6;

impl System for Wheels {
    type State = [u32; 12];
    fn initial(&self) -> Self::State {
        [0; 12]
    }
    fn expand(&self, state: &Self::State, edges: &mut Vec<Edge<Self::State>>) -> Facts {
        let wheels = state.iter().zip(SIZES).zip(0_u8..).enumerate();
        for (wheel, ((value, size), class)) in wheels {
            let mut to = *state;
            let progress = wheel < BY_ITSELF;
            to[wheel] = if progress { (value + 1).min(size - 1) } else { (value + 1) % size };
            edges.push(Edge { to, class, progress, broken: 0, seen: 0 });
        }
        let ends = state.iter().zip(SIZES).take(BY_ITSELF).all(|(value, size)| value + 1 == size);
        Facts { rest: if ends { Rest::Settled } else { Rest::Moving }, broken: 0 }
    }
    fn parts(&self) -> Vec<String> {
        (0..SIZES.len()).map(|wheel| format!("wheel {wheel}")).collect()
    }
    fn without(&self, state: &Self::State, part: usize) -> Self::State {
        let mut state = *state;
        state[part] = 0;
        state
    }
}

fn main() {
    for (threads, liveness, projections) in
        [(1, false, false), (2, false, false), (1, true, false), (2, true, false), (2, false, true)]
    {
        let limits = Limits { threads, liveness, projections, ..Limits::default() };
        let begun = Instant::now();
        let mut rate = 0;
        let found = explore(&Wheels, &limits, &mut |progress| rate = progress.rate);
        let states = found.states().len() as u64;
        println!(
            "threads {threads}, liveness {liveness}, projections {projections}: {states} states, \
             {} transitions, {} levels, {} ms of exploration, {rate} states/s, {} bytes/state, \
             {} ms in all",
            found.transitions,
            found.levels.len(),
            found.explored.as_millis(),
            found.bytes / states,
            begun.elapsed().as_millis(),
        );
        if let Some(liveness) = &found.liveness {
            println!("  {} components, settles: {}", liveness.components, liveness.settles());
        }
    }
}
