//! What instances branched off with. Data that is set aside is kept by hard links, since a volume
//! keeps the last few only; at the end an instance is started on each, and asked which writes it has
//! that the cluster has not.

use crate::{
    demo::{part::Part, ports::Ports, site::Site, truth},
    verdict::Held,
};
use ha_core::ids::InstanceId;
use shell_k8s::memgraph::{Access, Connection};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long an instance may take to answer.
const OPENS: Duration = Duration::from_secs(10);
/// How soon it is tried again.
const AGAIN: Duration = Duration::from_millis(10);
/// Where a port is looked for.
const PORT: u16 = 27_687;

/// Data that was set aside.
#[derive(Debug)]
pub(super) struct Tails {
    kept: PathBuf,
    /// Seen once: it may still be on its way.
    seen: BTreeSet<PathBuf>,
    done: BTreeSet<PathBuf>,
}

/// What all of it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lengths {
    /// How many there are with so many writes that the cluster has not.
    pub(super) of: BTreeMap<usize, usize>,
    /// Writes there that clients were told of.
    pub(super) acknowledged: BTreeSet<u64>,
    /// What could not be asked.
    pub(super) unasked: Vec<String>,
}

impl Tails {
    pub(super) fn new(site: &Site) -> Self {
        Self { kept: site.folder().join("tails"), seen: BTreeSet::new(), done: BTreeSet::new() }
    }

    /// Keeps what was set aside since, once it lay there for a whole round.
    pub(super) fn keep(&mut self, site: &Site) -> io::Result<()> {
        for id in site.instances() {
            for folder in site.set_aside(id)? {
                if self.done.contains(&folder) || self.seen.insert(folder.clone()) {
                    continue;
                }
                link(&folder, &self.kept.join(self.done.len().to_string()))?;
                self.done.insert(folder);
            }
        }
        Ok(())
    }

    /// Asks all of it. `acknowledged` are the writes that clients were told of.
    pub(super) async fn judge(
        mut self,
        site: &Site,
        acknowledged: &BTreeSet<u64>,
    ) -> Result<Lengths, String> {
        // What lies there now lies still.
        for _ in 0..2 {
            self.keep(site).map_err(|error| error.to_string())?;
        }
        let main = site.record().await.map_or(InstanceId(0), |record| record.target);
        let here = truth::held_by(site, main).await?;
        let mut lengths = Lengths::default();
        for number in 0..self.done.len() {
            match writes_in(&self.kept, number).await {
                Ok(writes) => {
                    let lacking: Vec<u64> =
                        writes.into_keys().filter(|number| !here.contains_key(number)).collect();
                    *lengths.of.entry(lacking.len()).or_default() += 1;
                    let told = lacking.into_iter().filter(|number| acknowledged.contains(number));
                    lengths.acknowledged.extend(told);
                }
                Err(why) => lengths.unasked.push(why),
            }
        }
        Ok(lengths)
    }
}

impl Lengths {
    /// Whether every instance that branched off had one write more at most, of which nobody was told.
    pub(super) fn are_short(&self) -> bool {
        self.of.keys().all(|length| *length <= 1)
            && self.acknowledged.is_empty()
            && self.unasked.is_empty()
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.of.values().sum();
        write!(f, "data set aside: {all} times")?;
        for (length, times) in &self.of {
            write!(f, "; {times} with {length} writes that the cluster has not")?;
        }
        if !self.acknowledged.is_empty() {
            write!(f, "; acknowledged of them: {:?}", self.acknowledged)?;
        }
        for unasked in &self.unasked {
            write!(f, "; not asked: {unasked}")?;
        }
        Ok(())
    }
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let target = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            link(&file.path(), &target)?;
        } else {
            fs::hard_link(file.path(), target)?;
        }
    }
    Ok(())
}

/// The writes in data that was set aside, by an instance that is started on it.
async fn writes_in(kept: &Path, number: usize) -> Result<Held, String> {
    let at = Ports::default().one("what was set aside", PORT)?;
    let name = number.to_string();
    let arguments = vec![
        "instance".to_owned(),
        "--engine-version=3.10".to_owned(),
        // One that was a replica would listen where the cluster does.
        "--replication-restore-state-on-startup=false".to_owned(),
        format!("--bolt-address={}", at.ip()),
        format!("--bolt-port={}", at.port()),
        format!("--data-directory={}", kept.join(&name).display()),
    ];
    let mut part = Part::new(name, arguments);
    part.start(kept)?;
    let writes = opened(&mut part, at).await;
    part.kill().await;
    writes.map_err(|why| format!("{}: {why}", part.name()))
}

async fn opened(part: &mut Part, at: SocketAddr) -> Result<Held, String> {
    let begun = Instant::now();
    loop {
        match Connection::open(at, &Access::basic("", "")).await {
            Ok(mut connection) => return truth::held(&mut connection).await,
            Err(error) if begun.elapsed() >= OPENS || part.ended().is_some() => {
                return Err(error.to_string());
            }
            Err(_) => sleep(AGAIN).await,
        }
    }
}
