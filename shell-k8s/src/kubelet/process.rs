//! One process of an instance: how it is started, and how it is told to end.

use super::Shared;
use crate::{entrypoint, memgraph::Life};
use ha_core::{
    ids::{InstanceId, PodUid},
    observation::StoredRecord,
};
use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, timeout_at},
};

/// What a process has at least to end by itself, however long its hook took.
const LAST: Duration = Duration::from_secs(2);

/// The program that is an instance, with the arguments before Memgraph's own flags.
#[derive(Debug, Clone)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// The first arguments.
    pub arguments: Vec<String>,
    /// Flags that each instance gets besides those of its address, volume and name.
    pub flags: Vec<String>,
    /// The address at which all of them listen.
    pub address: std::net::IpAddr,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Prepares the volume and starts a process on it.
    pub(super) async fn start(
        shared: &Shared,
        id: InstanceId,
        pod: PodUid,
    ) -> Result<Self, String> {
        let volume = shared.folder(id);
        // Without an order that can be read nothing is done to the data.
        let stored = shared.record.read_record().await.ok();
        let record = stored.as_ref().and_then(StoredRecord::record);
        let order = record.and_then(|record| entrypoint::Order::of(record, id));
        let life = entrypoint::prepare(&volume, pod, &shared.kernel, order)
            .map_err(|error| error.to_string())?;
        let mut command = command(shared, id, &volume, &life);
        let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
        Ok(Self { child })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it ends by itself, or by a signal from elsewhere.
    pub(super) async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// SIGTERM, and SIGKILL if it has not ended then.
    pub(super) async fn stop(&mut self, until: Instant) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        // As the kubelet does, after a hook that used all of its time up.
        if timeout_at(until.max(Instant::now() + LAST), self.child.wait()).await.is_err() {
            let _gone = self.child.kill().await;
        }
    }
}

fn command(shared: &Shared, id: InstanceId, volume: &Path, life: &Life) -> Command {
    let program = &shared.settings.program;
    let bolt = shared.settings.endpoints.bolt(id, program.address);
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .args(&program.flags)
        .arg(format!("--bolt-address={}", bolt.ip()))
        .arg(format!("--bolt-port={}", bolt.port()))
        .arg(format!("--replication-address={}", bolt.ip()))
        .arg(format!("--data-directory={}", volume.display()))
        .arg(format!("--admin-socket={}", shared.admin_socket(id).display()))
        .arg(format!("--log-file={}", volume.with_extension("log").display()))
        .arg(format!("--bolt-server-name-for-init={life}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}
