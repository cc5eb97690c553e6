//! What happens in a demo, one chapter after the other, told as it happens.

use super::{
    load::{Ledger, Load},
    site::Site,
    truth,
};
use crate::verdict::Verdict;
use ha_core::ids::InstanceId;
use rustix::process::Signal;
use std::{fmt, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How long anything may take to come to rest.
const LIMIT: Duration = Duration::from_secs(30);
/// How soon something that is waited for is looked for again.
const LOOK: Duration = Duration::from_millis(2);
/// Clients, and how long each pauses between two writes.
pub(super) const CLIENTS: u32 = 4;
pub(super) const PAUSE: Duration = Duration::from_millis(2);
/// How often a main is held at a moment, until that is one in the middle of a commit.
const TRIES: u32 = 100;
/// Between two of them.
const APART: Duration = Duration::from_millis(10);
/// How long a main is cut off that is to be taken for lost.
const CUT_OFF: Duration = Duration::from_secs(5);

/// One line of the table at the end.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    what: String,
    pause: Option<Duration>,
    failed: usize,
    in_doubt: usize,
}

/// What a demo came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) figures: Vec<Figure>,
    pub(super) verdict: Verdict,
    /// What did not come to rest.
    pub(super) unsettled: Vec<String>,
}

/// Tells what happens.
pub(super) struct Teller {
    begun: Instant,
}

impl Teller {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now() }
    }

    pub(super) fn say(&self, text: impl fmt::Display) {
        println!("{:>7.2} s  {text}", self.begun.elapsed().as_secs_f64());
    }
}

/// A demo under way.
pub(super) struct Story<'s> {
    site: &'s mut Site,
    teller: &'s Teller,
    ledger: Arc<Ledger>,
    figures: Vec<Figure>,
    unsettled: Vec<String>,
}

fn ms(span: Duration) -> String {
    format!("{} ms", span.as_millis())
}

/// Tells the whole story.
pub(super) async fn tell(
    site: &mut Site,
    teller: &Teller,
    instances: u8,
) -> Result<Outcome, String> {
    let came = site.settled(LIMIT).await.map_err(|why| format!("no cluster came to be: {why}"))?;
    let main = site.record().await.map(|record| record.target);
    let main = main.ok_or("the record is gone")?;
    teller.say(format_args!(
        "a cluster of {instances}: {main} is main ({} after the start)",
        ms(came)
    ));
    let load = Load::start(site.write, CLIENTS, PAUSE);
    let ledger = Arc::clone(&load.ledger);
    let mut story = Story { site, teller, ledger, figures: Vec::new(), unsettled: Vec::new() };
    sleep(Duration::from_secs(1)).await;
    story.say_load();
    story.kill_the_main().await?;
    story.switch_over().await?;
    story.restart_all(instances).await?;
    story.kill_in_a_commit().await?;
    story.cut_off_the_main().await?;
    story.kill_leader_and_main().await?;
    let Story { figures, mut unsettled, .. } = story;
    let ledger = load.stop().await;
    if let Err(why) = site.settled(LIMIT).await {
        unsettled.push(format!("at the end: {why}"));
    }
    let verdict = truth::ask(site, instances, &ledger.writes(), Duration::from_secs(10)).await;
    Ok(Outcome { figures, verdict, unsettled })
}

impl Story<'_> {
    fn say_load(&self) {
        let writes = self.ledger.writes().len();
        self.teller.say(format_args!(
            "{CLIENTS} clients write through the gateway: {writes} writes so far"
        ));
    }

    async fn main(&self) -> Result<InstanceId, String> {
        let record = self.site.record().await;
        record.map(|record| record.target).ok_or_else(|| "the record is gone".to_owned())
    }

    async fn rest(&mut self, what: &str) {
        match self.site.settled(LIMIT).await {
            Ok(took) => self.teller.say(format_args!("        settled {} later", ms(took))),
            Err(why) => {
                self.teller.say(format_args!("        not settled: {why}"));
                self.unsettled.push(format!("{what}: {why}"));
            }
        }
    }

    fn note(&mut self, what: &str, pause: Option<Duration>, from: Instant) {
        let (failed, in_doubt) = self.ledger.troubled(from, Instant::now());
        self.figures.push(Figure { what: what.to_owned(), pause, failed, in_doubt });
    }

    /// The main was lost at a moment, and the first write since was accepted so much later.
    async fn after_loss(
        &mut self,
        what: &str,
        main: InstanceId,
        (at, first): (Instant, Option<Duration>),
    ) -> Result<(), String> {
        let first = first.ok_or_else(|| format!("{what}: no write was accepted any more"))?;
        let now = self.main().await?;
        let who = if now == main {
            format!("{now} is main again")
        } else {
            format!("{now} is main in the place of {main}")
        };
        self.teller.say(format_args!("        {who}: first write accepted after {}", ms(first)));
        self.rest(what).await;
        self.note(what, Some(first), at);
        Ok(())
    }

    async fn kill_the_main(&mut self) -> Result<(), String> {
        let main = self.main().await?;
        self.teller.say(format_args!("kill -9 of {main}, the main, while clients write"));
        if !self.site.kubelet().signal(main, Signal::KILL) {
            return Err(format!("{main} does not run"));
        }
        let at = Instant::now();
        let first = self.ledger.wait_after(at, LIMIT).await;
        self.after_loss("the main is killed", main, (at, first)).await
    }

    async fn switch_over(&mut self) -> Result<(), String> {
        let what = "a switchover";
        let main = self.main().await?;
        let at = Instant::now();
        self.teller.say(format_args!("a switchover is asked for"));
        let asked = self.site.cluster().write_switchover(None).await;
        asked.map_err(|error| error.to_string())?;
        let moved = self.site.moved(main, LIMIT).await;
        let to = moved.ok_or_else(|| format!("{what}: the main stays at {main}"))?;
        self.rest(what).await;
        let pause = self.ledger.longest_pause(at, Instant::now());
        self.teller.say(format_args!("        {to} is main; clients saw a pause of {}", ms(pause)));
        self.note(what, Some(pause), at);
        Ok(())
    }

    async fn restart_all(&mut self, instances: u8) -> Result<(), String> {
        let what = "all restarted in turn";
        self.teller.say(format_args!("every pod is deleted in turn"));
        let at = Instant::now();
        for id in (0..instances).map(InstanceId) {
            let before = self.site.kubelet().pid(id);
            let pods = self.site.kubelet().pods();
            let name = self.site.cluster().names().pod(id);
            pods.delete(&name, &Default::default()).await.map_err(|error| error.to_string())?;
            let until = Instant::now() + LIMIT;
            while self.site.kubelet().pid(id).is_none_or(|pid| Some(pid) == before) {
                if Instant::now() > until {
                    return Err(format!("{id} does not come back"));
                }
                sleep(LOOK).await;
            }
            self.rest(what).await;
        }
        let pause = self.ledger.longest_pause(at, Instant::now());
        self.teller.say(format_args!("        all are back; the longest pause was {}", ms(pause)));
        self.note(what, Some(pause), at);
        Ok(())
    }

    /// The main is killed when it has made a commit that its voter has not heard the end of (MR 4.3):
    /// nobody was told of it, and what takes over does without it.
    async fn kill_in_a_commit(&mut self) -> Result<(), String> {
        let what = "the main is killed in a commit";
        let record = self.site.record().await.ok_or("the record is gone")?;
        let (main, voter) = (record.target, record.voters().next().ok_or("nobody votes")?);
        let ahead = self.stop_in_a_commit(main, voter).await?;
        self.teller.say(format_args!(
            "kill -9 of {main}, the main, in a commit: its voter lacks {ahead} of its writes"
        ));
        let aside = |site: &Site| {
            site.set_aside(main).map(|data| data.len()).map_err(|error| error.to_string())
        };
        let before = aside(self.site)?;
        if !self.site.kubelet().signal(main, Signal::KILL) {
            return Err(format!("{main} does not run"));
        }
        let at = Instant::now();
        let first = self.ledger.wait_after(at, LIMIT).await;
        self.after_loss(what, main, (at, first)).await?;
        if aside(self.site)? > before {
            self.teller.say(format_args!(
                "        {main} came back with it: that data was set aside, and {main} began anew"
            ));
        } else {
            self.unsettled.push(format!("{what}: the data of {main} was not set aside"));
        }
        Ok(())
    }

    /// Holds back what a main ships, at one moment after another, until it has committed what its voter
    /// has not; how many writes that are.
    async fn stop_in_a_commit(&self, main: InstanceId, voter: InstanceId) -> Result<usize, String> {
        for _ in 0..TRIES {
            self.site.hold_back(main, true).await?;
            let (mine, its) =
                (truth::held_by(self.site, main).await?, truth::held_by(self.site, voter).await?);
            let ahead = mine.keys().filter(|number| !its.contains_key(number)).count();
            if ahead > 0 {
                return Ok(ahead);
            }
            self.site.hold_back(main, false).await?;
            sleep(APART).await;
        }
        Err(format!("no moment of {TRIES} was in the middle of a commit"))
    }

    async fn cut_off_the_main(&mut self) -> Result<(), String> {
        let main = self.main().await?;
        self.teller.say(format_args!(
            "{main} is cut off: its connections stay open, and nothing gets through"
        ));
        self.site.cut_off(main, true).await?;
        let at = Instant::now();
        let first = self.ledger.wait_after(at, LIMIT).await;
        sleep(CUT_OFF.saturating_sub(at.elapsed())).await;
        self.site.cut_off(main, false).await?;
        self.after_loss("the main is cut off", main, (at, first)).await
    }

    async fn kill_leader_and_main(&mut self) -> Result<(), String> {
        let main = self.main().await?;
        let leader = self.site.leader().await.map(|(index, _)| index);
        let leader = leader.ok_or("no controller leads")?;
        self.teller.say(format_args!(
            "kill -9 of controller {leader}, which leads, and of {main}, the main"
        ));
        self.site.kill_controller(leader).await;
        self.site.kubelet().signal(main, Signal::KILL);
        let at = Instant::now();
        let first = self.ledger.wait_after(at, LIMIT).await;
        self.site.start_controller(leader)?;
        self.after_loss("leader and main are killed", main, (at, first)).await
    }
}

/// The table at the end.
pub(super) fn table(figures: &[Figure]) -> String {
    let mut text = format!("{:<32} {:>10} {:>8} {:>9}\n", "", "pause", "failed", "in doubt");
    for figure in figures {
        let pause = figure.pause.map(ms).unwrap_or_default();
        text += &format!(
            "{:<32} {:>10} {:>8} {:>9}\n",
            figure.what, pause, figure.failed, figure.in_doubt
        );
    }
    text
}
