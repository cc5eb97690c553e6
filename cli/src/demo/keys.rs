//! What somebody does to a running demo, a key each: `--serve` at a terminal.

use super::{site::Site, story::Teller};
use ha_core::ids::InstanceId;
use rustix::{
    process::Signal,
    termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr},
};
use std::{collections::BTreeSet, io::Read, time::Duration};
use tokio::{sync::mpsc, time::interval};

/// What each key does.
const HELP: &str = "keys: k kills the main, v the voter, l the controller that leads; p stops the main or lets \
    it go on; c cuts the main off from everybody or joins it again; s moves the main; ? shows \
    this; q or Ctrl-C ends it all";

/// How often it is looked whether something ended that should run.
const MIND: Duration = Duration::from_millis(200);

/// A terminal that hands on each key at once, until this is dropped.
struct Keyboard(Termios);

impl Keyboard {
    /// None if nobody sits at a terminal.
    fn take() -> Option<Self> {
        let stdin = std::io::stdin();
        let usual = tcgetattr(&stdin).ok()?;
        let mut raw = usual.clone();
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&stdin, OptionalActions::Now, &raw).ok()?;
        Some(Self(usual))
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _gone = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// What was done and can be taken back.
#[derive(Default)]
struct Undone {
    stopped: BTreeSet<InstanceId>,
    cut_off: BTreeSet<InstanceId>,
}

/// Does what the keys say, until one ends it. Without a terminal nothing ends it.
pub(super) async fn follow(site: &mut Site, teller: &Teller) {
    let keyboard = Keyboard::take();
    teller.say(if keyboard.is_some() { HELP } else { "Ctrl-C ends it" });
    let (sender, mut pressed) = mpsc::channel(16);
    // Without a terminal the channel stays open, and nothing comes out of it.
    let _open = keyboard.is_none().then(|| sender.clone());
    if keyboard.is_some() {
        presses(sender);
    }
    let mut undone = Undone::default();
    let mut minds = interval(MIND);
    loop {
        let key = tokio::select! {
            key = pressed.recv() => key,
            _ = minds.tick() => {
                if let Err(why) = site.revive(teller) {
                    teller.say(why);
                }
                continue;
            }
        };
        let Some(key) = key else { break };
        match key {
            b'q' => break,
            b'?' | b'h' => teller.say(HELP),
            key => {
                if let Err(why) = press(site, teller, &mut undone, key).await {
                    teller.say(why);
                }
            }
        }
    }
    drop(keyboard);
}

/// Keys as they are pressed. The thread ends with the process: a read of a terminal has no end.
fn presses(sender: mpsc::Sender<u8>) {
    std::thread::spawn(move || {
        for key in std::io::stdin().lock().bytes() {
            let Ok(key) = key else { return };
            if sender.blocking_send(key).is_err() {
                return;
            }
        }
    });
}

async fn press(
    site: &mut Site,
    teller: &Teller,
    undone: &mut Undone,
    key: u8,
) -> Result<(), String> {
    let record = site.record().await.ok_or("there is no record yet")?;
    let main = record.target;
    match key {
        b'k' => kill(site, teller, main, "the main"),
        b'v' => {
            let voter = record.voters().next().ok_or("nobody votes")?;
            kill(site, teller, voter, "the voter")
        }
        b'l' => {
            let (index, _) = site.leader().await.ok_or("no controller leads")?;
            teller.say(format_args!("kill -9 of controller {index}, which leads; it starts again"));
            site.kill_controller(index).await;
            site.start_controller(index)
        }
        b'p' => {
            let stopped = undone.stopped.pop_first();
            let (id, signal, what) = match stopped {
                Some(id) => (id, Signal::CONT, "goes on"),
                None => (main, Signal::STOP, "stands still"),
            };
            if !site.kubelet().signal(id, signal) {
                return Err(format!("{id} does not run"));
            }
            if stopped.is_none() {
                undone.stopped.insert(id);
            }
            teller.say(format_args!("{id} {what}"));
            Ok(())
        }
        b'c' => {
            let joined = undone.cut_off.first().copied();
            let id = joined.unwrap_or(main);
            site.cut_off(id, joined.is_none()).await?;
            if joined.is_none() {
                undone.cut_off.insert(id);
            } else {
                undone.cut_off.remove(&id);
            }
            let what = if joined.is_none() { "is cut off" } else { "is reached again" };
            teller.say(format_args!("{id} {what}"));
            Ok(())
        }
        b's' => {
            let asked = site.cluster().write_switchover(None).await;
            asked.map_err(|error| error.to_string())?;
            teller.say(format_args!("a switchover is asked for, away from {main}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn kill(site: &Site, teller: &Teller, id: InstanceId, what: &str) -> Result<(), String> {
    if !site.kubelet().signal(id, Signal::KILL) {
        return Err(format!("{id} does not run"));
    }
    teller.say(format_args!("kill -9 of {id}, {what}; it starts again"));
    Ok(())
}
