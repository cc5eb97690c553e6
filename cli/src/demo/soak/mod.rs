//! A soak: the main is killed again and again while clients write, each time as soon as there is a voter
//! that could take over, and in between it is moved on request. At the end every write is asked for.

use super::{
    load::Load,
    site::Site,
    story::{self, Teller},
    truth::{self, Verdict},
};
use ha_core::ids::InstanceId;
use rustix::process::Signal;
use shell_sim::driver::Chance;
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it says where it is.
const WORD: Duration = Duration::from_secs(10);
/// One move on request for so many kills.
const KILLS_PER_MOVE: u64 = 5;

/// What a soak came to.
#[derive(Debug)]
pub(super) struct Soaked {
    pub(super) kills: Vec<Duration>,
    pub(super) moves: Vec<Duration>,
    pub(super) verdict: Verdict,
    pub(super) unsettled: Option<String>,
}

/// Soaks for so long.
pub(super) async fn soak(
    site: &mut Site,
    teller: &Teller,
    (instances, seed): (u8, u64),
    duration: Duration,
) -> Result<Soaked, String> {
    site.settled(LIMIT).await.map_err(|why| format!("no cluster came to be: {why}"))?;
    teller.say(format_args!("soaking for {} s, seed {seed}", duration.as_secs()));
    let load = Load::start(site.write, story::CLIENTS, story::PAUSE);
    let mut chance = Chance::new(seed);
    let (mut kills, mut moves) = (Vec::new(), Vec::new());
    let (begun, mut said) = (Instant::now(), Instant::now());
    while begun.elapsed() < duration {
        let main = site.ready(LIMIT).await?;
        sleep(Duration::from_millis(20 + chance.below(200))).await;
        let is_move = chance.once_in(KILLS_PER_MOVE + 1);
        let at = Instant::now();
        if is_move {
            let asked = site.cluster().write_switchover(None).await;
            asked.map_err(|error| error.to_string())?;
            let moved = site.moved(main, LIMIT).await;
            moved.ok_or_else(|| format!("the main stays at {main}"))?;
        } else if !site.kubelet().signal(main, Signal::KILL) {
            // It ended by itself just now: the next round sees who is main.
            continue;
        }
        let first = load.ledger.wait_after(at, LIMIT).await;
        let first = first.ok_or("no write was accepted any more")?;
        if is_move {
            moves.push(load.ledger.longest_pause(at, Instant::now()));
        } else {
            kills.push(first);
        }
        if said.elapsed() >= WORD {
            said = Instant::now();
            teller.say(format_args!("{} kills, {} moves", kills.len(), moves.len()));
        }
    }
    let ledger = load.stop().await;
    let unsettled = site.settled(LIMIT).await.err();
    let verdict = truth::ask(site, instances, &ledger.writes(), LIMIT).await;
    Ok(Soaked { kills, moves, verdict, unsettled })
}

/// A distribution of pauses.
struct Spread<'p>(&'p str, Vec<Duration>);

impl fmt::Display for Spread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, pauses) = self;
        let at = |hundredths: usize| {
            let index = (pauses.len() * hundredths / 100).min(pauses.len().saturating_sub(1));
            pauses.get(index).map_or(0, Duration::as_millis)
        };
        let (p50, p90, p99, most) = (at(50), at(90), at(99), at(100));
        write!(f, "{what:<28} {:>6} {p50:>7} {p90:>7} {p99:>7} {most:>7}", pauses.len())
    }
}

impl fmt::Display for Soaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28} {:>6} {:>7} {:>7} {:>7} {:>7}",
            "pause in ms", "times", "p50", "p90", "p99", "max"
        )?;
        for (what, pauses) in
            [("the main is killed", &self.kills), ("moved on request", &self.moves)]
        {
            let mut sorted = pauses.clone();
            sorted.sort();
            writeln!(f, "{}", Spread(what, sorted))?;
        }
        writeln!(f, "writes: {}", self.verdict)?;
        match &self.unsettled {
            Some(why) => write!(f, "not settled: {why}"),
            None => f.write_str("settled"),
        }
    }
}

impl Soaked {
    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.unsettled.is_none()
    }
}

/// Who is main, once another could take over from it.
impl Site {
    async fn ready(&self, limit: Duration) -> Result<InstanceId, String> {
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < limit {
            match self.candidate().await {
                Ok(main) => return Ok(main),
                Err(why) => last = why,
            }
            sleep(Duration::from_millis(5)).await;
        }
        Err(format!("nobody could take over: {last}"))
    }
}
