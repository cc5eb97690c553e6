//! A soak: the main is killed again and again while clients write, and in between it is moved on
//! request. Most kills wait until a voter could take over; some come at any moment, and some take the
//! voter first; if that is wanted, the main is cut off in silence before all that. At the end every
//! write is asked for, in the cluster and in what was set aside.

mod oracle;
mod spread;
mod tails;

use super::{
    load::{End, Load},
    site::Site,
    story::{self, Teller},
    truth,
};
use crate::verdict::Verdict;
use ha_core::{ids::InstanceId, record::Record};
use oracle::Left;
use rustix::process::Signal;
use shell_sim::driver::Chance;
use spread::{Columns, Spread};
use std::{collections::BTreeSet, fmt, time::Duration};
use tails::{Lengths, Tails};
use tokio::time::{Instant, sleep};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it says where it is.
const WORD: Duration = Duration::from_secs(10);
/// The pause of a client between two writes: more of them make logs that take longer and longer to
/// be read at each start.
const PAUSE: Duration = Duration::from_millis(5);
/// How soon a process that ended starts again. A kubelet takes longer; so many kills a minute would
/// not fit otherwise.
pub(super) const RESTART: Duration = Duration::from_millis(100);
/// The rest before the next one, at least, and how much may be added to it, in milliseconds.
const REST: (u64, u64) = (20, 120);

/// What is done to the main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    /// It is killed once another could take over.
    Kill,
    /// It is killed whatever the others are at.
    KillAtAnyMoment,
    /// The voter is killed, and the main at once after it.
    KillWithVoter,
    /// It is moved on request.
    Move,
}

/// Each deed as often as it stands here.
const DEEDS: [Deed; 8] = [
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::Kill,
    Deed::KillAtAnyMoment,
    Deed::KillAtAnyMoment,
    Deed::KillWithVoter,
    Deed::Move,
];

/// What a soak does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) instances: u8,
    pub(super) seed: u64,
    /// How often the main is cut off first.
    pub(super) cut_offs: u32,
    /// For how long deeds are drawn after that.
    pub(super) duration: Duration,
}

/// What a soak came to.
#[derive(Debug)]
pub(super) struct Soaked {
    lasted: Duration,
    /// From each cut to the first write that began after it and was accepted.
    cut_off: Spread,
    /// From each kill to the first write that began after it and was accepted.
    left_two: Spread,
    left_a_voter: Spread,
    left_nobody: Spread,
    /// The longest time without an accepted write.
    moves: Spread,
    verdict: Verdict,
    tails: Result<Lengths, String>,
    unsettled: Option<String>,
}

/// A soak under way.
struct Soak<'s> {
    site: &'s Site,
    load: Load,
    chance: Chance,
    cut_off: Spread,
    left_two: Spread,
    left_a_voter: Spread,
    left_nobody: Spread,
    moves: Spread,
}

/// Cuts off so often, then soaks for so long.
pub(super) async fn soak(site: &Site, teller: &Teller, wanted: Wanted) -> Result<Soaked, String> {
    let Wanted { instances, seed, cut_offs, duration } = wanted;
    site.settled(LIMIT).await.map_err(|why| format!("no cluster came to be: {why}"))?;
    let mut soak = Soak {
        site,
        load: Load::start(site.write, story::CLIENTS, PAUSE),
        chance: Chance::new(seed),
        cut_off: Spread::default(),
        left_two: Spread::default(),
        left_a_voter: Spread::default(),
        left_nobody: Spread::default(),
        moves: Spread::default(),
    };
    let mut tails = Tails::new(site);
    for number in 1..=cut_offs {
        teller.say(format_args!("the main is cut off: {number} of {cut_offs}"));
        soak.cut_off().await?;
        tails.keep(site).map_err(|error| format!("what was set aside: {error}"))?;
    }
    teller.say(format_args!("soaking for {} s, seed {seed}", duration.as_secs()));
    let (begun, mut said) = (Instant::now(), Instant::now());
    while begun.elapsed() < duration {
        soak.round().await?;
        tails.keep(site).map_err(|error| format!("what was set aside: {error}"))?;
        if said.elapsed() >= WORD {
            said = Instant::now();
            teller.say(format_args!("{} kills, {} moves", soak.kills(), soak.moves.count()));
        }
    }
    let lasted = begun.elapsed();
    let Soak { load, cut_off, left_two, left_a_voter, left_nobody, moves, .. } = soak;
    let writes = load.stop().await.writes();
    let unsettled = site.settled(LIMIT).await.err();
    let verdict = truth::ask(site, instances, &writes, LIMIT).await;
    let acknowledged = writes.iter().filter(|write| write.end == End::Acked);
    let acknowledged = acknowledged.map(|write| write.number).collect();
    teller.say("asking what was set aside");
    let tails = tails.judge(site, &acknowledged).await;
    Ok(Soaked {
        lasted,
        cut_off,
        left_two,
        left_a_voter,
        left_nobody,
        moves,
        verdict,
        tails,
        unsettled,
    })
}

impl Soak<'_> {
    fn kills(&self) -> usize {
        self.left_two.count() + self.left_a_voter.count() + self.left_nobody.count()
    }

    /// One kill or move, until writes are accepted again.
    async fn round(&mut self) -> Result<(), String> {
        let deed = DEEDS[self.chance.below(DEEDS.len() as u64) as usize];
        if matches!(deed, Deed::Kill | Deed::Move) {
            self.site.ready(LIMIT).await?;
        }
        sleep(Duration::from_millis(REST.0 + self.chance.below(REST.1))).await;
        let record = self.site.record().await.ok_or("the record is gone")?;
        if deed == Deed::Move {
            self.moved(&record).await
        } else {
            self.killed(deed, &record).await
        }
    }

    /// Nothing gets through to the main, and its connections stay open, until another accepts writes.
    async fn cut_off(&mut self) -> Result<(), String> {
        let main = self.site.ready(LIMIT).await?;
        sleep(Duration::from_millis(REST.0 + self.chance.below(REST.1))).await;
        self.site.cut_off(main, true).await?;
        let first = self.accepted(Instant::now()).await?;
        self.cut_off.add(first);
        self.site.cut_off(main, false).await
    }

    async fn moved(&mut self, record: &Record) -> Result<(), String> {
        let at = Instant::now();
        let asked = self.site.cluster().write_switchover(None).await;
        asked.map_err(|error| error.to_string())?;
        let moved = self.site.moved(record.target, LIMIT).await;
        moved.ok_or_else(|| format!("the main stays at {}", record.target))?;
        self.accepted(at).await?;
        self.moves.add(self.load.ledger.longest_pause(at, Instant::now()));
        Ok(())
    }

    async fn killed(&mut self, deed: Deed, record: &Record) -> Result<(), String> {
        let together = deed == Deed::KillWithVoter;
        let dead: BTreeSet<InstanceId> =
            if together { record.voters().collect() } else { BTreeSet::new() };
        for voter in &dead {
            // One that has ended by itself is as dead.
            let _was_there = self.site.kubelet().signal(*voter, Signal::KILL);
        }
        let left = oracle::left_by(self.site, record, &dead).await;
        let at = Instant::now();
        if !self.site.kubelet().signal(record.target, Signal::KILL) {
            // It ended by itself just now: the next round sees who is main.
            return Ok(());
        }
        let first = self.accepted(at).await?;
        match left {
            Left::VoterAndAnother => self.left_two.add(first),
            Left::Voter => self.left_a_voter.add(first),
            Left::Nobody => self.left_nobody.add(first),
        }
        Ok(())
    }

    async fn accepted(&self, at: Instant) -> Result<Duration, String> {
        let first = self.load.ledger.wait_after(at, LIMIT).await;
        first.ok_or_else(|| "no write was accepted any more".to_owned())
    }
}

impl fmt::Display for Soaked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{Columns}")?;
        if self.cut_off.count() > 0 {
            writeln!(f, "{}", self.cut_off.line("main cut off, its connections open"))?;
        }
        writeln!(f, "{}", self.left_two.line("main killed: a voter left, and another"))?;
        writeln!(f, "{}", self.left_a_voter.line("main killed: a voter left"))?;
        writeln!(f, "{}", self.left_nobody.line("main killed: no voter left"))?;
        writeln!(f, "{}", self.moves.line("main moved on request"))?;
        let kinds = [&self.left_two, &self.left_a_voter, &self.left_nobody, &self.moves];
        let all: usize = kinds.into_iter().map(Spread::count).sum();
        let (seconds, all) = (self.lasted.as_secs().max(1), all as u64);
        writeln!(f, "{all} in {seconds} s: {} a minute", all * 60 / seconds)?;
        writeln!(f, "writes: {}", self.verdict)?;
        match &self.tails {
            Ok(lengths) => writeln!(f, "{lengths}")?,
            Err(why) => writeln!(f, "what was set aside could not be asked: {why}")?,
        }
        match &self.unsettled {
            Some(why) => write!(f, "not settled: {why}"),
            None => f.write_str("settled"),
        }
    }
}

impl Soaked {
    /// Whether every promise was kept.
    pub(super) fn is_clean(&self) -> bool {
        self.verdict.clean
            && self.tails.as_ref().is_ok_and(Lengths::are_short)
            && self.unsettled.is_none()
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
